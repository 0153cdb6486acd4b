/**
 * Trains a run in its folder: log, checkpoints, finished encoder. A run that
 * was interrupted goes on from its last checkpoint; a finished one is loaded.
 *
 * @module
 */
import { join } from "@std/path";
import { tf } from "../compute/tf.ts";
import { dispose } from "../compute/compile.ts";
import type { Tensors } from "../compute/ops.ts";
import { TrainingError } from "../base/errors.ts";
import { exists, writeAtomically } from "../base/files.ts";
import { progress } from "../base/progress.ts";
import { decodeSafetensors, encodeSafetensors } from "../base/safetensors.ts";
import type { ImageSet } from "../data/dataset.ts";
import { viewStream } from "../data/view_stream.ts";
import type { Network } from "../model/layers.ts";
import { initialiseStack } from "../model/stack.ts";
import { optimiser } from "./optimiser.ts";
import { learningRate } from "./schedule.ts";
import { runId, type RunSpec } from "./spec.ts";
import { TERMS, type TrainingState, trainingStep } from "./step.ts";

/** A line of `metrics.jsonl`. */
export interface StepMetrics {
  readonly step: number;
  readonly epoch: number;
  readonly learningRate: number;
  readonly imagesPerSecond: number;
  /** Unweighted terms and weighted total, one entry a level. */
  readonly levels: readonly Readonly<Record<typeof TERMS[number], number>>[];
}

/** A finished run. */
export interface FinishedRun {
  readonly id: string;
  readonly folder: string;
  readonly network: Network;
  /** Seconds of training, interruptions left out. */
  readonly seconds: number;
}

/** File names in a run's folder. */
const FILES = {
  spec: "spec.json",
  log: "metrics.jsonl",
  checkpoint: "checkpoint.safetensors",
  encoder: "encoder.safetensors",
};

/** Steps that a run takes. */
export function totalSteps(spec: RunSpec): number {
  return Math.floor(spec.data.images / spec.batch) * spec.epochs;
}

/**
 * Whether a run is finished.
 *
 * @param spec Which run.
 * @param runs Folder of all runs.
 * @returns True when its encoder is there.
 */
export function isFinished(spec: RunSpec, runs: string): Promise<boolean> {
  return exists(join(runs, runId(spec), FILES.encoder));
}

/**
 * Trains a run, or finishes it, or loads it.
 *
 * @param spec Which run.
 * @param images Its images, `spec.data.images` of them.
 * @param runs Folder of all runs, `data/runs`.
 * @param label Its name on the progress bar.
 * @returns The finished run; its network is the caller's to dispose.
 * @throws {TrainingError} A loss term became NaN or infinite.
 */
export async function train(
  spec: RunSpec,
  images: ImageSet,
  runs: string,
  label: string,
): Promise<FinishedRun> {
  const id = runId(spec);
  const folder = join(runs, id);
  const at = (file: keyof typeof FILES) => join(folder, FILES[file]);
  if (await exists(at("encoder"))) {
    const { tensors, metadata } = await load(at("encoder"));
    const { parameters, statistics } = tensors;
    return { id, folder, network: { parameters, statistics }, seconds: Number(metadata.seconds) };
  }
  if (images.labels.length !== spec.data.images) {
    throw new RangeError(`The run needs ${spec.data.images} images, not ${images.labels.length}.`);
  }
  const steps = totalSteps(spec), stepsPerEpoch = steps / spec.epochs;
  if (stepsPerEpoch < 1) {
    throw new TrainingError(
      `A batch of ${spec.batch} is more than the ${spec.data.images} training images: choose a smaller batch.`,
    );
  }
  await Deno.mkdir(folder, { recursive: true });
  await writeAtomically(at("spec"), JSON.stringify(spec, null, 2) + "\n");

  const optimise = optimiser(spec.optimiser);
  let state: TrainingState, start = 0, secondsBefore = 0;
  if (await exists(at("checkpoint"))) {
    const { tensors, metadata } = await load(at("checkpoint"));
    state = tensors as unknown as TrainingState;
    start = Number(metadata.step);
    secondsBefore = Number(metadata.seconds);
  } else {
    const network = initialiseStack(spec.model, spec.seed);
    state = { ...network, slots: optimise.slots(network.parameters) };
  }
  const step = trainingStep(spec, optimise);
  using log = await openLog(at("log"), start);
  const bar = progress(label, steps);
  const began = performance.now();
  const seconds = () => secondsBefore + (performance.now() - began) / 1000;
  await using batches = viewStream({
    set: images,
    seed: spec.seed,
    batch: spec.batch,
    epochs: spec.epochs,
    views: 2,
    view: spec.view,
    startStep: start,
  });
  let before = performance.now();
  for await (const batch of batches) {
    const shape: [number, number, number, number] = [spec.batch, spec.view.size, spec.view.size, 3];
    const rate = learningRate(spec.schedule, batch.step, steps, stepsPerEpoch);
    const inputs = [
      tf.tensor4d(batch.views[0], shape),
      tf.tensor4d(batch.views[1], shape),
      tf.scalar(rate),
      tf.scalar(batch.step + 1),
    ] as const;
    const result = await step(state, ...inputs);
    dispose([state, inputs]);
    state = result.state;
    const metrics = {
      step: batch.step,
      epoch: batch.epoch,
      learningRate: rate,
      levels: readTerms(result.terms),
      imagesPerSecond: Math.round(spec.batch / (performance.now() - before) * 1e4) / 10,
    };
    before = performance.now();
    log.write(metrics);
    refuseDivergence(metrics, folder);
    const done = batch.step + 1;
    bar.update(done, `loss ${metrics.levels.map((level) => level.total.toFixed(2)).join(" + ")}`);
    if (done % stepsPerEpoch === 0 && done < steps) {
      await save(at("checkpoint"), { ...state }, done, seconds());
    }
  }
  bar.stop();
  step.dispose();
  const { parameters, statistics, slots } = state;
  await save(at("encoder"), { parameters, statistics }, steps, seconds());
  await Deno.remove(at("checkpoint")).catch(() => {});
  dispose(slots);
  return { id, folder, network: { parameters, statistics }, seconds: seconds() };
}

