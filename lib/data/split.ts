/**
 * Which training images are learnt from and which are held out.
 *
 * @module
 */
import { join } from "@std/path";
import { DataError, UsageError } from "../base/errors.ts";
import { exists, writeAtomically } from "../base/files.ts";
import { generator, permutation } from "../base/random.ts";
import { type Dataset, type ImageSet, subset } from "./dataset.ts";

/** The images of an experiment. */
export interface Split {
  /** For pre-training, for the probe and as the k-NN bank. */
  readonly train: ImageSet;
  /** For choices, such as the probe's learning rate. */
  readonly heldOut: ImageSet;
  /** For the numbers that are reported. */
  readonly test: ImageSet;
}

/** How many images each part gets. */
export interface SplitSizes {
  /** To learn from. */
  readonly train: number;
  /** Set aside for choices. */
  readonly heldOut: number;
  /** From the front of the test images. */
  readonly test: number;
}

/**
 * The training images of an experiment, in a random order.
 *
 * @param dataset The data set to draw them from.
 * @param count How many.
 * @param seed Seed of the draw.
 * @returns So many of its training images, the same ones every time.
 * @throws {RangeError} The data set has fewer.
 */
export function trainingImages(dataset: Dataset, count: number, seed: number): ImageSet {
  const available = dataset.train.labels.length;
  if (count > available) {
    throw new RangeError(`${count} training images are more than there are, ${available}.`);
  }
  return subset(dataset.train, orderOf(dataset, seed).subarray(0, count));
}

/**
 * Training images that a run does not learn from.
 *
 * @param dataset The data set to draw them from.
 * @param count How many: no more than the run leaves.
 * @param seed Seed of the draw.
 * @returns So many of its training images, the last ones of the order in which {@link trainingImages} are the first.
 */
export function heldOutImages(dataset: Dataset, count: number, seed: number): ImageSet {
  const order = orderOf(dataset, seed);
  return subset(dataset.train, order.subarray(order.length - count));
}

const orderOf = ({ train }: Dataset, seed: number) =>
  permutation(train.labels.length, generator("split", seed));

/**
 * Splits a data set. Training and held-out images are drawn at random from its
 * training set, test images are the first of its test set. The positions are
 * stored, and a stored split is checked, so that no run can mix two splits.
 *
 * @param dataset The data set.
 * @param sizes How many images each part gets.
 * @param seed Seed of the draw.
 * @param folder Where the positions are kept.
 * @returns The three sets.
 * @throws {UsageError} The data set has fewer images.
 * @throws {DataError} The stored split is another one.
 */
export async function split(
  dataset: Dataset,
  sizes: SplitSizes,
  seed: number,
  folder: string,
): Promise<Split> {
  const available = dataset.train.labels.length;
  if (sizes.train + sizes.heldOut > available || sizes.test > dataset.test.labels.length) {
    throw new UsageError(
      `${dataset.name} has ${available} training and ${dataset.test.labels.length} test images; the preset asks for ` +
        `${sizes.train} + ${sizes.heldOut} and ${sizes.test}. Lower trainImages, heldOutImages or testImages with --set.`,
    );
  }
  const order = orderOf(dataset, seed);
  const train = order.subarray(0, sizes.train);
  const heldOut = order.subarray(available - sizes.heldOut);
  const path = join(folder, `split-${dataset.fingerprint}-${seed}-${sizes.train}-${sizes.heldOut}.json`);
  const text = JSON.stringify({ train: [...train], heldOut: [...heldOut] });
  if (!await exists(path)) await writeAtomically(path, text);
  else if (await Deno.readTextFile(path) !== text) {
    throw new DataError(
      `${path} holds another split than this version draws: move data/runs away and train again.`,
    );
  }
  return {
    train: trainingImages(dataset, sizes.train, seed),
    heldOut: heldOutImages(dataset, sizes.heldOut, seed),
    test: subset(dataset.test, Array.from({ length: sizes.test }, (_, at) => at)),
  };
}

/**
 * The images of an experiment for choices between runs: numbers are of the held-out images, and what a metric
 * chooses itself is chosen on training images that are taken out for that. No test image is among them.
 *
 * @param images The images of an experiment.
 * @returns Those to score on in the place of the test images.
 */
export function forChoices({ train, heldOut }: Split): Split {
  const count = train.labels.length, first = count - Math.min(heldOut.labels.length, Math.ceil(count / 10));
  const part = (from: number, to: number) =>
    subset(train, Array.from({ length: to - from }, (_, at) => from + at));
  return { train: part(0, first), heldOut: part(first, count), test: heldOut };
}
