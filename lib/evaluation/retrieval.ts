/**
 * Hierarchical precision (Barz and Denzler 2019, https://arxiv.org/abs/1809.09924): how near in a tree of
 * classes an image's nearest neighbours are to it.
 *
 * @module
 */
import { z } from "zod";
import { compile, dispose } from "../compute/compile.ts";
import { blocks } from "../compute/distances.ts";
import { demandFinite } from "../compute/finite.ts";
import { tf } from "../compute/tf.ts";
import { encode } from "./agreement.ts";
import { lineage } from "./levels.ts";
import { checkLabelled, type Metric } from "./metric.ts";

/**
 * Retrieves for each image the others in the order of their cosine similarity, and compares them with those
 * that are nearest to it in the tree: of the first k,
 * HP@k = Σ similarity(image, retrieved) / Σ similarity(image, best possible), with
 * similarity = 1 − height(lowest common ancestor) / height(root), where images of a finest class are at
 * height 0 and the root is above the coarsest classes.
 *
 * @param x Representations, `[count, features]`, at least two.
 * @param levels The tree: the groups of the images, coarsest first, each dividing those before it.
 * @param most The largest k; larger than there are others means all of them.
 * @returns HP@1, HP@2 … HP@`most`, 0..1, means over the images; an image without relatives has 1.
 * @throws {RangeError} An image is alone, or a number is not finite.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { hierarchicalPrecision } from "./retrieval.ts";
 * await start();
 * const x = tf.tensor2d([[9, 0], [9, 1], [1, 9], [0, 9]]);
 * const [first] = await hierarchicalPrecision(x, [[0, 0, 1, 1]], 1);
 * if (first !== 1) throw new Error("the nearest one is of the same class");
 * ```
 */
export async function hierarchicalPrecision(
  x: tf.Tensor2D,
  levels: readonly ArrayLike<number>[],
  most: number,
): Promise<Float64Array> {
  const [count] = x.shape, last = Math.min(most, count - 1);
  if (last < 1) throw new RangeError(`Of ${count} images none has others to retrieve.`);
  demandFinite(x, "hierarchical precision");
  const directions = tf.tidy(() => x.div(x.norm("euclidean", 1, true).add(1e-12)) as tf.Tensor2D);
  const nearest = compile((block: tf.Tensor2D, own: tf.Tensor1D, all: tf.Tensor2D) => {
    // No cosine is below −1: an image comes after all others.
    const itself = tf.oneHot(own, count).cast("float32").mul(3);
    return tf.topk(tf.matMul(block, all, false, true).sub(itself), last).indices as tf.Tensor2D;
  }, { name: "retrieval" });
  const groups = levels.map(encode), precision = new Float64Array(last);
  for (const { from, rows, block } of blocks(directions)) {
    const own = tf.range(from, from + rows, 1, "int32"), indices = await nearest(block, own, directions);
    const retrieved = indices.dataSync();
    dispose([own, indices]);
    for (let image = from; image < from + rows; image++) {
      // Heights in levels: a relative shares as many of them as the root is above their common ancestor.
      const relatives = groups.map(({ codes, sizes }) => sizes[codes[image]] - 1);
      let found = 0, best = 0;
      for (let k = 0, at = (image - from) * last; k < last; k++, at++) {
        found += groups.filter(({ codes }) => codes[retrieved[at]] === codes[image]).length;
        best += relatives.filter((size) => size > k).length;
        precision[k] += best === 0 ? 1 : found / best;
      }
    }
  }
  directions.dispose();
  nearest.dispose();
  return precision.map((sum) => sum / count);
}

/** What to retrieve. */
export interface RetrievalOptions {
  /** Numbers of neighbours whose precision is told. */
  readonly k: readonly number[];
  /** Neighbours that count for the average. */
  readonly most: number;
  /** Which of the data set's levels make the tree, with the classes; if absent those that lie along them. */
  readonly levels?: readonly string[];
}

const whole = z.int().positive();

/**
 * Hierarchical precision of the test images among themselves, and its average AHP@K, the mean of HP@1 … HP@K. (Of
 * the area under HP that its authors take, half of its first and of its last strip are missing, which makes
 * 1 − 1/K the best.)
 */
export const retrievalMetric: Metric<RetrievalOptions> = {
  options: z.strictObject({
    k: z.array(whole).min(1).default([1, 10, 50]).describe("numbers of neighbours whose precision is told"),
    most: whole.default(250).describe("neighbours that count for the average"),
    levels: z.array(z.string()).optional().describe(
      'levels of the tree, beside the classes, such as ["coarse"]; if absent those along the classes',
    ),
  }),
  async measure({ test, classes }, { k, most, levels: names }) {
    checkLabelled({ test }, classes);
    const tree = lineage(test, names);
    const precision = await hierarchicalPrecision(test.features, tree, Math.max(most, ...k));
    const average = precision.subarray(0, most), sum = average.reduce((sum, value) => sum + value, 0);
    return {
      ...Object.fromEntries(k.map((k) => [`HP@${k} %`, 100 * precision[Math.min(k, precision.length) - 1]])),
      [`AHP@${most} %`]: 100 * sum / average.length,
    };
  },
};
