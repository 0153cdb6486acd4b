/**
 * Trains one run: what a notebook starts and follows.
 *
 * @module
 */
import { places } from "../base/places.ts";
import { UsageError } from "../base/errors.ts";
import { duration } from "../base/progress.ts";
import { start } from "../compute/backend.ts";
import { openDataset } from "../data/datasets.ts";
import { demandMemory } from "../experiments/estimate.ts";
import { isFinished, train } from "../training/run.ts";
import { readSpec, runId } from "../training/spec.ts";
import { runCommand } from "./command.ts";
import { parse } from "./parse.ts";

await runCommand(async () => {
  const { values, positionals } = parse({
    files: true,
    options: { data: { type: "path" }, runs: { type: "path" }, title: { type: "string" } },
  });
  const [path, ...others] = positionals, { runs = places.runs, data } = values;
  if (path === undefined || others.length > 0) throw new UsageError("Name one spec to train, a JSON file.");
  const spec = await readSpec(path), id = runId(spec);
  await start();
  if (!await isFinished(spec, runs)) demandMemory(spec);
  const { seconds } = await train(spec, await openDataset(spec.data.dataset, data), runs, values.title ?? id);
  console.log(`${id} trained in ${duration(seconds)}`);
});
