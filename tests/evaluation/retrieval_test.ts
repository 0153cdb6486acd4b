import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import {
  hierarchicalPrecision,
  retrievalMetric,
  type RetrievalOptions,
} from "../../lib/evaluation/retrieval.ts";
import { facts, fixture, tensor } from "../fixtures/read.ts";

await start();

const found = await fixture("hierarchy"), expected = (await facts("hierarchy")).precision;
const x = tensor(found.x) as tf.Tensor2D;
const coarse = found.coarse.data as Uint8Array, fine = found.fine.data as Uint8Array;

const near = (actual: ArrayLike<number>, expected: readonly number[], tolerance: number) => {
  assert.equal(actual.length, expected.length);
  expected.forEach((value, at) =>
    assert.ok(Math.abs(actual[at] - value) < tolerance, `${at}: ${actual[at]} instead of ${value}`)
  );
};

Deno.test("hierarchical precision is what numpy sums up, at every k", async () => {
  near(await hierarchicalPrecision(x, [coarse, fine], 50), expected["coarse and fine"], 1e-6);
  near(await hierarchicalPrecision(x, [fine], 50), expected.fine, 1e-6);
});

/** Points on a circle, by their angles. */
const circle = (...degrees: number[]) =>
  tf.tensor2d(degrees.map((angle) => [Math.cos(angle * Math.PI / 180), Math.sin(angle * Math.PI / 180)]));

Deno.test("hierarchical precision by hand: three levels, an image without relatives", async () => {
  // Of image 0: 1 shares one level of three, 2 all, 3 none. Of image 2: the same. 1 and 2 are nearest to 3.
  const points = circle(0, 10, 25, 60);
  const levels = [[0, 0, 0, 1], [0, 5, 0, 1], [0, 5, 0, 1]];
  near(await hierarchicalPrecision(points, levels, 9), [
    // Retrieved 1 of 3, image 1 its 1 of 1, image 2 has 1 of 3, image 3 can have nothing.
    (1 / 3 + 1 + 1 / 3 + 1) / 4,
    ...[1, 1],
  ], 1e-12);
});

Deno.test("the image itself is never retrieved, nor are lengths looked at", async () => {
  const points = circle(0, 0, 0, 0, 180, 180).mul(tf.tensor2d([[1], [100], [1e-3], [7], [5], [1]]));
  assert.deepEqual(
    [...await hierarchicalPrecision(points as tf.Tensor2D, [[0, 0, 0, 0, 1, 1]], 1)],
    [1],
  );
  // Each is in a class with its opposite, which comes last.
  const opposite = circle(0, 1, 2, 180, 181, 182);
  near(await hierarchicalPrecision(opposite, [[0, 1, 2, 0, 1, 2]], 5), [0, 0, 0, 0, 1], 1e-12);
});

Deno.test("many images, a block at a time: each retrieves the one that is the same", async () => {
  const places = Array.from({ length: 4000 }, (_, at) => at % 2000);
  const points = circle(...places.map((place) => place * 360 / 2000));
  assert.deepEqual([...await hierarchicalPrecision(points, [places], 1)], [1]);
});

Deno.test("the metric: precision at each k and the average up to K, by the levels that it is to take", async () => {
  const test = { features: x, labels: fine, levels: { coarse } };
  const judged = { train: test, heldOut: test, test, classes: 10, seed: 0 };
  const [precision, flat] = [
    await hierarchicalPrecision(x, [coarse, fine], 50),
    await hierarchicalPrecision(x, [fine], 50),
  ];
  const percent = (values: Float64Array) =>
    100 * values.reduce((sum, value) => sum + value, 0) / values.length;
  for (const [levels, values] of [[undefined, precision], [["coarse"], precision], [[], flat]] as const) {
    assert.deepEqual(await retrievalMetric.measure(judged, { k: [1, 50], most: 20, levels }), {
      "HP@1 %": 100 * values[0],
      "HP@50 %": 100 * values[49],
      "AHP@20 %": percent(values.subarray(0, 20)),
    });
  }
  const defaults = retrievalMetric.options.parse({}) as unknown as RetrievalOptions;
  assert.deepEqual(Object.keys(await retrievalMetric.measure(judged, defaults)), [
    ...["HP@1 %", "HP@10 %", "HP@50 %", "AHP@250 %"],
  ]);
  // Of six images five are all others.
  const few = { features: circle(0, 1, 2, 180, 181, 182), labels: Uint8Array.of(0, 0, 1, 2, 2, 2) };
  const all = await hierarchicalPrecision(few.features, [few.labels], 250);
  assert.deepEqual(await retrievalMetric.measure({ ...judged, test: few }, defaults), {
    ...{ "HP@1 %": 100 * all[0], "HP@10 %": 100, "HP@50 %": 100, "AHP@250 %": percent(all) },
  });
});

Deno.test("one image has nothing to retrieve, a number that is none no direction", async () => {
  await assert.rejects(hierarchicalPrecision(tf.ones([1, 2]), [[0]], 3), {
    name: "RangeError",
    message: "Of 1 images none has others to retrieve.",
  });
  await assert.rejects(hierarchicalPrecision(tf.tensor2d([[1], [NaN]]), [[0, 0]], 1), {
    name: "RangeError",
    message: "hierarchical precision: expected finite numbers, row 1 holds NaN at position 0.",
  });
});

Deno.test("hierarchical precision frees what it makes", async () => {
  const before = tf.memory().numTensors;
  await hierarchicalPrecision(x, [fine], 3);
  assert.equal(tf.memory().numTensors, before);
});
