import assert from "node:assert/strict";
import { generator } from "../../lib/base/random.ts";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import { alphaReq, alphaReqMetric } from "../../lib/evaluation/alpha_req.ts";
import { facts, fixture, tensor } from "../fixtures/read.ts";

await start();

const DEFAULTS = alphaReqMetric.options.parse({}) as { first: number; last: number };

const close = (actual: number, expected: number, tolerance: number) =>
  assert.ok(Math.abs(actual - expected) < tolerance, `${actual} instead of ${expected}`);

/** Rows whose covariance has the eigenvalues j^−a in directions of chance; `[2 · size, size]`. */
function lawful(size: number, a: number): tf.Tensor2D {
  const random = generator("law", size);
  const noise = tf.tensor2d(Array.from({ length: size ** 2 }, () => random.normal()), [size, size]);
  const [turn] = tf.linalg.qr(noise);
  const rows = tf.range(1, size + 1).pow(-a / 2).expandDims(1).mul(turn);
  return tf.concat([rows, rows.neg()]) as tf.Tensor2D;
}

Deno.test("alpha of a spectrum that is a power law, of any size, place and scale", () => {
  for (const a of [0.5, 1, 2, 3]) {
    for (const size of [4, 20, 128]) {
      const x = lawful(size, a);
      close(alphaReq(x, DEFAULTS), a, 1e-3);
      close(alphaReq(x.mul(1e-3).add(0.01) as tf.Tensor2D, DEFAULTS), a, 1e-3);
      close(alphaReq(x, { first: 1, last: 3 }), a, 1e-3);
    }
  }
});

Deno.test("alpha as numpy fits it: ranges, features that do not vary, fewer rows than features", async () => {
  const x = tensor((await fixture("clusters")).x) as tf.Tensor2D;
  const { alphas } = await facts("clusters");
  assert.equal(alphas.length, 5);
  const set = { features: x, labels: new Uint8Array(150) };
  const judged = { train: set, heldOut: set, test: set, classes: 1, seed: 0 };
  const byDefault = await alphaReqMetric.measure(judged, DEFAULTS);
  close(Number(byDefault["α-ReQ"]), alphas[0].alpha, 1e-5);
  for (const { rows, first, last, alpha } of alphas) {
    close(alphaReq(x.slice([0, 0], [rows, -1]), { first, last }), alpha, 1e-5);
  }
});

Deno.test("alpha is 0 where all directions vary alike", () => {
  close(alphaReq(tf.concat([tf.eye(9), tf.eye(9).neg()]) as tf.Tensor2D, DEFAULTS), 0, 1e-6);
});

Deno.test("alpha refuses what no law can be fitted to", () => {
  const refuses = (x: tf.Tensor2D, range: { first: number; last: number }, message: string) =>
    assert.throws(() => alphaReq(x, range), { name: "RangeError", message });
  const several = "Representations of shape [4,3] vary in";
  refuses(tf.ones([4, 3]), DEFAULTS, `${several} 0 directions; a power law needs two.`);
  refuses(
    tf.tensor2d([1, 2, 3, 4], [4, 1]).mul(tf.ones([1, 3])) as tf.Tensor2D,
    DEFAULTS,
    `${several} 1 directions; a power law needs two.`,
  );
  refuses(
    tf.eye(3),
    { first: 3, last: 3 },
    "α-ReQ is fitted to a first eigenvalue and to later ones, not to 3 to 3.",
  );
  refuses(
    tf.tensor2d([[1, 2], [NaN, 3]]),
    DEFAULTS,
    "α-ReQ: expected finite numbers, row 1 holds NaN at position 0.",
  );
});

Deno.test("alpha frees what it makes", () => {
  const x = lawful(4, 1), before = tf.memory().numTensors;
  alphaReq(x, DEFAULTS);
  assert.equal(tf.memory().numTensors, before);
});
