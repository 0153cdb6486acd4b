/**
 * Linear evaluation and k-NN of a run's stacks. What was measured once is kept
 * beside the run, so that tables can share it.
 *
 * @module
 */
import { join } from "@std/path";
import { z } from "zod";
import { fingerprintOf } from "../base/code.ts";
import { exists, writeAtomically } from "../base/files.ts";
import { progress } from "../base/progress.ts";
import { dispose } from "../compute/compile.ts";
import type { tf } from "../compute/tf.ts";
import type { ImageSet } from "../data/dataset.ts";
import { features, pixelFeatures } from "../evaluation/features.ts";
import { knn } from "../evaluation/knn.ts";
import { probe } from "../evaluation/probe.ts";
import type { Network } from "../model/layers.ts";
import { countParameters, type StackConfig } from "../model/stack.ts";
import { encoderDigest } from "../training/checkpoint.ts";
import { isFinished } from "../training/run.ts";
import { runId } from "../training/spec.ts";
import { RUN_TITLES, type RunName } from "./runs.ts";
import { specOf, type Study, trainedRun, untrained } from "./study.ts";

const scoresSchema = z.object({
  /** Percent of the test images that the linear probe gets right. */
  top1: z.number(),
  /** Percent at each number of neighbours. */
  knn: z.record(z.string(), z.number()),
  /** Trainable parameters of the encoders that the representation needs. */
  parameters: z.int(),
});

/** Accuracies of one representation. */
export type Scores = z.infer<typeof scoresSchema>;

/** All sources that a score of given weights depends on. */
const SOURCES = ["base/random.ts", "compute", "data", "model", "evaluation"];

/**
 * Fingerprint of the sources that scores depend on, as they are now.
 *
 * @returns Twelve hex digits.
 */
export function evaluationCode(): Promise<string> {
  return fingerprintOf(SOURCES);
}

const fileSchema = z.object({ recipe: z.string(), stacks: z.array(scoresSchema), seconds: z.number() });

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
  return await kept(study, join(folder, `evaluation-${what}.json`), weights, async () => {
    const network = trained ? (await trainedRun(study, name, seed)).network : untrained(study, name, seed);
    const label = `Evaluating ${RUN_TITLES[name]}${trained ? "" : ", untrained"}, seed ${seed}`;
    const stacks = await evaluate(study, network, spec.model, seed, label);
    dispose(network);
    return stacks;
  });
}

/**
 * Evaluates raw pixels: what an encoder has to beat.
 *
 * @param study What to work on.
 * @returns Their accuracies.
 */
export async function evaluatePixels(study: Study): Promise<Scores> {
  const { fingerprint } = study.dataset;
  const [scores] = await kept(study, join(study.runs, `pixels-${fingerprint}.json`), "pixels", async () => {
    const bar = progress("Evaluating raw pixels", 1);
    const sets = setsOf(study).map(pixelFeatures);
    const scores = await score(study, sets, sets, 0, 0);
    dispose(sets);
    bar.update(1);
    bar.stop();
    return [scores];
  });
  return scores;
}

/** Reads a file of scores, or measures and writes it; scores of other weights, by another recipe or other code are measured again. */
async function kept(
  study: Study,
  path: string,
  weights: string,
  measure: () => Promise<Scores[]>,
): Promise<Scores[]> {
  const { probe, probeEpochs, neighbours, temperature, trainImages, heldOutImages, testImages, splitSeed } =
    study.preset;
  const recipe = JSON.stringify({
    code: await evaluationCode(),
    ...{ probe, probeEpochs, neighbours, temperature, trainImages, heldOutImages, testImages, splitSeed },
    data: study.dataset.fingerprint,
    weights,
  });
  if (await exists(path)) {
    const { success, data } = fileSchema.safeParse(parse(await Deno.readTextFile(path)));
    if (success && data.recipe === recipe) return data.stacks;
  }
  const began = performance.now();
  const stacks = await measure();
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  await writeAtomically(path, JSON.stringify({ recipe, stacks, seconds }, null, 2) + "\n");
  return stacks;
}

/** Anything that is no JSON is measured again. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const setsOf = ({ images }: Study): ImageSet[] => [images.train, images.heldOut, images.test];

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
  const sets = setsOf(study);
  const bar = progress(label, sets.reduce((sum, set) => sum + set.labels.length, 0));
  const extract = async (mode: "evaluation" | "training") => {
    let before = 0;
    const extracted: tf.Tensor2D[][] = [];
    for (const set of sets) {
      extracted.push(
        await features(network, model, set, { mode, progress: (done) => bar.update(before + done) }),
      );
      before += set.labels.length;
    }
    return extracted;
  };
  const found = await extract("evaluation");
  // While the released probe is fitted, batch norm is in training mode; here it is so for the test images, too.
  const probed = study.preset.probe === "released" ? await extract("training") : found;
  bar.stop();
  const stacks: Scores[] = [];
  let parameters = 0;
  for (const level of model.levels.keys()) {
    const at = (sets: tf.Tensor2D[][]) => sets.map((levels) => levels[level]);
    parameters += countParameters(network, `encoders.${level}.`);
    stacks.push(await score(study, at(found), at(probed), seed, parameters));
  }
  dispose([found, probed]);
  return stacks;
}

/** Probe and k-NN on the features of the three sets; the probe may have features of its own. */
async function score(
  study: Study,
  sets: readonly tf.Tensor2D[],
  probed: readonly tf.Tensor2D[],
  seed: number,
  parameters: number,
): Promise<Scores> {
  const { probe: protocol, probeEpochs: epochs, neighbours, temperature } = study.preset;
  const labelled = (sets: readonly tf.Tensor2D[]) =>
    setsOf(study).map(({ labels }, at) => ({ features: sets[at], labels }));
  const [bank, , queries] = labelled(sets);
  const [train, validation, test] = labelled(probed);
  const classes = study.dataset.classes.length;
  const { top1 } = await probe({ train, validation, test, classes, epochs, seed, protocol });
  const found = await knn(bank, queries, { k: neighbours, temperature, classes });
  return {
    top1: 100 * top1,
    knn: Object.fromEntries(neighbours.map((k, at) => [`${k}`, 100 * found[at].accuracy])),
    parameters,
  };
}
