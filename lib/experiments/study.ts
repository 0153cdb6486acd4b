/**
 * What a notebook or a command works on: a preset, a data set, seeds, folders.
 *
 * @module
 */
import { join, resolve } from "@std/path";
import { fileURLToPath } from "node:url";
import { EnvironmentError, SjeaError, UsageError } from "../base/errors.ts";
import { dataPlace, places } from "../base/places.ts";
import { type Device, start } from "../compute/backend.ts";
import { ENGINES } from "../compute/engine.ts";
import { dispose } from "../compute/compile.ts";
import type { tf } from "../compute/tf.ts";
import { downloadCifar10, findCifar10, loadCifar10 } from "../data/cifar10.ts";
import type { Dataset, ImageSet } from "../data/dataset.ts";
import { generate } from "../data/generated.ts";
import { type Split, split } from "../data/split.ts";
import { type FeatureOptions, features } from "../evaluation/features.ts";
import type { Network } from "../model/layers.ts";
import { initialiseStack } from "../model/stack.ts";
import { readMetrics } from "../training/log.ts";
import { type FinishedRun, isFinished, totalSteps, train } from "../training/run.ts";
import { runId, type RunSpec } from "../training/spec.ts";
import { demandMemory } from "./estimate.ts";
import { DEFAULT_PRESET, type Preset, preset as presetOf } from "./presets.ts";
import { RUN_TITLES, type RunName, runSpec } from "./runs.ts";

/** Data sets that can be asked for. */
export const DATASETS = ["auto", "cifar10", "generated"] as const;

/** What is asked for. */
export interface StudyOptions {
  /** Name of a preset. */
  readonly preset: string;
  /**
   * `auto`: the preset's. Where that one cannot be had, and nobody named it, its folder or a preset but the
   * default one: generated images, and a word about it.
   */
  readonly dataset?: typeof DATASETS[number];
  /** Runs a row; the preset's own number if absent. */
  readonly seeds?: number;
  /** Overridden fields, `field=value`. */
  readonly set?: readonly string[];
  /** Folder with data sets. */
  readonly data?: string;
  /** Folder of all runs. */
  readonly runs?: string;
}

/**
 * What the environment asks for: `SJEA_PRESET`, `SJEA_DATASET`, `SJEA_SEEDS` and
 * `SJEA_SET` (several overrides apart by spaces).
 *
 * @param preset The preset where the environment names none.
 * @returns Options for {@link openStudy}.
 */
export function fromEnvironment(preset: string): StudyOptions {
  const read = (name: string) => Deno.env.get(`SJEA_${name}`) || undefined;
  const seeds = read("SEEDS");
  return {
    preset: read("PRESET") ?? preset,
    dataset: read("DATASET") as StudyOptions["dataset"],
    seeds: seeds === undefined ? undefined : Number(seeds),
    set: read("SET")?.split(/\s+/).filter((override) => override !== ""),
  };
}

/** What to work on. */
export interface Study {
  readonly presetName: string;
  readonly preset: Preset;
  /** Overridden fields, as given. */
  readonly overrides: readonly string[];
  readonly dataset: Dataset;
  /** Folder with data sets, where one was named. */
  readonly data?: string;
  readonly images: Split;
  /** Seeds 0, 1, …: runs a row. */
  readonly seeds: readonly number[];
  /** Folder of all runs. */
  readonly runs: string;
  /** Folder of its results: a preset's own are never overwritten by those of another recipe. */
  readonly results: string;
}

/**
 * Finds the data and splits it.
 *
 * @param options What is asked for.
 * @returns What to work on.
 * @throws {UsageError} Unknown preset or field, two wishes that differ, or sizes that the data set does not have.
 * @throws {DataError} The data set is damaged or cannot be fetched.
 */
