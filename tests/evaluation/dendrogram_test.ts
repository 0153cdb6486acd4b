import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import {
  averageLinkage,
  type Dendrogram,
  dendrogramMetric,
  dendrogramPurity,
} from "../../lib/evaluation/dendrogram.ts";
import { facts, fixture, tensor } from "../fixtures/read.ts";

await start();

const found = await fixture("hierarchy"), expected = (await facts("hierarchy")).purity;
const x = tensor(found.x) as tf.Tensor2D;
const coarse = found.coarse.data as Uint8Array, fine = found.fine.data as Uint8Array;

const close = (actual: number, expected: number, tolerance: number) =>
  assert.ok(Math.abs(actual - expected) < tolerance, `${actual} instead of ${expected}`);

/** The leaves below each node that was joined. */
function branches(tree: Dendrogram): number[][] {
  const below = Array.from({ length: tree.length + 1 }, (_, leaf) => [leaf]);
  for (const [one, other] of tree) below.push([...below[one], ...below[other]].sort((a, b) => a - b));
  return below.slice(tree.length + 1);
}

/** Points on a circle, by their angles. */
const circle = (...degrees: number[]) =>
  tf.tensor2d(degrees.map((angle) => [Math.cos(angle * Math.PI / 180), Math.sin(angle * Math.PI / 180)]));

Deno.test("purity of the tree agrees with scipy's, pair by pair", async () => {
  const tree = await averageLinkage(x);
  close(dendrogramPurity(tree, fine), expected.fine, 1e-10);
  close(dendrogramPurity(tree, coarse), expected.coarse, 1e-10);
});

Deno.test("a group is as near as its members are in the mean, whatever their lengths", async () => {
  // 0 and 20 join first. Then 52 is nearer to 20 than to 90, but to 0 and 20 in the mean it is not.
  const points = circle(0, 20, 90, 52).mul(tf.tensor2d([[1], [50], [0.01], [3]])) as tf.Tensor2D;
  assert.deepEqual(branches(await averageLinkage(points)), [[0, 1], [2, 3], [0, 1, 2, 3]]);
  // Each member counts: to 96, three at 0 and one at 40 are 0.06 near, 177 is 0.16; half of each group would be 0.23.
  const tree = branches(await averageLinkage(circle(0, 0, 1, 40, 96, 177))).map((leaves) => leaves.join());
  assert.deepEqual(tree.toSorted(), ["0,1", "0,1,2", "0,1,2,3", "0,1,2,3,4,5", "4,5"]);
});

Deno.test("equal points, points of length 0 and a single one have a tree", async () => {
  const all = Array.from({ length: 50 }, (_, at) => at);
  for (const points of [tf.ones([50, 3]), tf.zeros([50, 3])]) {
    const tree = await averageLinkage(points as tf.Tensor2D);
    assert.deepEqual([tree.length, branches(tree).at(-1)], [49, all]);
  }
  assert.deepEqual(await averageLinkage(tf.ones([1, 2])), []);
});

Deno.test("thousands of points, a block at a time: each finds the one that is the same", async () => {
  const places = Array.from({ length: 4000 }, (_, at) => at % 2000);
  const tree = await averageLinkage(circle(...places.map((place) => place * 360 / 2000)));
  assert.equal(dendrogramPurity(tree, places), 1);
});

Deno.test("purity by hand", () => {
  // ((0 1) 2) (3 4): classes a b a a b. Pairs 0 and 2: 2 of 3; 0 and 3, 2 and 3: 3 of 5; 1 and 4: 2 of 5.
  const tree: Dendrogram = [[0, 1], [5, 2], [3, 4], [6, 7]];
  close(dendrogramPurity(tree, [8, 9, 8, 8, 9]), (2 / 3 + 3 / 5 + 3 / 5 + 2 / 5) / 4, 1e-12);
  assert.equal(dendrogramPurity(tree, [1, 1, 1, 1, 1]), 1);
  assert.equal(dendrogramPurity(tree, [1, 2, 3, 4, 5]), 1);
  assert.throws(() => dendrogramPurity(tree, [1, 2, 3, 4]), {
    name: "RangeError",
    message: "A tree of 5 leaves needs one class each, not 4.",
  });
});

const judged = (images = fine) => {
  const test = { features: x, labels: images, levels: { group: coarse } };
  return { train: test, heldOut: test, test, classes: 10, seed: 0 };
};

Deno.test("the metric: purity by classes and by levels, of no more images than asked for", async () => {
  const measured = await dendrogramMetric.measure(judged(), { images: 10_000 }) as Record<string, number>;
  assert.deepEqual(Object.keys(measured), ["dendrogram purity %", "dendrogram purity of group %"]);
  close(measured["dendrogram purity %"], 100 * expected.fine, 1e-8);
  close(measured["dendrogram purity of group %"], 100 * expected.coarse, 1e-8);
  // Two images of ten classes: of one class, or none to look at.
  assert.deepEqual(Object.values(await dendrogramMetric.measure(judged(), { images: 2 })), [100, 100]);
  const half = (seed: number) => dendrogramMetric.measure({ ...judged(), seed }, { images: 200 });
  assert.deepEqual(await half(1), await half(1));
  assert.notDeepEqual(await half(1), await half(2));
});

Deno.test("a number that is none has no place in a tree", async () => {
  await assert.rejects(averageLinkage(tf.tensor2d([[1], [Infinity]])), {
    name: "RangeError",
    message: "average linkage: expected finite numbers, row 1 holds Infinity at position 0.",
  });
});

Deno.test("average linkage frees what it makes", async () => {
  const before = tf.memory().numTensors;
  await dendrogramMetric.measure(judged(), { images: 50 });
  assert.equal(tf.memory().numTensors, before);
});
