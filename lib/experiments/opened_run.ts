/**
 * A run that lies in a folder, with the images that it learnt from and is evaluated on.
 *
 * @module
 */
import { DataError, UsageError } from "../base/errors.ts";
import { suggest } from "../base/schema.ts";
import { atLevel, type Dataset } from "../data/dataset.ts";
import { type DatasetConfig, datasetKind, openDataset } from "../data/datasets.ts";
import { forChoices, split } from "../data/split.ts";
import type { RunSpec } from "../training/spec.ts";
import type { Evaluation } from "./presets.ts";
import { openRun, type Run } from "./run.ts";
import type { StoredRun } from "./run_folders.ts";
import type { Setting } from "./setting.ts";

/** On what else than its own images and classes a run is evaluated. */
export interface Elsewhere {
  /** Another data set. */
  readonly dataset?: DatasetConfig;
  /** Coarser or finer classes, a level of the data set. */
  readonly labels?: string;
}

/**
 * Opens a run that was trained by whatever spec.
 *
 * @param stored The run.
 * @param asked How it is evaluated, and on how many images where its data set does not say.
 * @param runs Folder of all runs.
 * @param data Folder with data sets, as `--data` names it.
 * @param elsewhere What it is evaluated on, if not on the images beside those that it learnt from.
 * @returns The run.
 * @throws {UsageError} The data set has fewer images than are asked for, or no such classes.
 * @throws {DataError} It is damaged.
 */
export async function reopenRun(
  stored: StoredRun,
  asked: Evaluation,
  runs: string,
  data?: string,
  { dataset: other, labels }: Elsewhere = {},
): Promise<Run> {
  const { spec } = stored, own = await openDataset(other ?? spec.data.dataset, data);
  if (!other && own.fingerprint !== spec.data.fingerprint) {
    throw new DataError(
      `${stored.id} learnt from images of ${own.name} with fingerprint ${spec.data.fingerprint}; those here have ` +
        `${own.fingerprint}. Bring the former back with --data, or name the data set with --dataset to transfer.`,
    );
  }
  const evaluation = other ? asked : onItsImages(asked, spec, own);
  const levels = Object.keys(own.levels ?? {});
  if (labels !== undefined && !levels.includes(labels)) {
    const what = levels.length > 0 ? suggest(labels, levels) : "It has one kind of classes.";
    throw new UsageError(`${own.name} has no classes called ${labels}. ${what}`);
  }
  const dataset = labels === undefined ? own : atLevel(own, labels);
  return openRun(spec, await settingOf({ dataset, evaluation, runs, data }), stored.name);
}

/**
 * A setting with the images that its evaluation asks for.
 *
 * @param setting Where runs live, on what they are evaluated and how.
 * @returns The setting.
 * @throws {UsageError} The data set has fewer images.
 */
export async function settingOf(setting: Omit<Setting, "images">): Promise<Setting> {
  const { dataset, runs, evaluation } = setting;
  const { trainImages: train, heldOutImages: heldOut, testImages: test, splitSeed, scored } = evaluation;
  const images = await split(dataset, { train, heldOut, test }, splitSeed, runs);
  return { ...setting, images: scored === "test" ? images : forChoices(images) };
}

/**
 * An evaluation on the images that a run learnt from and those beside them.
 *
 * @param asked What is asked for.
 * @param spec The run.
 * @param dataset Its data set.
 * @returns The same, with the images that go with the run.
 */
export function onItsImages(
  asked: Evaluation,
  { data: { dataset: { name }, images, splitSeed } }: RunSpec,
  { train, test }: Dataset,
): Evaluation {
  // No preset knows how many there are of a data set that a spec alone describes.
  const own = datasetKind(name).find === undefined
    ? { heldOutImages: train.labels.length - images, testImages: test.labels.length }
    : {};
  return { ...asked, ...own, trainImages: images, splitSeed };
}
