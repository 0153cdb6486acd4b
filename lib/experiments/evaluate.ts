/**
 * Linear evaluation and k-NN of a run's stacks. What was predicted once is kept
 * beside the run, so that tables can share it.
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
import { accuracy } from "../evaluation/knn.ts";
import type { Network } from "../model/layers.ts";
import type { StackConfig } from "../model/stack.ts";
import { ASIDE } from "../training/origin.ts";
import { knnAt, type Predictions, scorePixels, scoreStacks, type Scoring, TOP1 } from "./score.ts";
import type { Setting } from "./setting.ts";

/** What was predicted from one representation, and how often that was right. */
export interface Scores {
  /** Percent of the test images that the linear probe gets right. */
  readonly top1: number;
  /** Percent at each number of neighbours. */
  readonly knn: Readonly<Record<string, number>>;
  readonly predictions: Predictions;
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
  /** Where its predictions are kept. */
  readonly path: string;
  /** What tells its weights from others. */
  readonly weights: string;
  /** Makes or reads the network; it is disposed of afterwards. */
  readonly network: () => Network | Promise<Network>;
  /** What stack it is. */
  readonly model: StackConfig;
  /** Seed of the probe. */
  readonly seed: number;
  /** What the progress bar calls it. */
  readonly title: string;
}

/**
 * Evaluates every level of a stack, unless what it predicts is kept.
 *
 * @param setting On what, and how.
 * @param evaluated What.
 * @returns One entry a level, lowest first.
 */
export async function evaluateStacks(setting: Setting, evaluated: Evaluated): Promise<Scores[]> {
  const { path, weights, network: load, model, seed, title } = evaluated;
  const stacks = await kept(setting, path, weights, async () => {
    const network = await load();
    const predictions = await predict(setting, network, model, seed, `Evaluating ${title}`);
    dispose(network);
    return predictions;
  });
  return stacks.map((predictions) => judge(setting, predictions));
}

/**
 * Evaluates raw pixels: what an encoder has to beat.
 *
 * @param setting On what, and how.
 * @returns Their accuracies.
 */
export async function evaluatePixels(setting: Setting): Promise<Scores> {
  const path = join(setting.runs, `pixels-${setting.dataset.fingerprint}.safetensors`);
  const [predictions] = await kept(setting, path, "pixels", async () => {
    const bar = progress("Evaluating raw pixels", 1);
    const predictions = await scorePixels(scoringOf(setting, 0));
    bar.update(1);
    bar.stop();
    return [predictions];
  });
  return judge(setting, predictions);
}

/**
 * Evaluates every stack of a network as the setting says.
 *
 * @param setting On what, and how.
 * @param network The network.
 * @param model What stack it is.
 * @param seed Seed of the probe.
 * @param label What the progress bar says.
 * @returns One entry a stack, lowest first.
 */
export async function evaluate(
  setting: Setting,
  network: Network,
  model: StackConfig,
  seed: number,
  label: string,
): Promise<Scores[]> {
  const stacks = await predict(setting, network, model, seed, label);
  return stacks.map((predictions) => judge(setting, predictions));
}

async function predict(
  setting: Setting,
  network: Network,
  model: StackConfig,
  seed: number,
  label: string,
): Promise<Predictions[]> {
  const { train, heldOut, test } = setting.images;
  const bar = progress(label, [train, heldOut, test].reduce((sum, { labels }) => sum + labels.length, 0));
  const stacks = await scoreStacks(scoringOf(setting, seed), network, model, bar.update);
  bar.stop();
  return stacks;
}

function scoringOf({ images, dataset, evaluation }: Setting, seed: number): Scoring {
  return { images, classes: dataset.classes.length, evaluation, seed };
}

/** Accuracies are those of the predictions, whether these are new or were kept. */
function judge({ images, evaluation }: Setting, predictions: Predictions): Scores {
  const percent = (measure: string) => 100 * accuracy(predictions[measure], images.test.labels);
  return {
    top1: percent(TOP1),
    knn: Object.fromEntries(evaluation.neighbours.map((k) => [`${k}`, percent(knnAt(k))])),
    predictions,
  };
}

/**
 * Reads a file of predictions, or makes and writes it: those from other weights,
 * by another recipe or by other code are made again.
 */
async function kept(
  setting: Setting,
  path: string,
  weights: string,
  make: () => Promise<Predictions[]>,
): Promise<Predictions[]> {
  const recipe = JSON.stringify({
    code: await evaluationCode(),
    ...setting.evaluation,
    data: setting.dataset.fingerprint,
    weights,
  });
  const known = await exists(path) ? read(await Deno.readFile(path), recipe) : undefined;
  if (known) return known;
  const began = performance.now();
  const stacks = await make();
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const tensors = stacks.flatMap((predictions, stack) =>
    Object.entries(predictions).map(([measure, data]) =>
      [`stack ${stack}/${measure}`, { shape: [data.length], data }] as const
    )
  );
  const { labels } = setting.images.test, stored = { shape: [labels.length], data: labels };
  await writeAtomically(
    path,
    encodeSafetensors({ [LABELS]: stored, ...Object.fromEntries(tensors) }, { recipe, seconds }),
  );
  return stacks;
}

/** Predictions by the stacks' numbers, if they were made by this recipe; a damaged file is written anew. */
function read(bytes: Uint8Array, recipe: string): Predictions[] | undefined {
  try {
    const { tensors, metadata } = decodeSafetensors(bytes, "");
    return metadata.recipe === recipe ? byStack(tensors).stacks : undefined;
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
  }
}

/** What true classes are called in a file of predictions. */
const LABELS = "labels";

function byStack(tensors: ReturnType<typeof decodeSafetensors>["tensors"]) {
  const stacks: Record<string, Uint8Array>[] = [];
  for (const [name, { data }] of Object.entries(tensors)) {
    const [, stack, measure] = name.match(/^stack (\d+)\/(.+)$/) ?? [];
    if (stack !== undefined) (stacks[Number(stack)] ??= {})[measure] = data as Uint8Array;
  }
  return { labels: tensors[LABELS]?.data as Uint8Array | undefined, stacks };
}

/** Predictions as they were kept, and how they came about. */
export interface KeptPredictions {
  /** True classes of the test images. */
  readonly labels: Uint8Array;
  /** One entry a level, lowest first. */
  readonly stacks: readonly Predictions[];
  /** By what, on what and how, as text: equal for predictions that can be compared, but for the weights. */
  readonly protocol: string;
}

/**
 * Reads what a run's evaluation kept, whatever it was evaluated by.
 *
 * @param folder The run's folder.
 * @returns Its predictions; undefined where it was not evaluated.
 * @throws {DataError} The file is damaged.
 */
export async function keptPredictions(folder: string): Promise<KeptPredictions | undefined> {
  const path = join(folder, evaluationFile(true));
  if (!await exists(path)) return;
  const { tensors, metadata } = decodeSafetensors(await Deno.readFile(path), path);
  const { labels, stacks } = byStack(tensors), { weights: _, ...protocol } = JSON.parse(metadata.recipe);
  return labels && { labels, stacks, protocol: JSON.stringify(protocol) };
}

/** The file in a run's folder that keeps predictions by its trained encoders, or by those before the first step. */
export const evaluationFile = (trained: boolean): string =>
  `evaluation-${trained ? "trained" : "untrained"}.safetensors`;
