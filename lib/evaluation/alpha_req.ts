/**
 * α-ReQ (Agrawal et al. 2022, https://arxiv.org/abs/2202.05808): how fast the variance of a
 * representation falls off over its principal directions, α in λⱼ ∝ j^−α, λⱼ the eigenvalues of its
 * covariance, largest first.
 *
 * @module
 */
import { z } from "zod";
import { demandFinite } from "../compute/finite.ts";
import { tf } from "../compute/tf.ts";
import type { Metric } from "./metric.ts";
import { singularValues } from "./rank.ts";

/** Which eigenvalues the law is fitted to. */
export interface AlphaReqOptions {
  /** The first one, from 1 on; the middle one of those up to the last, if that comes before. */
  readonly first: number;
  /** The last one; the last that there is, if there are fewer. */
  readonly last: number;
}

/** Eigenvalues below so much of the largest one are rounding: float32's relative error, squared, and what adds to it. */
const ROUNDING = 1e-12;

/**
 * Fits the power law by least squares of log λ over log j, each j with weight 1 / j, as all octaves of j then
 * weigh the same (Stringer et al. 2019, https://doi.org/10.1038/s41586-019-1346-5).
 *
 * @param x Representations, `[count, features]`.
 * @param range Which eigenvalues; those that are rounding do not count.
 * @returns α: 0 if all directions vary alike, and larger the fewer do.
 * @throws {RangeError} Fewer than two directions vary, the range has no two eigenvalues, or a number is not finite.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { alphaReq } from "./alpha_req.ts";
 * await start();
 * const alpha = alphaReq(tf.tensor2d([[2, 0], [-2, 0], [0, 1], [0, -1]]), { first: 1, last: 2 });
 * if (Math.abs(alpha - 2) > 1e-6) throw new Error("the second variance is a quarter of the first");
 * ```
 */
export function alphaReq(x: tf.Tensor2D, { first, last }: AlphaReqOptions): number {
  demandFinite(x, "α-ReQ");
  if (!(first >= 1 && first < last)) {
    throw new RangeError(
      `α-ReQ is fitted to a first eigenvalue and to later ones, not to ${first} to ${last}.`,
    );
  }
  const centred = tf.tidy(() => x.sub(x.mean(0)) as tf.Tensor2D);
  const eigenvalues = singularValues(centred).map((value) => value ** 2);
  centred.dispose();
  const varying = eigenvalues.filter((value) => value > ROUNDING * eigenvalues[0]);
  if (varying.length < 2) {
    throw new RangeError(
      `Representations of shape [${x.shape}] vary in ${varying.length} directions; a power law needs two.`,
    );
  }
  const end = Math.min(last, varying.length), from = Math.min(first, Math.ceil(end / 2));
  const points = varying.slice(from - 1, end).map((value, at) => {
    const j = from + at;
    return { weight: 1 / j, x: Math.log(j), y: Math.log(value) };
  });
  const mean = (of: (point: typeof points[number]) => number) =>
    points.reduce((sum, point) => sum + point.weight * of(point), 0) /
    points.reduce((sum, { weight }) => sum + weight, 0);
  const meanX = mean(({ x }) => x), meanY = mean(({ y }) => y);
  return mean(({ x, y }) => (meanX - x) * (y - meanY)) / mean(({ x }) => (x - meanX) ** 2);
}

/** α-ReQ of the test images, by eigenvalues 6 to 100 as in its authors' reptrix. */
export const alphaReqMetric: Metric<AlphaReqOptions> = {
  options: z.strictObject({
    first: z.int().positive().default(6).describe("first eigenvalue that the law is fitted to"),
    last: z.int().min(2).default(100).describe("last one"),
  }),
  measure: ({ test }, options) => ({ "α-ReQ": alphaReq(test.features, options) }),
};
