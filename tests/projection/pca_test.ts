import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import { pca } from "../../lib/projection/pca.ts";
import { deviation, facts, fixture, tensor } from "../fixtures/read.ts";

await start();

Deno.test("pca agrees with scikit-learn", async () => {
  const found = await fixture("projection"), expected = await facts("projection");
  const { points, variance } = pca(tensor(found.x) as tf.Tensor2D, 3);
  assert.ok(deviation(tf.tensor2d(points, [600, 3]), tensor(found.pca)) < 1e-4);
  assert.ok(deviation(tf.tensor1d(variance), tf.tensor1d(expected.variance)) < 1e-5);
});

Deno.test("more features than points make no difference", async () => {
  const found = await fixture("projection");
  const x = (tensor(found.x) as tf.Tensor2D).slice([0, 0], [20, -1]) as tf.Tensor2D;
  const wide = pca(x, 4), padded = pca(x.pad([[0, 0], [0, 10]]) as tf.Tensor2D, 4);
  const square = pca(x.slice([0, 0], [20, 20]), 20);
  assert.ok(deviation(tf.tensor1d(padded.points), tf.tensor1d(wide.points)) < 1e-5);
  // The points keep their variance.
  const total = tf.moments(x.slice([0, 0], [20, 20]), 0).variance.sum().dataSync()[0] * 20 / 19;
  assert.ok(Math.abs(square.variance.reduce((sum, value) => sum + value) / total - 1) < 1e-5);
});

Deno.test("components are orthogonal and have their variance", async () => {
  const found = await fixture("projection");
  const { points, variance } = pca(tensor(found.x) as tf.Tensor2D, 5);
  const x = tf.tensor2d(points, [600, 5]);
  const covariance = tf.matMul(x, x, true).div(599) as tf.Tensor2D;
  assert.ok(deviation(covariance, tf.eye(5).mul(tf.tensor1d(variance))) < 1e-4);
  assert.deepEqual(variance, [...variance].sort((a, b) => b - a));
});

Deno.test("a component's sign makes its largest coefficient positive", () => {
  const x = [[0, 0], [-3, 1], [-6, 2], [-9, 3]];
  const { points } = pca(tf.tensor2d(x), 1);
  const mirrored = pca(tf.tensor2d(x.map(([a, b]) => [-a, -b])), 1).points;
  assert.ok(points[0] > 0 && points[3] < 0, `${points}`);
  assert.deepEqual(mirrored, points.map((value) => -value));
});

Deno.test("equally large coefficients of opposite signs leave a component what it is", () => {
  const { points, variance } = pca(tf.tensor2d([[1, -1], [-1, 1], [2, -2], [-2, 2]]), 1);
  [1, -1, 2, -2].forEach((value, at) =>
    assert.ok(Math.abs(points[at] - value * Math.SQRT2) < 1e-5, `${points}`)
  );
  assert.ok(Math.abs(variance[0] - 20 / 3) < 1e-4);
});

Deno.test("points without variance stay at 0", () => {
  for (const shape of [[6, 3], [3, 6]] as [number, number][]) {
    assert.deepEqual(pca(tf.fill(shape, 7), 2), { points: new Float32Array(shape[0] * 2), variance: [0, 0] });
  }
});

Deno.test("pca frees what it makes", () => {
  const x = tf.randomNormal([50, 4], 0, 1, "float32", 1) as tf.Tensor2D;
  const before = tf.memory().numTensors;
  pca(x, 2);
  assert.equal(tf.memory().numTensors, before);
});

Deno.test("pca refuses components that there are not", () => {
  for (const components of [0, 3, 1.5]) {
    assert.throws(() => pca(tf.zeros([5, 2]), components), {
      name: "RangeError",
      message: `Points of shape [5,2] have 1 to 2 components, not ${components}.`,
    });
  }
});
