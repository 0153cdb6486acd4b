import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import { rankMe } from "../../lib/evaluation/rank.ts";

await start();

const close = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-3 * b, `${a}, not ${b}`);

Deno.test("rankMe: as many as directions that are used alike, whatever the scale", () => {
  const eye = tf.eye(5) as tf.Tensor2D;
  close(rankMe(eye), 5);
  close(rankMe(eye.mul(1e-3) as tf.Tensor2D), 5);
  close(rankMe(tf.concat([eye, tf.zeros([5, 3])], 1) as tf.Tensor2D), 5);
});

Deno.test("rankMe: 1 for a collapsed representation", () => {
  close(rankMe(tf.ones([40, 7])), 1);
});

Deno.test("rankMe: singular values 3 and 1 give exp of their entropy", () => {
  const entropy = -(0.75 * Math.log(0.75) + 0.25 * Math.log(0.25));
  close(rankMe(tf.tensor2d([[3, 0], [0, 1], [0, 0]])), Math.exp(entropy));
});

Deno.test("rankMe: a number that is none has no rank", () => {
  for (const value of [NaN, -Infinity]) {
    assert.throws(
      () => rankMe(tf.tensor2d([[1, 2], [3, value]])),
      new RangeError(`RankMe: expected finite numbers, row 1 holds ${value} at position 1.`),
    );
  }
});

Deno.test("rankMe: nothing but zeros has no rank", () => {
  assert.throws(() => rankMe(tf.zeros([4, 2])), {
    name: "RangeError",
    message: "Representations of shape [4,2] that are all zero have no rank.",
  });
});

Deno.test("rankMe frees what it makes", () => {
  const x = tf.eye(3) as tf.Tensor2D, before = tf.memory().numTensors;
  rankMe(x);
  assert.equal(tf.memory().numTensors, before);
});
