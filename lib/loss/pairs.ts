/**
 * What losses of pairs of embeddings have in common.
 *
 * @module
 */
import type { tf } from "../compute/tf.ts";

/**
 * Checks that embeddings are pairs.
 *
 * @param name The loss, for the message.
 * @param z1 Of the first views.
 * @param z2 Of the second views, or what is compared with the first.
 * @throws {RangeError} The shapes differ, or the batch has fewer than 2 rows.
 */
export function demandPairs(name: string, z1: tf.Tensor, z2: tf.Tensor): void {
  if (z1.rank === 2 && z1.shape.join() === z2.shape.join() && z1.shape[0] >= 2) return;
  throw new RangeError(
    `${name} needs two batches of embeddings of one shape [batch ≥ 2, features], not [${z1.shape}] and [${z2.shape}].`,
  );
}

/** Each row divided by its length. */
export function unit(z: tf.Tensor2D): tf.Tensor2D {
  return z.div(z.square().sum(1, true).sqrt().add(1e-12));
}

/** The mean over the batch of the cosine of each row with the same row of the other. */
export function cosine(a: tf.Tensor2D, b: tf.Tensor2D): tf.Scalar {
  return unit(a).mul(unit(b)).sum(1).mean();
}

/** Each feature with mean 0 and deviation 1 over the batch: batch norm without parameters. */
export function standardised(z: tf.Tensor2D): tf.Tensor2D {
  const centred = z.sub(z.mean(0));
  return centred.div(centred.square().mean(0).add(1e-5).sqrt());
}
