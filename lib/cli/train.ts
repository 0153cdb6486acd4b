/**
 * Trains one run: what a notebook starts and follows.
 *
 * @module
 */
import { DATASETS, openStudy, trainedRun } from "../experiments/study.ts";
import { RUN_NAMES } from "../experiments/runs.ts";
import { runCommand } from "./command.ts";
import { oneOf } from "./options.ts";
import { natural, parse } from "./parse.ts";

await runCommand(async () => {
  const { values } = parse({
    options: {
      run: { type: "string" },
      seed: { type: "string", default: "0" },
      preset: { type: "string", default: "quick" },
      dataset: { type: "string", default: "auto" },
      set: { type: "string", multiple: true, default: [] },
      data: { type: "path" },
      runs: { type: "path" },
    },
  });
  const { preset, set, data, runs } = values, seed = natural("seed", values.seed);
  const dataset = oneOf("dataset", values.dataset, DATASETS);
  const study = await openStudy({ preset, dataset, set, data, runs });
  const { id, seconds } = await trainedRun(study, oneOf("run", values.run ?? "", RUN_NAMES), seed);
  console.log(`${id} trained in ${Math.round(seconds)} s`);
});
