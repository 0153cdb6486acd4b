/**
 * A run: one training and all that comes of it. Its spec describes it whole, its
 * folder holds what came of it, and whoever needs something of it is handed the run.
 *
 * @module
 */
import { join } from "@std/path";
import { start } from "../compute/backend.ts";
import { dispose, flatten, mapTree } from "../compute/compile.ts";
import type { Tensors } from "../compute/ops.ts";
import type { tf } from "../compute/tf.ts";
import type { ImageSet } from "../data/dataset.ts";
import { calibrate } from "../evaluation/calibrate.ts";
import { type FeatureOptions, features } from "../evaluation/features.ts";
import { levelOf, type Network } from "../model/layers.ts";
import { initialiseStack } from "../model/stack.ts";
import { encoderDigest, readCheckpoint, readNetwork } from "../training/checkpoint.ts";
import { readMetrics, type StepMetrics } from "../training/log.ts";
import { isFinished, totalSteps, train, type Training } from "../training/train.ts";
import { runId, type RunSpec, SPEC, writeSpec } from "../training/spec.ts";
import { demandMemory } from "./estimate.ts";
import { evaluateStacks, evaluationFile, scoredSuffix, type Scores } from "./evaluate.ts";
import type { Setting } from "./setting.ts";

/** The log of a run. */
export interface RunLog {
  /** What a reader calls the run. */
  readonly name: string;
  /** A line a step. */
  readonly steps: StepMetrics[];
  /** Steps that make an epoch. */
  readonly stepsPerEpoch: number;
}

/** One training and all that comes of it. */
export interface Run {
  /** What defines it. */
  readonly spec: RunSpec;
  /** Twelve hex digits, of its spec. */
  readonly id: string;
  /** What a reader calls it, whatever its seed. */
  readonly title: string;
  /** Where everything of it lies. */
  readonly folder: string;
  /** Where it lives and what it is evaluated on. */
  readonly setting: Setting;
  /** Steps that it takes. */
  readonly steps: number;
  /** Whether its encoder is there. */
  isFinished(): Promise<boolean>;
  /** Steps done so far; all of them only once the encoder is written. */
  done(): Promise<number>;
  /** Arguments of `deno` that train it in a process of its own. */
  command(): Promise<string[]>;
  /**
   * Trains it, or goes on, unless it is finished.
   *
   * @returns How it was trained, and how it ended.
   * @throws {EnvironmentError} There is not enough memory or room on the disk.
   * @throws {TrainingError} It diverged.
   */
  train(): Promise<Training>;
  /** Its trained encoders and projectors, the caller's to dispose; it is trained if it is not yet. */
  network(): Promise<Network>;
  /**
   * Its encoders and projectors so far: of its last checkpoint while it trains, the trained ones when it is finished.
   *
   * @returns The network, the caller's to dispose, and the steps behind it; undefined before the first checkpoint.
   */
  latest(): Promise<{ readonly network: Network; readonly step: number } | undefined>;
  /**
   * A control: random encoders from a level on, over the trained ones below. None of their residual branches starts
   * at zero, and their batch norm has the statistics of training images.
   *
   * @param from The lowest level that is random.
   * @returns Encoders and projectors, the caller's to dispose.
   */
  untrained(from?: number): Promise<Network>;
  /** Its log so far, as charts take it. */
  log(): Promise<RunLog>;
  /**
   * Evaluates each level as the setting says; what was found once is kept.
   *
   * @param untrainedFrom The lowest level that is random, as {@link Run.untrained} makes it; absent: all are trained.
   * @returns One entry a level, lowest first.
   */
  evaluate(untrainedFrom?: number): Promise<Scores[]>;
  /**
   * Representations by the trained run.
   *
   * @param set The images; the test images unless said otherwise.
   * @param options How to extract.
   * @returns `[count, representation]`, one tensor a level, lowest first; the caller's to dispose.
   */
  embed(set?: ImageSet, options?: FeatureOptions): Promise<tf.Tensor2D[]>;
}

/** How often a checkpoint is read anew that another one takes the place of meanwhile. */
const TRIES = 3;

/** A ResNet whose residual branches start at zero is, untrained, hardly more than its stem. */
function withoutZeroInit(spec: RunSpec): RunSpec {
  const levels = spec.levels.map((level) =>
    level.encoder.kind === "resnet"
      ? { ...level, encoder: { ...level.encoder, zeroInitResidual: false } }
      : level
  );
  return { ...spec, levels };
}

