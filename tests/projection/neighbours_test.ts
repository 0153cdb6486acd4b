import assert from "node:assert/strict";
import { generator } from "../../lib/base/random.ts";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import { neighbours } from "../../lib/projection/neighbours.ts";
import { facts, fixture, tensor } from "../fixtures/read.ts";

await start();

/** Points of a normal distribution around some place, as rows. */
function cloud(seed: number, count: number, features: number, place: number, scale = 1): number[][] {
  const random = generator("cloud", seed);
  return Array.from(
    { length: count },
    () => Array.from({ length: features }, () => Math.fround(place + scale * random.normal())),
  );
}

/** The definition, in double precision. */
function reference(rows: readonly (readonly number[])[], k: number) {
  const found = rows.map((row, point) =>
    rows.map((other, index) => ({
      index,
      distance: Math.hypot(...row.map((value, axis) => value - other[axis])),
    })).filter(({ index }) => index !== point).sort((a, b) => a.distance - b.distance || a.index - b.index)
      .slice(0, k)
  ).flat();
  return { indices: found.map(({ index }) => index), distances: found.map(({ distance }) => distance) };
}

/** The largest relative difference. */
function worst(actual: Float32Array, expected: readonly number[]): number {
  return expected.reduce((most, value, at) => Math.max(most, Math.abs(actual[at] / value - 1)), 0);
}

Deno.test("neighbours agree with scikit-learn", async () => {
  const found = await fixture("projection"), { k } = await facts("projection");
  const { indices, distances } = await neighbours(tensor(found.x) as tf.Tensor2D, k);
  const expected = [...found["neighbours.distances"].data];
  assert.ok(worst(distances, expected) < 1e-5);
  // Where two are as far as each other but for rounding, either may come first.
  const theirs = found["neighbours.indices"].data,
    swapped = indices.findIndex((index, at) =>
      index !== theirs[at] &&
      Math.abs(expected[at] / expected[at + (index === theirs[at + 1] ? 1 : -1)] - 1) > 1e-5
    );
  assert.equal(swapped, -1);
});

Deno.test("near-identical points far from the origin keep their distances", async () => {
  // Two tight groups: by products alone, a distance within a group would be rounding.
  const rows = [...cloud(1, 40, 16, 1000, 0.5), ...cloud(2, 40, 16, 1030, 0.5)];
  rows.push(rows[0].map((value, axis) => axis === 3 ? Math.fround(value + 0.001) : value));
  const expected = reference(rows, 5);
  const { indices, distances } = await neighbours(tf.tensor2d(rows), 5);
  assert.deepEqual([...indices], expected.indices);
  assert.ok(worst(distances, expected.distances) < 1e-4);
});

Deno.test("equal points are neighbours at distance 0, the lower index first, never of themselves", async () => {
  const x = tf.tensor2d([[1, 2], [5, 5], [1, 2], [1, 2]]);
  const { indices, distances } = await neighbours(x, 2);
  assert.deepEqual([...indices], [2, 3, 0, 2, 0, 3, 0, 2]);
  assert.deepEqual([...distances], [0, 0, 5, 5, 0, 0, 0, 0]);
});

Deno.test("more points than a block holds", async () => {
  const rows = cloud(3, 4001, 2, 0);
  const { indices } = await neighbours(tf.tensor2d(rows), 3);
  for (const point of [0, 2498, 2499, 2500, 4000]) {
    const expected = rows.map((row, index) => ({
      index,
      distance: Math.hypot(row[0] - rows[point][0], row[1] - rows[point][1]),
    })).sort((a, b) => a.distance - b.distance).slice(1, 4).map(({ index }) => index);
    assert.deepEqual([...indices.subarray(3 * point, 3 * point + 3)], expected);
  }
});

Deno.test("neighbours frees what it makes", async () => {
  const x = tf.randomNormal([50, 4], 0, 1, "float32", 1) as tf.Tensor2D;
  const before = tf.memory().numTensors;
  await neighbours(x, 5);
  assert.equal(tf.memory().numTensors, before);
});

Deno.test("neighbours refuses a k that there is not", async () => {
  for (const k of [0, 3, 1.5]) {
    await assert.rejects(neighbours(tf.zeros([3, 2]), k), {
      name: "RangeError",
      message: `3 points have 1 to 2 neighbours each, not ${k}.`,
    });
  }
});
