import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import {
  gaussianOf,
  silhouettes,
  silhouettesMetric,
  type SilhouettesOptions,
} from "../../lib/evaluation/silhouettes.ts";
import { facts, fixture, tensor } from "../fixtures/read.ts";

await start();

const found = await fixture("hierarchy"), expected = (await facts("hierarchy")).silhouette;
const all = tensor(found.x) as tf.Tensor2D, coarse = found.coarse.data as Uint8Array;
const ofClass = (label: number) =>
  tf.gather(all, [...coarse.keys()].filter((at) => coarse[at] === label)) as tf.Tensor2D;
const x = ofClass(1), options = { k: expected.ks as number[], restarts: 10 };

const close = (actual: number, expected: number, tolerance: number) =>
  assert.ok(Math.abs(actual - expected) < tolerance, `${actual} instead of ${expected}`);

Deno.test("silhouettes of points and of Gaussians are those of scikit-learn and numpy", async () => {
  for (const seed of [0, 1, 2]) {
    const { points, gaussian } = await silhouettes(x, seed, { ...options, restarts: 50 });
    close(points, expected.points, 1e-6);
    close(gaussian, expected.mean, 4 * expected.deviation);
  }
});

Deno.test("a Gaussian sample has the points' mean and covariance, and a bell where they had two places", () => {
  // Along (3, 1), at two places: variance 9 and 1, covariance 3, no more directions.
  const signs = tf.tensor2d(Array.from({ length: 2000 }, (_, at) => [at % 2 ? 1 : -1]));
  const points = signs.mul([3, 1]).add([100, 7]) as tf.Tensor2D;
  const moment = (power: number) =>
    gaussianOf(points, 0).sub([100, 7]).pow(tf.scalar(power)).mean(0).dataSync();
  const [mean, variance, fourth] = [1, 2, 4].map(moment);
  [0, 0].forEach((value, at) => close(mean[at], value, 0.2));
  [9, 1].forEach((value, at) => close(variance[at] / value, 1, 0.12));
  // The fourth moment of a Gaussian is 3 σ⁴, that of two places is σ⁴.
  [243, 3].forEach((value, at) => close(fourth[at] / value, 1, 0.4));
  const across = gaussianOf(points, 0).sub([100, 7]).mul([1, -3]).sum(1).abs().max().dataSync()[0];
  close(across, 0, 1e-3);
});

Deno.test("a sample follows from its seed", () => {
  const sample = (seed: number) => gaussianOf(x, seed).dataSync();
  assert.deepEqual(sample(3), sample(3));
  assert.notDeepEqual(sample(3), sample(4));
});

Deno.test("a Gaussian has no excess, distant clumps have most of what there is", async () => {
  const cloud = gaussianOf(x, 9), { points, gaussian } = await silhouettes(cloud, 0, options);
  close(points, gaussian, 4 * Math.SQRT2 * expected.deviation);
  const corners = [[0, 0], [100, 0], [0, 100], [100, 100]];
  const clumps = tf.tensor2d(Array.from({ length: 80 }, (_, at) => corners[at % 4])).add(
    tf.randomNormal([80, 2], 0, 1, "float32", 1),
  ) as tf.Tensor2D;
  const apart = await silhouettes(clumps, 0, options);
  assert.ok(apart.points > 0.95 && apart.gaussian < 0.6, JSON.stringify(apart));
});

Deno.test("the silhouette that counts is the largest one over the numbers of clusters", async () => {
  const one = async (k: number) => await silhouettes(x, 0, { k: [k], restarts: 10 });
  const each = [await one(2), await one(3), await one(4)], both = await silhouettes(x, 0, options);
  assert.equal(both.points, Math.max(...each.map(({ points }) => points)));
  assert.equal(both.gaussian, Math.max(...each.map(({ gaussian }) => gaussian)));
});

Deno.test("the metric is the mean over classes, with the deviation of the excess", async () => {
  const some = { k: [2, 3], restarts: 2 }, test = { features: all, labels: coarse };
  const judged = { train: test, heldOut: test, test, classes: 4, seed: 5 };
  const each = [];
  for (const label of [0, 1, 2, 3]) each.push(await silhouettes(ofClass(label), 5, some));
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const excess = each.map(({ points, gaussian }) => points - gaussian);
  const measured = await silhouettesMetric.measure(judged, some) as Record<string, number>;
  close(measured["silhouette in classes"], mean(each.map(({ points }) => points)), 1e-9);
  close(measured["silhouette of Gaussians"], mean(each.map(({ gaussian }) => gaussian)), 1e-9);
  close(measured["silhouette excess"], mean(excess), 1e-9);
  const variance = 4 / 3 * mean(excess.map((value) => (value - mean(excess)) ** 2));
  close(measured["silhouette excess ±"], Math.sqrt(variance), 1e-9);
  const alone = { ...test, labels: coarse.map(() => 0) };
  const whole = await silhouettesMetric.measure({ ...judged, test: alone }, some);
  assert.deepEqual(Object.keys(whole), [
    ...["silhouette in classes", "silhouette of Gaussians", "silhouette excess"],
  ]);
});

Deno.test("equal points have no silhouette, too few ones are refused", async () => {
  assert.deepEqual(await silhouettes(tf.ones([9, 3]), 0, options), { points: 0, gaussian: 0 });
  const few = tf.tensor2d([[0], [1], [9]]);
  assert.deepEqual(await silhouettes(few, 0, options), await silhouettes(few, 0, { ...options, k: [2] }));
  await assert.rejects(silhouettes(tf.tensor2d([[0], [1]]), 0, options), {
    name: "RangeError",
    message: "2 points are too few for a silhouette of 2, 3, 4 clusters.",
  });
  for (const k of [[], [1], [2.5], [257]]) {
    assert.equal(silhouettesMetric.options.safeParse({ k }).success, false, `${k}`);
  }
});

Deno.test("silhouettes free what they make", async () => {
  const defaults = silhouettesMetric.options.parse({}) as unknown as SilhouettesOptions;
  const before = tf.memory().numTensors;
  await silhouettes(x, 0, defaults);
  assert.equal(tf.memory().numTensors, before);
});
