/**
 * k nearest neighbours by cosine similarity, votes weighted by exp(similarity / T)
 * (Wu et al. 2018, https://arxiv.org/abs/1805.01978).
 *
 * @module
 */
import { z } from "zod";
import { tf } from "../compute/tf.ts";
import { compile, dispose } from "../compute/compile.ts";
import { type Labels, labelsOf } from "../data/dataset.ts";
import { accuracy, checkLabelled, type Labelled, type Metric } from "./metric.ts";

/** How to vote. */
export interface KnnOptions {
  /** Numbers of neighbours; larger than the bank means all of it. */
  readonly k: readonly number[];
  /** Of the votes, exp(similarity / temperature). */
  readonly temperature: number;
  /** Number of classes. */
  readonly classes: number;
  /** Queries at once. */
  readonly block?: number;
}

/** Outcome for one k. */
export interface KnnResult {
  /** Neighbours that voted. */
  readonly k: number;
  /** Part of the queries that were classified right, 0..1. */
  readonly accuracy: number;
  /** Class of each query. */
  readonly predictions: Labels;
}

/**
 * Classifies queries by their neighbours in a bank. Where votes are equal, the
 * lower class wins.
 *
 * @param bank What is known.
 * @param queries What is asked.
 * @param options How to vote.
 * @returns One result a k.
 * @throws {RangeError} Features and labels do not fit together, a feature is not finite, or a k is not a whole number from 1 on.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { knn } from "./knn.ts";
 * await start();
 * const bank = { features: tf.tensor2d([[1, 0], [0, 1]]), labels: Uint8Array.of(0, 1) };
 * const queries = { features: tf.tensor2d([[9, 1]]), labels: Uint8Array.of(0) };
 * const [{ accuracy }] = await knn(bank, queries, { k: [1], temperature: 0.1, classes: 2 });
 * if (accuracy !== 1) throw new Error("the nearer one is of class 0");
 * ```
 */
export async function knn(bank: Labelled, queries: Labelled, options: KnnOptions): Promise<KnnResult[]> {
  const { k, temperature, classes, block = 500 } = options;
  checkLabelled({ bank, queries }, classes);
  if (k.length === 0 || k.some((k) => !Number.isInteger(k) || k < 1)) {
    throw new RangeError(`k-NN needs at least one k, each a whole number from 1 on, not [${k}].`);
  }
  const size = bank.labels.length, count = queries.labels.length;
  const most = Math.min(Math.max(...k), size);
  const unit = (x: tf.Tensor2D) => x.div(x.square().sum(1, true).sqrt().add(1e-12)) as tf.Tensor2D;
  const normalised = compile(unit, { name: "directions" });
  const nearest = compile((bank: tf.Tensor2D, queries: tf.Tensor2D) => {
    const { values, indices } = tf.topk(tf.matMul(unit(queries), bank, false, true), most);
    return { values, indices };
  }, { name: "neighbours" });
  const directions = await normalised(bank.features);
  const results = k.map((k) => ({ k: Math.min(k, size), predictions: labelsOf({ length: count }, classes) }));
  for (let from = 0; from < count; from += block) {
    const rows = Math.min(block, count - from);
    const asked = queries.features.slice([from, 0], [rows, -1]);
    const found = await nearest(directions, asked);
    const similarity = found.values.dataSync(), index = found.indices.dataSync();
    dispose([asked, found]);
    for (const { k, predictions } of results) {
      for (let row = 0; row < rows; row++) {
        const votes = new Float64Array(classes), first = row * most;
        for (let at = first; at < first + k; at++) {
          // Relative to the nearest neighbour's vote, which no temperature can overflow.
          votes[bank.labels[index[at]]] += Math.exp((similarity[at] - similarity[first]) / temperature);
        }
        predictions[from + row] = votes.indexOf(Math.max(...votes));
      }
    }
  }
  directions.dispose();
  [normalised, nearest].forEach((step) => step.dispose());
  return results.map((result) => ({ ...result, accuracy: accuracy(result.predictions, queries.labels) }));
}

/** What the predictions of k nearest neighbours are called. */
export function knnAt(k: number): string {
  return `k-NN ${k}`;
}

/** Votes of a bank of all training images. */
export const knnMetric: Metric<Pick<KnnOptions, "k" | "temperature">> = {
  options: z.strictObject({
    k: z.array(z.int().positive()).min(1).default([200, 20]).describe("numbers of neighbours"),
    temperature: z.number().positive().default(0.1).describe("temperature of the votes"),
  }),
  async measure({ train, test, classes }, { k, temperature }) {
    const voted = await knn(train, test, { k, temperature, classes });
    return Object.fromEntries(k.map((k, at) => [knnAt(k), voted[at].predictions]));
  },
};
