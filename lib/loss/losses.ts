/**
 * The losses that a level can have, by name. A new one is a file beside this one
 * and a line in {@link LOSSES}.
 *
 * @module
 */
import type { z } from "zod";
import type { tf } from "../compute/tf.ts";
import { vicreg, vicregOptions } from "./vicreg.ts";

/** What a loss is made of: its terms, unweighted, by name, and `total`, which is minimised. */
export type Terms = { readonly total: tf.Scalar } & { readonly [term: string]: tf.Scalar };

/** A loss of two batches of embeddings. */
interface Loss<Options> {
  /** Its options in a spec. */
  readonly options: z.ZodObject;
  /** Its terms, of embeddings `[batch, features]` of the first and the second views. */
  readonly terms: (z1: tf.Tensor2D, z2: tf.Tensor2D, options: Options) => Terms;
}

/** All losses. */
export const LOSSES = {
  vicreg: { options: vicregOptions, terms: vicreg },
} as const satisfies Record<string, Loss<never>>;

/** Name of a loss. */
export type LossName = keyof typeof LOSSES;

/** A loss with its options. */
export type LossConfig = {
  [Name in LossName]: { readonly name: Name } & Parameters<(typeof LOSSES)[Name]["terms"]>[2];
}[LossName];

/**
 * Applies a loss.
 *
 * @param config Which one.
 * @param z1 Embeddings of the first views, `[batch, features]`.
 * @param z2 Embeddings of the second views, `[batch, features]`.
 * @returns Its terms.
 * @throws {RangeError} The embeddings do not fit the loss.
 */
export function loss(config: LossConfig, z1: tf.Tensor2D, z2: tf.Tensor2D): Terms {
  return (LOSSES[config.name] as Loss<LossConfig>).terms(z1, z2, config);
}
