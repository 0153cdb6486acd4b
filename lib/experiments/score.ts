/**
 * Scoring: from images and an encoder to what each metric finds. All code that a
 * score depends on is this module and what it imports; all values are arguments.
 *
 * @module
 */
import { dispose } from "../compute/compile.ts";
import { tf } from "../compute/tf.ts";
import type { ImageSet } from "../data/dataset.ts";
import type { Split } from "../data/split.ts";
import { features, pixelFeatures, type Readout } from "../evaluation/features.ts";
import type { Found, Labelled, Readouts } from "../evaluation/metric.ts";
import { judge, type MetricConfig, modeOf, readsOf } from "../evaluation/metrics.ts";
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
  const { images: { train }, metrics } = scoring;
  const extract = async (mode: "evaluation" | "training", readouts?: readonly Readout[]) => {
    let before = 0;
    const extracted: tf.Tensor2D[][] = [];
    for (const set of setsOf(scoring)) {
      extracted.push(
        await features(network, model, set, { mode, readouts, progress: (done) => progress(before + done) }),
      );
      before += set.labels.length;
    }
    return extracted;
  };
  const sets = new Map<string, tf.Tensor2D[][]>(), found: Found[][] = [];
  for (const metric of metrics) {
    const mode = modeOf(metric), levels: Found[] = [];
    for (const level of model.levels.keys()) {
      const reads = readsOf(metric, model, level, train);
      if (reads) {
        // Of one level at a time: maps are large.
        const places = Object.values(reads).flat();
        const read = await extract(mode, places);
        levels.push(await scoreReadouts(scoring, metric, reads, read));
        dispose(read);
      } else {
        if (!sets.has(mode)) sets.set(mode, await extract(mode));
        levels.push(await score(scoring, metric, sets.get(mode)!.map((set) => set[level])));
      }
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

/** Scores what was read of a level, of each set all places in order, and calls what is found by it. */
async function scoreReadouts(
  scoring: Scoring,
  metric: MetricConfig,
  reads: Readouts,
  sets: readonly (readonly tf.Tensor2D[])[],
): Promise<Found> {
  const found: Record<string, Found[string]> = {};
  let at = 0;
  for (const [name, { length }] of Object.entries(reads)) {
    const joined = sets.map((places) => tf.concat(places.slice(at, at + length), 1));
    const scores = await score(scoring, metric, joined);
    for (const [measure, it] of Object.entries(scores)) {
      found[name === "" ? measure : `${name}: ${measure}`] = it;
    }
    dispose(joined);
    at += length;
  }
  return found;
}

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
