/**
 * SimSiam (Chen & He 2021, https://arxiv.org/abs/2011.10566).
 *
 * @module
 */
import { z } from "zod";
import { stopGradient } from "../compute/ops.ts";
import type { tf } from "../compute/tf.ts";
import type { Aids } from "./losses.ts";
import { cosine, demandPairs } from "./pairs.ts";

/** Options of SimSiam. */
export interface SimsiamOptions {
  /** Widths of the predictor's layers; the last one is the embedding's. */
  readonly predictor: readonly number[];
  /** Whether embeddings are standardised over the batch, as by the authors' last batch norm. */
  readonly standardised: boolean;
}

const width = z.int().positive();

/** {@link SimsiamOptions} in a spec. */
export const simsiamOptions: z.ZodObject = z.strictObject({
  predictor: z.array(width).min(1).describe(
    "widths of the predictor's layers; the last one is the embedding's",
  ),
  standardised: z.boolean().default(true).describe("embeddings of mean 0 and deviation 1 over the batch"),
});

/**
 * −½ cos(p₁, z₂) − ½ cos(p₂, z₁), p what the predictor makes of z; no gradient passes z.
 *
 * @param z1 Embeddings of the first views, `[batch, features]`, batch at least 2.
 * @param z2 Embeddings of the second views, `[batch, features]`.
 * @param _ Options, which the training step has looked at.
 * @param aids What the predictor made of the embeddings.
 * @returns The loss, from −1 to 1.
 * @throws {RangeError} The shapes differ or the batch has fewer than 2 rows.
 */
export function simsiam(
  z1: tf.Tensor2D,
  z2: tf.Tensor2D,
  _: SimsiamOptions,
  { predicted: [p1, p2] }: Pick<Aids, "predicted">,
): { readonly total: tf.Scalar } {
  demandPairs("SimSiam", z1, z2);
  demandPairs("SimSiam's predictor", z1, p1);
  return { total: cosine(p1, stopGradient(z2)).add(cosine(p2, stopGradient(z1))).mul(-0.5) };
}
