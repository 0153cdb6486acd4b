/**
 * Evaluation of a run's levels, by any metrics. What was found once is kept beside
 * the run, so that tables can share it.
 *
 * @module
 */
import { join } from "@std/path";
import { fingerprintOf } from "../base/code.ts";
import { DataError } from "../base/errors.ts";
import { exists, writeAtomically } from "../base/files.ts";
import { progress } from "../base/progress.ts";
import { decodeSafetensors, encodeSafetensors } from "../base/safetensors.ts";
import { dispose } from "../compute/compile.ts";
import type { Labels } from "../data/dataset.ts";
import { accuracy, type Found } from "../evaluation/metric.ts";
import { type MetricConfig, METRICS } from "../evaluation/metrics.ts";
import type { Network } from "../model/layers.ts";
import type { StackConfig } from "../model/stack.ts";
import { ASIDE } from "../training/origin.ts";
import { digestOf } from "../training/spec.ts";
import type { Evaluation } from "./presets.ts";
import { scorePixels, scoreStacks, type Scoring } from "./score.ts";
import type { Setting } from "./setting.ts";

/** What metrics found of one representation. */
export interface Scores {
  /** By what it is called: percent of the test images that are predicted right, or the number that was found. */
  readonly values: Readonly<Record<string, number>>;
  /** Class of each test image, by what a metric that predicts calls it. */
  readonly predictions: Readonly<Record<string, Labels>>;
}

/**
 * Fingerprint of the sources that scores of given weights depend on, as they are now.
 *
 * @returns Twelve hex digits.
 */
export function evaluationCode(): Promise<string> {
  return fingerprintOf(["experiments/score.ts", "data/split.ts"], ASIDE);
}

/** What is to be evaluated. */
export interface Evaluated {
  /** Where what is found is kept, by metric: the beginning of the files' names. */
  readonly path: string;
  /** What tells its weights from others. */
  readonly weights: string;
  /** Makes or reads the network; it is disposed of afterwards. */
  readonly network: () => Network | Promise<Network>;
  /** What stack it is. */
  readonly model: StackConfig;
  /** Seed of what a metric draws. */
  readonly seed: number;
  /** What the progress bar calls it. */
  readonly title: string;
}

/**
 * Evaluates every level of a stack, but for what is kept.
 *
 * @param setting On what, and how.
 * @param evaluated What.
 * @returns One entry a level, lowest first.
 */
export async function evaluateStacks(setting: Setting, evaluated: Evaluated): Promise<Scores[]> {
  const { path, weights, network: load, model, seed, title } = evaluated;
  return await kept(setting, path, weights, async (metrics) => {
    const network = await load();
    const found = await find(setting, metrics, network, model, seed, `Evaluating ${title}`);
    dispose(network);
    return found;
  });
}

/**
 * Evaluates raw pixels: what an encoder has to beat.
 *
 * @param setting On what, and how.
 * @returns Their scores.
 */
export async function evaluatePixels(setting: Setting): Promise<Scores> {
  const path = join(setting.runs, `pixels-${setting.dataset.fingerprint}`);
  const [scores] = await kept(setting, path, "pixels", async (metrics) => {
    const bar = progress("Evaluating raw pixels", 1);
    const found = await scorePixels(scoringOf(setting, metrics, 0));
    bar.update(1);
    bar.stop();
    return found;
  });
  return scores;
}

/**
 * Evaluates every level of a network as the setting says, and keeps nothing.
 *
 * @param setting On what, and how.
 * @param network The network.
 * @param model What stack it is.
 * @param seed Seed of what a metric draws.
 * @param label What the progress bar says.
 * @returns One entry a level, lowest first.
 */
export async function evaluate(
  setting: Setting,
  network: Network,
  model: StackConfig,
  seed: number,
  label: string,
): Promise<Scores[]> {
  return judge(setting, await find(setting, setting.evaluation.metrics, network, model, seed, label));
}

async function find(
  setting: Setting,
  metrics: readonly MetricConfig[],
  network: Network,
  model: StackConfig,
  seed: number,
  label: string,
): Promise<Found[][]> {
  const { train, heldOut, test } = setting.images;
  const bar = progress(label, [train, heldOut, test].reduce((sum, { labels }) => sum + labels.length, 0));
  const found = await scoreStacks(scoringOf(setting, metrics, seed), network, model, bar.update);
  bar.stop();
  return found;
}

function scoringOf({ images, dataset }: Setting, metrics: readonly MetricConfig[], seed: number): Scoring {
  return { images, classes: dataset.classes.length, metrics, seed };
}

/** Accuracies are those of the predictions, whether these are new or were kept. */
function judge({ images: { test } }: Setting, [first, ...others]: readonly Found[][]): Scores[] {
  return first.map((found, level) => {
    const all = Object.entries(Object.assign({}, found, ...others.map((levels) => levels[level])) as Found);
    const predicted = all.filter((entry): entry is [string, Labels] => typeof entry[1] !== "number");
    return {
      values: Object.fromEntries(
        all.map(([name, it]) => [name, typeof it === "number" ? it : 100 * accuracy(it, test.labels)]),
      ),
      predictions: Object.fromEntries(predicted),
    };
  });
}

