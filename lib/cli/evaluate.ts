/**
 * `deno task evaluate`: a run's stacks by the metrics that are asked for.
 *
 * @module
 */
import { UsageError } from "../base/errors.ts";
import { places } from "../base/places.ts";
import { DATASET_NAMES } from "../data/datasets.ts";
import { METRICS } from "../evaluation/metrics.ts";
import { reopenRun } from "../experiments/opened_run.ts";
import { datasetOf, evaluationOf, preset as presetOf, SCORED } from "../experiments/presets.ts";
import { findRun, storedRuns } from "../experiments/run_folders.ts";
import { metricsFrom } from "../experiments/spec_file.ts";
import { tableBundle } from "../notebook/table.ts";
import { demandFinished } from "./advice.ts";
import { runCommand } from "./command.ts";
import { entry } from "./help.ts";
import { IMAGE_SETS, oneOf, PRESETS } from "./options.ts";
import { parse } from "./parse.ts";

const HELP = `deno task evaluate RUN [options]

Evaluates each stack of a trained run, and as controls random ones: all of
them, and the upper ones on those that were trained below. RUN is the beginning
of an id or a short name: deno task runs lists them. What was found once is
kept beside the run.

${
  entry(
    "--metric NAME",
    `${
      Object.keys(METRICS).join(", ")
    }; repeatable, and with its fields: --metric knn.k=5,20 (default: the preset's linear probe and k-NN); readouts judges each stage of each stack`,
  )
}
${entry("--preset NAME", `images, and options of the metrics: ${PRESETS.join(", ")} (default: quick)`)}
  --set FIELD=VALUE  overrides a field of the preset; repeatable:
                     --set neighbours=20 --set testImages=1000
  --images SET       test (default), or heldOut: for choices between runs
  --dataset NAME     transfer: another data set's images, bank and test:
                     ${DATASET_NAMES.join(", ")}
  --labels LEVEL     coarser or finer classes, such as coarse of cifar100
  --data DIR         folder with data sets (default: SJEA_DATA, then
                     data/datasets)
  --runs DIR         folder of all runs (default: data/runs)
  --help             this text`;

await runCommand(async () => {
  const { values, positionals } = parse({
    words: true,
    options: {
      metric: { type: "string", multiple: true },
      preset: { type: "string", default: "quick" },
      set: { type: "string", multiple: true, default: [] as string[] },
      images: { type: "string", default: "test" },
      dataset: { type: "string" },
      labels: { type: "string" },
      data: { type: "path" },
      runs: { type: "path" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  if (positionals.length !== 1) throw new UsageError(`Name one run to evaluate, not ${positionals.length}.`);
  const { runs = places.runs, data, labels } = values, preset = presetOf(values.preset, values.set);
  const scored = oneOf("images", values.images, SCORED);
  const own = { ...evaluationOf(preset), scored };
  const dataset = values.dataset === undefined
    ? undefined
    : datasetOf(preset, oneOf("dataset", values.dataset, DATASET_NAMES));
  const metrics = values.metric ? metricsFrom(values.metric, own.metrics) : own.metrics;
  const stored = findRun(await storedRuns(runs), positionals[0]);
  demandFinished(stored);
  const run = await reopenRun(stored, { ...own, metrics }, runs, data, { dataset, labels });
  const { images, dataset: { name } } = run.setting, known = images.train.labels.length;
  if (images.heldOut.labels.length === 0) {
    throw new UsageError(
      `${run.id} learnt from all ${known} training images of ${name}: none is left for choices, such as ` +
        `the probe's rate. Train one that leaves some, as with --set data.images=${Math.ceil(0.9 * known)}.`,
    );
  }
  const rows: [name: string, cells: Record<string, string>][] = [];
  const controls = run.spec.levels.map((_, from) =>
    [from, from === 0 ? ", untrained" : `, untrained on trained stack ${from - 1}`] as const
  );
  for (const [from, what] of [[undefined, ""] as const, ...controls]) {
    for (const [stack, { values, predictions }] of (await run.evaluate(from)).entries()) {
      if (stack < (from ?? 0)) continue;
      const found: Record<string, Record<string, string>> = {};
      for (const [name, value] of Object.entries(values)) {
        // What was read at some place of a stack is called by it, and has a row of its own.
        const [measure, place = ""] = name.split(": ").reverse();
        (found[place] ??= {})[name in predictions ? `${measure} %` : measure] = value.toFixed(1);
      }
      const frozen = from === undefined && run.spec.levels[stack].frozen;
      const name = `stack ${stack}${frozen ? `, frozen from ${frozen}` : what}`;
      for (const [place, cells] of Object.entries(found)) {
        rows.push([place ? `${name}, ${place}` : name, cells]);
      }
    }
  }
  const columns = [...new Set(rows.flatMap(([, cells]) => Object.keys(cells)))];
  const table = {
    columns: ["", ...columns],
    rows: rows.map(([name, cells]) => [name, ...columns.map((column) => cells[column] ?? "–")]),
    notes: [
      `${run.id} (${run.title}): ${images.test.labels.length} ${IMAGE_SETS[scored]} of ${name}${
        labels ? ` (${labels})` : ""
      }, bank of ${known}, one seed; ${metrics.map((metric) => JSON.stringify(metric)).join(", ")}`,
    ],
  };
  console.log(tableBundle(table, {})["text/plain"]);
});
