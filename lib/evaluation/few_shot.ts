/**
 * Few-shot classification by the nearest class mean (Snell et al. 2017, https://arxiv.org/abs/1703.05175).
 *
 * @module
 */
import { z } from "zod";
import { generator, permutation } from "../base/random.ts";
import { tf } from "../compute/tf.ts";
import { accuracy, checkLabelled, type Judged, type Metric } from "./metric.ts";

/** How many images a class. */
export interface FewShotOptions {
  /** Images a class that are known. */
  readonly shots: readonly number[];
  /** How often they are drawn anew. */
  readonly draws: number;
}

/**
 * Knows some training images of each class, and takes a test image for the class whose mean direction is nearest.
 *
 * @param judged The representations.
 * @param options How many images, and how often.
 * @returns For each number of images the mean over the draws of the percent that is right, and their deviation.
 * @throws {RangeError} A class has fewer images, or a feature is not finite.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { fewShot } from "./few_shot.ts";
 * await start();
 * const set = { features: tf.tensor2d([[9, 1], [1, 9]]), labels: Uint8Array.of(0, 1) };
 * const judged = { train: set, heldOut: set, test: set, classes: 2, seed: 0 };
 * if (fewShot(judged, { shots: [1], draws: 5 })["1-shot %"] !== 100) throw new Error("they are far apart");
 * ```
 */
export function fewShot(
  { train, test, classes, seed }: Judged,
  { shots, draws }: FewShotOptions,
): Record<string, number> {
  checkLabelled({ train, test }, classes);
  const members = Map.groupBy(train.labels.keys(), (at) => train.labels[at]);
  const found: Record<string, number> = {};
  for (const shot of shots) {
    const percents = Array.from({ length: draws }, (_, draw) => {
      const known = Array.from({ length: classes }, (_, label) => {
        const all = members.get(label) ?? [];
        if (all.length < shot) {
          throw new RangeError(`Class ${label} has ${all.length} training images, fewer than ${shot} shots.`);
        }
        const order = permutation(all.length, generator("few-shot", seed, draw, label));
        return Array.from(order.subarray(0, shot), (at) => all[at]);
      });
      return 100 * accuracy(nearestMean(train.features, known, test.features), test.labels);
    });
    const mean = percents.reduce((sum, percent) => sum + percent, 0) / draws;
    const squares = percents.reduce((sum, percent) => sum + (percent - mean) ** 2, 0);
    found[`${shot}-shot %`] = mean;
    if (draws > 1) found[`${shot}-shot ±`] = Math.sqrt(squares / (draws - 1));
  }
  return found;
}

/** The class of each query whose known images' mean direction is nearest to its own. */
function nearestMean(bank: tf.Tensor2D, known: readonly number[][], queries: tf.Tensor2D): ArrayLike<number> {
  return tf.tidy(() => {
    const unit = (x: tf.Tensor) => x.div(x.norm("euclidean", -1, true).add(1e-12));
    const chosen = unit(tf.gather(bank, known.flat())).reshape([known.length, known[0].length, -1]);
    return tf.matMul(unit(queries), unit(chosen.mean(1)), false, true).argMax(1).dataSync();
  });
}

const whole = z.int().positive();

/** 1, 5, 10 and 50 images a class, five draws. */
export const fewShotMetric: Metric<FewShotOptions> = {
  options: z.strictObject({
    shots: z.array(whole).min(1).default([1, 5, 10, 50]).describe("images a class that are known"),
    draws: whole.default(5).describe("how often they are drawn anew"),
  }),
  measure: fewShot,
};