/**
 * Reads what is kept of each metric, and makes and writes what is missing: what was
 * found of other weights, by another recipe or by other code is found again.
 */
async function kept(
  setting: Setting,
  path: string,
  weights: string,
  make: (metrics: readonly MetricConfig[]) => Promise<Found[][]>,
): Promise<Scores[]> {
  const { dataset, evaluation: { metrics, ...images }, images: { test } } = setting;
  const code = await evaluationCode(), data = dataset.fingerprint;
  const levels = digestOf(Object.entries(test.levels ?? {}).map(([name, labels]) => [name, [...labels]]));
  const recipeOf = (metric: MetricConfig) => JSON.stringify({ code, metric, images, data, levels, weights });
  const fileOf = ({ name }: MetricConfig) => `${path}-${name}.safetensors`;
  const known = new Map<MetricConfig, Found[] | undefined>();
  for (const metric of metrics) known.set(metric, await read(fileOf(metric), recipeOf(metric)));
  const missing = metrics.filter((metric) => !known.get(metric));
  const made = missing.length > 0 ? await make(missing) : [];
  for (const [at, metric] of missing.entries()) {
    known.set(metric, made[at]);
    await writeAtomically(fileOf(metric), encode(made[at], test.labels, recipeOf(metric)));
  }
  return judge(setting, metrics.map((metric) => known.get(metric)!));
}

/** What true classes are called in a file. */
const LABELS = "labels";

/** Predictions are tensors of bytes, numbers stand in the metadata. */
function encode(levels: readonly Found[], labels: Labels, recipe: string): Uint8Array {
  const tensors: Record<string, { shape: number[]; data: Labels }> = {
    [LABELS]: { shape: [labels.length], data: labels },
  };
  const numbers = levels.map((found, level) => {
    const [classes, others] = [true, false].map((predicted) =>
      Object.entries(found).filter(([, it]) => typeof it !== "number" === predicted)
    );
    for (const [name, it] of classes) {
      tensors[`stack ${level}/${name}`] = { shape: [labels.length], data: it as Labels };
    }
    return Object.fromEntries(others);
  });
  return encodeSafetensors(tensors, { recipe, numbers: JSON.stringify(numbers) });
}

function decode({ tensors, metadata }: ReturnType<typeof decodeSafetensors>): Found[] {
  const levels: Record<string, number | Labels>[] = JSON.parse(metadata.numbers);
  for (const [name, { data }] of Object.entries(tensors)) {
    const [, level, measure] = name.match(/^stack (\d+)\/(.+)$/) ?? [];
    if (level !== undefined) levels[Number(level)][measure] = data as Labels;
  }
  return levels;
}

/** What was found, if it was by this recipe; a damaged file is written anew. */
async function read(path: string, recipe: string): Promise<Found[] | undefined> {
  if (!await exists(path)) return;
  try {
    const file = decodeSafetensors(await Deno.readFile(path), path);
    return file.metadata.recipe === recipe ? decode(file) : undefined;
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
  }
}

/** What a metric found of a run, as it was kept, and how it came about. */
export interface Kept {
  /** True classes of the test images. */
  readonly labels: Labels;
  /** One entry a level, lowest first. */
  readonly levels: readonly Found[];
  /** By what, on what and how, as text: equal for what can be compared, but for the weights. */
  readonly protocol: string;
}

/**
 * Reads what a run's evaluations kept, by whatever metrics it was evaluated.
 *
 * @param folder The run's folder.
 * @param scored Which images were scored.
 * @returns One entry a metric; none where it was not evaluated.
 * @throws {DataError} A file is damaged.
 */
export async function keptEvaluations(
  folder: string,
  scored: Evaluation["scored"] = "test",
): Promise<Kept[]> {
  const found: Kept[] = [];
  for (const name of Object.keys(METRICS)) {
    const path = join(folder, `${evaluationFile()}${scoredSuffix(scored)}-${name}.safetensors`);
    if (!await exists(path)) continue;
    const file = decodeSafetensors(await Deno.readFile(path), path);
    const { weights: _, ...protocol } = JSON.parse(file.metadata.recipe);
    found.push({
      labels: file.tensors[LABELS].data as Labels,
      levels: decode(file),
      protocol: JSON.stringify(protocol),
    });
  }
  return found;
}

/** What stands after that where other images than the test images were scored. */
export const scoredSuffix = (scored: Evaluation["scored"]): string => scored === "test" ? "" : "-held-out";

/** How the files in a run's folder begin that keep what was found of its encoders, trained below some level. */
export const evaluationFile = (untrainedFrom = Infinity): string =>
  `evaluation-${
    untrainedFrom === Infinity ? "trained" : untrainedFrom === 0 ? "untrained" : `untrained-${untrainedFrom}`
  }`;
