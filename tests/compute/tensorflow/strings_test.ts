import assert from "node:assert/strict";
import { backend, start } from "../../../lib/compute/backend.ts";
import { compile } from "../../../lib/compute/compile.ts";
import { type Tensor, tf } from "../../../lib/compute/tf.ts";

await start();

/** Strings that TensorFlow keeps in the tensor (up to 22 bytes) and outside of it. */
const STRINGS = ["", "a", "ä".repeat(11), "ä".repeat(11) + "b", "日本語", "\0", "x".repeat(100_000), "end"];

const read = (x: Tensor) => x.dataSync() as unknown as string[];

/** A tensor that TensorFlow holds: TensorFlow.js hands values over when an op needs them. */
function held(values: string[], shape: number[] = [values.length]): Tensor {
  const x = tf.tensor(values, shape, "string");
  backend().getInputTensorIds([x]);
  return x;
}

Deno.test("strings of every length come back as they were", () => {
  assert.deepEqual(read(held(STRINGS)), STRINGS);
  assert.deepEqual(held(STRINGS, [2, 4]).arraySync(), [STRINGS.slice(0, 4), STRINGS.slice(4)]);
  assert.deepEqual([held(["one"], []).arraySync(), held([], [0, 2]).arraySync()], ["one", []]);
});

Deno.test("bytes that are no text come back as they were", () => {
  const bytes = Uint8Array.of(0xff, 0, 0xfe);
  const { binding } = backend(), id = binding.createTensor([], binding.TF_STRING, [bytes]);
  assert.deepEqual(binding.tensorDataSync(id), [bytes]);
  binding.deleteTensor(id);
});

Deno.test("a tensor of strings outlives those that it was made of", () => {
  const x = held(STRINGS), twice = tf.concat([x, x]), last = tf.slice(x, [6], [2]);
  x.dispose();
  assert.deepEqual(read(twice), [...STRINGS, ...STRINGS]);
  twice.dispose();
  assert.deepEqual(read(last), STRINGS.slice(6));
});

Deno.test("ops take strings, at once and compiled", async () => {
  const x = held(["b", "a", "b"]), y = held(["a", "a", "b"]);
  const { values, indices } = tf.unique(x as tf.Tensor1D);
  assert.deepEqual([read(values), [...indices.dataSync()]], [["b", "a"], [0, 1, 0]]);
  const same = compile((x: Tensor) => x.equal(y));
  assert.deepEqual([...(await same(x)).dataSync()], [0, 1, 1]);
  const rows = compile((x: Tensor) => ({ rows: tf.stack([x, y]) }));
  assert.deepEqual((await rows(x)).rows.arraySync(), [["b", "a", "b"], ["a", "a", "b"]]);
});

Deno.test("long strings leave no memory behind", () => {
  const megabyte = Array.from({ length: 10 }, (_, at) => `${at}`.padEnd(100_000));
  const make = () => held(megabyte).dispose();
  for (let time = 0; time < 100; time++) make();
  const before = Deno.memoryUsage().rss;
  for (let time = 0; time < 300; time++) make();
  const grown = (Deno.memoryUsage().rss - before) / 1e6;
  assert.ok(grown < 150, `${grown} MB more after 300 MB of strings`);
});
