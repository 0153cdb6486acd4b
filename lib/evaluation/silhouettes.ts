/**
 * Silhouettes that mean something: how far that of points is above what a cloud without structure has.
 *
 * @module
 */
import { z } from "zod";
import { generator } from "../base/random.ts";
import { tf } from "../compute/tf.ts";
import { kmeans, silhouette } from "./clusters.ts";
import { checkLabelled, type Judged, type Metric } from "./metric.ts";

/** How to cluster. */
export interface SilhouettesOptions {
  /** Numbers of clusters, of which the one with the largest silhouette counts; those that there are no points for do not. */
  readonly k: readonly number[];
  /** Starts of k-means. */
  readonly restarts: number;
}

/** Silhouettes of the same clustering. */
export interface Silhouettes {
  /** Of the points. */
  readonly points: number;
  /** Of a Gaussian sample of the points' mean and covariance. */
  readonly gaussian: number;
}

/**
 * A Gaussian sample of as many points, of the same mean and covariance: sums of the points' deviations from
 * their mean, weighted by count² normal numbers. Where there are not many more points than features, a sample of
 * their covariance is more stretched than they are.
 *
 * @param x Points, `[count, features]`, at least two.
 * @param seed Seed of the numbers.
 * @returns `[count, features]`.
 */
export function gaussianOf(x: tf.Tensor2D, seed: number): tf.Tensor2D {
  const [count] = x.shape, random = generator("gaussian", seed);
  const weights = new Float32Array(count * count);
  for (let at = 0; at < weights.length; at++) weights[at] = random.normal();
  return tf.tidy(() => {
    const mean = x.mean(0), deviations = x.sub(mean).div(Math.sqrt(count - 1)) as tf.Tensor2D;
    return tf.matMul(tf.tensor2d(weights, [count, count]), deviations).add(mean) as tf.Tensor2D;
  });
}

/**
 * The largest silhouette of points over several numbers of clusters, and that of a Gaussian sample that is
 * clustered in the same way.
 *
 * @param x Points, `[count, features]`.
 * @param seed Seed of the sample and of k-means.
 * @param options How to cluster.
 * @returns Both, −1..1; 0 of points that are all the same.
 * @throws {RangeError} There are as few points as clusters, or one is not finite.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { silhouettes } from "./silhouettes.ts";
 * await start();
 * const clumps = tf.tensor2d(Array.from({ length: 60 }, (_, at) => [100 * (at % 2), at % 7, at % 5]));
 * const { points, gaussian } = await silhouettes(clumps, 0, { k: [2, 3], restarts: 3 });
 * if (points < 0.9 || gaussian > 0.7) throw new Error("two clumps, and a cloud as long");
 * ```
 */
export async function silhouettes(
  x: tf.Tensor2D,
  seed: number,
  options: SilhouettesOptions,
): Promise<Silhouettes> {
  const sample = gaussianOf(x, seed);
  const points = await largest(x, seed, options), gaussian = await largest(sample, seed, options);
  sample.dispose();
  return { points, gaussian };
}

async function largest(x: tf.Tensor2D, seed: number, { k, restarts }: SilhouettesOptions): Promise<number> {
  const [count] = x.shape, possible = k.filter((clusters) => clusters < count);
  if (possible.length === 0) {
    throw new RangeError(`${count} points are too few for a silhouette of ${k.join(", ")} clusters.`);
  }
  let best = -Infinity;
  for (const clusters of possible) {
    const { assignment } = await kmeans(x, clusters, seed, restarts);
    const apart = new Set(assignment).size > 1;
    best = Math.max(best, apart ? await silhouette(x, assignment) : 0);
  }
  return best;
}

/**
 * Silhouettes of sub-clusters inside each class of the test images, means over the classes, and how far they
 * are above a Gaussian's, with the deviation of that over the classes.
 */
export const silhouettesMetric: Metric<SilhouettesOptions> = {
  options: z.strictObject({
    k: z.array(z.int().min(2).max(256)).min(1).default([2, 3, 4, 5, 6]).describe("numbers of clusters"),
    restarts: z.int().positive().default(3).describe("starts of k-means"),
  }),
  async measure({ test, classes, seed }: Judged, options) {
    checkLabelled({ test }, classes);
    const found: Silhouettes[] = [];
    for (const members of Map.groupBy(test.labels.keys(), (at) => test.labels[at]).values()) {
      const own = tf.gather(test.features, members);
      found.push(await silhouettes(own, seed, options));
      own.dispose();
    }
    const mean = (of: (one: Silhouettes) => number) =>
      found.reduce((sum, one) => sum + of(one), 0) / found.length;
    const excess = ({ points, gaussian }: Silhouettes) => points - gaussian;
    const above = mean(excess), squares = mean((one) => (excess(one) - above) ** 2) * found.length;
    return {
      "silhouette in classes": mean(({ points }) => points),
      "silhouette of Gaussians": mean(({ gaussian }) => gaussian),
      "silhouette excess": above,
      ...found.length > 1 && { "silhouette excess ±": Math.sqrt(squares / (found.length - 1)) },
    };
  },
};
