/**
 * Nearest neighbours of every point, all pairs compared by matrix products:
 * |a − b|² = |a|² + |b|² − 2 a·b, on points around their mean.
 *
 * @module
 */
import { compile, dispose } from "../compute/compile.ts";
import { blocks, squaredDistances } from "../compute/distances.ts";
import { demandFinite } from "../compute/finite.ts";
import { tf } from "../compute/tf.ts";

/** The nearest neighbours of `count` points, nearest first. */
export interface Neighbours {
  /** Neighbours of a point. */
  readonly k: number;
  /** `[count · k]`: which points. */
  readonly indices: Int32Array;
  /** `[count · k]`: how far they are. */
  readonly distances: Float32Array;
}

/** Below this part of |a|² + |b|², a squared distance by products has lost too many digits. */
const CANCELLED = 1e-2;

/**
 * The k nearest other points of each point by Euclidean distance. Of points at
 * the same distance the one with the lower index comes first.
 *
 * @param x Points, `[count, features]`.
 * @param k Neighbours of each, below the number of points.
 * @returns The neighbours.
 * @throws {RangeError} k is not a whole number from 1 to count − 1, or a point is not finite.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { neighbours } from "./neighbours.ts";
 * await start();
 * const { indices, distances } = await neighbours(tf.tensor2d([[0, 0], [3, 4], [3, 3]]), 1);
 * if (indices.join() !== "2,2,1" || distances[1] !== 1) throw new Error("the nearest is another");
 * ```
 */
export async function neighbours(x: tf.Tensor2D, k: number): Promise<Neighbours> {
  const [count, features] = x.shape;
  if (!Number.isInteger(k) || k < 1 || k >= count) {
    throw new RangeError(`${count} points have 1 to ${count - 1} neighbours each, not ${k}.`);
  }
  demandFinite(x, "neighbours");
  const most = k + 1;
  const nearest = compile((block: tf.Tensor2D, all: tf.Tensor2D) => {
    const { values, indices } = tf.topk(squaredDistances(block, all).neg(), most);
    return { values, indices };
  }, { name: "nearest" });
  const centred = tf.tidy(() => x.sub(x.mean(0)) as tf.Tensor2D);
  // Not centred, which would round the small differences.
  const values = x.dataSync() as Float32Array;
  const norms = tf.tidy(() => centred.square().sum(1).dataSync());
  const indices = new Int32Array(count * k), distances = new Float32Array(count * k);
  const order = new Int32Array(most), squares = new Float64Array(most);
  for (const { from, rows, block } of blocks(centred)) {
    const found = await nearest(block, centred);
    const candidates = found.indices.dataSync(), negatives = found.values.dataSync();
    dispose(found);
    for (let row = 0; row < rows; row++) {
      const point = from + row;
      let size = 0;
      for (let at = row * most; at < (row + 1) * most; at++) {
        const other = candidates[at];
        if (other === point) continue;
        let square = -negatives[at];
        if (square < CANCELLED * (norms[point] + norms[other])) {
          square = directSquare(values, point * features, other * features, features);
        }
        // Insertion, as they come nearly sorted.
        let place = size++;
        for (
          ;
          place > 0 &&
          (squares[place - 1] > square || squares[place - 1] === square && order[place - 1] > other);
          place--
        ) {
          squares[place] = squares[place - 1];
          order[place] = order[place - 1];
        }
        squares[place] = square;
        order[place] = other;
      }
      indices.set(order.subarray(0, k), point * k);
      for (let at = 0; at < k; at++) distances[point * k + at] = Math.sqrt(squares[at]);
    }
  }
  centred.dispose();
  nearest.dispose();
  return { k, indices, distances };
}

/** The squared distance of two rows, term by term. */
function directSquare(values: Float32Array, a: number, b: number, features: number): number {
  let sum = 0;
  for (let axis = 0; axis < features; axis++) sum += (values[a + axis] - values[b + axis]) ** 2;
  return sum;
}
