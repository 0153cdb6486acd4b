/**
 * `deno task data`: lists the data sets, or fetches one.
 *
 * @module
 */
import { UsageError } from "../base/errors.ts";
import { dataPlace, places } from "../base/places.ts";
import { suggest } from "../base/schema.ts";
import { DATASET_NAMES, datasetKind, describeDataset } from "../data/datasets.ts";
import { runCommand } from "./command.ts";
import { entry } from "./help.ts";
import { parse } from "./parse.ts";

const FETCHED = DATASET_NAMES.filter((name) => datasetKind(name).fetch);

const HELP = `deno task data [NAME]

Fetches a data set into data/datasets, if it is not here, and lists all of them.

${entry("NAME", FETCHED.join(", "))}
  --help             this text`;

await runCommand(async () => {
  const { values, positionals } = parse({
    words: true,
    options: { help: { type: "boolean", default: false } },
  });
  if (values.help) return console.log(HELP);
  const [asked, ...rest] = positionals, name = FETCHED.find((name) => name === asked);
  if (rest.length > 0 || asked !== name) {
    const words = positionals.join(" ");
    throw new UsageError(`"${words}" cannot be fetched. ${suggest(words, FETCHED)}`);
  }
  const place = name ? { folder: places.datasets } : await dataPlace();
  if (name && !await datasetKind(name).find!(place)) await datasetKind(name).fetch!(places.datasets);
  for (const name of DATASET_NAMES) console.log(`${name.padEnd(12)} ${await describeDataset(name, place)}`);
});
