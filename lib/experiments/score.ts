/**
 * Scoring: from images and an encoder to what each metric finds. All code that a
 * score depends on is this module and what it imports; all values are arguments.
 *
 * @module
 */
import { dispose } from "../compute/compile.ts";
import type { tf } from "../compute/tf.ts";
import type { ImageSet } from "../data/dataset.ts";
import type { Split } from "../data/split.ts";
import { features, pixelFeatures } from "../evaluation/features.ts";
import type { Found, Labelled } from "../evaluation/metric.ts";
import { judge, type MetricConfig, modeOf } from "../evaluation/metrics.ts";
import type { Network } from "../model/layers.ts";
import type { StackConfig } from "../model/stack.ts";

/** What to score on, and how. */
export interface Scoring {
  readonly images: Split;
  /** Number of classes. */
  readonly classes: number;
  readonly metrics: readonly MetricConfig[];
  /** Seed of what a metric draws. */
  readonly seed: number;
}

/**
 * Scores every level of a network.
 *
 * @param scoring On what, and how.
 * @param network The network; it is not changed.
 * @param model What stack it is.
 * @param progress Told how many images went through it, of all three sets.
 * @returns Of each metric what it finds, one entry a level, lowest first.
 */
export async function scoreStacks(
  scoring: Scoring,
  network: Network,
  model: StackConfig,
  progress: (done: number) => void,
): Promise<Found[][]> {
  const extract = async (mode: "evaluation" | "training") => {
    let before = 0;
    const extracted: tf.Tensor2D[][] = [];
    for (const set of setsOf(scoring)) {
      extracted.push(
        await features(network, model, set, { mode, progress: (done) => progress(before + done) }),
      );
      before += set.labels.length;
    }
    return extracted;
  };
  const sets = new Map<string, tf.Tensor2D[][]>();
  for (const mode of new Set(scoring.metrics.map(modeOf))) sets.set(mode, await extract(mode));
  const found: Found[][] = [];
  for (const metric of scoring.metrics) {
    const levels: Found[] = [];
    for (const level of model.levels.keys()) {
      levels.push(await score(scoring, metric, sets.get(modeOf(metric))!.map((set) => set[level])));
    }
    found.push(levels);
  }
  dispose([...sets.values()]);
  return found;
}

/**
 * Scores raw pixels.
 *
 * @param scoring On what, and how.
 * @returns Of each metric what it finds, in a list of one.
 */
export async function scorePixels(scoring: Scoring): Promise<Found[][]> {
  const sets = setsOf(scoring).map(pixelFeatures);
  const found: Found[][] = [];
  for (const metric of scoring.metrics) found.push([await score(scoring, metric, sets)]);
  dispose(sets);
  return found;
}

const labelled = (features: tf.Tensor2D, { labels, levels }: ImageSet): Labelled => ({
  features,
  labels,
  levels,
});

const setsOf = ({ images }: Scoring): ImageSet[] => [images.train, images.heldOut, images.test];

async function score(
  { images, classes, seed }: Scoring,
  metric: MetricConfig,
  [train, heldOut, test]: readonly tf.Tensor2D[],
): Promise<Found> {
  return await judge(metric, {
    train: labelled(train, images.train),
    heldOut: labelled(heldOut, images.heldOut),
    test: labelled(test, images.test),
    classes,
    seed,
  });
}