export async function openStudy(options: StudyOptions): Promise<Study> {
  const { dataset: name = "auto", set = [] } = options;
  // What follows a study runs in processes of its own, which may stand elsewhere.
  const runs = resolve(options.runs ?? places.runs), data = options.data && resolve(options.data);
  if (!DATASETS.includes(name)) {
    throw new UsageError(`There is no data set "${name}". Valid: ${DATASETS.join(", ")}.`);
  }
  const asked = presetOf(options.preset, set), preset = supported(asked, await start());
  const seeds = options.seeds ?? preset.seeds;
  if (!Number.isInteger(seeds) || seeds < 1) {
    throw new UsageError(`The number of seeds is a whole number from 1 on, not ${seeds}.`);
  }
  const differs = (field: string, asked: unknown, own: unknown) =>
    asked !== undefined && asked !== own && set.some((override) => override.startsWith(`${field}=`));
  if (differs("seeds", options.seeds, preset.seeds)) {
    throw new UsageError(
      `${seeds} seeds are asked for, and by --set seeds=${preset.seeds} others: say one of them.`,
    );
  }
  if (differs("dataset", name === "auto" ? undefined : name, preset.dataset)) {
    throw new UsageError(
      `Data set ${name} is asked for, and by --set dataset=${preset.dataset} another one: say one of them.`,
    );
  }
  const named = name !== "auto" || options.preset !== DEFAULT_PRESET ||
    set.some((override) => override.startsWith("dataset="));
  const dataset = await chooseDataset(name === "auto" ? preset.dataset : name, preset, named, data);
  const sizes = { train: preset.trainImages, heldOut: preset.heldOutImages, test: preset.testImages };
  const images = await split(dataset, sizes, preset.splitSeed, runs);
  demandOfEachClass(dataset, preset.testImages);
  const asIs = set.length === 0 && preset === asked && dataset.name === preset.dataset &&
    seeds === preset.seeds;
  return {
    presetName: options.preset,
    preset,
    overrides: set,
    dataset,
    data,
    images,
    seeds: Array.from({ length: seeds }, (_, seed) => seed),
    runs,
    results: join(places.results, asIs ? options.preset : `${options.preset}-custom`),
  };
}

/** A preset as the engine can compute it: what follows from it, runs' ids too, is of that precision. */
function supported(preset: Preset, { engine, precisions }: Device): Preset {
  if (precisions.includes(preset.precision)) return preset;
  console.error(
    `${ENGINES[engine]} computes in float32 only: so do these runs, instead of in ${preset.precision}.`,
  );
  return { ...preset, precision: "float32" };
}

/** Test images of a class that its sub-clusters and their map need. */
const LEAST_OF_A_CLASS = 4;

function demandOfEachClass({ name, classes, test: { labels } }: Dataset, asked: number): void {
  const places = Map.groupBy(labels.keys(), (at) => labels[at]);
  const enough = 1 +
    Math.max(...classes.keys().map((label) => places.get(label)?.[LEAST_OF_A_CLASS - 1] ?? Infinity));
  if (asked >= enough) return;
  throw new UsageError(
    `The first ${asked} test images of ${name} do not show each class ${LEAST_OF_A_CLASS} times, as the ` +
      `figures need it. Raise testImages with --set${enough < Infinity ? `, to ${enough} or more` : ""}.`,
  );
}

/** Only a data set that nobody named is replaced by another one, with a word about it. */
async function chooseDataset(
  name: Preset["dataset"],
  preset: Preset,
  named: boolean,
  data?: string,
): Promise<Dataset> {
  const { splitSeed, trainImages, heldOutImages, testImages } = preset;
  const generated = () => generate({ seed: splitSeed, train: trainImages + heldOutImages, test: testImages });
  if (name === "generated") return generated();
  const found = await findCifar10(await dataPlace(data));
  if (found) return await loadCifar10(found);
  try {
    return await loadCifar10(await downloadCifar10(places.datasets));
  } catch (error) {
    if (!(error instanceof SjeaError)) throw error;
    const what = `CIFAR-10 is not here and could not be fetched: ${error.message}`;
    const remedy = "put it into data/datasets or name its folder with --data";
    if (named) {
      throw new EnvironmentError(
        `${what}\nTo use CIFAR-10, ${remedy}. To do without, say --dataset generated.`,
      );
    }
    console.error(
      `${what}\nGoing on with generated images; their numbers say nothing about the paper's. ` +
        `To use CIFAR-10, ${remedy}.`,
    );
    return generated();
  }
}

