/**
 * k nearest neighbours by cosine similarity, votes weighted by exp(similarity / T)
 * (Wu et al. 2018, https://arxiv.org/abs/1805.01978).
 *
 * @module
 */
import { tf } from "../compute/tf.ts";
import { compile, dispose } from "../compute/compile.ts";

/** Representations with their labels. */
export interface Labelled {
  /** `[count, features]`. */
  readonly features: tf.Tensor2D;
  /** `[count]`. */
  readonly labels: Uint8Array;
}

/** How to vote. */
export interface KnnOptions {
  /** Numbers of neighbours; larger than the bank means all of it. */
  readonly k: readonly number[];
  readonly temperature: number;
  readonly classes: number;
  /** Queries at once. */
  readonly block?: number;
}

/** Outcome for one k. */
export interface KnnResult {
  readonly k: number;
  /** Part of the queries that were classified right, 0..1. */
  readonly accuracy: number;
  /** Class of each query. */
  readonly predictions: Uint8Array;
}

/**
 * Classifies queries by their neighbours in a bank.
 *
 * @param bank What is known.
 * @param queries What is asked.
 * @param options How to vote.
 * @returns One result a k.
 * @throws {RangeError} Bank and queries have different features.
 */
export async function knn(bank: Labelled, queries: Labelled, options: KnnOptions): Promise<KnnResult[]> {
  const { k, temperature, classes, block = 500 } = options;
  const size = bank.labels.length, count = queries.labels.length;
  if (bank.features.shape[1] !== queries.features.shape[1]) {
    throw new RangeError(
      `k-NN needs features of one length, not [${bank.features.shape}] and [${queries.features.shape}].`,
    );
  }
  const most = Math.min(Math.max(...k), size);
  const unit = (x: tf.Tensor2D) => x.div(x.norm(2, 1, true).add(1e-12)) as tf.Tensor2D;
  const nearest = compile((bank: tf.Tensor2D, queries: tf.Tensor2D) => {
    const { values, indices } = tf.topk(tf.matMul(unit(queries), bank, false, true), most);
    return { values, indices };
  }, { name: "neighbours" });
  const directions = tf.tidy(() => unit(bank.features));
  const results = k.map((k) => ({ k, predictions: new Uint8Array(count) }));
  for (let from = 0; from < count; from += block) {
    const rows = Math.min(block, count - from);
    const asked = queries.features.slice([from, 0], [rows, -1]);
    const found = await nearest(directions, asked);
    const similarity = found.values.dataSync() as Float32Array,
      index = found.indices.dataSync() as Int32Array;
    for (const { k, predictions } of results) {
      for (let row = 0; row < rows; row++) {
        const votes = new Float64Array(classes);
        for (let at = row * most, end = at + Math.min(k, most); at < end; at++) {
          votes[bank.labels[index[at]]] += Math.exp(similarity[at] / temperature);
        }
        predictions[from + row] = votes.indexOf(Math.max(...votes));
      }
    }
    dispose([asked, found]);
  }
  nearest.dispose();
  directions.dispose();
  return results.map(({ k, predictions }) => ({
    k,
    predictions,
    accuracy: accuracy(predictions, queries.labels),
  }));
}

/**
 * Part of the predictions that are right.
 *
 * @param predictions Predicted classes.
 * @param labels True classes.
 * @returns 0..1.
 */
export function accuracy(predictions: ArrayLike<number>, labels: ArrayLike<number>): number {
  let right = 0;
  for (let at = 0; at < labels.length; at++) if (predictions[at] === labels[at]) right++;
  return right / labels.length;
}
