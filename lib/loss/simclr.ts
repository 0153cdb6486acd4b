/**
 * SimCLR's NT-Xent (Chen et al. 2020, https://arxiv.org/abs/2002.05709).
 *
 * @module
 */
import { z } from "zod";
import { gram } from "../compute/ops.ts";
import { tf } from "../compute/tf.ts";
import { cosine, demandPairs, unit } from "./pairs.ts";

/** Option of SimCLR. */
export interface SimclrOptions {
  /** Temperature τ of the similarities. */
  readonly temperature: number;
}

/** {@link SimclrOptions} in a spec; the authors' τ for CIFAR-10. */
export const simclrOptions: z.ZodObject = z.strictObject({
  temperature: z.number().positive().default(0.5).describe("temperature τ of the similarities"),
});

/** The two terms and the loss, which is their sum. */
export type SimclrTerms = Readonly<Record<"total" | "alignment" | "uniformity", tf.Scalar>>;

/** Takes an image's similarity with itself out of a sum of exponentials. */
const NEVER = 1e9;

/**
 * The mean over both views of all images of −log (exp(s(z, z′)/τ) / Σ exp(s(z, other)/τ)): s the cosine, z′ the
 * image's other view, the sum over all embeddings of the batch but z.
 *
 * @param z1 Embeddings of the first views, `[batch, features]`, batch at least 2.
 * @param z2 Embeddings of the second views, `[batch, features]`.
 * @param options τ.
 * @returns −s(z, z′)/τ, the logarithm of the sum, and the loss.
 * @throws {RangeError} The shapes differ or the batch has fewer than 2 rows.
 */
export function simclr(z1: tf.Tensor2D, z2: tf.Tensor2D, { temperature }: SimclrOptions): SimclrTerms {
  demandPairs("SimCLR", z1, z2);
  const all = unit(tf.concat([z1, z2], 0));
  const similarities = gram(all.transpose()).div(temperature).sub(tf.eye(all.shape[0]).mul(NEVER));
  const alignment = cosine(z1, z2).div(-temperature);
  const uniformity = similarities.logSumExp(1).mean();
  return { alignment, uniformity, total: alignment.add(uniformity) } as SimclrTerms;
}
