import assert from "node:assert/strict";
import { join } from "@std/path";
import { generate } from "../../lib/data/generated.ts";
import { linearEvaluation, plannedRuns } from "../../lib/experiments/linear_evaluation.ts";
import { presets } from "../../lib/experiments/presets.ts";
import { readResults, writeResults } from "../../lib/experiments/results.ts";
import { readMetrics } from "../../lib/training/run.ts";

Deno.test("the smoke preset learns: losses fall, and k-NN and probe beat the untrained encoder", async () => {
  const preset = presets.smoke, folder = await Deno.makeTempDir();
  const dataset = generate({
    seed: preset.splitSeed,
    train: preset.trainImages + preset.heldOutImages,
    test: preset.testImages,
  });
  const results = await linearEvaluation({
    presetName: "smoke",
    preset,
    overrides: [],
    dataset,
    seeds: 1,
    runs: folder,
  });
  for (const { id } of results.runs) {
    const metrics = await readMetrics(join(folder, id));
    const mean = (part: typeof metrics, level: number) =>
      part.reduce((sum, { levels }) => sum + levels[level].total, 0) / part.length;
    for (const level of metrics[0].levels.keys()) {
      assert.ok(
        mean(metrics.slice(-32), level) < 0.95 * mean(metrics.slice(0, 32), level),
        `${id}, stack ${level}`,
      );
    }
  }
  const row = (method: string, stack: number | null) =>
    results.rows.find((row) => row.method === method && row.stack === stack)!;
  const untrained = row("untrained", 0);
  for (const trained of [row("VICReg", null), row("S-JEA", 0)]) {
    assert.ok(trained.knn.mean > untrained.knn.mean, `${trained.method}: ${trained.knn.mean}`);
    assert.ok(trained.top1.mean > untrained.top1.mean, `${trained.method}: ${trained.top1.mean}`);
  }
  const path = join(folder, "results.json");
  await writeResults(path, results);
  assert.deepEqual(await readResults(path), results);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("VICReg and S-JEA share all of stack 0's spec", () => {
  const dataset = generate({ seed: 0, train: 10, test: 10 });
  const [vicreg, stacked] = plannedRuns(presets.paper, dataset, 0).map(({ spec }) => spec);
  assert.equal(vicreg.model.levels.length, 1);
  assert.equal(stacked.model.levels.length, 2);
  assert.deepEqual(stacked.model.levels[0], vicreg.model.levels[0]);
  assert.deepEqual(stacked.model.levels.map((level) => level.projector), [[512, 512, 256], [1000]]);
});
