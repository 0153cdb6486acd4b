/**
 * What of an image can be read off its representation: its class, coarser and finer ones, and whatever else
 * is known of it.
 *
 * @module
 */
import { z } from "zod";
import { generator } from "../base/random.ts";
import { tf } from "../compute/tf.ts";
import { adjustedMutualInformation } from "./agreement.ts";
import { kmeans, reducedDirections } from "./clusters.ts";
import { cohensKappa } from "./kappa.ts";
import { divides } from "./levels.ts";
import { checkLabelled, type Judged, type Labelled, type Metric } from "./metric.ts";
import { probe } from "./probe.ts";

/** How to look for factors. */
export interface FactorsOptions {
  /** Passes of the linear probe over the features. */
  readonly epochs: number;
  /** Starts of k-means. */
  readonly restarts: number;
  /** Most principal components that are kept for k-means. */
  readonly reduce: number;
  /**
   * Deviations of Gaussian noise, in parts of each feature's own, with which the probes of the classes, and of what
   * divides them or is divided by them, are fitted once more.
   */
  readonly noise: readonly number[];
}

/**
 * Features with Gaussian noise added: what is known of an image becomes less, but not more abstract.
 *
 * @param x `[count, features]`.
 * @param deviation The noise's, in parts of each feature's own.
 * @param seed Seed of the noise.
 * @returns `[count, features]`, the caller's to dispose.
 */
export function noisy(x: tf.Tensor2D, deviation: number, ...seed: (string | number)[]): tf.Tensor2D {
  const random = generator("noise", ...seed);
  const drawn = Float32Array.from({ length: x.size }, () => random.normal());
  return tf.tidy(() => {
    const own = tf.moments(x, 0).variance.sqrt();
    return x.add(tf.tensor2d(drawn, x.shape).mul(own.mul(deviation)));
  });
}

/** Of the classes and of each level: kappa of a linear probe, also under noise, and AMI of clusters. */
export const factorsMetric: Metric<FactorsOptions> = {
  options: z.strictObject({
    epochs: z.int().positive().default(40).describe("passes of the probe over the features"),
    restarts: z.int().positive().default(10).describe("starts of k-means"),
    reduce: z.int().positive().default(64).describe("most principal components that are kept for k-means"),
    noise: z.array(z.number().positive()).default([]).describe(
      "deviations of noise, in parts of each feature's, with which classes and what is along them are probed again",
    ),
  }),
  async measure({ train, heldOut, test, classes, seed }: Judged, { epochs, restarts, reduce, noise }) {
    const sets = { train, heldOut, test };
    checkLabelled(sets, classes);
    const groupings = Object.values(sets).map(({ labels, levels }): Required<Labelled>["levels"] => ({
      ...{ classes: labels, ...levels },
    }));
    const names = Object.keys(groupings[2]), found: Record<string, number> = {};
    const along = (name: string) =>
      divides(groupings[2][name], test.labels) || divides(test.labels, groupings[2][name]);
    for (const deviation of [0, ...noise]) {
      const features = Object.entries(sets).map(([name, { features }]) =>
        deviation === 0 ? features : noisy(features, deviation, seed, name)
      );
      for (const name of deviation === 0 ? names : names.filter(along)) {
        const [fit, choice, judged] = features.map((features, at): Labelled => ({
          features,
          labels: groupings[at][name],
        }));
        const { predictions } = await probe({
          ...{ train: fit, validation: choice, test: judged, epochs, seed, protocol: "standard" },
          classes: 1 +
            Math.max(...[fit, choice, judged].flatMap(({ labels }) => [...new Set<number>(labels)])),
        });
        found[`kappa of ${name}${deviation === 0 ? "" : ` at noise ${deviation}`} %`] = 100 *
          cohensKappa(predictions, judged.labels);
      }
      if (deviation > 0) tf.dispose(features);
    }
    const points = reducedDirections(test.features, reduce);
    for (const name of names) {
      const labels = groupings[2][name];
      const { assignment } = await kmeans(points, new Set(labels).size, seed, restarts);
      found[`AMI of ${name} %`] = 100 * adjustedMutualInformation(assignment, labels);
    }
    points.dispose();
    return found;
  },
};
