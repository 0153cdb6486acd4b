import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import {
  adjustedMutualInformation,
  adjustedRandIndex,
  matchedAccuracy,
} from "../../lib/evaluation/agreement.ts";
import { classClusters, clustersMetric, kmeans, silhouette } from "../../lib/evaluation/clusters.ts";
import type { Labelled } from "../../lib/evaluation/metric.ts";
import { facts, fixture, tensor } from "../fixtures/read.ts";

await start();

const found = await fixture("projection"), expected = await facts("projection");
const x = tensor(found.x) as tf.Tensor2D, labels = found.labels.data as Uint8Array;
const three = labels.map((label) => label % 3);

const close = (actual: number, expected: number, tolerance = 1e-6) =>
  assert.ok(Math.abs(actual - expected) < tolerance, `${actual} instead of ${expected}`);

Deno.test("k-means finds what scikit-learn finds", async () => {
  const { assignment, centres, inertia } = await kmeans(x, 5, 0);
  close(inertia / expected.inertia, 1, 1e-5);
  // Centres are the means of their points, and no point is nearer to another centre.
  const rows = x.arraySync(),
    means = Array.from({ length: 5 }, (_, cluster) => {
      const own = rows.filter((_, at) => assignment[at] === cluster);
      return own[0].map((_, axis) => own.reduce((sum, row) => sum + row[axis], 0) / own.length);
    });
  means.flat().forEach((value, at) => close(centres[at], value, 1e-4));
  const square = (row: number[], mean: number[]) =>
    row.reduce((sum, value, axis) => sum + (value - mean[axis]) ** 2, 0);
  rows.forEach((row, at) => {
    const all = means.map((mean) => square(row, mean));
    assert.equal(all.indexOf(Math.min(...all)), assignment[at]);
  });
});

Deno.test("the same seed gives the same clusters, more starts never worse ones", async () => {
  const one = await kmeans(x, 9, 3, 1);
  assert.deepEqual(await kmeans(x, 9, 3, 1), one);
  assert.notDeepEqual(await kmeans(x, 9, 4, 1), one);
  assert.ok((await kmeans(x, 9, 3, 8)).inertia <= one.inertia);
});

Deno.test("a single start draws its centres far from each other: one in each of eight distant pairs", async () => {
  const pairs = tf.tensor2d(Array.from({ length: 16 }, (_, at) => [1000 * (at >> 1), at & 1]));
  // Drawn alike from all points, eight centres would fall into all pairs once in four hundred times.
  for (const seed of [0, 1, 2]) assert.equal((await kmeans(pairs, 8, seed, 1)).inertia, 8 * 2 * 0.25);
});

Deno.test("a centre is never drawn where there is one, whichever point it is", async () => {
  const two = tf.tensor2d([[0], [10]]);
  for (let seed = 0; seed < 10; seed++) assert.equal((await kmeans(two, 2, seed, 1)).inertia, 0);
});

Deno.test("clusters do not depend on the scale", async () => {
  const [one, small] = [await kmeans(x, 9, 3, 1), await kmeans(x.mul(2 ** -10) as tf.Tensor2D, 9, 3, 1)];
  assert.deepEqual(small.assignment, one.assignment);
  close(small.inertia / one.inertia, 2 ** -20, 1e-10);
});

Deno.test("a centre without points stays where it was drawn", async () => {
  const { centres } = await kmeans(tf.tensor2d([[0], [0], [0], [0], [0], [9]]), 3, 0, 1);
  for (const centre of centres) {
    assert.ok(Math.min(Math.abs(centre), Math.abs(centre - 9)) < 1e-5, `${centre}`);
  }
});

Deno.test("k-means of equal points, and of as many clusters as points", async () => {
  const equal = await kmeans(tf.fill([6, 2], 3), 3, 0);
  assert.deepEqual({ ...equal, centres: [...equal.centres] }, {
    assignment: new Uint8Array(6),
    centres: [3, 3, 3, 3, 3, 3],
    inertia: 0,
  });
  const { assignment, inertia } = await kmeans(tf.tensor2d([[0], [10], [20], [30]]), 4, 0);
  assert.deepEqual([[...assignment].sort(), inertia], [[0, 1, 2, 3], 0]);
});

Deno.test("k-means refuses clusters that there are not", async () => {
  for (const k of [0, 4, 1.5]) {
    await assert.rejects(kmeans(tf.zeros([3, 2]), k, 0), {
      name: "RangeError",
      message: `3 points fall into 1 to 3 clusters, not ${k}.`,
    });
  }
  await assert.rejects(kmeans(tf.zeros([500, 1]), 257, 0), {
    name: "RangeError",
    message: "500 points fall into 1 to 256 clusters, not 257.",
  });
});

Deno.test("silhouette agrees with scikit-learn", async () => {
  close(await silhouette(x, labels), expected.silhouette.clouds);
  close(await silhouette(x, three), expected.silhouette.three);
});

