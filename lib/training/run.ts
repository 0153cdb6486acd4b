/**
 * Trains a run in its folder: log, checkpoints, finished encoder. A run that
 * was interrupted goes on from its last checkpoint.
 *
 * @module
 */
import { join } from "@std/path";
import { tf } from "../compute/tf.ts";
import { dispose } from "../compute/compile.ts";
import { DataError, TrainingError } from "../base/errors.ts";
import { needRoom, sweep, writePatiently } from "../base/files.ts";
import { Interrupted, watchSignals } from "../base/interrupt.ts";
import { lock } from "../base/lock.ts";
import { progress } from "../base/progress.ts";
import { type Dataset, imageFingerprint } from "../data/dataset.ts";
import { trainingImages } from "../data/split.ts";
import { viewStream } from "../data/view_stream.ts";
import type { Network } from "../model/layers.ts";
import { initialiseStack } from "../model/stack.ts";
import { hasEncoder, readCheckpoint, saveCheckpoint, saveEncoder, trainedSeconds } from "./checkpoint.ts";
import { describe, isCollapsed, spreadOf } from "./collapse.ts";
import { openLog, readMetrics, type StepMetrics } from "./log.ts";
import { optimiser } from "./optimiser.ts";
import { addOrigin, type Origin, readOrigins } from "./origin.ts";
import { learningRate } from "./schedule.ts";
import { openEvents } from "./tensorboard.ts";
import { runId, type RunSpec, writeSpec } from "./spec.ts";
import { readTerms, type TrainingState, trainingStep } from "./step.ts";

/** How a run was trained, and how it ended. */
export interface Training {
  /** Seconds of training, interruptions left out. */
  readonly seconds: number;
  /** What trained it. */
  readonly origins: readonly Origin[];
  /** Stacks that were collapsed at the end. */
  readonly collapsed: readonly number[];
}

/** Seconds of training after which a checkpoint is due, also within an epoch. */
const CHECKPOINT_SECONDS = 60;
/** A checkpoint is not due before training took so many times as long as the one before took to write. */
const CHECKPOINT_RATIO = 100;

/** A loss so many times its first value will not come back. */
const DIVERGED = 100;

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
  return hasEncoder(join(runs, runId(spec)));
}

/**
 * Trains a run, or finishes it, unless it is finished. One process at a time trains a
 * run; another one waits for it. Ctrl-C or SIGTERM writes a checkpoint and
 * ends the training.
 *
 * @param spec Which run.
 * @param dataset The data set that its images are drawn from.
 * @param runs Folder of all runs, `data/runs`.
 * @param label Its name on the progress bar.
 * @returns How it was trained, and how it ended.
 * @throws {TrainingError} The loss became NaN, infinite or far larger than at first.
 * @throws {Interrupted} A signal ended it; the next call goes on.
 * @throws {DataError} The data set is another one than the spec's, or a file of the run is damaged.
 * @throws {EnvironmentError} Its folder may not be written, or there is no room for the run.
 */
export async function train(
  spec: RunSpec,
  dataset: Dataset,
  runs: string,
  label: string,
): Promise<Training> {
  const folder = join(runs, runId(spec));
  // Of the images themselves: what the data set says of them is nothing that a run may rest on.
  const found = imageFingerprint(dataset), { dataset: { name }, fingerprint } = spec.data;
  if (found !== fingerprint) {
    throw new DataError(
      `${label} is a run on ${name} with fingerprint ${fingerprint}, but these images of ${dataset.name} have ` +
        `${found}. Make its spec from the data set that it is to learn from.`,
    );
  }
  if (!await hasEncoder(folder)) {
    if (totalSteps(spec) === 0) {
      throw new TrainingError(
        `A batch of ${spec.batch} is more than the ${spec.data.images} training images: choose a smaller batch.`,
      );
    }
    using _ = await lock(
      join(folder, "lock"),
      (owner) => console.error(`${label}: ${owner} is training this run; waiting until it is done.`),
    );
    if (!await hasEncoder(folder)) await trainIn(folder, spec, dataset, label);
  }
  const spread = (await readMetrics(folder)).at(-1)?.spread ?? [];
  return {
    seconds: await trainedSeconds(folder),
    origins: await readOrigins(folder),
    collapsed: [...spread.keys()].filter((level) => isCollapsed(spread[level])),
  };
}

