import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import { trustworthiness } from "../../lib/projection/trustworthiness.ts";
import { facts, fixture, tensor } from "../fixtures/read.ts";

await start();

const close = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-6, `${actual}`);

Deno.test("trustworthiness agrees with scikit-learn", async () => {
  const found = await fixture("projection"), expected = await facts("projection");
  const x = tensor(found.x) as tf.Tensor2D;
  for (const [k, score] of Object.entries<number>(expected.trustworthiness)) {
    close(await trustworthiness(x, found.tsne.data as Float32Array, Number(k)), score);
  }
  const two = x.slice([0, 0], [-1, 2]).dataSync() as Float32Array;
  close(await trustworthiness(x, two, expected.k), expected["trustworthiness of two features"]);
});

Deno.test("a projection that keeps all distances can be trusted, its order cannot be exchanged", async () => {
  const found = await fixture("projection");
  const x = tensor(found.x) as tf.Tensor2D, same = x.dataSync() as Float32Array;
  assert.equal(await trustworthiness(x, same, 20), 1);
  const reversed = x.reverse(0).dataSync() as Float32Array;
  assert.ok(await trustworthiness(x, reversed, 20) < 0.6);
});

Deno.test("equal points are ranked by their index", async () => {
  assert.equal(await trustworthiness(tf.ones([9, 3]), new Float32Array(18), 2), 1);
});

Deno.test("trustworthiness frees what it makes", async () => {
  const x = tf.randomNormal([50, 4], 0, 1, "float32", 1) as tf.Tensor2D;
  const before = tf.memory().numTensors;
  await trustworthiness(x, new Float32Array(100).map(Math.sin), 5);
  assert.equal(tf.memory().numTensors, before);
});

Deno.test("trustworthiness refuses what does not fit together", async () => {
  const refuses = async (numbers: number, k: number, message: string) => {
    const score = trustworthiness(tf.zeros([4, 3]), new Float32Array(numbers), k);
    await assert.rejects(score, { name: "RangeError", message });
  };
  for (const numbers of [0, 7]) {
    await refuses(numbers, 1, `A projection of 4 points has a multiple of 4 numbers, not ${numbers}.`);
  }
  for (const k of [0, 2, 1.5]) {
    await refuses(8, k, `Trustworthiness of 4 points needs a k from 1 to below 2, not ${k}.`);
  }
});
