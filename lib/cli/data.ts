/**
 * `deno task data`: lists the data sets, or fetches one.
 *
 * @module
 */
import { UsageError } from "../base/errors.ts";
import { dataPlace, places } from "../base/places.ts";
import { DATASET_NAMES, datasetKind, describeDataset } from "../data/datasets.ts";
import { runCommand } from "./command.ts";

await runCommand(async () => {
  const [asked, ...rest] = Deno.args, fetched = DATASET_NAMES.filter((name) => datasetKind(name).fetch);
  const name = fetched.find((name) => name === asked);
  if (rest.length > 0 || asked !== name) {
    throw new UsageError(`"${Deno.args.join(" ")}" cannot be fetched. Data sets: ${fetched.join(", ")}.`);
  }
  const place = name ? { folder: places.datasets } : await dataPlace();
  if (name && !await datasetKind(name).find!(place)) await datasetKind(name).fetch!(places.datasets);
  for (const name of DATASET_NAMES) console.log(`${name.padEnd(10)} ${await describeDataset(name, place)}`);
});