/**
 * A run as a value.
 *
 * @param spec What defines it.
 * @param setting Where it lives.
 * @param title What a reader calls it.
 * @returns The run; nothing is trained or read yet.
 */
export function openRun(spec: RunSpec, setting: Setting, title: string): Run {
  const { runs, dataset, images } = setting, id = runId(spec), folder = join(runs, id);
  const label = `${title}, seed ${spec.seed}`;
  const run: Run = {
    spec,
    id,
    title,
    folder,
    setting,
    steps: totalSteps(spec),
    isFinished: () => isFinished(spec, runs),
    async done() {
      if (await run.isFinished()) return run.steps;
      const logged = await readMetrics(folder).then((steps) => steps.length, () => 0);
      return Math.min(logged, run.steps - 1);
    },
    async command() {
      await writeSpec(folder, spec);
      const program = new URL("../cli/train.ts", import.meta.url).href;
      const options = [
        `--runs=${runs}`,
        `--title=${label}`,
        ...setting.data ? [`--data=${setting.data}`] : [],
      ];
      return ["run", "--quiet", "--allow-all", program, join(folder, SPEC), ...options];
    },
    async train() {
      await start();
      if (!await run.isFinished()) demandMemory(spec);
      return await train(spec, dataset, runs, label);
    },
    async network() {
      await start();
      if (!await run.isFinished()) await run.train();
      return await readNetwork(folder);
    },
    async latest() {
      await start();
      for (let left = TRIES;; left--) {
        if (await run.isFinished()) return { network: await readNetwork(folder), step: run.steps };
        try {
          const checkpoint = await readCheckpoint(folder);
          if (!checkpoint) return;
          const { state: { parameters, statistics, ...rest }, position: { step } } = checkpoint;
          dispose(rest);
          return { network: { parameters, statistics }, step };
        } catch (error) {
          // Whoever trains it may just have put the next one in its place.
          if (left === 0) throw error;
        }
      }
    },
    async untrained(from = 0) {
      await start();
      const random = initialiseStack(withoutZeroInit(spec), spec.seed);
      const below = from > 0 ? await run.network() : random;
      const choose = (part: keyof Network, high: Tensors) =>
        mapTree(random[part], (_, path) => {
          const name = path.slice(1);
          return (levelOf(name) < from ? below[part] : high)[name];
        });
      const parameters = choose("parameters", random.parameters);
      const statistics = choose("statistics", random.statistics);
      const calibrated = await calibrate({ parameters, statistics }, spec, images.train, from);
      const network = { parameters, statistics: choose("statistics", calibrated) };
      const used = new Set(flatten(network).map(([, x]) => x));
      dispose(flatten([random, below]).flatMap(([, x]) => used.has(x) ? [] : x));
      return network;
    },
    log: async () => ({
      name: title,
      steps: await readMetrics(folder),
      stepsPerEpoch: run.steps / spec.epochs,
    }),
    async evaluate(untrainedFrom = Infinity) {
      await start();
      if (untrainedFrom > 0 && !await run.isFinished()) await run.train();
      const trained = untrainedFrom === Infinity,
        learnt = untrainedFrom > 0 ? await encoderDigest(folder) : "";
      const name = trained
        ? label
        : `${title}, untrained${learnt && ` from stack ${untrainedFrom} on`}, seed ${spec.seed}`;
      // Other images or classes than its own do not take the place of what was found of those.
      const elsewhere = dataset.fingerprint === spec.data.fingerprint ? "" : `-${dataset.fingerprint}`;
      const chosen = scoredSuffix(setting.evaluation.scored);
      return await evaluateStacks(setting, {
        path: join(folder, evaluationFile(untrainedFrom) + elsewhere + chosen),
        weights: trained ? learnt : `${learnt}, calibrated from stack ${untrainedFrom} on`,
        network: () => trained ? run.network() : run.untrained(untrainedFrom),
        model: spec,
        seed: spec.seed,
        title: name,
      });
    },
    async embed(set = images.test, options = {}) {
      const network = await run.network();
      const found = await features(network, spec, set, options);
      dispose(network);
      return found;
    },
  };
  return run;
}