/** What defines one of a study's trainings. */
export function specOf({ preset, dataset }: Study, name: RunName, seed: number): RunSpec {
  return runSpec(name, preset, dataset, seed);
}

/**
 * Trains a run, or finishes it, or loads it.
 *
 * @param study What to work on.
 * @param name Which run.
 * @param seed Which seed.
 * @returns The run; its network is the caller's to dispose.
 */
export async function trainedRun(study: Study, name: RunName, seed: number): Promise<FinishedRun> {
  await start();
  const spec = specOf(study, name, seed);
  if (!await isFinished(spec, study.runs)) demandMemory(spec);
  return await train(
    spec,
    study.dataset,
    study.runs,
    `${RUN_TITLES[name]}, seed ${seed}`,
  );
}

/** A training as a program that a notebook's cell can follow. */
export interface TrainingCommand {
  /** Its name for people and files. */
  readonly name: string;
  /** Arguments of `deno`. */
  readonly args: readonly string[];
  readonly folder: string;
  /** Steps done so far; all of them only once the encoder is written. */
  readonly done: () => Promise<number>;
  readonly total: number;
}

/**
 * A run's training as a program of its own.
 *
 * @param study What to work on.
 * @param name Which run.
 * @param seed Which seed.
 * @returns What to start and how to see how far it is.
 */
export function trainingCommand(study: Study, name: RunName, seed: number): TrainingCommand {
  const spec = specOf(study, name, seed), total = totalSteps(spec);
  const folder = join(study.runs, runId(spec));
  const program = fileURLToPath(new URL("../cli/train.ts", import.meta.url));
  const options = [`--preset=${study.presetName}`, `--dataset=${study.dataset.name}`, `--seed=${seed}`];
  return {
    name: `${name}-${seed}`,
    args: [
      ...["run", "--quiet", "--allow-all", program, `--run=${name}`, `--runs=${study.runs}`],
      ...options,
      ...study.overrides.map((override) => `--set=${override}`),
      ...study.data ? [`--data=${study.data}`] : [],
    ],
    folder,
    total,
    done: async () => {
      if (await isFinished(spec, study.runs)) return total;
      const steps = await readMetrics(folder).then((steps) => steps.length, () => 0);
      return Math.min(steps, total - 1);
    },
  };
}

/**
 * The log of a run, under the name that a reader calls it.
 *
 * @param study What to work on.
 * @param name Which run.
 * @param seed Which seed.
 * @returns Its steps so far.
 */
export async function runLog(study: Study, name: RunName, seed: number) {
  const spec = specOf(study, name, seed);
  return {
    name: RUN_TITLES[name],
    steps: await readMetrics(join(study.runs, runId(spec))),
    stepsPerEpoch: totalSteps(spec) / spec.epochs,
  };
}

/** A run's encoders as they were before the first step. */
export function untrained(study: Study, name: RunName, seed: number): Network {
  return initialiseStack(specOf(study, name, seed), seed);
}

/**
 * Representations of images by a trained run, one tensor a stack.
 *
 * @param study What to work on.
 * @param name Which run.
 * @param seed Which seed.
 * @param set The images; the test images unless said otherwise.
 * @param options How to extract.
 * @returns `[count, representation]`, lowest stack first; the caller's to dispose.
 */
export async function representations(
  study: Study,
  name: RunName,
  seed = 0,
  set: ImageSet = study.images.test,
  options: FeatureOptions = {},
): Promise<tf.Tensor2D[]> {
  const { network } = await trainedRun(study, name, seed);
  const found = await features(network, specOf(study, name, seed), set, options);
  dispose(network);
  return found;
}
