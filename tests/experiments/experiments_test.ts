import assert from "node:assert/strict";
import { basename, join } from "@std/path";
import { exists } from "../../lib/base/files.ts";
import { places } from "../../lib/base/places.ts";
import { generate } from "../../lib/data/generated.ts";
import { EXPERIMENT_NAMES, EXPERIMENTS, runsOf } from "../../lib/experiments/experiments.ts";
import { measure, predictionsOf } from "../../lib/experiments/measure.ts";
import { readPredictions, writePredictions } from "../../lib/experiments/predictions.ts";
import { preset, presets } from "../../lib/experiments/presets.ts";
import { readResults, writeResults } from "../../lib/experiments/results.ts";
import { storedRuns } from "../../lib/experiments/run_folders.ts";
import { RUN_NAMES, runSpec } from "../../lib/experiments/runs.ts";
import { openStudy } from "../../lib/experiments/study.ts";
import { renderMarkdown, renderTable } from "../../lib/experiments/table.ts";
import type { VicregWeights } from "../../lib/loss/vicreg.ts";
import { readMetrics } from "../../lib/training/log.ts";
import { runId } from "../../lib/training/spec.ts";

Deno.test("views hide what the data set needs, unless the preset says how much", () => {
  const viewOf = (name: string, set: string[] = []) =>
    runSpec("vicreg", preset("smoke", set), { name, fingerprint: "" }, 0).view;
  const photograph = viewOf("cifar10"), drawn = viewOf("generated");
  assert.deepEqual(photograph.cropScale, [0.3, 1]);
  assert.ok(drawn.cropScale[0] > 0.3 && drawn.greyscale > photograph.greyscale);
  const set = viewOf("generated", ["cropMinimum=0.5", "jitter=0.1", "greyscale=0"]);
  assert.deepEqual(set, {
    ...drawn,
    cropScale: [0.5, 1],
    jitter: { ...drawn.jitter, probability: 0.1 },
    greyscale: 0,
  });
});

