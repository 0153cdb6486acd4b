/**
 * `deno task playground`: a page that runs a trained stack in the browser, on pictures that its reader changes.
 *
 * @module
 */
import { extname, join } from "@std/path";
import { UsageError } from "../base/errors.ts";
import { humanBytes, writeAtomically } from "../base/files.ts";
import { places } from "../base/places.ts";
import { DATASET_NAMES } from "../data/datasets.ts";
import { reopenRun } from "../experiments/opened_run.ts";
import { datasetOf, evaluationOf, preset as presetOf } from "../experiments/presets.ts";
import { findRun, storedRuns } from "../experiments/run_folders.ts";
import { renderPlayground } from "../reports/playground.ts";
import { demandFinished } from "./advice.ts";
import { runCommand } from "./command.ts";
import { entry } from "./help.ts";
import { IMAGE_SETS, oneOf, PRESETS } from "./options.ts";
import { natural, parse } from "./parse.ts";

const SETS = Object.keys(IMAGE_SETS) as (keyof typeof IMAGE_SETS)[];

const HELP = `deno task playground RUN [options]

Writes a page that runs the trained model itself, in the browser and without a
network: choose an image or drop a picture, change its crop or its colours, and
see where each stack puts it on its map, and what is nearest to it now. RUN is
the beginning of an id or a short name.

  --images SET       compared with: ${SETS.join(", ")} (default: test)
  --count N          how many of them at most (default: 2000)
${entry("--preset NAME", `how many there are: ${PRESETS.join(", ")} (default: quick)`)}
  --set FIELD=VALUE  overrides a field of the preset: --set testImages=5000
${entry("--dataset NAME", `another data set's images: ${DATASET_NAMES.join(", ")}`)}
  --labels LEVEL     coarser or finer classes, such as coarse of cifar100
  --out FILE         the page (default: data/reports/playground/ID.html)
  --data DIR         folder with data sets (default: SJEA_DATA, then
                     data/datasets)
  --runs DIR         folder of all runs (default: data/runs)
  --help             this text`;

await runCommand(async () => {
  const { values, positionals } = parse({
    words: true,
    options: {
      images: { type: "string", default: SETS[0] as string },
      count: { type: "string", default: "2000" },
      preset: { type: "string", default: "quick" },
      set: { type: "string", multiple: true, default: [] as string[] },
      dataset: { type: "string" },
      labels: { type: "string" },
      out: { type: "path" },
      data: { type: "path" },
      runs: { type: "path" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  if (positionals.length !== 1) {
    throw new UsageError(`Name one run, not ${positionals.length}. deno task runs lists what there is.`);
  }
  const { runs = places.runs, data, labels, out } = values, set = oneOf("images", values.images, SETS);
  const count = natural("count", values.count), preset = presetOf(values.preset, values.set);
  if (out !== undefined && extname(out) !== ".html") throw new UsageError(`${out} does not end with .html.`);
  const dataset = values.dataset === undefined
    ? undefined
    : datasetOf(preset, oneOf("dataset", values.dataset, DATASET_NAMES));
  const stored = findRun(await storedRuns(runs), positionals[0]);
  demandFinished(stored);
  const run = await reopenRun(stored, evaluationOf(preset), runs, data, { dataset, labels });
  const { images, dataset: { name } } = run.setting;
  const html = await renderPlayground(run, images[set], `${IMAGE_SETS[set]} of ${name}`, count);
  const path = out ?? join(places.reports, "playground", `${run.id}.html`);
  await writeAtomically(path, html);
  console.log(`${path}: ${humanBytes(html.length)}`);
});
