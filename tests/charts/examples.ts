/** One of each chart, with data as notebooks have them. */
import { generator } from "../../lib/base/random.ts";
import { comparison } from "../../lib/charts/comparison.ts";
import { confusionMatrix } from "../../lib/charts/confusion.ts";
import { covarianceCurves } from "../../lib/charts/covariance.ts";
import { embedding } from "../../lib/charts/embedding.ts";
import { errorCurves, type ErrorLine } from "../../lib/charts/error_curves.ts";
import { imageGrid } from "../../lib/charts/image_grid.ts";
import { intervals } from "../../lib/charts/intervals.ts";
import { readoutCurves } from "../../lib/charts/readout_curves.ts";
import { ratios } from "../../lib/charts/ratios.ts";
import { subClusters } from "../../lib/charts/sub_clusters.ts";
import { contactSheet, thumbnail } from "../../lib/charts/thumbnails.ts";
import { trainingCurves, type TrainingLog } from "../../lib/charts/training_curves.ts";
import type { Chart } from "../../lib/charts/theme.ts";
import { clouds, photograph } from "./drawn.ts";

/** CIFAR-10's classes. */
export const CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split(" ");

/** A log of some epochs of ten steps. */
export function log(name: string, stacks: number, epochs = 30): TrainingLog {
  const random = generator("log", name);
  const steps = Array.from({ length: 10 * epochs }, (_, step) => ({
    step,
    epoch: Math.floor(step / 10),
    levels: Array.from({ length: stacks }, (_, stack) => {
      const invariance = 0.1 + random.uniform(0, 0.01), variance = 0.5 + 0.3 * Math.exp(-step / 100);
      const covariance = 0.5 + 0.2 * stack + step / 200;
      return { invariance, variance, covariance, total: 25 * (invariance + variance) + covariance };
    }),
  }));
  return { name, steps };
}

/** Errors that fall as a power of the cost, with a law through them. */
export function errors(name: string, stack: number, cost: string, costs: readonly number[]): ErrorLine {
  const random = generator("errors", name, stack), a = random.uniform(50, 70), b = random.uniform(0.1, 0.3);
  const law = (cost: number) => a * cost ** -b;
  return {
    ...{ name, stack, cost },
    points: costs.map((cost) => ({ cost, error: law(cost) * Math.exp(0.05 * random.normal()) })),
    fit: costs.map((cost) => ({ cost, error: law(cost), band: [0.9 * law(cost), 1.1 * law(cost)] })),
  };
}

const labels = Uint8Array.from({ length: 400 }, (_, at) => at % 10);
const thumbnails = Array.from({ length: 12 }, (_, seed) => thumbnail(photograph(seed, 32), 32));
const clusters = labels.map((label) => label % 3);

/** By name. */
export const EXAMPLES: Readonly<Record<string, Chart>> = {
  intervals: intervals([
    { label: "C1", name: "top-1 %: stack 1 − VICReg", mean: -9.1, interval: [-11.2, -7], paper: 1.1 },
    { label: "C6", name: "RankMe: stack 1 − a random one", mean: 12, interval: [-3, 27] },
  ]),
  "readout curves": readoutCurves(
    ["as published", "no strides", "stop-gradient"].flatMap((name, at) =>
      [0, 1].flatMap((stack) =>
        ["stage 0", "stage 1", "stage 2", "representation", "embedding"].map((place, stage) => ({
          ...{ name, stack, place, std: 0.4 + 0.2 * at },
          value: 50 + 4 * stage - 9 * stack * stage - 2 * at,
        }))
      )
    ),
    "k-NN (%)",
  ),
  ratios: ratios([
    { label: "training step", ours: 383, peer: 329, unit: "images/s" },
    { label: "linear probe", ours: 235_700, peer: 308_167, unit: "images/s" },
  ], "PyTorch"),
  "training curves": trainingCurves([log("S-JEA", 2), log("VICReg", 1)]),
  "training curves of one run": trainingCurves([log("VICReg", 1)]),
  "covariance curves": covarianceCurves([
    { name: "stack 0", epochs: [1, 2, 3], values: [0.9, 1.2, 1.6] },
    { name: "stack 1", epochs: [1, 2, 3], values: [0.7, 1.1, 1.4] },
    { name: "stack 1, covariance × 0.01", epochs: [1, 2, 3], values: [70, 310, 650] },
  ]),
  "error curves": errorCurves(
    [["VICReg, width 16", 1], ["VICReg, width 32", 3], ["S-JEA, width 16", 1.1], ["S-JEA, width 32", 3.3]]
      .flatMap(([name, price]) =>
        (`${name}`.startsWith("S-JEA") ? [0, 1] : [0]).flatMap((stack) => [
          errors(`${name}`, stack, "epochs", [3, 9, 27]),
          errors(`${name}`, stack, "core-hours", [3, 9, 27].map((epochs) => 0.07 * epochs * Number(price))),
        ])
      ),
  ),
  "error curves of few points": errorCurves([
    { name: "VICReg", stack: 0, cost: "epochs", points: [{ cost: 3, error: 61 }], fit: [] },
  ]),
  "embedding": embedding([
    { title: "VICReg", points: clouds(labels, 1) },
    { title: "S-JEA, stack 0", points: clouds(labels, 2) },
    { title: "S-JEA, stack 1", points: clouds(labels, 3) },
  ], { labels, classes: CLASSES, images: new Map(thumbnails.map((image, at) => [7 * at, image])) }),
  "embedding in one panel": embedding([{ title: "t-SNE", points: clouds(labels, 1) }], {
    labels,
    classes: CLASSES,
  }),
  "sub-clusters": subClusters({
    title: "automobile",
    points: clouds(clusters, 4),
    clusters,
    strips: [0, 1, 2].map((strip) =>
      contactSheet(Array.from({ length: 20 }, (_, at) => photograph(20 * strip + at, 32)), 32, 10)
    ),
  }),
  "image grid": imageGrid([0, 4, 8].map((from) => ({
    images: thumbnails.slice(from, from + 4),
    captions: ["cat", "cat", "dog", "cat"],
    frame: [true, true, false, true],
  }))),
  "image grid without frames": imageGrid([{ images: thumbnails }]),
  "confusion matrix": confusionMatrix(
    CLASSES.map((_, truth) => CLASSES.map((_, predicted) => truth === predicted ? 80 + truth : predicted)),
    CLASSES,
  ),
  "comparison": comparison([
    { label: "VICReg", metric: "top-1 (%)", ours: 79.1, std: 0.4, paper: 80.5 },
    { label: "S-JEA, stack 1", metric: "top-1 (%)", ours: 80.9, std: 0.9, paper: 81.6 },
    { label: "untrained", metric: "top-1 (%)", ours: 45.2 },
    { label: "VICReg", metric: "k-NN (%)", ours: 81.1, paper: 83.2 },
  ]),
};
