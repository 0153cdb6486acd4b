/**
 * Trains one run: what a notebook starts and follows.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { UsageError } from "../base/errors.ts";
import { DATASETS, openStudy, trainedRun } from "../experiments/study.ts";
import { RUN_NAMES } from "../experiments/runs.ts";
import { oneOf, runCommand } from "./options.ts";

await runCommand(async () => {
  const { values } = parseArgs({
    options: {
      run: { type: "string" },
      seed: { type: "string", default: "0" },
      preset: { type: "string", default: "quick" },
      dataset: { type: "string", default: "auto" },
      set: { type: "string", multiple: true, default: [] },
      runs: { type: "string" },
    },
  });
  const { preset, set, runs } = values, seed = Number(values.seed);
  if (!Number.isInteger(seed) || seed < 0) {
    throw new UsageError(`--seed takes a whole number, not "${values.seed}".`);
  }
  const dataset = oneOf("dataset", values.dataset, DATASETS);
  const study = await openStudy({ preset, dataset, set, runs });
  const { id, seconds } = await trainedRun(study, oneOf("run", values.run ?? "", RUN_NAMES), seed);
  console.log(`${id} trained in ${Math.round(seconds)} s`);
});
