/**
 * VICReg (Bardes et al. 2022, https://arxiv.org/abs/2105.04906) as its authors
 * implement it; the paper's Equation 1.
 *
 * @module
 */
import { z } from "zod";
import { tf } from "../compute/tf.ts";
import { gram, relu } from "../compute/ops.ts";
import { demandPairs } from "./pairs.ts";

/** Weights of the three terms; the paper's λ, µ and υ. */
export interface VicregWeights {
  /** λ: of how far the two embeddings of an image are apart. */
  readonly invariance: number;
  /** µ: of how far a feature's deviation is below 1. */
  readonly variance: number;
  /** υ: of how much features repeat each other. */
  readonly covariance: number;
}

const weight = z.number().nonnegative();

/** {@link VicregWeights} in a spec. */
export const vicregOptions: z.ZodObject = z.strictObject({
  invariance: weight.default(25).describe("weight λ: how far the two embeddings of an image are apart"),
  variance: weight.default(25).describe("weight µ: how far a feature's deviation is below 1"),
  covariance: weight.default(1).describe("weight υ: how much features repeat each other"),
});

/** The three terms, unweighted, and their weighted sum. */
export type VicregTerms = Readonly<Record<"total" | "invariance" | "variance" | "covariance", tf.Scalar>>;

/**
 * ℓ(Z₁, Z₂) = λ s(Z₁, Z₂) + µ [v(Z₁) + v(Z₂)] + υ [c(Z₁) + c(Z₂)].
 *
 * @param z1 Embeddings of the first views, `[batch, features]`, batch at least 2.
 * @param z2 Embeddings of the second views, `[batch, features]`.
 * @param weights λ, µ and υ.
 * @returns The terms s, v(Z₁) + v(Z₂), c(Z₁) + c(Z₂) and the loss ℓ.
 * @throws {RangeError} The shapes differ or the batch has fewer than 2 rows.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { vicreg } from "./vicreg.ts";
 * await start();
 * const z = tf.tensor2d([[1, -1], [-1, 1], [1, 1], [-1, -1]]);
 * const { invariance } = vicreg(z, z, { invariance: 25, variance: 25, covariance: 1 });
 * if (invariance.dataSync()[0] !== 0) throw new Error("equal views differ");
 * ```
 */
export function vicreg(z1: tf.Tensor2D, z2: tf.Tensor2D, weights: VicregWeights): VicregTerms {
  demandPairs("VICReg", z1, z2);
  const centred = [z1, z2].map((z) => z.sub(z.mean(0)));
  const invariance = z1.sub(z2).square().mean();
  const variance = centred.map(varianceTerm).reduce((a, b) => a.add(b));
  const covariance = centred.map(covarianceTerm).reduce((a, b) => a.add(b));
  const total = invariance.mul(weights.invariance)
    .add(variance.mul(weights.variance))
    .add(covariance.mul(weights.covariance));
  return { invariance, variance, covariance, total } as VicregTerms;
}

/** v(Z) = ½ · mean over features of max(0, 1 − √(Var + 1e-4)): each feature keeps a deviation of at least 1. */
function varianceTerm(centred: tf.Tensor): tf.Tensor {
  const variance = centred.square().sum(0).div(centred.shape[0] - 1);
  return relu(tf.sub(1, variance.add(1e-4).sqrt())).mean().div(2);
}

/** c(Z) = (1/D) · Σ over i ≠ j of Cov(Z)ᵢⱼ²: features do not repeat each other. */
function covarianceTerm(centred: tf.Tensor): tf.Tensor {
  const [batch, features] = centred.shape;
  const covariance = gram(centred as tf.Tensor2D).div(batch - 1);
  const diagonal = centred.square().sum(0).div(batch - 1);
  return covariance.square().sum().sub(diagonal.square().sum()).div(features);
}
