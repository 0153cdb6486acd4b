/**
 * Sub-clusters that are sub-classes: whether what falls apart inside a coarse class are its fine classes.
 *
 * @module
 */
import { z } from "zod";
import { DataError } from "../base/errors.ts";
import { tf } from "../compute/tf.ts";
import { adjustedMutualInformation, encode } from "./agreement.ts";
import { kmeans, reducedDirections } from "./clusters.ts";
import { divides } from "./levels.ts";
import { readoutsOf } from "./readouts.ts";
import { checkLabelled, type Judged, type Metric } from "./metric.ts";

/** How to look for fine classes. */
export interface WithinOptions {
  /** Starts of k-means. */
  readonly restarts: number;
  /** Most principal components that are kept of a coarse class. */
  readonly reduce: number;
  /** Judge embeddings, behind the projector, too. */
  readonly embeddings: boolean;
}

/**
 * AMI_within: inside each coarse class, k-means with as many clusters as it has fine classes, of the principal
 * components that its representations' directions have there; adjusted mutual information of clusters and
 * fine classes; the mean over the coarse classes that have more than one fine class.
 *
 * @param x Representations, `[count, features]`.
 * @param coarse `[count]`: the coarse class of each image.
 * @param fine `[count]`: its fine class; it need not divide the coarse ones.
 * @param seed Seed of k-means.
 * @param options How to look.
 * @returns At most 1, if all are found; 0 is what chance gives; NaN if every coarse class has one fine class.
 * @throws {RangeError} A coarse class has more than 256 fine ones, or a feature is not finite.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { withinClasses } from "./within.ts";
 * await start();
 * const x = tf.tensor2d([[9, 1], [8, 1], [1, 5], [1, 6], [7, 7]]);
 * const found = await withinClasses(x, [0, 0, 0, 0, 1], [0, 0, 1, 1, 2], 0, { restarts: 3, reduce: 2 });
 * if (Math.abs(found - 1) > 1e-12) throw new Error("the first class has two, far apart, the second has one");
 * ```
 */
export async function withinClasses(
  x: tf.Tensor2D,
  coarse: ArrayLike<number>,
  fine: ArrayLike<number>,
  seed: number,
  { restarts, reduce }: Pick<WithinOptions, "restarts" | "reduce">,
): Promise<number> {
  let sum = 0, classes = 0;
  for (const members of Map.groupBy(Array.from(coarse).keys(), (at) => coarse[at]).values()) {
    const own = members.map((at) => fine[at]), { sizes } = encode(own);
    if (sizes.length < 2) continue;
    const points = tf.tidy(() => reducedDirections(tf.gather(x, members), reduce));
    const { assignment } = await kmeans(points, sizes.length, seed, restarts);
    points.dispose();
    sum += adjustedMutualInformation(assignment, own);
    classes++;
  }
  return sum / classes;
}

/** Of each of the data set's levels: the classes inside it where they divide it, it inside the classes where they do not. */
export const withinMetric: Metric<WithinOptions> = {
  options: z.strictObject({
    restarts: z.int().positive().default(10).describe("starts of k-means"),
    reduce: z.int().positive().default(64).describe("most principal components that are kept of a class"),
    embeddings: z.boolean().default(false).describe("judge embeddings, behind the projector, too"),
  }),
  reads(model, level, images, { embeddings }) {
    if (!embeddings) return undefined;
    const { representation, embedding } = readoutsOf(model, level, images);
    return { "": representation, ...embedding && { embedding } };
  },
  async measure({ test, classes, seed }: Judged, options) {
    checkLabelled({ test }, classes);
    const { features, labels, levels = {} } = test, found: Record<string, number> = {};
    for (const [name, level] of Object.entries(levels)) {
      if (divides(level, labels) && divides(labels, level)) continue;
      const inside = divides(labels, level), [coarse, fine] = inside ? [level, labels] : [labels, level];
      found[inside ? `AMI of classes in ${name} %` : `AMI of ${name} in classes %`] = 100 *
        await withinClasses(features, coarse, fine, seed, options);
    }
    if (Object.keys(found).length > 0) return found;
    throw new DataError(
      "within: these images have one kind of classes, and nothing is known inside of them. " +
        "Take a data set with levels, or the labels of another level.",
    );
  },
};
