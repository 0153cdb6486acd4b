import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import { lidar } from "../../lib/evaluation/lidar.ts";
import { facts, fixture, tensor } from "../fixtures/read.ts";

await start();

const found = await fixture("hierarchy"), expected = (await facts("hierarchy")).lidar;
const views = tensor(found.views) as tf.Tensor3D;

const close = (actual: number, expected: number, tolerance = 1e-6) =>
  assert.ok(Math.abs(actual / expected - 1) < tolerance, `${actual} instead of ${expected}`);

Deno.test("LiDAR agrees with scipy's generalised eigenvalues, also of fewer images than features", () => {
  close(lidar(views), expected.views);
  close(lidar(views.slice([0, 0, 0], [10, -1, -1])), expected.few);
});

/** Images at the corners of a box, `[8, 2, 3]`, whose views differ by so much to either side along each axis. */
const box = (sides: number[], apart: number[]) =>
  tf.tensor3d(
    Array.from({ length: 8 }, (_, corner) =>
      [-1, 1].map((sign) =>
        sides.map((side, axis) =>
          (corner >> axis & 1 ? side : -side) + sign * apart[axis]
        )
      )),
  );

Deno.test("LiDAR by hand: directions count by how far images are apart there, measured by their views", () => {
  const entropy = (...values: number[]) => {
    const sum = values.reduce((a, b) => a + b);
    return Math.exp(-values.reduce((total, value) => total + value / sum * Math.log(value / sum), 0));
  };
  // The views of each image differ along one line: the covariance within them is the product of their deviations.
  close(lidar(box([1, 1, 1], [0, 0, 0])), 3, 1e-9);
  close(lidar(box([3, 2, 1], [0, 0, 0])), entropy(9, 4, 1), 1e-6);
  close(lidar(box([1, 1, 1], [0.01, 0, 0])), entropy(1 / 2e-4, 1 / 1e-4, 1 / 1e-4), 1e-5);
  close(
    lidar(box([2, 1, 0], [0, 0.02, 5])),
    entropy(4 / 1e-4, 1 / 1e-4 * (1 - 4e-4 / (4e-4 + 25 + 1e-4))),
    1e-4,
  );
});

Deno.test("LiDAR is 1 where one direction tells images apart, and depends on the scale by 1e-4 alone", () => {
  close(lidar(box([1, 0, 0], [0, 0, 0])), 1, 1e-9);
  const large = views.mul(2 ** 10) as tf.Tensor3D;
  close(lidar(large), lidar(large.mul(2 ** 5) as tf.Tensor3D), 1e-6);
  // What views differ by is below 1e-4, or far above it.
  close(lidar(box([1, 1, 1], [1e-4, 0, 0])), 3, 1e-3);
  close(lidar(box([1e4, 1e4, 1e4], [1, 0, 0])), 2, 1e-2);
});

Deno.test("LiDAR refuses what has no classes, what does not differ and what is no number", () => {
  for (const shape of [[1, 5, 3], [5, 1, 3]] as [number, number, number][]) {
    assert.throws(() => lidar(tf.ones(shape)), {
      name: "RangeError",
      message:
        `LiDAR needs at least two images and two views of each, not [images, views, features] = [${shape}].`,
    });
  }
  assert.throws(() => lidar(tf.ones([4, 2, 3])), {
    name: "RangeError",
    message: "4 images with the same mean representation have no rank.",
  });
  assert.throws(() => lidar(tf.tensor3d([[[1], [2]], [[3], [NaN]]])), {
    name: "RangeError",
    message: "LiDAR: expected finite numbers, row 3 holds NaN at position 0.",
  });
});

Deno.test("LiDAR frees what it makes", () => {
  const before = tf.memory().numTensors;
  lidar(views);
  assert.equal(tf.memory().numTensors, before);
});
