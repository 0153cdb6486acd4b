/**
 * Scoring: from images and an encoder to the class that each measure predicts
 * for each test image. All code that an accuracy depends on is this module and
 * what it imports; all values are arguments.
 *
 * @module
 */
import { dispose } from "../compute/compile.ts";
import type { tf } from "../compute/tf.ts";
import type { ImageSet } from "../data/dataset.ts";
import type { Split } from "../data/split.ts";
import { features, pixelFeatures } from "../evaluation/features.ts";
import { knn } from "../evaluation/knn.ts";
import { probe } from "../evaluation/probe.ts";
import type { Network } from "../model/layers.ts";
import type { StackConfig } from "../model/stack.ts";
import type { Evaluation } from "./presets.ts";

/** What to score on, and how. */
export interface Scoring {
  readonly images: Split;
  /** Number of classes. */
  readonly classes: number;
  readonly evaluation: Evaluation;
  /** Seed of the probe. */
  readonly seed: number;
}

/** Predicted class of each test image, by {@link TOP1} and by {@link knnAt} each number of neighbours. */
export type Predictions = Readonly<Record<string, Uint8Array>>;

/** What the linear probe's predictions are called. */
export const TOP1 = "top-1";

/** What the predictions of k nearest neighbours are called. */
export function knnAt(k: number): string {
  return `k-NN ${k}`;
}

/**
 * Scores every stack of a network.
 *
 * @param scoring On what, and how.
 * @param network The network; it is not changed.
 * @param model What stack it is.
 * @param progress Told how many images went through it, of all three sets.
 * @returns One entry a stack, lowest first.
 */
export async function scoreStacks(
  scoring: Scoring,
  network: Network,
  model: StackConfig,
  progress: (done: number) => void,
): Promise<Predictions[]> {
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
  const found = await extract("evaluation");
  // While the released probe is fitted, batch norm is in training mode; here it is so for the test images, too.
  const probed = scoring.evaluation.probe === "released" ? await extract("training") : found;
  const stacks: Predictions[] = [];
  for (const level of model.levels.keys()) {
    const at = (sets: tf.Tensor2D[][]) => sets.map((levels) => levels[level]);
    stacks.push(await score(scoring, at(found), at(probed)));
  }
  dispose([found, probed]);
  return stacks;
}

/**
 * Scores raw pixels.
 *
 * @param scoring On what, and how.
 * @returns Their predictions.
 */
export async function scorePixels(scoring: Scoring): Promise<Predictions> {
  const sets = setsOf(scoring).map(pixelFeatures);
  const predictions = await score(scoring, sets, sets);
  dispose(sets);
  return predictions;
}

const setsOf = ({ images }: Scoring): ImageSet[] => [images.train, images.heldOut, images.test];

/** Probe and k-NN on the features of the three sets; the probe may have features of its own. */
async function score(
  scoring: Scoring,
  sets: readonly tf.Tensor2D[],
  probed: readonly tf.Tensor2D[],
): Promise<Predictions> {
  const { classes, evaluation, seed } = scoring;
  const { probe: protocol, probeEpochs: epochs, neighbours, temperature } = evaluation;
  const labelled = (sets: readonly tf.Tensor2D[]) =>
    setsOf(scoring).map(({ labels }, at) => ({ features: sets[at], labels }));
  const [bank, , queries] = labelled(sets);
  const [train, validation, test] = labelled(probed);
  const fitted = await probe({ train, validation, test, classes, epochs, seed, protocol });
  const voted = await knn(bank, queries, { k: neighbours, temperature, classes });
  return {
    [TOP1]: fitted.predictions,
    ...Object.fromEntries(neighbours.map((k, at) => [knnAt(k), voted[at].predictions])),
  };
}
