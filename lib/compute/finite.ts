/**
 * Numbers that are none: a NaN goes through comparisons, argmax and clipping, and
 * comes out as an accuracy, a cluster or a place on a map that nobody doubts.
 *
 * @module
 */
import { tf } from "./tf.ts";

/**
 * Looks for a row of which nothing can be measured.
 *
 * @param x `[count, features]`.
 * @returns The first row that holds NaN, an infinite number or numbers whose squares do not fit into
 * float32, and what it holds; undefined if there is none.
 */
export function nonFiniteRow(x: tf.Tensor2D): { row: number; holds: string } | undefined {
  const row = tf.tidy(() => x.square().sum(1).dataSync()).findIndex((sum) => !Number.isFinite(sum));
  if (row < 0) return;
  const values = tf.tidy(() => x.slice([row, 0], [1, -1]).dataSync<"float32">());
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) return { row, holds: `${values[at]} at position ${at}` };
  const largest = values.reduce((largest, value) => Math.max(largest, Math.abs(value)));
  return { row, holds: `${largest.toPrecision(2)}, whose square does not fit into float32` };
}

/**
 * Checks that all rows can be measured.
 *
 * @param x `[count, features]`.
 * @param what What they are, for the message.
 * @throws {RangeError} A row holds NaN, an infinite number or numbers whose squares do not fit into float32.
 * @example
 * ```ts
 * import { start } from "./backend.ts";
 * import { demandFinite } from "./finite.ts";
 * import { tf } from "./tf.ts";
 * await start();
 * demandFinite(tf.tensor2d([[1, -2]]), "points");
 * ```
 */
export function demandFinite(x: tf.Tensor2D, what: string): void {
  const found = nonFiniteRow(x);
  if (found) throw new RangeError(`${what}: expected finite numbers, row ${found.row} holds ${found.holds}.`);
}
