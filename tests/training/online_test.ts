import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { join } from "@std/path";
import { Interrupted } from "../../lib/base/interrupt.ts";
import { start } from "../../lib/compute/backend.ts";
import { dispose } from "../../lib/compute/compile.ts";
import { tf } from "../../lib/compute/tf.ts";
import type { Dataset } from "../../lib/data/dataset.ts";
import { generate } from "../../lib/data/generated.ts";
import { split, trainingImages } from "../../lib/data/split.ts";
import { viewStream } from "../../lib/data/view_stream.ts";
import { features } from "../../lib/evaluation/features.ts";
import { knn } from "../../lib/evaluation/knn.ts";
import { rankMe } from "../../lib/evaluation/rank.ts";
import { runReader } from "../../lib/experiments/run_summaries.ts";
import { runSpec } from "../../lib/experiments/runs.ts";
import { storedRuns } from "../../lib/experiments/run_folders.ts";
import { renderRuns } from "../../lib/reports/run_page.ts";
import { readNetwork } from "../../lib/training/checkpoint.ts";
import { readMetrics } from "../../lib/training/log.ts";
import { onlineMeasure } from "../../lib/training/online.ts";
import { optimiser } from "../../lib/training/optimiser.ts";
import { learningRate } from "../../lib/training/schedule.ts";
import { runId, type RunSpec } from "../../lib/training/spec.ts";
import { initialState, trainingStep } from "../../lib/training/step.ts";
import { train } from "../../lib/training/train.ts";
import { tiny, until, withoutSpeed } from "./tiny.ts";

await start();

/** 64 images more than a run learns from. */
const dataset = generate({ seed: 0, train: 320, test: 10 });
/** Six epochs of four steps. */
const spec: RunSpec = runSpec("s-jea", { ...tiny, epochs: 6 }, dataset, 0);

const runs = await Deno.makeTempDir(), folder = join(runs, runId(spec));
await train(spec, dataset, runs, "tiny");
const trained = await readNetwork(folder);

Deno.test.afterAll(async () => {
  dispose(trained);
  await Deno.remove(runs, { recursive: true });
});

Deno.test("after every few epochs and the last one: k-NN and RankMe of held-out images, by training images", async () => {
  const log = await readMetrics(folder), measured = log.filter(({ online }) => online);
  assert.deepEqual(measured.map(({ step }) => step), [4 * 5 - 1, 4 * 6 - 1]);
  const { train, heldOut } = await split(
    dataset,
    { train: 52, heldOut: 13, test: 0 },
    spec.data.splitSeed,
    runs,
  );
  const [known, asked] = [await features(trained, spec, train), await features(trained, spec, heldOut)];
  for (const [level, { knn: percent, rank }] of measured[1].online!.entries()) {
    const bank = { ...train, features: known[level] }, queries = { ...heldOut, features: asked[level] };
    const [{ accuracy }] = await knn(bank, queries, { k: [20], temperature: 0.1, classes: 10 });
    assert.equal(percent, 100 * accuracy);
    assert.ok(Math.abs(rank - rankMe(asked[level])) < 1e-3 * rank, `${rank}`);
  }
  assert.notDeepEqual(measured[0].online, measured[1].online);
  dispose([known, asked]);
});

Deno.test("bit by bit the weights are those of steps that nobody watches", async () => {
  const steps = 24, config = { ...spec, steps }, optimise = optimiser(spec.optimiser);
  const step = trainingStep(config, optimise), set = trainingImages(dataset, 256, spec.data.splitSeed);
  let state = initialState(config, optimise, spec.seed);
  await using batches = viewStream({ ...spec, set });
  for await (const batch of batches) {
    const views = batch.views.map((view) => tf.tensor4d(view, [64, 32, 32, 3]));
    const inputs = [
      views,
      tf.scalar(learningRate(spec.schedule, batch.step, steps, 4)),
      tf.scalar(batch.step + 1),
    ] as const;
    const { state: next, terms, levels } = await step(state, ...inputs);
    dispose([state, inputs, terms, levels]);
    state = next;
  }
  step.dispose();
  for (const part of ["parameters", "statistics"] as const) {
    assert.deepEqual(Object.keys(state[part]).sort(), Object.keys(trained[part]).sort());
    for (const [name, tensor] of Object.entries(state[part])) {
      assert.deepEqual(tensor.dataSync(), trained[part][name].dataSync(), name);
    }
  }
  dispose(state);
});

Deno.test("a run that was interrupted has the same numbers as one that was not", async () => {
  const elsewhere = await Deno.makeTempDir(), other = join(elsewhere, runId(spec));
  const stop = until(async () => (await readMetrics(other).catch(() => [])).length > 21)
    .then(() => Deno.kill(Deno.pid, "SIGTERM"));
  await assert.rejects(train(spec, dataset, elsewhere, "tiny"), Interrupted);
  await stop;
  await train(spec, dataset, elsewhere, "tiny");
  assert.deepEqual(await withoutSpeed(other), await withoutSpeed(folder));
  await Deno.remove(elsewhere, { recursive: true });
});

Deno.test("the page of the run and that of all runs have them", async () => {
  const [{ tracks }] = await runReader(runs)(), log = await readMetrics(folder);
  const measured = log.flatMap(({ online }) => online ? [online] : []);
  const curve = (level: number) => measured.map((found) => Number(found[level].knn!.toPrecision(4)));
  assert.deepEqual(tracks[1].epochs, [5, 6]);
  assert.deepEqual(tracks[1].measures["online k-NN 20 %"], [curve(0), curve(1)]);
  assert.equal(tracks[1].measures["online RankMe"].length, 2);
  const html = await renderRuns(await storedRuns(runs), []);
  const charts = Array.from(
    html.matchAll(/"application\/gzip">(.*?)</g),
    ([, packed]) => gunzipSync(Uint8Array.fromBase64(packed)).toString(),
  ).join();
  for (const words of ["online k-NN 20 %", "online RankMe"]) {
    assert.ok((html + charts).includes(words), words);
  }
});

Deno.test("without held-out images nothing is measured, without classes RankMe alone, of no numbers nothing", async () => {
  const last = spec.epochs - 1, all = { ...spec, data: { ...spec.data, images: 320 } };
  assert.equal(await onlineMeasure(all, dataset)(last, trained), undefined);
  const unlabelled: Dataset = { ...dataset, train: { ...dataset.train, unlabelled: true } };
  const found = await onlineMeasure(spec, unlabelled)(last, trained);
  assert.deepEqual(found!.map((level) => Object.keys(level)), [["rank"], ["rank"]]);
  assert.equal(await onlineMeasure(spec, dataset)(0, trained), undefined);
  const name = Object.keys(trained.parameters)[0], damaged = tf.fill(trained.parameters[name].shape, NaN);
  const parameters = { ...trained.parameters, [name]: damaged }, { numTensors } = tf.memory();
  assert.equal(await onlineMeasure(spec, dataset)(last, { ...trained, parameters }), undefined);
  assert.equal(tf.memory().numTensors, numTensors);
  damaged.dispose();
});
