/**
 * Prediction in the space of representations: a level tells, from one view, the map that it would be given of the
 * other (as I-JEPA does of masked blocks: Assran et al. 2023, https://arxiv.org/abs/2301.08243).
 *
 * @module
 */
import { z } from "zod";
import { stopGradient } from "../compute/ops.ts";
import type { tf } from "../compute/tf.ts";
import type { Aids } from "./losses.ts";
import { demandPairs, standardised } from "./pairs.ts";

/** Options of prediction. */
export interface PredictiveOptions {
  /** Widths of the predictor's hidden layers; its last layer is as wide as the map is large. */
  readonly predictor: readonly number[];
  /** What the predictor is told beside the embedding: where both views were cropped, or nothing. */
  readonly condition: "crops" | "none";
  /** Whose map is predicted: the other view's, or, as a control, the view's own. */
  readonly target: "other" | "own";
}

const width = z.int().positive();

/** {@link PredictiveOptions} in a spec. */
export const predictiveOptions: z.ZodObject = z.strictObject({
  predictor: z.array(width).default([512, 512]).describe(
    "widths of the predictor's hidden layers; its last layer is as wide as the map is large",
  ),
  condition: z.enum(["crops", "none"]).default("crops")
    .describe("what the predictor is told: where both views were cropped, or nothing"),
  target: z.enum(["other", "own"]).default("other")
    .describe("whose map is predicted: the other view's, or the view's own"),
});

/**
 * The part of the maps' variance over the batch that is not predicted: the mean, over features and both views, of
 * (p − t)², p what the predictor makes of a view, t the map, standardised over the batch. No gradient reaches the map.
 *
 * @param z1 Embeddings of the first views, `[batch, features]`, batch at least 2.
 * @param z2 Embeddings of the second views, `[batch, features]`.
 * @param options Whose map is predicted.
 * @param aids What the predictor made, and the maps that the level was given.
 * @returns The loss: 0 where all is known, about 1 where nothing is.
 * @throws {RangeError} The shapes differ or the batch has fewer than 2 rows.
 */
export function predictive(
  z1: tf.Tensor2D,
  z2: tf.Tensor2D,
  { target }: PredictiveOptions,
  { predicted: [p1, p2], given: [m1, m2] }: Pick<Aids, "predicted" | "given">,
): { readonly total: tf.Scalar } {
  demandPairs("Prediction", z1, z2);
  demandPairs("A predictor of maps", m1, p1);
  const [t1, t2] = target === "other" ? [m2, m1] : [m1, m2];
  const unknown = (p: tf.Tensor2D, t: tf.Tensor2D) => p.sub(stopGradient(standardised(t))).square().mean();
  return { total: unknown(p1, t1).add(unknown(p2, t2)).div(2) };
}
