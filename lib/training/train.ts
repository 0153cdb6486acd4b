/**
 * Trains a run in its folder: log, checkpoints, finished encoder. A run that
 * was interrupted goes on from its last checkpoint.
 *
 * @module
 */
import { join } from "@std/path";
import { tf } from "../compute/tf.ts";
import { start } from "../compute/backend.ts";
import { dispose } from "../compute/compile.ts";
import type { Cluster } from "../compute/cluster.ts";
import { ComputeError, DataError, PeerLostError, TrainingError, UsageError } from "../base/errors.ts";
import { lock } from "../base/lock.ts";
import { type Dataset, imageFingerprint } from "../data/dataset.ts";
import { trainingImages } from "../data/split.ts";
import { type ViewBatch, viewStream } from "../data/view_stream.ts";
import { viewsOf } from "../data/views.ts";
import { agreement, demandSame, meet } from "./accord.ts";
import { besideOf, demandLabels } from "./beside.ts";
import { hasEncoder, trainedSeconds } from "./checkpoint.ts";
import { isCollapsed } from "./collapse.ts";
import { demandFrozen, withFrozen } from "./frozen.ts";
import { followJournal, openJournal } from "./journal.ts";
import { readMetrics } from "./log.ts";
import { onlineMeasure } from "./online.ts";
import { optimiser } from "./optimiser.ts";
import { type Origin, readOrigins, trainingCode } from "./origin.ts";
import { learningRate } from "./schedule.ts";
import { runId, type RunSpec } from "./spec.ts";
import { initialState, trainingStep } from "./step.ts";

/** How a run was trained, and how it ended. */
export interface Training {
  /** Seconds of training, interruptions left out. */
  readonly seconds: number;
  /** What trained it. */
  readonly origins: readonly Origin[];
  /** Stacks that were collapsed at the end. */
  readonly collapsed: readonly number[];
}

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
 * @param cluster The processes that train it together, each with its share of every batch and all with the same other
 * arguments; the engine was started with it. Task 0 alone writes. Absent: this one trains it alone.
 * @returns How it was trained, and how it ended.
 * @throws {TrainingError} The loss became NaN, infinite or far larger than at first.
 * @throws {Interrupted} A signal ended it; the next call goes on.
 * @throws {DataError} The data set is another one than the spec's, or a file of the run is damaged.
 * @throws {UsageError} The run that levels are frozen from is missing, unfinished or of something else, or the
 * batch has no equal shares for all processes.
 * @throws {EnvironmentError} Its folder may not be written, there is no room for the run, or the other processes do
 * not come or start from something else.
 * @throws {PeerLostError} Another process is gone: the checkpoint is written, and once all are started again they go on.
 */
export async function train(
  spec: RunSpec,
  dataset: Dataset,
  runs: string,
  label: string,
  cluster?: Cluster,
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
    demandLabels(spec, dataset);
    await demandFrozen(spec, runs);
    if (totalSteps(spec) === 0) {
      throw new TrainingError(
        `A batch of ${spec.batch} is more than the ${spec.data.images} training images: choose a smaller batch.`,
      );
    }
    if (cluster && spec.batch % cluster.addresses.length > 0) {
      throw new UsageError(
        `A batch of ${spec.batch} has no ${cluster.addresses.length} equal shares: choose another number of processes.`,
      );
    }
    using _ = cluster && cluster.task > 0 ? undefined : await lock(
      join(folder, "lock"),
      (owner) => console.error(`${label}: ${owner} is training this run; waiting until it is done.`),
    );
    const done = await hasEncoder(folder), finished = cluster ? await meet(cluster, done) : done;
    if (!finished) await trainIn(runs, spec, dataset, label, cluster);
  }
  const spread = (await readMetrics(folder)).at(-1)?.spread ?? [];
  return {
    seconds: await trainedSeconds(folder),
    origins: await readOrigins(folder),
    collapsed: [...spread.keys()].filter((level) => isCollapsed(spread[level])),
  };
}

/** The loop; the caller, or task 0 of its cluster, holds the lock. */
async function trainIn(
  runs: string,
  spec: RunSpec,
  dataset: Dataset,
  label: string,
  cluster?: Cluster,
): Promise<void> {
  const folder = join(runs, runId(spec)), steps = totalSteps(spec), optimise = optimiser(spec.optimiser);
  const config = { ...spec, steps }, processes = cluster?.addresses.length ?? 1;
  const journalled = {
    ...{ folder, spec, steps, label },
    ...cluster && { together: { processes, agree: agreement(cluster) } },
  };
  const fresh = () => withFrozen(initialState(config, optimise, spec.seed), spec, runs);
  using journal = cluster && cluster.task > 0
    ? await followJournal(journalled, fresh)
    : await openJournal({ ...journalled, online: onlineMeasure(spec, dataset) }, fresh);
  let { state } = journal, done = journal.start;
  if (cluster) {
    await demandSame(cluster, state, [runId(spec), await trainingCode(), (await start()).version, done]);
  }
  /** What an error means that an exchange between processes ended with. */
  const lost = async (error: unknown): Promise<never> => {
    if (!cluster || !(error instanceof ComputeError)) throw error;
    await journal.keep(done, state);
    throw new PeerLostError(
      `${label}: another of the ${processes} processes was lost after step ${done} of ${steps} (${error.message}). ` +
        "Start all of them again: they go on from the last checkpoint.",
    );
  };
  const step = trainingStep(config, optimise, cluster);
  const images = () => trainingImages(dataset, spec.data.images, spec.data.splitSeed);
  // The images themselves are needed no longer than the stream copies them.
  const { images: _, ...set } = images();
  const share = { task: cluster?.task ?? 0, of: processes };
  await using batches = viewStream({
    set: images(),
    seed: spec.seed,
    batch: spec.batch,
    epochs: spec.epochs,
    view: spec.view,
    startStep: journal.start,
    share,
  });
  for await (const batch of batches) {
    const rate = learningRate(spec.schedule, batch.step, steps, steps / spec.epochs);
    const inputs = [
      ...inputsOf(batch, config, rate, spec.batch / processes),
      besideOf(spec, set, batch, share),
    ] as const;
    const result = await step(state, ...inputs).catch(lost);
    dispose([state, inputs]);
    state = result.state;
    await journal.note(batch, rate, result);
    done = batch.step + 1;
    if (done === steps) break;
    await journal.save(done, state).catch(lost);
  }
  step.dispose();
  await journal.finish(state).catch(lost);
  dispose(state);
}

/** The views, the learning rate and the step's number from 1, as a step takes them. */
function inputsOf(
  { step, views }: ViewBatch,
  { view, steps }: RunSpec & { steps: number },
  rate: number,
  rows: number,
) {
  const tensors = viewsOf(view, step / steps).map(({ size }, at) =>
    tf.tensor4d(views[at], [rows, size, size, 3])
  );
  return [tensors, tf.scalar(rate), tf.scalar(step + 1)] as const;
}
