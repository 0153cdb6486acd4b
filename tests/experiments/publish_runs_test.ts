import assert from "node:assert/strict";
import { join } from "@std/path";
import { start } from "../../lib/compute/backend.ts";
import { dispose } from "../../lib/compute/compile.ts";
import { generate } from "../../lib/data/generated.ts";
import { features } from "../../lib/evaluation/features.ts";
import { mergeRuns, planMerge } from "../../lib/experiments/merge_runs.ts";
import { publishRun } from "../../lib/experiments/publish_runs.ts";
import { storedRuns } from "../../lib/experiments/run_folders.ts";
import { readNetwork, trainedSeconds } from "../../lib/training/checkpoint.ts";
import { readMetrics } from "../../lib/training/log.ts";
import { readOrigins } from "../../lib/training/origin.ts";
import { runId } from "../../lib/training/spec.ts";
import { spec, trainIn } from "../training/tiny.ts";

await start();

Deno.test("a published run is a finished run elsewhere, with the same representations but for rounding", async () => {
  const [here, published, there] = await Promise.all([1, 2, 3].map(() => Deno.makeTempDir())),
    id = runId(spec);
  await trainIn(here, spec);
  const [run] = await storedRuns(here), whole = (await Deno.stat(join(here, id, "encoder.safetensors"))).size;
  const bytes = await publishRun(run, published);
  assert.ok(bytes < whole / 2, `${bytes} of ${whole}`);
  await mergeRuns(await planMerge([published], there), there);
  const [stored] = await storedRuns(there), folder = join(there, id);
  assert.deepEqual([stored.id, stored.finished, stored.spec], [id, true, run.spec]);
  assert.deepEqual(await readOrigins(folder), await readOrigins(run.folder));
  assert.equal(await trainedSeconds(folder), await trainedSeconds(run.folder));
  const [all, kept] = [await readMetrics(run.folder), await readMetrics(folder)];
  assert.equal(kept.length, spec.epochs);
  assert.deepEqual(kept.at(-1), all.at(-1));
  const [own, read] = [await readNetwork(run.folder), await readNetwork(folder)];
  assert.ok(!Object.keys(read.parameters).some((name) => name.startsWith("projectors")));
  const set = generate({ seed: 1, train: 8, test: 0 }).train;
  const [right, found] = [await features(own, spec, set), await features(read, spec, set)];
  for (const [level, x] of right.entries()) {
    const scale = Math.max(...x.abs().dataSync()), apart = Math.max(...x.sub(found[level]).abs().dataSync());
    assert.ok(apart > 0 && apart < 0.01 * scale, `${apart} of ${scale}`);
  }
  dispose([own, read, right, found]);
  const embedding = { ...run, spec: { ...run.spec, wiring: "embedding" as const } };
  await assert.rejects(publishRun(embedding, published), { name: "UsageError", message: /need projectors/ });
  for (const folder of [here, published, there]) await Deno.remove(folder, { recursive: true });
});
