/**
 * Cross-entropy with known classes: the positive control of whatever is asked of self-supervised encoders.
 *
 * @module
 */
import { z } from "zod";
import { tf } from "../compute/tf.ts";
import type { Aids } from "./losses.ts";
import { demandPairs } from "./pairs.ts";

/** Option of the supervised loss. */
export interface SupervisedOptions {
  /** What is to be told from the image: `classes`, or one of the data set's levels. */
  readonly labels: string;
}

/** {@link SupervisedOptions} in a spec. */
export const supervisedOptions: z.ZodObject = z.strictObject({
  labels: z.string().min(1).default("classes").describe(
    "what is told: classes, or one of the data set's levels",
  ),
});

/**
 * −log softmax(z) at the label, the mean over both views of all images; embeddings are the logits.
 *
 * @param z1 Logits of the first views, `[batch, classes]`, batch at least 2.
 * @param z2 Logits of the second views, `[batch, classes]`.
 * @param _ Options, which the training step has looked at.
 * @param aids The labels.
 * @returns The loss in nats.
 * @throws {RangeError} The shapes differ or the batch has fewer than 2 rows.
 */
export function supervised(
  z1: tf.Tensor2D,
  z2: tf.Tensor2D,
  _: SupervisedOptions,
  { labels }: Pick<Aids, "labels">,
): { readonly total: tf.Scalar } {
  demandPairs("The supervised loss", z1, z2);
  const wanted = tf.oneHot(labels, z1.shape[1]).cast("float32");
  const [first, second] = [z1, z2].map((z) => z.logSumExp(1).sub(z.mul(wanted).sum(1)).mean());
  return { total: first.add(second).div(2) };
}
