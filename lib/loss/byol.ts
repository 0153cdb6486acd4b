/**
 * BYOL (Grill et al. 2020, https://arxiv.org/abs/2006.07733).
 *
 * @module
 */
import { z } from "zod";
import { tf } from "../compute/tf.ts";
import type { Aids } from "./losses.ts";
import { cosine, demandPairs } from "./pairs.ts";

/** Options of BYOL. */
export interface ByolOptions {
  /** Widths of the predictor's layers; the last one is the embedding's. */
  readonly predictor: readonly number[];
  /** How much of itself the momentum network keeps in the first step; it rises to 1 along a cosine. */
  readonly momentum: number;
}

const width = z.int().positive();

/** {@link ByolOptions} in a spec; the authors' momentum. */
export const byolOptions: z.ZodObject = z.strictObject({
  predictor: z.array(width).min(1).describe(
    "widths of the predictor's layers; the last one is the embedding's",
  ),
  momentum: z.number().min(0).max(1).default(0.996).describe(
    "how much of itself the momentum network keeps in the first step; it rises to 1 along a cosine",
  ),
});

/**
 * 2 − 2 cos(p₁, t₂) + 2 − 2 cos(p₂, t₁): p what the predictor makes of the embeddings, t the momentum network's.
 *
 * @param z1 Embeddings of the first views, `[batch, features]`, batch at least 2.
 * @param z2 Embeddings of the second views, `[batch, features]`.
 * @param _ Options, which the training step has looked at.
 * @param aids What the predictor and the momentum network made.
 * @returns The loss, from 0 to 8.
 * @throws {RangeError} The shapes differ or the batch has fewer than 2 rows.
 */
export function byol(
  z1: tf.Tensor2D,
  z2: tf.Tensor2D,
  _: ByolOptions,
  { predicted: [p1, p2], targets: [t1, t2] }: Aids,
): { readonly total: tf.Scalar } {
  demandPairs("BYOL", z1, z2);
  demandPairs("BYOL's predictor", z1, p1);
  return { total: tf.sub(4, cosine(p1, t2).add(cosine(p2, t1)).mul(2)) as tf.Scalar };
}
