/**
 * RankMe (Garrido et al. 2023, https://arxiv.org/abs/2210.02885): how many
 * directions a representation uses, exp(−Σ p log p) with p = σ / Σσ over the
 * singular values σ of the representations.
 *
 * @module
 */
import { z } from "zod";
import { eigen } from "../compute/eigen.ts";
import { demandFinite } from "../compute/finite.ts";
import type { tf } from "../compute/tf.ts";
import type { Metric } from "./metric.ts";

/**
 * The effective rank of representations.
 *
 * @param x `[count, features]`.
 * @returns From 1, a representation collapsed to a line, to min(count, features).
 * @throws {RangeError} There are no numbers, all are zero, or one is not finite.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { rankMe } from "./rank.ts";
 * await start();
 * const rank = rankMe(tf.tensor2d([[1, 0], [-1, 0], [0, 1], [0, -1]]));
 * if (Math.abs(rank - 2) > 1e-3) throw new Error("both directions are used alike");
 * ```
 */
export function rankMe(x: tf.Tensor2D): number {
  demandFinite(x, "RankMe");
  const values = singularValues(x);
  if (!(values[0] > 0)) {
    throw new RangeError(`Representations of shape [${x.shape}] that are all zero have no rank.`);
  }
  return effectiveRank(values);
}

/**
 * How many values there are, if the small ones count less: exp(−Σ p log p) with p = value / Σ values.
 *
 * @param values None below 0, and not all 0.
 * @returns From 1, a single one that is not 0, to the number of values, all alike.
 */
export function effectiveRank(values: readonly number[]): number {
  const sum = values.reduce((a, b) => a + b, 0);
  return Math.exp(
    -values.reduce((entropy, value) => {
      const part = value / sum;
      return entropy + (part > 0 ? part * Math.log(part) : 0);
    }, 0),
  );
}

/**
 * In float64 throughout: squares of small singular values would be lost in float32's products.
 *
 * @param x `[count, features]`, all finite.
 * @returns The min(count, features) singular values, largest first.
 */
export function singularValues(x: tf.Tensor2D): number[] {
  const [count, features] = x.shape, data = x.dataSync();
  // Of XᵀX and XXᵀ, which have the same eigenvalues, the smaller matrix: products of columns, or of rows.
  const wide = features > count, size = Math.min(count, features), length = Math.max(count, features);
  const vectors = new Float64Array(size * length);
  for (let at = 0; at < data.length; at++) {
    const row = Math.floor(at / features), column = at % features;
    vectors[wide ? at : column * count + row] = data[at];
  }
  return Array.from(eigen(products(vectors, size), size).values, (value) => Math.sqrt(Math.max(value, 0)));
}

/**
 * The products of every two vectors, in float64.
 *
 * @param vectors `[size · length]`, one after the other.
 * @param size How many.
 * @returns `[size · size]`, symmetric.
 */
export function products(vectors: Float64Array, size: number): Float64Array {
  const length = vectors.length / size, found = new Float64Array(size * size);
  for (let one = 0; one < size; one++) {
    for (let other = 0; other <= one; other++) {
      let sum = 0;
      for (let a = one * length, b = other * length, end = a + length; a < end; a++, b++) {
        sum += vectors[a] * vectors[b];
      }
      found[one * size + other] = found[other * size + one] = sum;
    }
  }
  return found;
}

/** RankMe of the test images. */
export const rankMetric: Metric<unknown> = {
  options: z.strictObject({}),
  measure: ({ test }) => ({ RankMe: rankMe(test.features) }),
};
