/**
 * `deno task evaluate`: linear probe and k-NN of a run's stacks.
 *
 * @module
 */
import { UsageError } from "../base/errors.ts";
import { places } from "../base/places.ts";
import { reopenRun } from "../experiments/opened_run.ts";
import { preset as presetOf } from "../experiments/presets.ts";
import { findRun, storedRuns } from "../experiments/run_folders.ts";
import { tableBundle } from "../notebook/table.ts";
import { demandFinished } from "./advice.ts";
import { runCommand } from "./command.ts";
import { entry } from "./help.ts";
import { oneOf, PRESETS } from "./options.ts";
import { parse } from "./parse.ts";

const HELP = `deno task evaluate RUN [options]

Evaluates each stack of a trained run, and the same before training, by a
linear probe and by k-NN. RUN is the beginning of an id or a short name:
deno task runs lists them. What was predicted once is kept beside the run.

${entry("--preset NAME", `protocol and images: ${PRESETS.join(", ")} (default: quick)`)}
  --set FIELD=VALUE  overrides a field of the preset; repeatable:
                     --set neighbours=20 --set testImages=1000
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
      data: { type: "path" },
      runs: { type: "path" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  if (positionals.length !== 1) throw new UsageError(`Name one run to evaluate, not ${positionals.length}.`);
  const { runs = places.runs, data } = values,
    preset = presetOf(oneOf("preset", values.preset, PRESETS), values.set);
  const stored = findRun(await storedRuns(runs), positionals[0]);
  demandFinished(stored);
  const run = await reopenRun(stored, preset, runs, data);
  const rows: (string | number)[][] = [];
  for (const trained of [true, false]) {
    for (const [stack, { top1, knn }] of (await run.evaluate(trained)).entries()) {
      const measures = [top1, ...preset.neighbours.map((k) => knn[k])].map((value) => value.toFixed(1));
      rows.push([`stack ${stack}${trained ? "" : ", untrained"}`, ...measures]);
    }
  }
  const { images, dataset } = run.setting;
  console.log(
    tableBundle({
      columns: ["", "top-1 %", ...preset.neighbours.map((k) => `k-NN ${k} %`)],
      rows,
      notes: [
        `${run.id} (${run.title}): ${images.test.labels.length} test images of ${dataset.name}, bank of ` +
        `${images.train.labels.length}, ${preset.probe} probe, one seed`,
      ],
    }, {})["text/plain"],
  );
});
