/**
 * `deno task explore`: a page to look at every image in: where stacks put it, and what they put beside it.
 *
 * @module
 */
import { join } from "@std/path";
import { UsageError } from "../base/errors.ts";
import { humanBytes, writeAtomically } from "../base/files.ts";
import { places } from "../base/places.ts";
import { DATASET_NAMES } from "../data/datasets.ts";
import { reopenRun } from "../experiments/opened_run.ts";
import { datasetOf, evaluationOf, preset as presetOf } from "../experiments/presets.ts";
import type { Run } from "../experiments/run.ts";
import { findRun, storedRuns } from "../experiments/run_folders.ts";
import { explore } from "../reports/explored.ts";
import { renderExplorer } from "../reports/explorer.ts";
import { demandFinished } from "./advice.ts";
import { runCommand } from "./command.ts";
import { entry } from "./help.ts";
import { oneOf, PRESETS } from "./options.ts";
import { parse } from "./parse.ts";

const HELP = `deno task explore RUN... [options]

Writes a page of the test images, which opens without a network: maps of each
stack by t-SNE, UMAP and PCA, every point its image; its class, for what it is
taken, and its nearest neighbours in the full space. RUN is the beginning of an
id or a short name; several runs are shown on one page, by the same images.

${entry("--preset NAME", `how many images: ${PRESETS.join(", ")} (default: quick)`)}
  --set FIELD=VALUE  overrides a field of the preset: --set testImages=10000
${entry("--dataset NAME", `another data set's images: ${DATASET_NAMES.join(", ")}`)}
  --labels LEVEL     coarser or finer classes, such as coarse of cifar100
  --data DIR         folder with data sets (default: SJEA_DATA, then
                     data/datasets)
  --runs DIR         folder of all runs (default: data/runs)
  --help             this text`;

await runCommand(async () => {
  const { values, positionals } = parse({
    words: true,
    options: {
      preset: { type: "string", default: "quick" },
      set: { type: "string", multiple: true, default: [] as string[] },
      dataset: { type: "string" },
      labels: { type: "string" },
      data: { type: "path" },
      runs: { type: "path" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  if (positionals.length === 0) {
    throw new UsageError("Name one run or more to explore. deno task runs lists what there is.");
  }
  const { runs: folder = places.runs, data, labels } = values, preset = presetOf(values.preset, values.set);
  const dataset = values.dataset === undefined
    ? undefined
    : datasetOf(preset, oneOf("dataset", values.dataset, DATASET_NAMES));
  const stored = await storedRuns(folder), runs: Run[] = [];
  for (const word of positionals) {
    const found = findRun(stored, word);
    demandFinished(found);
    runs.push(await reopenRun(found, evaluationOf(preset), folder, data, { dataset, labels }));
  }
  const html = await renderExplorer(await explore(runs));
  const path = join(places.reports, "explorer", `${runs.map(({ id }) => id).join("-")}.html`);
  await writeAtomically(path, html);
  console.log(`${path}: ${humanBytes(html.length)}`);
});