Deno.test("the silhouette is the same wherever the points lie", async () => {
  close(await silhouette(x.add(1000) as tf.Tensor2D, labels), expected.silhouette.clouds, 1e-4);
});

Deno.test("silhouette of a point alone, of coinciding clusters, and in blocks", async () => {
  // Points 0 and 1 have (9.5 − 1) / 9.5 and (8.5 − 1) / 8.5 … of the point alone; that one has 0.
  const alone = await silhouette(tf.tensor2d([[0], [1], [9]]), [4, 4, 2]);
  close(alone, (8 / 9 + 7 / 8) / 3);
  assert.equal(await silhouette(tf.ones([4, 2]), [0, 0, 1, 1]), 0);
  const many = tf.tile(tf.tensor2d([[0], [1], [9], [10]]), [1000, 1]) as tf.Tensor2D;
  const sides = Array.from({ length: 4000 }, (_, at) => (at >> 1) & 1);
  const inside = 1000 / 1999;
  close(await silhouette(many, sides), 1 - inside * (1 / 9.5 + 1 / 8.5) / 2, 1e-5);
});

Deno.test("silhouette refuses what it is not defined for", async () => {
  const refuses = async (assignment: number[], message: string) => {
    await assert.rejects(silhouette(tf.zeros([3, 2]), assignment), { name: "RangeError", message });
  };
  await refuses([0, 1], "3 points need one cluster each, not 2.");
  await refuses([1, 1, 1], "The silhouette of 3 points needs 2 to 2 clusters, not 1.");
  await refuses([0, 1, 2], "The silhouette of 3 points needs 2 to 2 clusters, not 3.");
});

Deno.test("k-means and silhouette free what they make", async () => {
  const before = tf.memory().numTensors;
  const { assignment } = await kmeans(x, 3, 0, 2);
  await silhouette(x, assignment);
  assert.equal(tf.memory().numTensors, before);
});

const judged = (test: Labelled, classes: number) => ({ train: test, heldOut: test, test, classes, seed: 3 });
const defaults = clustersMetric.options.parse({}) as { restarts: number; reduce: number };

Deno.test("clusters that are the classes, by bytes and by whole numbers, and whatever the length", async () => {
  const labels = Uint8Array.from({ length: 400 }, (_, at) => at % 200);
  // Two hundred directions, each twice, of lengths that say nothing.
  const features = tf.tidy(() =>
    tf.tile(tf.eye(200), [2, 1]).mul(tf.range(1, 401).expandDims(1)) as tf.Tensor2D
  );
  for (const given of [labels, Int32Array.from(labels)]) {
    const found = await classClusters(judged({ features, labels: given }, 200), {
      restarts: 1,
      reduce: 200,
    });
    assert.deepEqual(found, { "AMI %": 100, "ARI %": 100, "clusters %": 100 });
  }
});

Deno.test("clusters of directions in as many dimensions as asked for, compared with the classes", async () => {
  const test = { features: x, labels };
  const unit = tf.tidy(() => x.div(x.norm("euclidean", 1, true)) as tf.Tensor2D);
  for (const [k, restarts] of [[5, 10], [8, 1]]) {
    const found = await classClusters(judged(test, 5), { ...defaults, k, restarts });
    // 24 components are all: the directions themselves, turned.
    const { assignment } = await kmeans(unit, k, 3, restarts);
    close(found["AMI %"], 100 * adjustedMutualInformation(assignment, labels));
    close(found["ARI %"], 100 * adjustedRandIndex(assignment, labels));
    close(found["clusters %"], 100 * matchedAccuracy(assignment, labels));
    assert.ok(found["clusters %"] < 100);
  }
  const whole = await classClusters(judged(test, 5), { ...defaults, k: 5 });
  assert.deepEqual(await classClusters(judged(test, 5), defaults), whole);
  const line = await classClusters(judged(test, 5), { ...defaults, reduce: 1 });
  assert.ok(line["AMI %"] < whole["AMI %"] - 5, JSON.stringify({ line, whole }));
});

Deno.test("clusters refuse labels that are no class, and more clusters than there are images or bytes say", async () => {
  const refuses = async (classes: number, k: number, message: string) => {
    const test = { features: x, labels };
    await assert.rejects(classClusters(judged(test, classes), { ...defaults, k }), {
      name: "RangeError",
      message,
    });
  };
  await refuses(4, 5, "test: expected labels below 4, the number of classes, got 4.");
  await refuses(5, 257, "600 points fall into 1 to 256 clusters, not 257.");
  assert.equal(clustersMetric.options.safeParse({ k: 257 }).success, false);
});

Deno.test("clusters free what they make", async () => {
  const before = tf.memory().numTensors;
  await classClusters(judged({ features: x, labels }, 5), { restarts: 1, reduce: 3 });
  assert.equal(tf.memory().numTensors, before);
});
