/**
 * `deno task data`: lists the data sets, or fetches one.
 *
 * @module
 */
import { UsageError } from "../base/errors.ts";
import { downloadCifar10, findCifar10, loadCifar10 } from "../data/cifar10.ts";
import { runCommand } from "./command.ts";
import { dataPlace, places } from "../base/places.ts";

await runCommand(async () => {
  const [name, ...rest] = Deno.args;
  if (rest.length > 0 || (name !== undefined && name !== "cifar10")) {
    throw new UsageError(`"${Deno.args.join(" ")}" cannot be fetched. Data sets: cifar10.`);
  }
  let folder = await findCifar10(name ? { folder: places.datasets } : await dataPlace());
  if (!folder && name) folder = await downloadCifar10(places.datasets);
  console.log(await describeCifar10(folder));
  console.log("generated  always there: drawn from a seed");
});

async function describeCifar10(folder: string | undefined): Promise<string> {
  if (!folder) return "cifar10    not here: deno task data cifar10 fetches it (170.1 MB)";
  const { copy, fingerprint, train, test } = await loadCifar10(folder);
  return `cifar10    ${copy} copy ${fingerprint}, ${train.labels.length} + ${test.labels.length} images, ${folder}`;
}
