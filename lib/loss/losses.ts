/**
 * The losses that a level can have, by name. A new one is a file beside this one
 * and a line in {@link LOSSES}.
 *
 * @module
 */
import type { z } from "zod";
import type { tf } from "../compute/tf.ts";
import { barlowTwins, barlowTwinsOptions } from "./barlow_twins.ts";
import { byol, byolOptions } from "./byol.ts";
import { predictive, predictiveOptions } from "./predictive.ts";
import { simclr, simclrOptions } from "./simclr.ts";
import { simsiam, simsiamOptions } from "./simsiam.ts";
import { supervised, supervisedOptions } from "./supervised.ts";
import { vicreg, vicregOptions } from "./vicreg.ts";

/** What a loss is made of: its terms, unweighted, by name, and `total`, which is minimised. */
export type Terms = { readonly total: tf.Scalar } & { readonly [term: string]: tf.Scalar };

/** Of the first and of the second views, `[batch, features]` each. */
export type Both = readonly [first: tf.Tensor2D, second: tf.Tensor2D];

/** What a loss is given beside the embeddings, where its options ask for it. */
export interface Aids {
  /** With an option `predictor`, widths of its layers: what a predictor makes of the embeddings. */
  readonly predicted: Both;
  /** With an option `momentum`: the embeddings by a network that follows the trained one; no gradient reaches it. */
  readonly targets: Both;
  /** With an option `labels`, the name of what is to be told: it as numbers, `[batch]`. */
  readonly labels: tf.Tensor1D;
  /** With an option `condition`: the maps that the level was given, a row an image. */
  readonly given: Both;
}

/** A loss of two batches of embeddings. */
interface Loss<Options> {
  /**
   * Its options in a spec. Five have a meaning for the training step, too: `predictor`, `momentum`, `labels` and
   * `condition` ({@link Aids}), and `standardised`: embeddings have mean 0 and deviation 1 over the batch.
   */
  readonly options: z.ZodObject;
  /** Its terms, of embeddings `[batch, features]` of the first and the second views. */
  readonly terms: (z1: tf.Tensor2D, z2: tf.Tensor2D, options: Options, aids: Aids) => Terms;
}

/** All losses. */
export const LOSSES = {
  "barlow-twins": { options: barlowTwinsOptions, terms: barlowTwins },
  byol: { options: byolOptions, terms: byol },
  predictive: { options: predictiveOptions, terms: predictive },
  simclr: { options: simclrOptions, terms: simclr },
  simsiam: { options: simsiamOptions, terms: simsiam },
  supervised: { options: supervisedOptions, terms: supervised },
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
 * @param aids What its options ask for.
 * @returns Its terms.
 * @throws {RangeError} The embeddings do not fit the loss.
 */
export function loss(
  config: LossConfig,
  z1: tf.Tensor2D,
  z2: tf.Tensor2D,
  aids: Partial<Aids> = {},
): Terms {
  return (LOSSES[config.name] as Loss<LossConfig>).terms(z1, z2, config, aids as Aids);
}
