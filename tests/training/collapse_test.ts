import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import { describe, isCollapsed, spreadOf } from "../../lib/training/collapse.ts";

await start();

const well = tf.eye(8);
const collapsed = (embedding: tf.Tensor) =>
  isCollapsed(spreadOf({ representation: well, embedding: embedding as tf.Tensor2D }));

Deno.test("one point or one line is a collapse", () => {
  const line = tf.range(-3, 5).reshape([8, 1]).mul(tf.ones([1, 4]));
  for (const batch of [tf.ones([8, 4]), tf.zeros([8, 4]), line, tf.ones([8, 4]).mul(1e25)]) {
    assert.equal(collapsed(batch), true);
    assert.equal(isCollapsed(spreadOf({ representation: batch as tf.Tensor2D, embedding: well })), true);
  }
});

Deno.test("points that differ are none, wherever their mean lies", () => {
  assert.equal(collapsed(well), false);
  const random = tf.randomNormal([300, 16], 3, 1, "float32", 1);
  for (const scale of [1, 1e-25, 1e25]) assert.equal(collapsed(random.mul(scale)), false);
});

Deno.test("numbers that are none are no collapse but an error", () => {
  for (const value of [NaN, Infinity]) {
    for (const batch of [tf.fill([8, 4], value), tf.concat([tf.zeros([7, 4]), tf.fill([1, 4], value)])]) {
      assert.throws(() => collapsed(batch), { name: "RangeError", message: /^a batch's spread: .*NaN/ });
    }
  }
});

Deno.test("a spread is a deviation over the root mean square, and a rank", () => {
  const { embedding } = spreadOf({
    representation: well,
    embedding: tf.tensor2d([[3, 0], [1, 0], [3, 0], [1, 0]]),
  });
  assert.ok(Math.abs(embedding.deviation - 1 / Math.sqrt(5)) < 1e-6);
  assert.ok(Math.abs(embedding.rank - 1) < 1e-5);
  assert.equal(
    describe({
      representation: { deviation: 0.5, rank: 12.34 },
      embedding: { deviation: 0.001234, rank: 1 },
    }),
    "representation: relative deviation 0.50, RankMe 12.3; embedding: relative deviation 0.0012, RankMe 1.0",
  );
});
