/**
 * How representations fall into groups: k-means (Lloyd 1982, started by k-means++, Arthur and
 * Vassilvitskii 2007), the silhouette of a grouping (Rousseeuw 1987), and whether groups are classes.
 *
 * @module
 */
import { z } from "zod";
import { type Generator, generator } from "../base/random.ts";
import { compile, dispose } from "../compute/compile.ts";
import { blocks, squaredDistances } from "../compute/distances.ts";
import { demandFinite } from "../compute/finite.ts";
import { tf } from "../compute/tf.ts";
import { pca } from "../projection/pca.ts";
import { adjustedMutualInformation, adjustedRandIndex, encode, matchedAccuracy } from "./agreement.ts";
import { checkLabelled, type Judged, type Metric } from "./metric.ts";

/** A grouping of points around centres. */
export interface Clustering {
  /** `[count]`: the cluster of each point. */
  readonly assignment: Uint8Array;
  /** `[k · features]`. */
  readonly centres: Float32Array;
  /** Sum of the squared distances of the points to their centres. */
  readonly inertia: number;
}

/** Most iterations of one start. */
const ITERATIONS = 300;

/**
 * Groups points around k centres, the best of several starts.
 *
 * @param x Points, `[count, features]`.
 * @param k Clusters, at most 256 and one a point.
 * @param seed Seed of the starts.
 * @param restarts Starts, at least one.
 * @returns The grouping with the least inertia.
 * @throws {RangeError} k is not a whole number from 1 to min(count, 256), or a point is not finite.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { kmeans } from "./clusters.ts";
 * await start();
 * const { inertia } = await kmeans(tf.tensor2d([[0, 0], [0, 2], [9, 0], [9, 2]]), 2, 0);
 * if (inertia !== 4) throw new Error("each point is 1 from its centre");
 * ```
 */
export async function kmeans(x: tf.Tensor2D, k: number, seed: number, restarts = 10): Promise<Clustering> {
  const [count] = x.shape;
  const most = Math.min(count, 256);
  if (!Number.isInteger(k) || k < 1 || k > most) {
    throw new RangeError(`${count} points fall into 1 to ${most} clusters, not ${k}.`);
  }
  demandFinite(x, "k-means");
  const { mean, centred } = tf.tidy(() => {
    const mean = x.mean(0);
    return { mean, centred: x.sub(mean) as tf.Tensor2D };
  });
  const iterate = compile(lloyd, { name: "lloyd" });
  let best: Clustering | undefined;
  for (let restart = 0; restart < restarts; restart++) {
    let centres = plusPlus(centred, k, generator("k-means", seed, restart));
    let assignment = new Int32Array(0);
    for (let iteration = 0; iteration < ITERATIONS; iteration++) {
      const next = await iterate(centred, centres);
      centres.dispose();
      centres = next.centres;
      const before = assignment;
      assignment = next.assignment.dataSync() as Int32Array<ArrayBuffer>;
      next.assignment.dispose();
      if (assignment.every((cluster, at) => cluster === before[at])) break;
    }
    const inertia = tf.tidy(() => {
      const own = tf.gather(centres, tf.tensor1d(assignment, "int32"));
      return centred.sub(own).square().sum().dataSync()[0];
    });
    if (!best || inertia < best.inertia) {
      const values = tf.tidy(() => centres.add(mean).dataSync() as Float32Array);
      best = { assignment: Uint8Array.from(assignment), centres: values, inertia };
    }
    centres.dispose();
  }
  dispose({ mean, centred });
  iterate.dispose();
  return best!;
}

/** Points to their nearest centre, centres to the mean of their points; a centre without points stays. */
function lloyd(x: tf.Tensor2D, centres: tf.Tensor2D): { assignment: tf.Tensor1D; centres: tf.Tensor2D } {
  const assignment = squaredDistances(x, centres).argMin(1) as tf.Tensor1D;
  const members = tf.oneHot(assignment, centres.shape[0]).cast("float32") as tf.Tensor2D;
  const sizes = members.sum(0).expandDims(1);
  const means = tf.matMul(members, x, true).div(sizes.maximum(1));
  return { assignment, centres: tf.where(sizes.greater(0), means, centres) as tf.Tensor2D };
}

/** Centres drawn from the points, each with a chance as its squared distance from those drawn before. */
function plusPlus(x: tf.Tensor2D, k: number, random: Generator): tf.Tensor2D {
  const [count, features] = x.shape, points = x.dataSync();
  const chosen = [random.integer(count)];
  const nearest = new Float64Array(count).fill(Infinity);
  while (chosen.length < k) {
    const centre = chosen.at(-1)! * features;
    let total = 0;
    for (let at = 0; at < count; at++) {
      let square = 0;
      for (let axis = 0; axis < features && square < nearest[at]; axis++) {
        square += (points[at * features + axis] - points[centre + axis]) ** 2;
      }
      total += nearest[at] = Math.min(nearest[at], square);
    }
    let left = random.uniform() * total;
    const drawn = nearest.findIndex((chance) => chance > 0 && (left -= chance) < 0);
    // Without distances, as with equal points, any point does.
    chosen.push(drawn >= 0 ? drawn : random.integer(count));
  }
  return tf.tidy(() => tf.gather(x, tf.tensor1d(chosen, "int32")));
}

