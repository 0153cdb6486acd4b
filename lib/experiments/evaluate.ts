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
import { encoderDigest } from "../training/checkpoint.ts";
import { ASIDE } from "../training/origin.ts";
import { isFinished } from "../training/run.ts";
import { runId } from "../training/spec.ts";
import { evaluationSchema } from "./presets.ts";
import { RUN_TITLES, type RunName } from "./runs.ts";
import { knnAt, type Predictions, scorePixels, scoreStacks, type Scoring, TOP1 } from "./score.ts";
import { specOf, type Study, trainedRun, untrained } from "./study.ts";

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

/**
 * Evaluates every stack of a run, which is trained if it is not yet.
 *
 * @param study What to work on.
 * @param name Which run.
 * @param seed Which seed.
 * @param trained False: the encoders as they were before the first step.
 * @returns One entry a stack, lowest first.
 */
export async function evaluateRun(
  study: Study,
  name: RunName,
  seed: number,
  trained = true,
): Promise<Scores[]> {
  const spec = specOf(study, name, seed), folder = join(study.runs, runId(spec));
  const what = trained ? "trained" : "untrained";
  if (trained && !await isFinished(spec, study.runs)) dispose((await trainedRun(study, name, seed)).network);
  const weights = trained ? await encoderDigest(folder) : what;
  const stacks = await kept(study, join(folder, `evaluation-${what}.safetensors`), weights, async () => {
    const network = trained ? (await trainedRun(study, name, seed)).network : untrained(study, name, seed);
    const label = `Evaluating ${RUN_TITLES[name]}${trained ? "" : ", untrained"}, seed ${seed}`;
    const predictions = await predict(study, network, spec, seed, label);
    dispose(network);
    return predictions;
  });
  return stacks.map((predictions) => judge(study, predictions));
}

/**
 * Evaluates raw pixels: what an encoder has to beat.
 *
 * @param study What to work on.
 * @returns Their accuracies.
 */
export async function evaluatePixels(study: Study): Promise<Scores> {
  const path = join(study.runs, `pixels-${study.dataset.fingerprint}.safetensors`);
  const [predictions] = await kept(study, path, "pixels", async () => {
    const bar = progress("Evaluating raw pixels", 1);
    const predictions = await scorePixels(scoringOf(study, 0));
    bar.update(1);
    bar.stop();
    return [predictions];
  });
  return judge(study, predictions);
}

/**
 * Evaluates every stack of a network as the study's preset says.
 *
 * @param study What to work on.
 * @param network The network.
 * @param model What stack it is.
 * @param seed Seed of the probe.
 * @param label What the progress bar says.
 * @returns One entry a stack, lowest first.
 */
export async function evaluate(
  study: Study,
  network: Network,
  model: StackConfig,
  seed: number,
  label: string,
): Promise<Scores[]> {
  const stacks = await predict(study, network, model, seed, label);
  return stacks.map((predictions) => judge(study, predictions));
}

async function predict(
  study: Study,
  network: Network,
  model: StackConfig,
  seed: number,
  label: string,
): Promise<Predictions[]> {
  const { train, heldOut, test } = study.images;
  const bar = progress(label, [train, heldOut, test].reduce((sum, { labels }) => sum + labels.length, 0));
  const stacks = await scoreStacks(scoringOf(study, seed), network, model, bar.update);
  bar.stop();
  return stacks;
}

function scoringOf({ images, dataset, preset }: Study, seed: number): Scoring {
  return { images, classes: dataset.classes.length, evaluation: evaluationSchema.parse(preset), seed };
}

/** Accuracies are those of the predictions, whether these are new or were kept. */
function judge({ images, preset }: Study, predictions: Predictions): Scores {
  const percent = (measure: string) => 100 * accuracy(predictions[measure], images.test.labels);
  return {
    top1: percent(TOP1),
    knn: Object.fromEntries(preset.neighbours.map((k) => [`${k}`, percent(knnAt(k))])),
    predictions,
  };
}

/**
 * Reads a file of predictions, or makes and writes it: those from other weights,
 * by another recipe or by other code are made again.
 */
async function kept(
  study: Study,
  path: string,
  weights: string,
  make: () => Promise<Predictions[]>,
): Promise<Predictions[]> {
  const recipe = JSON.stringify({
    code: await evaluationCode(),
    ...evaluationSchema.parse(study.preset),
    data: study.dataset.fingerprint,
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
  await writeAtomically(path, encodeSafetensors(Object.fromEntries(tensors), { recipe, seconds }));
  return stacks;
}

/** Predictions by the stacks' numbers, if they were made by this recipe; a damaged file is written anew. */
function read(bytes: Uint8Array, recipe: string): Predictions[] | undefined {
  try {
    const { tensors, metadata } = decodeSafetensors(bytes, "");
    if (metadata.recipe !== recipe) return;
    const stacks: Record<string, Uint8Array>[] = [];
    for (const [name, { data }] of Object.entries(tensors)) {
      const [, stack, measure] = name.match(/^stack (\d+)\/(.+)$/)!;
      (stacks[Number(stack)] ??= {})[measure] = data as Uint8Array;
    }
    return stacks;
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
  }
}
