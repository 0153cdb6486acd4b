import assert from "node:assert/strict";
import { generator } from "../../lib/base/random.ts";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import { trustworthiness } from "../../lib/projection/trustworthiness.ts";
import { tsne } from "../../lib/projection/tsne.ts";
import { facts, fixture, tensor } from "../fixtures/read.ts";

await start();

const clouds = await fixture("projection"), scores = await facts("projection");
const x = tensor(clouds.x) as tf.Tensor2D;
const { points, divergence } = await tsne(x, { seed: 0 });

/** The distance of two projected points. */
function apart(points: Float32Array, a: number, b: number): number {
  return Math.hypot(points[2 * a] - points[2 * b], points[2 * a + 1] - points[2 * b + 1]);
}

Deno.test("t-SNE is as good as scikit-learn's", async () => {
  assert.ok(Math.abs(divergence / scores.divergence - 1) < 0.01, `${divergence}`);
  for (const [k, score] of Object.entries<number>(scores.trustworthiness)) {
    const ours = await trustworthiness(x, points, Number(k));
    assert.ok(Math.abs(ours - score) < 0.01, `${ours} at ${k}`);
  }
});

Deno.test("the divergence is Σ p log p/q", async () => {
  // With a perplexity close to the number of points p is nearly uniform.
  const count = 30, random = generator("divergence");
  const some = tf.tensor2d(Array.from({ length: count }, () => [random.normal(), random.normal()]));
  const { points, divergence } = await tsne(some, { seed: 0, perplexity: 29.9, iterations: 300 });
  const kernel = (i: number, j: number) => 1 / (1 + apart(points, i, j) ** 2);
  const pairs = Array.from({ length: count ** 2 }, (_, at) => [at % count, Math.floor(at / count)])
    .filter(([i, j]) => i !== j);
  const sum = pairs.reduce((sum, [i, j]) => sum + kernel(i, j), 0), p = 1 / pairs.length;
  const expected = pairs.reduce((total, [i, j]) => total + p * Math.log(p * sum / kernel(i, j)), 0);
  assert.ok(Math.abs(divergence - expected) < 0.01, `${divergence} instead of ${expected}`);
});

Deno.test("the same seed gives the same picture, another one another", async () => {
  const short = { iterations: 120 };
  const first = await tsne(x, { seed: 1, ...short }), again = await tsne(x, { seed: 1, ...short });
  assert.deepEqual(again, first);
  assert.notDeepEqual(await tsne(x, { seed: 2, ...short }), first);
});

Deno.test("progress is told in order, while other things can happen", async () => {
  const told: number[] = [];
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  await tsne(x, { seed: 0, iterations: 25, progress: (done) => told.push(done) });
  clearInterval(timer);
  assert.deepEqual(told, [10, 20, 25]);
  assert.ok(turns > 1);
});

Deno.test("equal points come to lie together, and constant data is no error", async () => {
  const rows = Array.from({ length: 60 }, (_, at) => [at % 3, 5 * (at % 3) ** 2, 1]);
  const some = await tsne(tf.tensor2d(rows), { seed: 0, perplexity: 10, iterations: 500 });
  const own = apart(some.points, 0, 3), other = Math.min(apart(some.points, 0, 1), apart(some.points, 0, 2));
  assert.ok(own < other, `${own} within, ${other} between`);
  const none = await tsne(tf.ones([60, 3]), { seed: 0, perplexity: 10, iterations: 500 });
  for (const { points, divergence } of [some, none]) {
    assert.ok(Number.isFinite(divergence) && points.every(Number.isFinite));
  }
  assert.ok(apart(none.points, 0, 1) > 0);
});

Deno.test("few points, one feature", async () => {
  const { points } = await tsne(tf.tensor2d([[0], [1], [50]]), { seed: 0, perplexity: 1.5, iterations: 300 });
  assert.ok(apart(points, 0, 1) < apart(points, 0, 2));
});

Deno.test("t-SNE frees what it makes", async () => {
  const before = tf.memory().numTensors;
  await tsne(x, { seed: 0, iterations: 3 });
  assert.equal(tf.memory().numTensors, before);
});

Deno.test("t-SNE of few points takes a perplexity that they have, and says which", async () => {
  for (const [count, expected] of [[200, 30], [91, 30], [13, 4], [3, 1]]) {
    const x = tf.randomNormal([count, 3], 0, 1, "float32", 1) as tf.Tensor2D;
    const { points, perplexity } = await tsne(x, { seed: 0, iterations: 10 });
    assert.equal(perplexity, expected);
    assert.equal(points.length, 2 * count);
  }
});

Deno.test("t-SNE refuses a perplexity that the points do not have", async () => {
  for (const perplexity of [20, 0.5, NaN]) {
    await assert.rejects(tsne(tf.zeros([20, 2]), { seed: 0, perplexity }), {
      name: "RangeError",
      message: `The perplexity of 20 points has to be from 1 to below 20, not ${perplexity}.`,
    });
  }
});