Deno.test("the smoke preset learns: losses fall, and k-NN and probe beat the untrained encoder", async () => {
  const runs = await Deno.makeTempDir();
  const study = await openStudy({ preset: "smoke", runs, set: ["epochs=9"] });
  const results = await measure(study, "linear-evaluation");
  for (const { id } of results.runs) {
    const metrics = await readMetrics(join(runs, id));
    const mean = (part: typeof metrics, level: number) =>
      part.reduce((sum, { levels }) => sum + levels[level].total, 0) / part.length;
    for (const level of metrics[0].levels.keys()) {
      assert.ok(
        mean(metrics.slice(-32), level) < 0.95 * mean(metrics.slice(0, 4), level),
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
  const path = join(runs, "results.json");
  await writeResults(path, results);
  assert.deepEqual(await readResults(path), results);

  // Accuracies are those of the predictions.
  await writePredictions(path, await predictionsOf(study, "linear-evaluation"));
  const { labels, predictions } = await readPredictions(path, results.rows);
  const names = ["VICReg", "S-JEA/stack 0", "S-JEA/stack 1"];
  names.push(
    "S-JEA, untrained/stack 0",
    "S-JEA, untrained/stack 1",
    "S-JEA, half-trained/stack 1",
    "raw pixels",
  );
  assert.deepEqual(results.rows.map(({ predictions }) => predictions), names);
  const measures = names.flatMap((name) =>
    ["top-1", "k-NN 20", "k-NN 200"].map((at) => `${name}/seed 0/${at}`)
  );
  assert.deepEqual(Object.keys(predictions), measures);
  assert.deepEqual(labels, study.images.test.labels);
  const right = (name: string) => predictions[name].filter((label, at) => label === labels[at]).length;
  for (const { predictions: name, top1, knn, knnAt } of results.rows) {
    assert.deepEqual(top1.values, [100 * (right(`${name}/seed 0/top-1`) / 512)]);
    assert.deepEqual(knn.values, [100 * (right(`${name}/seed 0/k-NN 20`) / 512)]);
    assert.deepEqual(knnAt[200].values, [100 * (right(`${name}/seed 0/k-NN 200`) / 512)]);
  }
  const { size } = await Deno.stat(join(runs, "results.predictions.safetensors"));
  assert.ok(size < 22 * 512 + 2_500, `a byte an image, and names: ${size}`);

  // The numbers of the paper are for other images.
  assert.ok(results.rows.every(({ paper }) => paper === null));
  assert.doesNotMatch(renderTable(results, 100), /Table 1, CIFAR-10|diff\./);
  assert.ok(row("S-JEA", 1).live < row("S-JEA", 1).parameters);
  assert.equal(row("S-JEA", 0).live, row("S-JEA", 0).parameters);

  // What was measured is kept beside the run, and another recipe is measured anew.
  const again = await measure(study, "linear-evaluation");
  assert.deepEqual(again.rows, results.rows);
  const fewer = await openStudy({ preset: "smoke", runs, set: ["epochs=9", "neighbours=1"] });
  const other = await measure(fewer, "linear-evaluation");
  assert.deepEqual(other.runs.map(({ id }) => id), results.runs.map(({ id }) => id));
  assert.deepEqual(Object.keys(other.rows[0].knnAt), ["1"]);
  await Deno.remove(runs, { recursive: true });
});

const dataset = generate({ seed: 0, train: 10, test: 10 });
const spec = (name: typeof RUN_NAMES[number]) => runSpec(name, presets.paper, dataset, 0);
const projectors = (name: typeof RUN_NAMES[number]) => spec(name).levels.map((level) => level.projector);

Deno.test("VICReg and S-JEA share all of stack 0's spec", () => {
  const [vicreg, stacked] = [spec("vicreg"), spec("s-jea")];
  assert.equal(vicreg.levels.length, 1);
  assert.equal(stacked.levels.length, 2);
  assert.deepEqual(stacked.levels[0], vicreg.levels[0]);
});

Deno.test("the four ways to have projectors, and the linear layer that stands for none on stack 1", () => {
  assert.deepEqual(projectors("s-jea-no-projectors"), [[], [1000]]);
  assert.deepEqual(projectors("s-jea"), [[512, 512, 256], [1000]]);
  assert.deepEqual(projectors("s-jea-projector-1"), [[], [512, 512, 256]]);
  assert.deepEqual(projectors("s-jea-projectors"), [[512, 512, 256], [512, 512, 256]]);
});

Deno.test("the deep encoder is a ResNet-50; the down-weighted run differs in the covariance's weight alone", () => {
  assert.equal(spec("vicreg-resnet50").levels[0].encoder.depth, 50);
  const [plain, lowered] = [spec("s-jea"), spec("s-jea-low-covariance")];
  assert.deepEqual(lowered.levels.map(({ loss }) => (loss as VicregWeights).covariance), [0.01, 0.01]);
  const levels = lowered.levels.map((level, at) => ({ ...level, loss: plain.levels[at].loss }));
  assert.deepEqual({ ...lowered, levels }, plain);
});

Deno.test("every run is another one, and the tables need six of them, each once", () => {
  assert.equal(new Set(RUN_NAMES.map((name) => runId(spec(name)))).size, RUN_NAMES.length);
  const needed = new Set(EXPERIMENT_NAMES.flatMap(runsOf));
  assert.deepEqual(
    [...needed].toSorted(),
    RUN_NAMES.filter((name) => name !== "s-jea-low-covariance").toSorted(),
  );
});

Deno.test("the paper's numbers stand beside the rows that they belong to", () => {
  const printed = EXPERIMENT_NAMES.map((name) =>
    EXPERIMENTS[name].rows.flatMap((row) =>
      "paper" in row && row.paper ? [[row.paper.top1, row.paper.knn]] : []
    )
  );
  assert.deepEqual(printed, [
    [[80.5, 83.2], [80.8, 83.4], [81.6, 81.1]],
    [[80.5, 83.2], [82, 83.4], [80.8, 83.4], [81.6, 81.1]],
    [
      ...[[83.3, 81.6], [80.8, 83.4], [83.2, 81.2], [80.09, 82.5]],
      ...[[80.5, 80.1], [81.6, 81.1], [80.8, 80.3], [79.9, 80.2]],
    ],
  ]);
});

Deno.test("predictions of every row, seed and measure have another name", async () => {
  const runs = await Deno.makeTempDir();
  const set = ["trainImages=64", "heldOutImages=16", "testImages=64", "batch=64", "epochs=1", "width=4"];
  set.push("projector=8", "plainProjector=8", "probeEpochs=1", "neighbours=5,3");
  for (const [name, seeds] of [["linear-evaluation", 2], ["projector-ablation", 1]] as const) {
    const study = await openStudy({ preset: "smoke", runs, set, seeds });
    const { rows } = await measure(study, name);
    assert.equal(new Set(rows.map(({ predictions }) => predictions)).size, rows.length, name);
    const { predictions } = await predictionsOf(study, name);
    const each = rows.map(({ top1 }) => top1.n * 3);
    assert.equal(Object.keys(predictions).length, each.reduce((sum, count) => sum + count), name);
  }
  await Deno.remove(runs, { recursive: true });
});

Deno.test("the stored results of preset cpu: read, with live parameters, and rendered as they stand", async () => {
  for (const name of EXPERIMENT_NAMES) {
    const results = await readResults(join(places.results, "cpu", `${name}.json`));
    assert.equal(
      await Deno.readTextFile(join(places.results, "cpu", `${name}.md`)),
      `${renderMarkdown(results)}\n`,
    );
    for (const { parameters, live, stack } of results.rows) {
      assert.equal(parameters - live, stack === 1 ? 567_296 : 0);
    }
  }
});

Deno.test("four configurations of three seeds: no table takes another one's place, none is trained twice", async () => {
  const runs = await Deno.makeTempDir(), results = await Deno.makeTempDir();
  const tiny = ["trainImages=128", "heldOutImages=32", "testImages=64", "batch=64", "epochs=1", "width=4"];
  tiny.push("plainProjector=8", "probeEpochs=1", "neighbours=5,3");
  const configurations = [["projector=8"], ["projector=16"], ["projector=8", "stopGradient=true"], [
    "projector=8",
    "wiring=embedding",
  ]];
  try {
    for (const [at, set] of configurations.entries()) {
      const study = await openStudy({ preset: "smoke", set: [...tiny, ...set], seeds: 3, runs });
      const table = await measure(study, "linear-evaluation");
      assert.equal(await exists(join(results, basename(study.results))), false);
      await writeResults(join(results, basename(study.results), "linear-evaluation.json"), table);
      const kept = await Array.fromAsync(Deno.readDir(results));
      assert.equal(kept.length, at + 1);
    }
    for await (const { name } of Deno.readDir(results)) {
      const { rows } = await readResults(join(results, name, "linear-evaluation.json"));
      assert.deepEqual(rows.map(({ top1 }) => top1.n), [3, 3, 3, 3, 3, 3, 1]);
    }
    // Of VICReg three configurations are the same run.
    const trained = (await storedRuns(runs)).filter(({ finished }) => finished);
    assert.equal(trained.length, 3 * (4 + 2));
  } finally {
    for (const folder of [runs, results]) await Deno.remove(folder, { recursive: true });
  }
});
