/**
 * Barlow Twins (Zbontar et al. 2021, https://arxiv.org/abs/2103.03230).
 *
 * @module
 */
import { z } from "zod";
import { cross } from "../compute/ops.ts";
import { tf } from "../compute/tf.ts";
import { demandPairs, standardised } from "./pairs.ts";

/** Weights of Barlow Twins. */
export interface BarlowTwinsOptions {
  /** Weight λ of the redundancy term. */
  readonly redundancy: number;
  /** Factor of the whole. */
  readonly scale: number;
}

/** {@link BarlowTwinsOptions} in a spec; the authors' λ. */
export const barlowTwinsOptions: z.ZodObject = z.strictObject({
  redundancy: z.number().nonnegative().default(0.0051).describe(
    "weight λ: how much features repeat each other",
  ),
  scale: z.number().positive().default(1).describe("factor of the whole"),
});

/** The two terms, unscaled, and their weighted sum. */
export type BarlowTwinsTerms = Readonly<Record<"total" | "invariance" | "redundancy", tf.Scalar>>;

/**
 * ℓ = Σᵢ (1 − Cᵢᵢ)² + λ Σ over i ≠ j of Cᵢⱼ², C = Ẑ₁ᵀẐ₂ / batch of embeddings standardised over the batch.
 *
 * @param z1 Embeddings of the first views, `[batch, features]`, batch at least 2.
 * @param z2 Embeddings of the second views, `[batch, features]`.
 * @param options λ and scale.
 * @returns Both terms and the loss.
 * @throws {RangeError} The shapes differ or the batch has fewer than 2 rows.
 */
export function barlowTwins(
  z1: tf.Tensor2D,
  z2: tf.Tensor2D,
  { redundancy: lambda, scale }: BarlowTwinsOptions,
): BarlowTwinsTerms {
  demandPairs("Barlow Twins", z1, z2);
  const [a, b] = [standardised(z1), standardised(z2)], [batch] = z1.shape;
  const diagonal = a.mul(b).mean(0);
  const invariance = tf.sub(1, diagonal).square().sum();
  const redundancy = cross(a, b).div(batch).square().sum().sub(diagonal.square().sum());
  const total = invariance.add(redundancy.mul(lambda)).mul(scale);
  return { invariance, redundancy, total } as BarlowTwinsTerms;
}
