import assert from "node:assert/strict";
import { generator } from "../../lib/base/random.ts";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import { knn } from "../../lib/evaluation/knn.ts";
import { accuracy, checkLabelled, type Labelled } from "../../lib/evaluation/metric.ts";
import { facts, fixture, tensor } from "../fixtures/read.ts";

await start();

const CLASSES = 4, LENGTH = 6;

/** Overlapping Gaussian clouds, one a class; returned as numbers and as a set. */
function clouds(seed: number, count: number): { vectors: number[][]; set: Labelled } {
  const centres = generator("centres");
  const means = Array.from({ length: CLASSES }, () => Array.from({ length: LENGTH }, () => centres.normal()));
  const random = generator("clouds", seed);
  const labels = Uint8Array.from({ length: count }, () => random.integer(CLASSES));
  const vectors = Array.from(labels, (label) => means[label].map((mean) => mean + 1.5 * random.normal()));
  return { vectors, set: { features: tf.tensor2d(vectors), labels } };
}

const bank = clouds(1, 150), queries = clouds(2, 83);

/** The definition, in double precision: all similarities, all sorted. */
function reference(k: number, temperature: number): number[] {
  const norm = (x: number[]) => Math.hypot(...x);
  return queries.vectors.map((query) => {
    const neighbours = bank.vectors.map((known, at) => ({
      label: bank.set.labels[at],
      similarity: known.reduce((sum, value, axis) => sum + value * query[axis], 0) / norm(known) /
        norm(query),
    })).sort((a, b) => b.similarity - a.similarity).slice(0, k);
    const votes = new Array<number>(CLASSES).fill(0);
    for (const { label, similarity } of neighbours) votes[label] += Math.exp(similarity / temperature);
    return votes.indexOf(Math.max(...votes));
  });
}

Deno.test("knn agrees with its definition", async () => {
  for (const temperature of [0.02, 0.1, 1]) {
    const results = await knn(bank.set, queries.set, { k: [1, 7, 60], temperature, classes: CLASSES });
    assert.deepEqual(results.map(({ k }) => k), [1, 7, 60]);
    for (const { k, predictions, accuracy: found } of results) {
      assert.deepEqual([...predictions], reference(k, temperature));
      assert.equal(found, accuracy(predictions, queries.set.labels));
    }
  }
});

Deno.test("knn agrees with numpy", async () => {
  const tensors = await fixture("evaluation"), expected = await facts("evaluation");
  const set = (name: string): Labelled => ({
    features: tensor(tensors[`${name}.features`]) as tf.Tensor2D,
    labels: tensors[`${name}.labels`].data as Uint8Array,
  });
  const options = { k: [20, 200, 400], temperature: 0.1, classes: 5 };
  for (const { k, predictions, accuracy } of await knn(set("train"), set("test"), options)) {
    assert.deepEqual(predictions, tensors[`knn.${k}`].data);
    assert.equal(accuracy, expected[`knn.${k}`]);
  }
});

Deno.test("more neighbours than the bank has means all of it", async () => {
  const [all, more] = await knn(bank.set, queries.set, {
    k: [150, 1000],
    temperature: 0.1,
    classes: CLASSES,
  });
  assert.equal(more.k, 150);
  assert.deepEqual(more, all);
  assert.deepEqual([...more.predictions], reference(150, 0.1));
});

Deno.test("neither the size of a block nor the length of a vector matters", async () => {
  const options = { k: [9], temperature: 0.1, classes: CLASSES };
  const expected = await knn(bank.set, queries.set, options);
  for (const block of [1, 20, 83]) {
    assert.deepEqual(await knn(bank.set, queries.set, { ...options, block }), expected);
  }
  const long = { ...bank.set, features: bank.set.features.mul(1000) as tf.Tensor2D };
  const short = { ...queries.set, features: queries.set.features.mul(0.001) as tf.Tensor2D };
  assert.deepEqual(await knn(long, short, options), expected);
});

Deno.test("a low temperature leaves the vote to the nearest neighbour", async () => {
  const [one, many] = await knn(bank.set, queries.set, { k: [1, 100], temperature: 1e-5, classes: CLASSES });
  assert.deepEqual(many.predictions, one.predictions);
});

Deno.test("between equal votes the lower class wins", async () => {
  const same = { features: tf.ones([2, 3]) as tf.Tensor2D, labels: Uint8Array.of(1, 0) };
  const [{ predictions }] = await knn(same, same, { k: [2], temperature: 0.1, classes: 2 });
  assert.deepEqual([...predictions], [0, 0]);
});

Deno.test("a collapsed representation is no error", async () => {
  const collapsed = { features: tf.zeros([6, 3]) as tf.Tensor2D, labels: Uint8Array.of(0, 1, 1, 0, 1, 1) };
  const [{ predictions }] = await knn(collapsed, collapsed, { k: [6], temperature: 0.1, classes: 2 });
  assert.deepEqual([...predictions], [1, 1, 1, 1, 1, 1]);
});

Deno.test("knn frees what it makes", async () => {
  const before = tf.memory().numTensors;
  await knn(bank.set, queries.set, { k: [5], temperature: 0.1, classes: CLASSES, block: 20 });
  assert.equal(tf.memory().numTensors, before);
});

Deno.test("knn refuses what does not fit together", async () => {
  const set = (rows: number, length: number, ...labels: number[]): Labelled => ({
    features: tf.zeros([rows, length]),
    labels: Uint8Array.from(labels),
  });
  const refuses = async (bank: Labelled, queries: Labelled, k: number[], message: string) => {
    await assert.rejects(knn(bank, queries, { k, temperature: 0.1, classes: 2 }), {
      name: "RangeError",
      message,
    });
  };
  const good = set(2, 3, 0, 1);
  await refuses(good, set(1, 4, 0), [1], "queries: its features have length 4, those of bank have 3.");
  await refuses(
    set(2, 3, 0),
    good,
    [1],
    "bank: expected features [count, length] with one label each, got [2,3] with 1 labels.",
  );
  await refuses(
    good,
    set(0, 3),
    [1],
    "queries: expected features [count, length] with one label each, got [0,3] with 0 labels.",
  );
  await refuses(good, set(1, 3, 2), [1], "queries: expected labels below 2, the number of classes, got 2.");
  for (const k of [[], [0], [1, 2.5]]) {
    await refuses(good, good, k, `k-NN needs at least one k, each a whole number from 1 on, not [${k}].`);
  }
});

Deno.test("checkLabelled wants matrices", () => {
  const features = tf.zeros([2, 3, 1]) as unknown as tf.Tensor2D;
  assert.throws(() => checkLabelled({ test: { features, labels: Uint8Array.of(0, 1) } }, 2), {
    name: "RangeError",
    message: "test: expected features [count, length] with one label each, got [2,3,1] with 2 labels.",
  });
});

Deno.test("accuracy is a fraction", () => {
  assert.equal(accuracy([1, 2, 3, 3], [1, 2, 3, 4]), 0.75);
});
