/**
 * What some runs make of the same test images: where each stack's maps put them, which ones are neighbours in the
 * full space, and for what they are taken.
 *
 * @module
 */
import { UsageError } from "../base/errors.ts";
import { progress } from "../base/progress.ts";
import { dispose } from "../compute/compile.ts";
import { tf } from "../compute/tf.ts";
import { type ImageSet, type Labels, subset } from "../data/dataset.ts";
import { kmeans, reducedDirections } from "../evaluation/clusters.ts";
import { TOP1 } from "../evaluation/probe.ts";
import type { Run } from "../experiments/run.ts";
import { neighbours } from "../projection/neighbours.ts";
import { pca } from "../projection/pca.ts";
import { METHODS, type Project } from "./maps.ts";

/** The images' nearest others by the cosine of their representations, nearest first. */
export interface SimilarImages {
  /** Neighbours of an image. */
  readonly k: number;
  /** `[images · k]`: which images. */
  readonly indices: Int32Array;
  /** `[images · k]`: cosines, −1..1. */
  readonly similarities: Float32Array;
}

/** A way to part the images. */
export interface Grouping {
  /** What a reader calls it, such as `class`. */
  readonly name: string;
  /** What its groups are called. */
  readonly names: readonly string[];
  /** `[images]`: the group of each. */
  readonly values: Labels;
}

/** What is known of one stack. */
export interface ExploredStack {
  /** `[images · 2]`, by the name of the projection. */
  readonly projections: Readonly<Record<string, Float32Array>>;
  readonly similar: SimilarImages;
  /** What the images are taken for by each predictor, and how they cluster. */
  readonly groupings: readonly Grouping[];
}

/** A run with its stacks, lowest first. */
export interface ExploredRun {
  readonly id: string;
  /** What a reader calls it. */
  readonly title: string;
  readonly stacks: readonly ExploredStack[];
}

/** Runs on the same images. */
export interface Explored {
  /** What the images are, such as `test images of cifar10`. */
  readonly what: string;
  readonly images: ImageSet;
  /** What is true of the images: the class first, then coarser and finer ones. */
  readonly groupings: readonly Grouping[];
  /** Of the neighbours' votes, exp(similarity / temperature). */
  readonly temperature: number;
  readonly runs: readonly ExploredRun[];
}

/** Images at least, for a map, and at most unless fewer are asked for; neighbours of each; dimensions and starts of k-means. */
const LEAST = 4, MOST = 10_000, NEAR = 20, REDUCED = 64, RESTARTS = 3;

const SEED = 0;

/** Of the votes of a run whose evaluation has no k-NN. */
const TEMPERATURE = 0.1;

const PROJECTIONS: Readonly<Record<string, Project>> = {
  ...Object.fromEntries(Object.entries(METHODS).map(([name, { project }]) => [name, project])),
  PCA: (x) => Promise.resolve(pca(x, 2).points),
};

/**
 * The nearest other images of each image by cosine similarity, as `evaluation/knn.ts` ranks a bank without the image.
 *
 * @param x Representations, `[images, features]`.
 * @param k Neighbours of each, below the number of images.
 * @returns The neighbours.
 * @throws {RangeError} k is not a whole number from 1 to images − 1, or a feature is not finite.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { similarImages } from "./explored.ts";
 * await start();
 * const { indices } = await similarImages(tf.tensor2d([[9, 0], [1, 0], [0, 2]]), 1);
 * if (indices[0] !== 1) throw new Error("the second has the same direction");
 * ```
 */
export async function similarImages(x: tf.Tensor2D, k: number): Promise<SimilarImages> {
  const directions = tf.tidy(() => x.div(x.square().sum(1, true).sqrt().add(1e-12)) as tf.Tensor2D);
  const { indices, distances } = await neighbours(directions, k);
  directions.dispose();
  // Of directions, |a − b|² = 2 − 2 cos.
  return { k, indices, similarities: distances.map((distance) => 1 - distance ** 2 / 2) };
}

/**
 * Projects and compares the test images of runs; it says how far it is. What evaluations kept is taken from there.
 *
 * @param runs Runs that are evaluated on the same images, at least one.
 * @param most Of more images, the first ones.
 * @returns What is to be shown.
 * @throws {UsageError} The runs are evaluated on different images, or on fewer than four.
 */
export async function explore(runs: readonly Run[], most = MOST): Promise<Explored> {
  const [{ setting: { dataset, images: { test }, evaluation } }] = runs, count = test.labels.length;
  const other = runs.find(({ setting }) =>
    setting.dataset.fingerprint !== dataset.fingerprint || setting.images.test.labels.length !== count
  );
  if (other) throw new UsageError(`${other.id} and ${runs[0].id} are evaluated on different images.`);
  if (count < LEAST) {
    throw new UsageError(`A map takes ${LEAST} test images or more, and there are ${count}.`);
  }
  const images = count > most ? subset(test, Array.from({ length: most }, (_, at) => at)) : test;
  const levels = Object.entries(images.levels ?? {});
  const knn = evaluation.metrics.find((metric) => metric.name === "knn");
  const explored: ExploredRun[] = [];
  for (const run of runs) explored.push(await exploreRun(run, images));
  return {
    what: `test images of ${dataset.name}`,
    images,
    groupings: [
      { name: "class", names: dataset.classes, values: images.labels },
      ...levels.map(([name, values]) => ({
        name,
        names: dataset.levels![name],
        values,
      })),
    ],
    temperature: knn?.temperature ?? TEMPERATURE,
    runs: explored,
  };
}

async function exploreRun(run: Run, images: ImageSet): Promise<ExploredRun> {
  const { setting: { dataset: { classes } } } = run, count = images.labels.length;
  const scores = await run.evaluate(), stacks = await run.embed(images);
  const parts = Object.keys(PROJECTIONS).length, clusters = Math.min(classes.length, 256, count);
  const bar = progress(`Maps of ${run.id}`, stacks.length * parts, (done) => done.toFixed(1));
  const found: ExploredStack[] = [];
  for (const [stack, x] of stacks.entries()) {
    const projections: Record<string, Float32Array> = {};
    for (const [at, [name, project]] of Object.entries(PROJECTIONS).entries()) {
      const title = `${name} of stack ${stack}`;
      projections[name] = await project(x, (part) => bar.update(stack * parts + at + part, title));
    }
    const reduced = reducedDirections(x, REDUCED);
    const { assignment } = await kmeans(reduced, clusters, SEED, RESTARTS);
    reduced.dispose();
    const predicted = Object.entries(scores[stack].predictions).map(([name, values]) => ({
      name: name === TOP1 ? "probe" : name,
      names: classes,
      values: values.subarray(0, count) as Labels,
    }));
    found.push({
      projections,
      similar: await similarImages(x, Math.min(NEAR, count - 1)),
      groupings: [...predicted, { name: "cluster", names: numbered(clusters), values: assignment }],
    });
  }
  bar.update(stacks.length * parts);
  bar.stop();
  dispose(stacks);
  return { id: run.id, title: run.title, stacks: found };
}

/** Names of groups that have none. */
const numbered = (count: number) => Array.from({ length: count }, (_, at) => `${at}`);
