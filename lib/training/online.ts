/**
 * What a run has learnt so far, while it trains: k-NN and RankMe of images that it does
 * not learn from. Nothing of the training depends on it.
 *
 * @module
 */
import { DataError } from "../base/errors.ts";
import { dispose } from "../compute/compile.ts";
import type { tf } from "../compute/tf.ts";
import type { Dataset } from "../data/dataset.ts";
import { heldOutImages, trainingImages } from "../data/split.ts";
import { features } from "../evaluation/features.ts";
import { knn } from "../evaluation/knn.ts";
import type { Network } from "../model/layers.ts";
import { spread } from "./collapse.ts";
import type { RunSpec } from "./spec.ts";

/** What was found of a stack's representation after an epoch. */
export interface Online {
  /** Percent of the held-out images that 20 neighbours among training images tell the class of; absent without classes. */
  readonly knn?: number;
  /** RankMe of held-out images, from 1. */
  readonly rank: number;
}

/** Measures after an epoch: one entry a level, lowest first; nothing where none is due or an encoder makes no numbers. */
export type OnlineMeasure = (epoch: number, network: Network) => Promise<readonly Online[] | undefined>;

/** Training images among which neighbours are sought, and held-out images, at most, and of a run's images. */
const BANK = { most: 4000, part: 1 / 5 }, QUERIES = { most: 1000, part: 1 / 20 };

/** Neighbours, and the temperature of their votes. */
const K = 20, TEMPERATURE = 0.1;

/** Of the training's work; a step passes each image in two views forward, and back for twice that work. */
const SHARE = 0.01, PASSES = 6;

/**
 * Prepares to measure a run while it trains: in every epoch, or in so many fewer that it takes a hundredth of the
 * work, and in the last one. Which images and epochs follows from the spec alone.
 *
 * @param spec The run.
 * @param dataset Its data set; no test image is looked at.
 * @returns Measures after an epoch; where a run learns from all training images, nothing.
 */
export function onlineMeasure(spec: RunSpec, dataset: Dataset): OnlineMeasure {
  const { images, splitSeed } = spec.data, available = dataset.train.labels.length;
  const [known, asked] = [BANK, QUERIES].map(({ most, part }) => Math.min(most, Math.ceil(images * part)));
  const count = Math.min(asked, available - images);
  if (count === 0) return () => Promise.resolve(undefined);
  const bank = trainingImages(dataset, known, splitSeed), queries = heldOutImages(dataset, count, splitSeed);
  const every = Math.ceil((known + count) / (SHARE * PASSES * images));
  return async (epoch, network) => {
    const done = epoch + 1;
    if (done % every !== 0 && done !== spec.epochs) return;
    const found: tf.Tensor2D[][] = [];
    try {
      for (const set of dataset.train.unlabelled ? [queries] : [queries, bank]) {
        found.push(await features(network, spec, set));
      }
      const [asked, known] = found, measured: Online[] = [];
      for (const [level, x] of asked.entries()) {
        const { rank } = spread(x);
        const [vote] = known
          ? await knn({ ...bank, features: known[level] }, { ...queries, features: x }, {
            ...{ k: [K], temperature: TEMPERATURE, classes: dataset.classes.length },
          })
          : [];
        measured.push({ ...vote && { knn: 100 * vote.accuracy }, rank });
      }
      return measured;
    } catch (error) {
      // Numbers that are none end a training where its loss is watched and its state is written.
      if (!(error instanceof DataError)) throw error;
    } finally {
      dispose(found);
    }
  };
}
