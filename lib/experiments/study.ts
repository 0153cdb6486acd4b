/**
 * What a notebook or a command works on: a preset, a data set, seeds, folders.
 *
 * @module
 */
import { join, resolve } from "@std/path";
import { EnvironmentError, UsageError } from "../base/errors.ts";
import { places } from "../base/places.ts";
import type { Dataset } from "../data/dataset.ts";
import { DATASET_NAMES, type DatasetName, DATASETS, openDataset } from "../data/datasets.ts";
import { split } from "../data/split.ts";
import { datasetOf, DEFAULT_PRESET, evaluationOf, type Preset, preset as presetOf } from "./presets.ts";
import { openRun, type Run } from "./run.ts";
import { RUN_TITLES, type RunName, runSpec } from "./runs.ts";
import { digestOf } from "../training/spec.ts";
import type { Setting } from "./setting.ts";
import { supported } from "./supported.ts";

/** Data sets that can be asked for; `auto` is the preset's. */
export const DATASET_CHOICES = ["auto", ...DATASET_NAMES] as const;

/** One of {@link DATASET_CHOICES}. */
export type DatasetChoice = "auto" | DatasetName;

/** What is asked for. */
export interface StudyOptions {
  /** Name of a preset. */
  readonly preset: string;
  /**
   * `auto`: the preset's. Where that one cannot be had, and nobody named it, its folder or a preset but the
   * default one: generated images, and a word about it.
   */
  readonly dataset?: DatasetChoice;
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
export interface Study extends Setting {
  /** Name of the preset. */
  readonly presetName: string;
  /** The preset, overrides included. */
  readonly preset: Preset;
  /** Overridden fields, as given. */
  readonly overrides: readonly string[];
  /** Seeds 0, 1, …: runs a row. */
  readonly seeds: readonly number[];
  /** Folder of its results, one for each recipe: a preset's name, with a digest of what differs from it. */
  readonly results: string;
  /** One of its runs. */
  run(name: RunName, seed?: number): Run;
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
  if (!DATASET_CHOICES.includes(name)) {
    throw new UsageError(`There is no data set "${name}". Valid: ${DATASET_CHOICES.join(", ")}.`);
  }
  const asked = presetOf(options.preset, set), preset = await supported(asked);
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
  const recipe = { preset, seeds, dataset: dataset.fingerprint };
  const setting: Setting = { dataset, images, evaluation: evaluationOf(preset), runs, data };
  return {
    ...setting,
    presetName: options.preset,
    preset,
    overrides: set,
    seeds: Array.from({ length: seeds }, (_, seed) => seed),
    results: join(places.results, asIs ? options.preset : `${options.preset}-${digestOf(recipe)}`),
    run: (name, seed = 0) => openRun(runSpec(name, preset, dataset, seed), setting, RUN_TITLES[name]),
  };
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
  try {
    return await openDataset(datasetOf(preset, name), data);
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    const remedy = `To use ${
      DATASETS[name].title
    }, put it into data/datasets or name its folder with --data.`;
    if (named) {
      throw new EnvironmentError(`${error.message}\n${remedy} To do without, say --dataset generated.`);
    }
    console.error(
      `${error.message}\nGoing on with generated images; their numbers say nothing about the paper's. ${remedy}`,
    );
    return await openDataset(datasetOf(preset, "generated"));
  }
}