function readTerms(terms: tf.Tensor2D): StepMetrics["levels"] {
  const values = terms.arraySync();
  terms.dispose();
  return values.map((row) =>
    Object.fromEntries(TERMS.map((term, at) => [term, row[at]])) as StepMetrics["levels"][number]
  );
}

/** A loss that is no number cannot recover: stop, and name where it began. */
function refuseDivergence(metrics: StepMetrics, folder: string): void {
  metrics.levels.forEach((level, at) => {
    const term = TERMS.find((term) => !Number.isFinite(level[term]));
    if (!term) return;
    throw new TrainingError(
      `Training diverged: the ${term} term of stack ${at} is ${level[term]} at step ${metrics.step} ` +
        `(epoch ${metrics.epoch}, learning rate ${metrics.learningRate}). ` +
        `Lower the learning rate or use float32. The log and the last checkpoint are in ${folder}.`,
    );
  });
}

/** Appends to the log; lines after the checkpoint it resumes from are dropped first. */
async function openLog(path: string, start: number) {
  const kept = start > 0 ? (await Deno.readTextFile(path)).split("\n").slice(0, start) : [];
  await writeAtomically(path, kept.map((line) => line + "\n").join(""));
  const file = await Deno.open(path, { append: true });
  return {
    write: (metrics: StepMetrics) =>
      void file.writeSync(new TextEncoder().encode(JSON.stringify(metrics) + "\n")),
    [Symbol.dispose]: () => file.close(),
  };
}

/**
 * The log of a run.
 *
 * @param folder The run's folder.
 * @returns Its steps so far.
 */
export async function readMetrics(folder: string): Promise<StepMetrics[]> {
  const lines = (await Deno.readTextFile(join(folder, FILES.log))).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

/** Writes groups of tensors as one safetensors file, `group/name`. */
async function save(
  path: string,
  groups: Record<string, Tensors>,
  step: number,
  seconds: number,
): Promise<void> {
  const tensors = Object.fromEntries(
    Object.entries(groups).flatMap(([group, members]) =>
      Object.entries(members).map(([name, tensor]) => [
        `${group}/${name}`,
        { shape: tensor.shape, data: tensor.dataSync() as Float32Array },
      ])
    ),
  );
  await writeAtomically(path, encodeSafetensors(tensors, { step: `${step}`, seconds: seconds.toFixed(1) }));
}

async function load(
  path: string,
): Promise<{ tensors: Record<string, Tensors>; metadata: Record<string, string> }> {
  const { tensors, metadata } = decodeSafetensors(await Deno.readFile(path), path);
  const groups: Record<string, Record<string, tf.Tensor>> = {};
  for (const [key, { shape, data }] of Object.entries(tensors)) {
    const slash = key.indexOf("/");
    (groups[key.slice(0, slash)] ??= {})[key.slice(slash + 1)] = tf.tensor(data, shape as number[]);
  }
  return { tensors: groups, metadata };
}
