/**
 * Agglomerative clustering and its dendrogram purity (Heller and Ghahramani 2005,
 * https://doi.org/10.1145/1102351.1102389): whether images of a class come together before others join them.
 *
 * @module
 */
import { z } from "zod";
import { generator, permutation } from "../base/random.ts";
import { compile } from "../compute/compile.ts";
import { blocks } from "../compute/distances.ts";
import { demandFinite } from "../compute/finite.ts";
import { tf } from "../compute/tf.ts";
import { encode } from "./agreement.ts";
import { checkLabelled, type Judged, type Metric } from "./metric.ts";

/**
 * A binary tree over `count` leaves, numbered from 0: each entry joins two nodes to a new one, numbered from
 * `count` on; the last one is the root.
 */
export type Dendrogram = readonly (readonly [number, number])[];

/**
 * Joins the two groups with the largest mean cosine similarity of their members until there is one, by chains
 * of nearest neighbours (Murtagh 1983), in count² time and with 4 · count² bytes.
 *
 * @param x Representations, `[count, features]`.
 * @returns The tree, children before parents, but not in the order of their similarities.
 * @throws {RangeError} A number is not finite.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { averageLinkage } from "./dendrogram.ts";
 * await start();
 * const [first] = await averageLinkage(tf.tensor2d([[9, 0], [1, 9], [9, 1]]));
 * if (first.toSorted().join() !== "0,2") throw new Error("the first and the last are nearest");
 * ```
 */
export async function averageLinkage(x: tf.Tensor2D): Promise<Dendrogram> {
  demandFinite(x, "average linkage");
  const [count] = x.shape, similarity = await similarities(x);
  const nodes = Int32Array.from({ length: count }, (_, row) => row), sizes = new Float64Array(count).fill(1);
  const left = Array.from(nodes), joined: [number, number][] = [], chain: number[] = [];
  while (left.length > 1) {
    if (chain.length === 0) chain.push(left[0]);
    const last = chain.at(-1)!, before = chain.at(-2), first = last * count;
    // Of equally near ones the one before, or a chain could go round.
    let nearest = before ?? -1, most = before === undefined ? -Infinity : similarity[first + before];
    for (const row of left) {
      if (row !== last && similarity[first + row] > most) most = similarity[first + (nearest = row)];
    }
    if (nearest !== before) {
      chain.push(nearest);
      continue;
    }
    chain.length -= 2;
    left.splice(left.indexOf(last), 1);
    const [a, b] = [sizes[before], sizes[last]], kept = before * count;
    for (const row of left) {
      const mean = (a * similarity[kept + row] + b * similarity[first + row]) / (a + b);
      similarity[kept + row] = similarity[row * count + before] = mean;
    }
    joined.push([nodes[before], nodes[last]]);
    nodes[before] = count + joined.length - 1;
    sizes[before] = a + b;
  }
  return joined;
}

/** Cosines of all pairs, `[count · count]`, the same in both orders. */
async function similarities(x: tf.Tensor2D): Promise<Float32Array> {
  const [count] = x.shape, all = new Float32Array(count * count);
  const directions = tf.tidy(() => x.div(x.norm("euclidean", 1, true).add(1e-12)) as tf.Tensor2D);
  const cosines = compile((block: tf.Tensor2D, all: tf.Tensor2D) => tf.matMul(block, all, false, true), {
    name: "cosines",
  });
  for (const { from, block } of blocks(directions)) {
    const found = await cosines(block, directions);
    all.set(found.dataSync() as Float32Array, from * count);
    found.dispose();
  }
  directions.dispose();
  cosines.dispose();
  // Products in another order are rounded differently.
  for (let row = 0; row < count; row++) {
    for (let column = 0; column < row; column++) all[column * count + row] = all[row * count + column];
  }
  return all;
}

/**
 * Of every pair of leaves of one class, the part of the leaves below their lowest common ancestor that are of
 * this class; the mean over all such pairs.
 *
 * @param tree A tree.
 * @param labels The class of each leaf.
 * @returns 0..1: 1 if every class is a subtree of its own, or no two leaves are of one class.
 * @throws {RangeError} The tree has another number of leaves.
 * @example
 * ```ts
 * import { dendrogramPurity } from "./dendrogram.ts";
 * if (dendrogramPurity([[0, 1], [2, 3], [4, 5]], [7, 7, 8, 8]) !== 1) throw new Error("two classes, two branches");
 * ```
 */
export function dendrogramPurity(tree: Dendrogram, labels: ArrayLike<number>): number {
  if (labels.length !== tree.length + 1) {
    throw new RangeError(`A tree of ${tree.length + 1} leaves needs one class each, not ${labels.length}.`);
  }
  const { codes, sizes } = encode(labels);
  const below = Array.from(codes, (code) => sizes.map((_, label) => Number(label === code)));
  let pairs = 0, sum = 0;
  for (const [one, other] of tree) {
    const both = below[one].map((members, label) => members + below[other][label]);
    const leaves = both.reduce((sum, members) => sum + members, 0);
    for (const [label, members] of both.entries()) {
      const apart = below[one][label] * below[other][label];
      pairs += apart;
      sum += apart * members / leaves;
    }
    below.push(both);
  }
  return pairs === 0 ? 1 : sum / pairs;
}

/** How many images to cluster. */
export interface DendrogramOptions {
  /** Most test images; of more, so many are drawn. */
  readonly images: number;
}

/** Purity of the tree of the test images, by their classes and by each of the data set's levels. */
export const dendrogramMetric: Metric<DendrogramOptions> = {
  options: z.strictObject({
    images: z.int().min(2).default(10_000).describe("most test images; of more, so many are drawn"),
  }),
  async measure({ test, classes, seed }: Judged, { images }) {
    checkLabelled({ test }, classes);
    const order = permutation(test.labels.length, generator("dendrogram", seed)).subarray(0, images);
    const drawn = tf.tidy(() => tf.gather(test.features, tf.tensor1d(order, "int32")));
    const tree = await averageLinkage(drawn);
    drawn.dispose();
    const purity = (labels: ArrayLike<number>) =>
      100 * dendrogramPurity(tree, order.map((image) => labels[image]));
    return {
      "dendrogram purity %": purity(test.labels),
      ...Object.fromEntries(
        Object.entries(test.levels ?? {}).map((
          [name, labels],
        ) => [`dendrogram purity of ${name} %`, purity(labels)]),
      ),
    };
  },
};
