/**
 * What a training leaves behind while it goes on: log, event files and checkpoints;
 * what it says, and when it stops.
 *
 * @module
 */
import { dispose, flatten } from "../compute/compile.ts";
import { TrainingError } from "../base/errors.ts";
import { needRoom, sweep, writePatiently } from "../base/files.ts";
import { Interrupted, type Watch, watchSignals } from "../base/interrupt.ts";
import { progress } from "../base/progress.ts";
import { say } from "../base/say.ts";
import type { ViewBatch } from "../data/view_stream.ts";
import { type Agree, alone } from "./accord.ts";
import { readCheckpoint, saveCheckpoint, saveEncoder } from "./checkpoint.ts";
import { describe, isCollapsed, spreadOf } from "./collapse.ts";
import { openLog, readMetrics, type StepMetrics } from "./log.ts";
import type { OnlineMeasure } from "./online.ts";
import { addOrigin } from "./origin.ts";
import { type RunSpec, trainedFrom, writeSpec } from "./spec.ts";
import { readTerms, type StepResult, type TrainingState, withoutPredictors } from "./step.ts";
import { openEvents } from "./tensorboard.ts";

/** Seconds of training after which a checkpoint is due, also within an epoch. */
const CHECKPOINT_SECONDS = 60;
/** A checkpoint is not due before training took so many times as long as the one before took to write. */
const CHECKPOINT_RATIO = 100;

/** A loss so many times its first value will not come back. */
const DIVERGED = 100;

/** Bytes of a line of the log, about. */
const LOG_BYTES = 350;

/** What is trained. */
export interface Journalled {
  /** The run's folder, whose lock the caller holds. */
  readonly folder: string;
  readonly spec: RunSpec;
  /** Steps in all. */
  readonly steps: number;
  /** Its name on the progress bar. */
  readonly label: string;
  /** What is measured of it at the end of epochs. */
  readonly online: OnlineMeasure;
  /** Processes that train it, and how they agree on stopping after a step; absent: one, by itself. */
  readonly together?: { readonly processes: number; readonly agree: Agree };
}

/** The record of a training while it goes on. */
export interface Journal extends Disposable {
  /** Steps that were done before. */
  readonly start: number;
  /** Where it goes on from. */
  readonly state: TrainingState;
  /**
   * Notes a step, whose terms and levels are freed.
   *
   * @throws {TrainingError} The loss became NaN, infinite or far larger than at first.
   */
  note(batch: Pick<ViewBatch, "step" | "epoch">, rate: number, result: StepResult): Promise<void>;
  /**
   * Writes a checkpoint after a step, where one is due.
   *
   * @throws {Interrupted} A signal came, to whatever process: the checkpoint is written.
   */
  save(done: number, state: TrainingState): Promise<void>;
  /** Writes a checkpoint after a step that was noted, due or not. */
  keep(done: number, state: TrainingState): Promise<void>;
  /**
   * Writes the encoder.
   *
   * @throws {Interrupted} A signal came: the encoder is written.
   */
  finish(state: TrainingState): Promise<void>;
}

/**
 * Opens a run's folder to train in it, from its last checkpoint if there is one.
 *
 * @param journalled What is trained.
 * @param fresh Makes the state before the first step.
 * @returns The journal.
 * @throws {DataError} A file of the run is damaged.
 * @throws {EnvironmentError} The folder may not be written, or there is no room for the run.
 */
