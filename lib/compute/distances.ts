/**
 * Distances between many points: as matrix products, a block at a time.
 *
 * @module
 */
import type { tf } from "./tf.ts";

/** Numbers in a block of distances. */
const BLOCK = 1e7;

/**
 * ‖a − b‖² of every pair, by ‖a‖² + ‖b‖² − 2 a·b: with points that were moved to
 * around 0, so that little cancels.
 *
 * @param a Points, `[rows, features]`.
 * @param b Points, `[columns, features]`.
 * @returns `[rows, columns]`, none below 0.
 */
export function squaredDistances(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D {
  const norms = a.square().sum(1, true).add(b.square().sum(1));
  return norms.sub(a.matMul(b, false, true).mul(2)).relu() as tf.Tensor2D;
}

/**
 * Rows in blocks that are small enough to be compared with all rows at once.
 *
 * @param x `[count, features]`.
 * @returns Blocks, each disposed of when the next one is asked for.
 */
export function* blocks(x: tf.Tensor2D): Generator<{ from: number; rows: number; block: tf.Tensor2D }> {
  const [count] = x.shape;
  const size = Math.max(1, Math.floor(BLOCK / count));
  for (let from = 0; from < count; from += size) {
    const rows = Math.min(size, count - from);
    const block = x.slice([from, 0], [rows, -1]);
    yield { from, rows, block };
    block.dispose();
  }
}
