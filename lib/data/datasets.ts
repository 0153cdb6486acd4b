/**
 * The data sets, by name. A new one is a file beside this one and a line in
 * {@link DATASETS}.
 *
 * @module
 */
import { DataError, EnvironmentError, SjeaError } from "../base/errors.ts";
import { humanBytes } from "../base/files.ts";
import { type DataPlace, dataPlace, places } from "../base/places.ts";
import { cifar10 } from "./cifar10.ts";
import { cifar100 } from "./cifar100.ts";
import type { Dataset, DatasetKind } from "./dataset.ts";
import { folder } from "./folder.ts";
import { generated } from "./generated.ts";
import { stl10 } from "./stl10.ts";
import { tinyimagenet } from "./tiny_imagenet.ts";

/** All data sets. */
export const DATASETS = {
  cifar10,
  cifar100,
  stl10,
  tinyimagenet,
  folder,
  generated,
} as const;

/** Name of a data set. */
export type DatasetName = keyof typeof DATASETS;

/** All names. */
export const DATASET_NAMES = Object.keys(DATASETS) as DatasetName[];

/** A data set with its options. */
export type DatasetConfig = {
  [Name in DatasetName]: { readonly name: Name } & Parameters<(typeof DATASETS)[Name]["load"]>[0];
}[DatasetName];

/** A kind of data set, whatever its options. */
export const datasetKind = (name: DatasetName): DatasetKind<DatasetConfig> =>
  DATASETS[name] as DatasetKind<unknown> as DatasetKind<DatasetConfig>;

/**
 * What there is of a data set.
 *
 * @param name Which one.
 * @param place Where to look for it.
 * @returns A line for people.
 * @throws {DataError} It is damaged.
 */
export async function describeDataset(name: DatasetName, place: DataPlace): Promise<string> {
  const { find, fetch, home, bytes, load, sized } = datasetKind(name);
  if (!find) return sized ? "always there: drawn from a seed" : "wherever a spec says";
  // Of a place that the user named nobody said that it has all of them.
  const folder = await find({ folder: place.folder });
  if (!folder) {
    if (place.by) return `not in ${place.folder}, ${place.by}`;
    return `not here: ${
      fetch ? `deno task data ${name} fetches it, ${humanBytes(bytes!)}` : `fetch ${home}`
    }`;
  }
  const { copy, fingerprint, train, test } = await load({ name } as DatasetConfig, folder);
  return `${copy} copy ${fingerprint}, ${train.labels.length} + ${test.labels.length} images, ${folder}`;
}

/**
 * Opens a data set: where the user keeps it, where it was fetched to, or from its home page.
 *
 * @param config Which one.
 * @param data Folder with data sets, as `--data` names it.
 * @returns Its images.
 * @throws {DataError} It is damaged.
 * @throws {EnvironmentError} It is not here and cannot be fetched.
 */
export async function openDataset(config: DatasetConfig, data?: string): Promise<Dataset> {
  const { title, find, fetch, home, load } = datasetKind(config.name);
  if (!find) return await load(config, "");
  const found = await find(await dataPlace(data));
  if (found) return await load(config, found);
  if (!fetch) {
    throw new DataError(`${title} is not here. Fetch and unpack ${home}, and name its folder with --data.`);
  }
  try {
    return await load(config, await fetch(places.datasets));
  } catch (error) {
    if (!(error instanceof SjeaError)) throw error;
    throw new EnvironmentError(`${title} is not here and could not be fetched: ${error.message}`);
  }
}