export async function openJournal(
  { folder, spec, steps, label, online: measure, together }: Journalled,
  fresh: () => Promise<TrainingState>,
): Promise<Journal> {
  const agree = together?.agree ?? alone;
  await sweep(folder);
  await writeSpec(folder, spec);
  const checkpoint = await readCheckpoint(folder);
  const { step: start, seconds: before } = checkpoint?.position ?? { step: 0, seconds: 0 };
  const state = checkpoint?.state ?? await fresh();
  await needRoom(folder, 2 * bytesOf(state) + LOG_BYTES * (steps - start), label);
  await addOrigin(folder, start, together?.processes);
  const opened = new DisposableStack();
  const log = opened.use(await openLog(folder, start)), events = opened.use(await openEvents(folder, start));
  let first = start > 0 ? (await readMetrics(folder))[0].levels : undefined;
  const watch = opened.use(watchSignals(`${label}: stopping after this step, with a checkpoint.`));
  const bar = progress(label, steps);
  const began = performance.now(), seconds = () => before + (performance.now() - began) / 1000;
  let saved = { step: start, at: began, cost: 0 }, ended = began;
  const patiently = (write: () => Promise<void>) => writePatiently(write, () => watch.signal !== undefined);
  const frozen = spec.levels.slice(0, trainedFrom(spec)).map(() => ({}));
  const epochEnds = (done: number) => done % (steps / spec.epochs) === 0;
  const write = (done: number, state: TrainingState) =>
    patiently(async () => {
      const at = performance.now();
      await log.sync();
      await events.flush();
      await saveCheckpoint(folder, state, { step: done, seconds: seconds() });
      saved = { step: done, at: performance.now(), cost: performance.now() - at };
    });

  return {
    start,
    state,
    async note({ step, epoch }, learningRate, result) {
      const learnt = readTerms(result.terms), levels: StepMetrics["levels"] = [...frozen, ...learnt];
      const finite = levels.every((level) => Object.values(level).every(Number.isFinite));
      const imagesPerSecond = Math.round(spec.batch / (performance.now() - ended) * 1e4) / 10;
      const watched = epochEnds(step + 1) && finite;
      const online = watched ? await measure(epoch, result.state) : undefined;
      const metrics: StepMetrics = {
        ...{ step, epoch, learningRate, levels, imagesPerSecond },
        ...watched && { spread: result.levels.map(spreadOf) },
        ...online && { online },
      };
      dispose(result.levels);
      ended = performance.now();
      await patiently(() => log.write(metrics));
      events.add(metrics);
      first ??= levels;
      refuseDivergence(metrics, first, saved.step, folder);
      bar.update(step + 1, `loss ${learnt.map(({ total }) => total.toFixed(2)).join(" + ")}`);
      warnOfCollapse(label, metrics);
    },
    async save(done, state) {
      const stop = await agree(watch.signal !== undefined);
      const since = performance.now() - saved.at, dear = since < CHECKPOINT_RATIO * saved.cost;
      if (stop || !dear && (epochEnds(done) || since > 1000 * CHECKPOINT_SECONDS)) await write(done, state);
      if (!stop) return;
      bar.stop();
      throw stopped(watch, label, done, steps);
    },
    async keep(done, state) {
      bar.stop();
      if (done > saved.step) await write(done, state);
    },
    async finish(state) {
      bar.stop();
      const end = { step: steps, seconds: seconds() };
      await log.sync();
      await patiently(() => events.flush());
      await patiently(() => saveEncoder(folder, withoutPredictors(state), end));
      // The encoder is there, whoever is lost now.
      await agree(false).catch(() => {});
      if (!watch.signal) return;
      throw new Interrupted(watch.signal, `${label}: finished. The same command goes on with what is left.`);
    },
    [Symbol.dispose]: () => opened.dispose(),
  };
}

/**
 * Goes along with a training that another process, task 0, keeps the journal of: nothing is written.
 *
 * @param journalled What is trained.
 * @param fresh Makes the state before the first step.
 * @returns The journal.
 * @throws {DataError} A file of the run is damaged.
 */
export async function followJournal(
  { folder, spec, steps, label, together }: Omit<Journalled, "online">,
  fresh: () => Promise<TrainingState>,
): Promise<Journal> {
  const agree = together?.agree ?? alone, checkpoint = await readCheckpoint(folder);
  const start = checkpoint?.position.step ?? 0;
  let first = start > 0 ? (await readMetrics(folder))[0].levels : undefined;
  const watch = watchSignals(`${label}: stopping after this step.`);
  const frozen = spec.levels.slice(0, trainedFrom(spec)).map(() => ({}));
  return {
    start,
    state: checkpoint?.state ?? await fresh(),
    note({ step, epoch }, learningRate, result) {
      const levels = [...frozen, ...readTerms(result.terms)];
      dispose(result.levels);
      first ??= levels;
      refuseDivergence({ levels, step, epoch, learningRate }, first, start, folder);
      return Promise.resolve();
    },
    async save(done) {
      if (await agree(watch.signal !== undefined)) throw stopped(watch, label, done, steps);
    },
    keep: () => Promise.resolve(),
    async finish() {
      await agree(false);
      // A folder that is opened is asked for anew on NFS, which else remembers that the encoder was not there.
      for await (const _ of Deno.readDir(folder)) break;
    },
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}

/** The error of a training that stops because it, or a process that trains with it, was asked to. */
const stopped = ({ signal = "SIGTERM" }: Watch, label: string, done: number, steps: number) =>
  new Interrupted(
    signal,
    `${label}: stopped after step ${done} of ${steps}. The same command goes on from there.`,
  );

function bytesOf(state: TrainingState): number {
  return flatten(state).reduce((sum, [, { size }]) => sum + 4 * size, 0);
}

/** A loss that is no number, or far above its first value, cannot recover: stop, and name where it began. */
function refuseDivergence(
  { levels, step, epoch, learningRate }: Pick<StepMetrics, "levels" | "step" | "epoch" | "learningRate">,
  first: StepMetrics["levels"],
  saved: number,
  folder: string,
): void {
  levels.forEach((level, at) => {
    const term = Object.keys(level).find((term) => !Number.isFinite(level[term])) ??
      (level.total > DIVERGED * Math.max(1, Math.abs(first[at].total)) ? "total" : undefined);
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

function warnOfCollapse(label: string, { spread, epoch, levels }: StepMetrics): void {
  spread?.forEach((spread, level) => {
    if (!isCollapsed(spread)) return;
    say(
      `warning: ${label}: stack ${level} is collapsed after epoch ${epoch}: ` +
        `${describe(spread)}. ` +
        ("variance" in levels[level] ? "Raise the weight of the variance or the covariance term." : ""),
    );
  });
}
