/**
 * Table 1 of the paper: linear evaluation and k-NN of VICReg and of each stack
 * of S-JEA, beside the untrained encoder and raw pixels.
 *
 * @module
 */
import { dispose } from "../compute/compile.ts";
import { start } from "../compute/backend.ts";
import { tf } from "../compute/tf.ts";
import { progress } from "../base/progress.ts";
import type { Dataset, ImageSet } from "../data/dataset.ts";
import { type Split, split } from "../data/split.ts";
import { features, pixelFeatures } from "../evaluation/features.ts";
import { knn } from "../evaluation/knn.ts";
import { probe } from "../evaluation/probe.ts";
import type { Network } from "../model/layers.ts";
import { countParameters, initialiseStack, type StackConfig } from "../model/stack.ts";
import { train } from "../training/run.ts";
import type { RunSpec } from "../training/spec.ts";
import { TABLE_1 } from "./paper.ts";
import type { Preset } from "./presets.ts";
import { environment, type Results, type Row, summarise, versions } from "./results.ts";

/** What to evaluate, on what. */
export interface Request {
  readonly presetName: string;
  readonly preset: Preset;
  /** Overridden fields, as given. */
  readonly overrides: readonly string[];
  readonly dataset: Dataset;
  /** Runs a row. */
  readonly seeds: number;
  /** Folder of all runs. */
  readonly runs: string;
}

/** A training that the experiment needs. */
export interface PlannedRun {
  readonly method: "VICReg" | "S-JEA";
  readonly spec: RunSpec;
}

/**
 * The trainings of one seed: plain VICReg, and S-JEA with a projector on stack
 * 0 and none on stack 1 (the second column of the paper's Table 3, whose
 * numbers Table 1 repeats).
 *
 * @param preset How large.
 * @param dataset On what.
 * @param seed Which seed.
 * @returns One spec a method.
 */
