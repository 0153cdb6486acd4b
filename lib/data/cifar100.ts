/**
 * CIFAR-100 in its official layouts, the binary one and Python's (Krizhevsky 2009): 100 fine classes in
 * 20 coarse ones.
 *
 * @module
 */
import { join } from "@std/path";
import { z } from "zod";
import type { Source } from "../base/download.ts";
import type { DataPlace } from "../base/places.ts";
import {
  type Cifar,
  demandBatch,
  pickledNames,
  readCifarBatch,
  readCifarRecords,
  type Records,
  SIDE,
} from "./cifar.ts";
import {
  again,
  type CopyLayout,
  downloadCopy,
  filesOf,
  findCopy,
  layoutOf,
  namesOf,
  numbered,
  originOf,
} from "./copies.ts";
import { type Dataset, type DatasetKind, imageFingerprint, type ImageSet } from "./dataset.ts";

/** The official archive. */
export const CIFAR100 = {
  url: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
  bytes: 168_513_733,
  md5: "03b5dce01913d631647c71ecec9e9cb8",
} as const satisfies Source;

/** One of the two ways in which the same images lie in files. */
interface Layout extends CopyLayout {
  readonly train: string;
  readonly test: string;
  /** The file with the names of a level's classes, which may be missing. */
  readonly names: (level: string) => string;
  readonly images: (bytes: Uint8Array, file: string, cifar: Cifar) => Records;
  /** Names of a level's classes, one a line. */
  readonly classes: (bytes: Uint8Array, file: string, level: string) => string;
}

const files = { train: "train.bin", test: "test.bin" }, python = { train: "train", test: "test" };

const LAYOUTS: readonly Layout[] = [{
  ...files,
  folder: "cifar-100-binary",
  shows: Object.values(files),
  needs: Object.values(files),
  names: (level) => `${level}_label_names.txt`,
  images: readCifarRecords,
  classes: (bytes) => new TextDecoder().decode(bytes),
}, {
  ...python,
  folder: "cifar-100-python",
  shows: Object.values(python),
  needs: Object.values(python),
  names: () => "meta",
  images: readCifarBatch,
  classes: (bytes, file, level) => pickledNames(bytes, file, `${level}_label_names`),
}];

const CLASSES = { coarse: 20, fine: 100 } as const;

const KIND: Cifar = {
  name: "cifar100",
  title: "CIFAR-100",
  layouts: LAYOUTS,
  contents: "training images and test images",
  stem: "cifar-100-",
  mistaken: { title: "CIFAR-10", names: /^(cifar-10-|data_batch_|batches\.meta)/ },
  labels: Object.entries(CLASSES).map(([level, classes]) => ({ field: `${level}_labels`, classes })),
};

/**
 * Loads CIFAR-100: as many images as its files hold.
 *
 * @param folder The folder of its files.
 * @returns The data set; its classes are the fine ones, `levels` has the coarse ones.
 * @throws {DataError} A file is missing, truncated or damaged.
 */
export async function loadCifar100(folder: string): Promise<Dataset> {
  const layout = await layoutOf(KIND, LAYOUTS, folder), there = await filesOf(folder);
  const read = async (file: string): Promise<ImageSet> => {
    const path = join(folder, file), bytes = await Deno.readFile(path);
    demandBatch(bytes, path, KIND);
    const { images, labels: [coarse, fine] } = layout.images(bytes, path, KIND);
    return { images, labels: fine, levels: { coarse }, height: SIDE, width: SIDE };
  };
  const names = async (level: keyof typeof CLASSES) => {
    const file = layout.names(level), path = join(folder, file), count = CLASSES[level];
    if (!there.includes(file)) return numbered(count);
    return namesOf(layout.classes(await Deno.readFile(path), path, level), path, count, again(KIND));
  };
  const train = await read(layout.train), test = await read(layout.test);
  const fingerprint = imageFingerprint({ train, test });
  return {
    name: KIND.name,
    copy: await originOf(folder, fingerprint),
    fingerprint,
    classes: await names("fine"),
    levels: { coarse: await names("coarse") },
    train,
    test,
  };
}

/**
 * Looks for a copy of CIFAR-100.
 *
 * @param place The folder that holds its files, or a folder `cifar-100-binary` or `cifar-100-python` with them.
 * @returns The folder of its files; undefined if it is not there, and nobody said that it is.
 * @throws {DataError} The user named this place, and it holds something else.
 */
export function findCifar100(place: DataPlace): Promise<string | undefined> {
  return findCopy(KIND, place);
}

/**
 * Fetches the official copy, unless it is there; it replaces what is left of an earlier one.
 *
 * @param folder The folder in which its folder is made.
 * @param source The archive; only what came out of the verified one is official.
 * @returns The folder of its files.
 * @throws {DataError} The archive is not the expected one.
 * @throws {EnvironmentError} It cannot be fetched, or the disk is full.
 */
export function downloadCifar100(folder: string, source: Source = CIFAR100): Promise<string> {
  return downloadCopy(KIND, source, loadAll, folder);
}

async function* loadAll(folder: string): AsyncIterable<Dataset> {
  yield await loadCifar100(folder);
}

/** CIFAR-100, kept in a folder. */
export const cifar100: DatasetKind<unknown> = {
  title: KIND.title,
  options: z.strictObject({}),
  find: findCifar100,
  fetch: downloadCifar100,
  bytes: CIFAR100.bytes,
  load: (_, folder) => loadCifar100(folder),
};
