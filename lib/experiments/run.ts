/**
 * A run: one training and all that comes of it. Its spec describes it whole, its
 * folder holds what came of it, and whoever needs something of it is handed the run.
 *
 * @module
 */
import { join } from "@std/path";
import { start } from "../compute/backend.ts";
import { dispose } from "../compute/compile.ts";
import type { tf } from "../compute/tf.ts";
import type { ImageSet } from "../data/dataset.ts";
import { type FeatureOptions, features } from "../evaluation/features.ts";
import type { Network } from "../model/layers.ts";
import { initialiseStack } from "../model/stack.ts";
import { encoderDigest, readNetwork } from "../training/checkpoint.ts";
import { readMetrics, type StepMetrics } from "../training/log.ts";
import { isFinished, totalSteps, train, type Training } from "../training/train.ts";
import { runId, type RunSpec, SPEC, writeSpec } from "../training/spec.ts";
import { demandMemory } from "./estimate.ts";
import { evaluateStacks, evaluationFile, type Scores } from "./evaluate.ts";
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
  /** The same as they were before the first step. */
  untrained(): Network;
  /** Its log so far, as charts take it. */
  log(): Promise<RunLog>;
  /**
   * Evaluates each level as the setting says; what was found once is kept.
   *
   * @param trained False: the encoders as they were before the first step.
   * @returns One entry a level, lowest first.
   */
  evaluate(trained?: boolean): Promise<Scores[]>;
  /**
   * Representations by the trained run.
   *
   * @param set The images; the test images unless said otherwise.
   * @param options How to extract.
   * @returns `[count, representation]`, one tensor a level, lowest first; the caller's to dispose.
   */
  embed(set?: ImageSet, options?: FeatureOptions): Promise<tf.Tensor2D[]>;
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
    untrained: () => initialiseStack(spec, spec.seed),
    log: async () => ({
      name: title,
      steps: await readMetrics(folder),
      stepsPerEpoch: run.steps / spec.epochs,
    }),
    async evaluate(trained = true) {
      await start();
      if (trained && !await run.isFinished()) await run.train();
      const state = trained ? "trained" : "untrained";
      // Other images or classes than its own do not take the place of what was found of those.
      const elsewhere = dataset.fingerprint === spec.data.fingerprint ? "" : `-${dataset.fingerprint}`;
      const chosen = setting.evaluation.scored === "test" ? "" : "-held-out";
      return await evaluateStacks(setting, {
        path: join(folder, evaluationFile(trained) + elsewhere + chosen),
        weights: trained ? await encoderDigest(folder) : state,
        network: () => trained ? run.network() : run.untrained(),
        model: spec,
        seed: spec.seed,
        title: trained ? label : `${title}, untrained, seed ${spec.seed}`,
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
