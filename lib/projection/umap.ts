/**
 * UMAP (McInnes et al. 2018, https://arxiv.org/abs/1802.03426): points of the plane whose fuzzy
 * neighbourhood graph comes close to that of the data, by umap-js with exact neighbours and,
 * as UMAP does not find the large distances on its own, with the principal components to start from.
 *
 * @module
 */
import { UMAP } from "umap-js";
import { generator } from "../base/random.ts";
import { tf } from "../compute/tf.ts";
import { neighbours as nearest } from "./neighbours.ts";
import { pca } from "./pca.ts";

/** How to project. */
export interface UmapOptions {
  /** Seed of the start and of the samples. */
  readonly seed: number;
  /** Neighbours that make a neighbourhood, the point itself included; unless said otherwise 15, or all others. */
  readonly neighbours?: number;
  /** Least distance of two points in the plane, 0.1 unless said otherwise. */
  readonly minDistance?: number;
  /** 500 up to 2,500 points, down to 200 above 7,500, unless said otherwise. */
  readonly epochs?: number;
  /** Where points start, `[count · 2]`, such as an earlier map of theirs; their principal components if absent. */
  readonly start?: Float32Array;
  /** Called after every epoch. */
  readonly progress?: (done: number, total: number) => void;
}

/** Largest coordinate at the start, and the noise on all of them. */
const INITIAL = 10, NOISE = 1e-3;
/** Milliseconds of work between two turns of the event loop. */
const SLICE = 50;

/**
 * Projects points to the plane.
 *
 * @param x Points, `[count, features]`.
 * @param options How to project.
 * @returns The projected points, `[count · 2]`.
 * @throws {RangeError} The number of neighbours is not from 2 to below the number of points.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { umap } from "./umap.ts";
 * await start();
 * const x = tf.tensor2d([[0, 0], [0, 1], [1, 0], [9, 0], [9, 1], [8, 0]]);
 * const points = await umap(x, { seed: 0, neighbours: 3, epochs: 20 });
 * if (points.length !== 12) throw new Error("six points of the plane");
 * ```
 */
export async function umap(
  x: tf.Tensor2D,
  { seed, neighbours: asked, minDistance = 0.1, epochs, start, progress }: UmapOptions,
): Promise<Float32Array> {
  const [count] = x.shape;
  const neighbours = asked ?? Math.min(15, count - 1);
  if (!Number.isInteger(neighbours) || neighbours < 2 || neighbours >= count) {
    throw new RangeError(`UMAP of ${count} points needs 2 to ${count - 1} neighbours, not ${neighbours}.`);
  }
  const { k, indices, distances } = await nearest(x, neighbours - 1);
  const random = generator("UMAP", seed);
  const model = new UMAP({
    nNeighbors: neighbours,
    minDist: minDistance,
    nEpochs: epochs,
    random: () => random.uniform(),
  });
  const lists = (values: ArrayLike<number>, own: (point: number) => number) =>
    Array.from(
      { length: count },
      (_, point) => [own(point), ...Array.from({ length: k }, (_, at) => values[point * k + at])],
    );
  model.setPrecomputedKNN(lists(indices, (point) => point), lists(distances, () => 0));
  // Given the neighbours, it asks the points for nothing but their number.
  const total = model.initializeFit(Array.from({ length: count }, () => []));
  const embedding = model.getEmbedding();
  (start ?? initialise(x)).forEach((value, at) =>
    embedding[at >> 1][at & 1] = value + NOISE * random.normal()
  );
  let paused = performance.now();
  for (let epoch = 1; epoch <= total; epoch++) {
    model.step();
    progress?.(epoch, total);
    if (performance.now() - paused > SLICE) {
      await new Promise((resume) => setTimeout(resume));
      paused = performance.now();
    }
  }
  return Float32Array.from(model.getEmbedding().flat());
}

/** The first two principal components, scaled. */
function initialise(x: tf.Tensor2D): Float32Array {
  // One more feature that says nothing, as there may be only one.
  const { points } = tf.tidy(() => pca(x.pad([[0, 0], [0, 1]]) as tf.Tensor2D, 2));
  const largest = points.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) || 1;
  return points.map((value) => INITIAL * value / largest);
}
