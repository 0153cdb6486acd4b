import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { compile } from "../../lib/compute/compile.ts";
import { exact, gradients } from "../../lib/compute/ops.ts";
import { tf } from "../../lib/compute/tf.ts";
import { vicreg, type VicregTerms, type VicregWeights } from "../../lib/loss/vicreg.ts";
import { onTensorFlow } from "../engine.ts";

await start();

const PAPER = { invariance: 25, variance: 25, covariance: 1 };
const normal = (batch: number, features: number, seed: number) =>
  tf.randomNormal([batch, features], 0, 1, "float32", seed) as tf.Tensor2D;
const read = (terms: VicregTerms) =>
  [terms.invariance, terms.variance, terms.covariance, terms.total].map((term) => term.dataSync()[0]);

function close(actual: number[], expected: number[], tolerance = 1e-5): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((value, at) => {
    const off = Math.abs(value - expected[at]);
    assert.ok(
      off <= tolerance * Math.max(1e-2, Math.abs(expected[at])),
      `${value} at ${at}, expected ${expected[at]}`,
    );
  });
}

/** The loss written out with loops in double precision. */
function writtenOut(z1: tf.Tensor2D, z2: tf.Tensor2D, weights: VicregWeights): number[] {
  const [a, b] = [z1.arraySync(), z2.arraySync()];
  const [batch, features] = z1.shape;
  let invariance = 0, variance = 0, covariance = 0;
  a.forEach((row, n) => row.forEach((x, d) => invariance += (x - b[n][d]) ** 2 / (batch * features)));
  for (const z of [a, b]) {
    const mean = Array.from({ length: features }, (_, d) => z.reduce((sum, row) => sum + row[d] / batch, 0));
    for (let i = 0; i < features; i++) {
      for (let j = 0; j < features; j++) {
        const entry = z.reduce((sum, row) => sum + (row[i] - mean[i]) * (row[j] - mean[j]) / (batch - 1), 0);
        if (i === j) variance += Math.max(0, 1 - Math.sqrt(entry + 1e-4)) / (2 * features);
        else covariance += entry ** 2 / features;
      }
    }
  }
  const total = weights.invariance * invariance + weights.variance * variance +
    weights.covariance * covariance;
  return [invariance, variance, covariance, total];
}

Deno.test("the terms and their sum are those of the formula written out", () => {
  const z1 = normal(12, 5, 1).mul(tf.tensor1d([0.1, 0.5, 1, 2, 0])) as tf.Tensor2D;
  const z2 = normal(12, 5, 2).add(3) as tf.Tensor2D;
  for (const weights of [PAPER, { invariance: 1, variance: 0.5, covariance: 0 }]) {
    close(read(vicreg(z1, z2, weights)), writtenOut(z1, z2, weights));
  }
});

Deno.test("the loss is the same with the views exchanged", () => {
  const [z1, z2] = [normal(8, 6, 1), normal(8, 6, 2).mul(0.3) as tf.Tensor2D];
  close(read(vicreg(z1, z2, PAPER)), read(vicreg(z2, z1, PAPER)), 1e-6);
});

Deno.test("a constant added to all embeddings changes nothing, permuted rows or features neither", () => {
  const [z1, z2] = [normal(8, 6, 1), normal(8, 6, 2)];
  const expected = read(vicreg(z1, z2, PAPER));
  const both = (change: (z: tf.Tensor2D) => tf.Tensor) =>
    read(vicreg(change(z1) as tf.Tensor2D, change(z2) as tf.Tensor2D, PAPER));
  close(both((z) => z.add(2)), expected);
  close(both((z) => z.reverse(0)), expected);
  close(both((z) => z.reverse(1)), expected);
});

Deno.test("collapsed embeddings have no invariance and covariance term, and nearly the largest variance term", () => {
  const z = tf.ones([4, 3]) as tf.Tensor2D;
  // ½ (1 − √1e-4) for each branch.
  close(read(vicreg(z, z, PAPER)), [0, 0.99, 0, 25 * 0.99]);
});

Deno.test("embeddings spread by more than 1 and without correlation have no loss", () => {
  const z = tf.tensor2d([[2, 2], [2, -2], [-2, 2], [-2, -2]]);
  close(read(vicreg(z, z, PAPER)), [0, 0, 0, 0]);
});

Deno.test("the gradient is that of finite differences", () => {
  const z1 = normal(6, 4, 1).mul(0.5) as tf.Tensor2D, z2 = normal(6, 4, 2).mul(0.5) as tf.Tensor2D;
  const found = gradients(
    (z) => ({ loss: vicreg(z.z1 as tf.Tensor2D, z.z2 as tf.Tensor2D, PAPER).total, aside: [] }),
    { z1, z2 },
  ).gradients;
  const step = 1e-3;
  const slopes = Array.from(z1.dataSync(), (_, at) => {
    const [above, below] = [step, -step].map((by) => {
      const moved = z1.dataSync().slice();
      moved[at] += by;
      return writtenOut(tf.tensor2d(moved, [6, 4]), z2, PAPER)[3];
    });
    return (above - below) / (2 * step);
  });
  close(Array.from(found.z1.dataSync()), slopes, 1e-3);
  assert.deepEqual(found.z2.shape, [6, 4]);
});

Deno.test("in a bfloat16 step the terms and the gradient of embeddings made exact are float32's", {
  ignore: !onTensorFlow,
}, async () => {
  const [x, w] = [normal(64, 32, 1), normal(32, 24, 2).div(6) as tf.Tensor2D];
  const slopes = (z: tf.Tensor2D) => {
    const { gradients: found, aside } = gradients(({ shift }) => {
      const terms = vicreg(z.add(shift) as tf.Tensor2D, z.mul(2) as tf.Tensor2D, PAPER);
      return { loss: terms.total, aside: { ...terms } };
    }, { shift: tf.zerosLike(z) });
    return { terms: aside, slope: found.shift };
  };
  const step = compile((x: tf.Tensor2D, w: tf.Tensor2D) => {
    const z = tf.matMul(x, w) as tf.Tensor2D;
    return { z, ...slopes(exact(z)) };
  }, { precision: "bfloat16" });
  const { z, ...found } = await step(x, w), expected = slopes(z as tf.Tensor2D);
  close(read(found.terms), read(expected.terms));
  assert.ok(found.slope.sub(expected.slope).abs().max().dataSync()[0] < 1e-6);
  assert.ok(expected.slope.abs().max().dataSync()[0] > 1e-2);
});

Deno.test("batches that do not fit each other, or of one row, are refused", () => {
  const zeros = (shape: number[]) => tf.zeros<tf.Rank>(shape) as tf.Tensor2D;
  const refuse = (first: number[], second: number[]) =>
    assert.throws(
      () => vicreg(zeros(first), zeros(second), PAPER),
      new RangeError(
        `VICReg needs two batches of embeddings of one shape [batch ≥ 2, features], not [${first}] and [${second}].`,
      ),
    );
  refuse([4, 3], [4, 2]);
  refuse([4, 3], [5, 3]);
  refuse([1, 3], [1, 3]);
  refuse([2, 3, 4], [2, 3, 4]);
});