/**
 * The mean silhouette (b − a) / max(a, b), where a is a point's mean distance from the others of its
 * cluster and b from those of the nearest other cluster; 0 for a point alone in its cluster.
 *
 * @param x Points, `[count, features]`.
 * @param assignment `[count]`: the cluster of each point.
 * @returns −1..1.
 * @throws {RangeError} Points and assignment do not fit together, there are not 2 to count − 1
 * clusters, or a point is not finite.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { silhouette } from "./clusters.ts";
 * await start();
 * const score = await silhouette(tf.tensor2d([[0], [0], [9], [9]]), [0, 0, 1, 1]);
 * if (score !== 1) throw new Error("two perfect clusters");
 * ```
 */
export async function silhouette(x: tf.Tensor2D, assignment: ArrayLike<number>): Promise<number> {
  const [count] = x.shape;
  if (assignment.length !== count) {
    throw new RangeError(`${count} points need one cluster each, not ${assignment.length}.`);
  }
  const { codes, sizes } = encode(assignment);
  if (sizes.length < 2 || sizes.length >= count) {
    throw new RangeError(
      `The silhouette of ${count} points needs 2 to ${count - 1} clusters, not ${sizes.length}.`,
    );
  }
  demandFinite(x, "silhouette");
  const sums = compile(
    (block: tf.Tensor2D, rows: tf.Tensor1D, all: tf.Tensor2D, members: tf.Tensor2D) => {
      // By products a point has a rounding error for a distance from itself.
      const others = tf.oneHot(rows, count).cast("float32").neg().add(1);
      return tf.matMul(squaredDistances(block, all).sqrt().mul(others) as tf.Tensor2D, members);
    },
    { name: "silhouette" },
  );
  const centred = tf.tidy(() => x.sub(x.mean(0)) as tf.Tensor2D);
  const members = tf.tidy(() => tf.oneHot(tf.tensor1d(codes, "int32"), sizes.length).cast("float32"));
  let total = 0;
  for (const { from, rows, block } of blocks(centred)) {
    const positions = tf.range(from, from + rows, 1, "int32");
    const found = await sums(block, positions, centred, members as tf.Tensor2D);
    const values = found.dataSync();
    dispose([positions, found]);
    for (let point = from; point < from + rows; point++) {
      const own = codes[point], first = (point - from) * sizes.length;
      if (sizes[own] === 1) continue;
      const inside = values[first + own] / (sizes[own] - 1);
      let outside = Infinity;
      for (let other = 0; other < sizes.length; other++) {
        if (other !== own) outside = Math.min(outside, values[first + other] / sizes[other]);
      }
      // All 0 where clusters coincide.
      total += (outside - inside) / (Math.max(inside, outside) || 1);
    }
  }
  dispose({ centred, members });
  sums.dispose();
  return total / count;
}

/**
 * Representations as points that k-means can tell apart.
 *
 * @param x `[count, features]`.
 * @param most Most principal components that are kept.
 * @returns Their directions along the principal components of these, `[count, components]`.
 */
export function reducedDirections(x: tf.Tensor2D, most: number): tf.Tensor2D {
  const kept = Math.min(most, ...x.shape);
  return tf.tidy(() => {
    const directions = x.div(x.norm("euclidean", 1, true).add(1e-12)) as tf.Tensor2D;
    return tf.tensor2d(pca(directions, kept).points, [x.shape[0], kept]);
  });
}

/** How to look for classes. */
export interface ClassClustersOptions {
  /** Clusters, at most 256; as many as classes if absent. */
  readonly k?: number;
  /** Starts of k-means. */
  readonly restarts: number;
  /** Most principal components that are kept. */
  readonly reduce: number;
}

/**
 * Groups the test images by the principal components of their representations' directions, without their
 * labels, and compares the groups with the classes.
 *
 * @param judged The representations.
 * @param options How many groups, and how they are looked for.
 * @returns Adjusted mutual information, adjusted Rand index and the accuracy of the best matching of
 * groups to classes, in percent.
 * @throws {RangeError} k is more than 256 or than there are images, labels do not fit, or a feature is not finite.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { classClusters } from "./clusters.ts";
 * await start();
 * const set = { features: tf.tensor2d([[9, 1], [8, 1], [1, 5], [1, 6]]), labels: Uint8Array.of(0, 0, 1, 1) };
 * const judged = { train: set, heldOut: set, test: set, classes: 2, seed: 0 };
 * const found = await classClusters(judged, { restarts: 3, reduce: 2 });
 * if (found["clusters %"] !== 100) throw new Error("they are far apart");
 * ```
 */
export async function classClusters(
  { test, classes, seed }: Judged,
  { k = classes, restarts, reduce }: ClassClustersOptions,
): Promise<Record<string, number>> {
  checkLabelled({ test }, classes);
  const { features, labels } = test;
  const reduced = reducedDirections(features, reduce);
  const { assignment } = await kmeans(reduced, k, seed, restarts);
  reduced.dispose();
  return {
    "AMI %": 100 * adjustedMutualInformation(assignment, labels),
    "ARI %": 100 * adjustedRandIndex(assignment, labels),
    "clusters %": 100 * matchedAccuracy(assignment, labels),
  };
}

/** As many clusters as classes, in 64 dimensions. */
export const clustersMetric: Metric<ClassClustersOptions> = {
  options: z.strictObject({
    k: z.int().min(1).max(256).optional().describe("clusters; as many as classes if absent"),
    restarts: z.int().positive().default(10).describe("starts of k-means"),
    reduce: z.int().positive().default(64).describe("most principal components that are kept"),
  }),
  measure: classClusters,
};