/** The loop; the caller holds the lock. */
async function trainIn(folder: string, spec: RunSpec, dataset: Dataset, label: string): Promise<void> {
  const steps = totalSteps(spec), stepsPerEpoch = steps / spec.epochs;
  await sweep(folder);
  await writeSpec(folder, spec);
  const optimise = optimiser(spec.optimiser);
  const checkpoint = await readCheckpoint(folder);
  const { step: start, seconds: before } = checkpoint?.position ?? { step: 0, seconds: 0 };
  let state = checkpoint?.state ?? fresh(spec, optimise.slots);
  await needRoom(folder, 2 * bytesOf(state) + LOG_BYTES * (steps - start), label);
  await addOrigin(folder, start);
  using log = await openLog(folder, start);
  using events = await openEvents(folder, start);
  let first = start > 0 ? (await readMetrics(folder))[0].levels : undefined;
  using watch = watchSignals(`${label}: stopping after this step, with a checkpoint.`);
  const step = trainingStep(spec, optimise);
  await using batches = viewStream({
    set: trainingImages(dataset, spec.data.images, spec.data.splitSeed),
    seed: spec.seed,
    batch: spec.batch,
    epochs: spec.epochs,
    views: 2,
    view: spec.view,
    startStep: start,
  });

  const bar = progress(label, steps);
  const began = performance.now(), seconds = () => before + (performance.now() - began) / 1000;
  let saved = { step: start, at: began, cost: 0 };
  const save = async (done: number) => {
    const at = performance.now();
    await log.sync();
    await events.flush();
    await saveCheckpoint(folder, state, { step: done, seconds: seconds() });
    saved = { step: done, at: performance.now(), cost: performance.now() - at };
  };
  let ended = began;
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
    const done = batch.step + 1, epochEnds = done % stepsPerEpoch === 0;
    const levels = readTerms(result.terms);
    const finite = levels.every((level) => Object.values(level).every(Number.isFinite));
    const metrics: StepMetrics = {
      step: batch.step,
      epoch: batch.epoch,
      learningRate: rate,
      levels,
      imagesPerSecond: Math.round(spec.batch / (performance.now() - ended) * 1e4) / 10,
      ...epochEnds && finite && { spread: result.levels.map(spreadOf) },
    };
    dispose(result.levels);
    ended = performance.now();
    await writePatiently(() => log.write(metrics), () => watch.signal !== undefined);
    events.add(metrics);
    first ??= metrics.levels;
    refuseDivergence(metrics, first, saved.step, folder);
    bar.update(done, `loss ${metrics.levels.map((level) => level.total.toFixed(2)).join(" + ")}`);
    warnOfCollapse(label, metrics);
    if (done === steps) break;
    const since = performance.now() - saved.at, dear = since < CHECKPOINT_RATIO * saved.cost;
    if (watch.signal || !dear && (epochEnds || since > 1000 * CHECKPOINT_SECONDS)) {
      await writePatiently(() => save(done), () => watch.signal !== undefined);
    }
    if (watch.signal) {
      bar.stop();
      throw new Interrupted(
        watch.signal,
        `${label}: stopped after step ${done} of ${steps}. The same command goes on from there.`,
      );
    }
  }
  bar.stop();
  step.dispose();
  const end = { step: steps, seconds: seconds() };
  await log.sync();
  await writePatiently(() => events.flush(), () => watch.signal !== undefined);
  await writePatiently(() => saveEncoder(folder, state, end), () => watch.signal !== undefined);
  dispose(state);
  if (watch.signal) {
    throw new Interrupted(watch.signal, `${label}: finished. The same command goes on with what is left.`);
  }
}

/** Bytes of a line of the log, about. */
const LOG_BYTES = 350;

function fresh(
  spec: RunSpec,
  slots: (parameters: Network["parameters"]) => TrainingState["slots"],
): TrainingState {
  const network = initialiseStack(spec, spec.seed);
  return { ...network, slots: slots(network.parameters) };
}

function bytesOf(state: TrainingState): number {
  const groups = [state.parameters, state.statistics, state.slots].flatMap((group) => Object.values(group));
  return groups.reduce((sum, { size }) => sum + 4 * size, 0);
}

/** A loss that is no number, or far above its first value, cannot recover: stop, and name where it began. */
function refuseDivergence(
  { levels, step, epoch, learningRate }: StepMetrics,
  first: StepMetrics["levels"],
  saved: number,
  folder: string,
): void {
  levels.forEach((level, at) => {
    const term = Object.keys(level).find((term) => !Number.isFinite(level[term])) ??
      (level.total > DIVERGED * first[at].total ? "total" : undefined);
    if (!term) return;
    const excess = Number.isFinite(level[term])
      ? `, over ${DIVERGED} times the ${first[at].total} of step 0`
      : "";
    throw new TrainingError(
      `Training diverged: the ${term} term of stack ${at} is ${level[term]} at step ${step}${excess} ` +
        `(epoch ${epoch}, learning rate ${learningRate}; all terms: ${JSON.stringify(level)}). ` +
        "Lower the learning rate or use float32. " +
        (saved > 0 ? `The last checkpoint, after step ${saved}, ` : "There is no checkpoint yet; the log ") +
        `is in ${folder}.`,
    );
  });
}

function warnOfCollapse(label: string, { spread, epoch }: StepMetrics): void {
  spread?.forEach((spread, level) => {
    if (!isCollapsed(spread)) return;
    console.error(
      `\nwarning: ${label}: stack ${level} is collapsed after epoch ${epoch}: ` +
        `${describe(spread)}. ` +
        "Raise the weight of the variance or the covariance term.",
    );
  });
}