export function plannedRuns(preset: Preset, dataset: Dataset, seed: number): PlannedRun[] {
  const {
    width,
    zeroInitResidual,
    invariance,
    variance,
    covariance,
    weightDecay,
    learningRate,
    warmupEpochs,
  } = preset;
  const encoder = { depth: 18, width, stem: "cifar", zeroInitResidual } as const;
  const first = { encoder, projector: preset.projector };
  const second = { encoder, projector: preset.plainProjector };
  const spec = (levels: StackConfig["levels"]): RunSpec => ({
    data: {
      name: dataset.name,
      fingerprint: dataset.fingerprint,
      images: preset.trainImages,
      splitSeed: preset.splitSeed,
    },
    model: { levels, wiring: preset.wiring, stopGradient: preset.stopGradient },
    loss: levels.map(() => ({ invariance, variance, covariance })),
    view: {
      size: 32,
      cropScale: [preset.cropMinimum, 1],
      flip: 0.5,
      jitter: { probability: preset.jitter, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
      greyscale: preset.greyscale,
      solarise: preset.solarise,
      blur: preset.blur,
    },
    optimiser: {
      adam: { name: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay } as const,
      lars: { name: "lars", momentum: 0.9, eta: 1e-3, weightDecay } as const,
      sgd: { name: "sgd", momentum: 0.9, weightDecay } as const,
    }[preset.optimiser],
    schedule: {
      released: { name: "released", base: learningRate, warmupEpochs } as const,
      vicreg: { name: "vicreg", base: learningRate, warmupEpochs } as const,
    }[preset.schedule],
    epochs: preset.epochs,
    batch: preset.batch,
    precision: preset.precision,
    seed,
  });
  return [{ method: "VICReg", spec: spec([first]) }, { method: "S-JEA", spec: spec([first, second]) }];
}

/** Accuracies of one representation, in percent: top-1, then k-NN at each k. */
type Scores = readonly number[];

/**
 * Runs the experiment: trains what is missing, then evaluates.
 *
 * @param request What to evaluate, on what.
 * @returns The results.
 */
export async function linearEvaluation(request: Request): Promise<Results> {
  const { preset, dataset, seeds } = request;
  const device = await start();
  const began = performance.now();
  const images = await split(
    dataset,
    { train: preset.trainImages, heldOut: preset.heldOutImages, test: preset.testImages },
    preset.splitSeed,
    request.runs,
  );
  const runs: Results["runs"] = [];
  const scores = new Map<string, Scores[]>();
  const parameters = new Map<string, number>();
  const add = (key: string, score: Scores, size: number) => {
    scores.set(key, [...scores.get(key) ?? [], score]);
    parameters.set(key, size);
  };
  for (let seed = 0; seed < seeds; seed++) {
    for (const { method, spec } of plannedRuns(preset, dataset, seed)) {
      const { id, network, seconds } = await train(
        spec,
        images.train,
        request.runs,
        `${method}, seed ${seed}`,
      );
      runs.push({ id, method, seed, seconds });
      const evaluated = await evaluate(network, spec, images, request, `Evaluating ${method}, seed ${seed}`);
      evaluated.forEach((score, at) => add(`${method}/${at}`, score, size(network, at)));
      dispose(network);
      if (method !== "S-JEA") continue;
      // Stack 0 of S-JEA starts out as the encoder of VICReg does, so this is both.
      const untrained = initialiseStack(spec.model, seed);
      const before = await evaluate(untrained, spec, images, request, `Evaluating untrained, seed ${seed}`);
      before.forEach((score, at) => add(`untrained/${at}`, score, size(untrained, at)));
      dispose(untrained);
    }
  }
  const sets = [images.train, images.heldOut, images.test].map(pixelFeatures);
  add("raw pixels/0", await score(sets, images, preset, 0), 0);
  dispose(sets);

  const encoder = `ResNet-18, width ${preset.width}`;
  const row = (method: Row["method"], stack: number | null, level = stack ?? 0): Row => {
    const columns = scores.get(`${method}/${level}`)!;
    const summary = (column: number) => summarise(columns.map((score) => score[column]));
    return {
      method,
      encoder: method === "raw pixels" ? "none" : encoder,
      stack,
      parameters: parameters.get(`${method}/${level}`)!,
      top1: summary(0),
      knn: summary(1),
      knnAt: Object.fromEntries(preset.neighbours.map((k, at) => [`${k}`, summary(at + 1)])),
      paper: paperRow(method, stack),
    };
  };
  return {
    format: "s-jea results",
    version: 1,
    experiment: "linear-evaluation",
    preset: request.presetName,
    overrides: [...request.overrides],
    recipe: preset,
    dataset: {
      name: dataset.name,
      copy: dataset.copy,
      fingerprint: dataset.fingerprint,
      images: { train: preset.trainImages, heldOut: preset.heldOutImages, test: preset.testImages },
    },
    seeds: Array.from({ length: seeds }, (_, seed) => seed),
    rows: [
      row("VICReg", null),
      row("S-JEA", 0),
      row("S-JEA", 1),
      row("untrained", 0),
      row("untrained", 1),
      row("raw pixels", null),
    ],
    runs,
    durations: {
      training: runs.reduce((sum, run) => sum + run.seconds, 0),
      thisCommand: (performance.now() - began) / 1000,
    },
    environment: environment(device),
    versions: versions(device),
    created: new Date().toISOString(),
  };
}

/** What the paper has for a row, if anything. */
function paperRow(method: Row["method"], stack: number | null): Row["paper"] {
  const found = TABLE_1.cifar10.find((row) => row.method === method && row.stack === stack);
  return found ? { top1: found.top1, knn: found.knn, source: found.source } : null;
}

/** Parameters of the encoders up to a level: what it takes to compute its representation. */
function size(network: Network, level: number): number {
  return Array.from({ length: level + 1 }, (_, at) => countParameters(network, `encoders.${at}.`))
    .reduce((sum, count) => sum + count);
}

async function evaluate(
  network: Network,
  spec: RunSpec,
  images: Split,
  { preset }: Request,
  label: string,
): Promise<Scores[]> {
  const sets: ImageSet[] = [images.train, images.heldOut, images.test];
  const bar = progress(label, sets.reduce((sum, set) => sum + set.labels.length, 0));
  const extract = async (mode: "evaluation" | "training") => {
    let before = 0;
    const extracted: tf.Tensor2D[][] = [];
    for (const set of sets) {
      extracted.push(
        await features(network, spec.model, set, { mode, progress: (done) => bar.update(before + done) }),
      );
      before += set.labels.length;
    }
    return extracted;
  };
  const found = await extract("evaluation");
  // The released probe never switches batch norm to evaluation mode.
  const probed = preset.probe === "released" ? await extract("training") : found;
  bar.stop();
  const scores: Scores[] = [];
  for (let level = 0; level < spec.model.levels.length; level++) {
    const at = (sets: tf.Tensor2D[][]) => sets.map((levels) => levels[level]);
    scores.push(await score(at(found), images, preset, spec.seed, at(probed)));
  }
  dispose([found, probed]);
  return scores;
}

/** Probe and k-NN on the features of the three sets; the probe may have features of its own. */
async function score(
  sets: readonly tf.Tensor2D[],
  images: Split,
  preset: Preset,
  seed: number,
  probeSets = sets,
): Promise<Scores> {
  const labelled = (sets: readonly tf.Tensor2D[]) =>
    [images.train, images.heldOut, images.test].map((set, at) => ({
      features: sets[at],
      labels: set.labels,
    }));
  const [bank, , queries] = labelled(sets);
  const [train, validation, test] = labelled(probeSets);
  const classes = 1 + images.train.labels.reduce((most, label) => Math.max(most, label));
  const { top1 } = await probe({
    train,
    validation,
    test,
    classes,
    epochs: preset.probeEpochs,
    seed,
    protocol: preset.probe,
  });
  const neighbours = await knn(bank, queries, {
    k: preset.neighbours,
    temperature: preset.temperature,
    classes,
  });
  return [top1, ...neighbours.map(({ accuracy }) => accuracy)].map((fraction) => 100 * fraction);
}
