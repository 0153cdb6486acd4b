/**
 * Trustworthiness of a projection (Venna and Kaski 2001): 1 if every point's k neighbours in the
 * projection are among its k neighbours in the data, less by each one's rank r there beyond k:
 * 1 − 2 / (n k (2n − 3k − 1)) Σᵢ Σⱼ max(0, r(i, j) − k).
 *
 * @module
 */
import { blocks, squaredDistances } from "../compute/distances.ts";
import { demandFinite } from "../compute/finite.ts";
import { tf } from "../compute/tf.ts";
import { neighbours } from "./neighbours.ts";

/**
 * How far the neighbourhoods of a projection can be trusted.
 *
 * @param x Points, `[count, features]`.
 * @param points The projected points, `[count · dimensions]`.
 * @param k Neighbours of each point, below half the number of points.
 * @returns 0..1.
 * @throws {RangeError} The projection is not of so many points, k is not from 1 to below half
 * of them, or a point is not finite.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { trustworthiness } from "./trustworthiness.ts";
 * await start();
 * const x = tf.tensor2d([[0, 0], [1, 0], [3, 0], [6, 0]]);
 * const score = await trustworthiness(x, Float32Array.of(0, 1, 3, 6), 1);
 * if (score !== 1) throw new Error("the same neighbours");
 * ```
 */
export async function trustworthiness(x: tf.Tensor2D, points: Float32Array, k: number): Promise<number> {
  const [count] = x.shape;
  if (points.length === 0 || points.length % count !== 0) {
    throw new RangeError(
      `A projection of ${count} points has a multiple of ${count} numbers, not ${points.length}.`,
    );
  }
  if (!Number.isInteger(k) || k < 1 || k >= count / 2) {
    throw new RangeError(
      `Trustworthiness of ${count} points needs a k from 1 to below ${count / 2}, not ${k}.`,
    );
  }
  demandFinite(x, "trustworthiness");
  const projected = tf.tensor2d(points, [count, points.length / count]);
  const { indices } = await neighbours(projected, k);
  projected.dispose();
  const centred = tf.tidy(() => x.sub(x.mean(0)) as tf.Tensor2D);
  let excess = 0;
  for (const { from, rows, block } of blocks(centred)) {
    const squares = tf.tidy(() => squaredDistances(block, centred));
    const values = squares.dataSync() as Float32Array;
    squares.dispose();
    for (let row = 0; row < rows; row++) {
      const distances = values.subarray(row * count, (row + 1) * count), point = from + row;
      for (let at = point * k; at < (point + 1) * k; at++) {
        excess += Math.max(0, rank(distances, point, indices[at]) - k);
      }
    }
  }
  centred.dispose();
  return 1 - 2 / (count * k * (2 * count - 3 * k - 1)) * excess;
}

/** The place of another point among all others of a point, by distance, then by index; 1 for the nearest. */
function rank(distances: Float32Array, point: number, other: number): number {
  const limit = distances[other];
  let nearer = 0;
  for (let at = 0; at < other; at++) nearer += distances[at] <= limit ? 1 : 0;
  for (let at = other + 1; at < distances.length; at++) nearer += distances[at] < limit ? 1 : 0;
  // The point itself was counted unless its rounding error is the larger distance.
  const itself = distances[point] < limit || distances[point] === limit && point < other;
  return itself ? nearer : nearer + 1;
}
