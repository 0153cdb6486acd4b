/**
 * CIFAR-10 in its official layouts, the binary one and Python's (Krizhevsky 2009).
 *
 * @module
 */
import { join } from "@std/path";
import { z } from "zod";
import type { Source } from "../base/download.ts";
import { DataError } from "../base/errors.ts";
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
  concatenate,
  type CopyLayout,
  downloadCopy,
  findCopy,
  layoutOf,
  namesOf,
  originOf,
} from "./copies.ts";
import { type Dataset, type DatasetKind, imageFingerprint, type ImageSet } from "./dataset.ts";

/** The official archive. */
export const CIFAR10 = {
  url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
  bytes: 170_052_171,
  md5: "c32a1d4ab5d03f1284b67883e8d87530",
} as const satisfies Source;

const CLASSES = 10, RECORDS_A_FILE = 10_000;
/** Of a file of the binary layout. */
const BYTES = RECORDS_A_FILE * (1 + 3 * SIDE * SIDE);

/** One of the two ways in which the same images lie in files. */
interface Layout extends CopyLayout {
  readonly train: readonly string[];
  readonly test: string;
  /** The file with the names of the classes. */
  readonly names: string;
  readonly images: (bytes: Uint8Array, file: string) => ImageSet;
  /** Names of the classes, one a line. */
  readonly classes: (bytes: Uint8Array, file: string) => string;
  /** Bytes of a batch, where all have as many. */
  readonly bytes?: number;
}

const layout = (
  end: string,
  layout: Omit<Layout, "shows" | "needs" | "train" | "test">,
): Layout => {
  const train = [1, 2, 3, 4, 5].map((number) => `data_batch_${number}${end}`), test = `test_batch${end}`;
  return { ...layout, train, test, shows: [train[0], test], needs: [...train, test, layout.names] };
};

const LAYOUTS: readonly Layout[] = [
  layout(".bin", {
    folder: "cifar-10-batches-bin",
    names: "batches.meta.txt",
    images: readRecords,
    classes: (bytes) => new TextDecoder().decode(bytes),
    bytes: BYTES,
  }),
  layout("", {
    folder: "cifar-10-batches-py",
    names: "batches.meta",
    images: readBatch,
    classes: (bytes, file) => pickledNames(bytes, file, "label_names"),
  }),
];

const KIND: Cifar = {
  name: "cifar10",
  title: "CIFAR-10",
  layouts: LAYOUTS,
  contents: "five training batches, a test batch and the names of its classes",
  stem: "cifar-10-",
  mistaken: { title: "CIFAR-100", names: /^cifar-100|^fine_label_names/ },
  labels: [{ field: "labels", classes: CLASSES }],
};

const setOf = ({ images, labels: [labels] }: Records): ImageSet => ({
  images,
  labels,
  height: SIDE,
  width: SIDE,
});

/**
 * Reads records of the binary layout.
 *
 * @param bytes Whole records.
 * @param file Their file, for messages.
 * @returns Images with interleaved channels, and labels.
 * @throws {DataError} A record is incomplete or a label is no class.
 */
export function readRecords(bytes: Uint8Array, file: string): ImageSet {
  return setOf(readCifarRecords(bytes, file, KIND));
}

/**
 * Reads a batch of the Python version: labels, and the planes of an image as a row of an array.
 *
 * @param bytes A pickle.
 * @param file Its file, for messages.
 * @returns Images with interleaved channels, and labels.
 * @throws {DataError} It is another pickle, or none.
 */
export function readBatch(bytes: Uint8Array, file: string): ImageSet {
  return setOf(readCifarBatch(bytes, file, KIND));
}

/**
 * Loads CIFAR-10.
 *
 * @param folder The folder of the batches.
 * @returns The data set.
 * @throws {DataError} A file is missing, truncated or damaged.
 */
export async function loadCifar10(folder: string): Promise<Dataset> {
  const layout = await layoutOf(KIND, LAYOUTS, folder);
  const read = async (file: string) => {
    const path = join(folder, file), bytes = await Deno.readFile(path);
    demandBatch(bytes, path, KIND);
    if (layout.bytes !== undefined && bytes.length !== layout.bytes) {
      throw new DataError(
        `${path} has ${bytes.length} bytes instead of ${layout.bytes}: it is truncated or another file. ${
          again(KIND)
        }`,
      );
    }
    const images = layout.images(bytes, path), count = images.labels.length;
    if (count === RECORDS_A_FILE) return images;
    throw new DataError(`${path} has ${count} images instead of ${RECORDS_A_FILE}. ${again(KIND)}`);
  };
  const parts: ImageSet[] = [];
  for (const file of layout.train) parts.push(await read(file));
  const train: ImageSet = {
    ...parts[0],
    images: concatenate(parts.map((part) => part.images)),
    labels: concatenate(parts.map((part) => part.labels as Uint8Array)),
  };
  const test = await read(layout.test), names = join(folder, layout.names);
  const classes = namesOf(layout.classes(await Deno.readFile(names), names), names, CLASSES, again(KIND));
  const fingerprint = imageFingerprint({ train, test });
  return {
    name: KIND.name,
    copy: await originOf(folder, fingerprint),
    fingerprint,
    classes,
    train,
    test,
  };
}

/**
 * Looks for a copy of CIFAR-10.
 *
 * @param place The folder that holds the batches, or a folder `cifar-10-batches-bin` or
 * `cifar-10-batches-py` with them.
 * @returns The folder of the batches; undefined if it is not there, and nobody said that it is.
 * @throws {DataError} The user named this place, and it holds something else.
 */
export function findCifar10(place: DataPlace): Promise<string | undefined> {
  return findCopy(KIND, place);
}

/**
 * Fetches the official copy, unless it is there; it replaces what is left of an earlier one.
 *
 * @param folder The folder in which its folder is made.
 * @param source The archive; only what came out of the verified one is official.
 * @returns The folder of the batches.
 * @throws {DataError} The archive is not the expected one.
 * @throws {EnvironmentError} It cannot be fetched, or the disk is full.
 */
export function downloadCifar10(folder: string, source: Source = CIFAR10): Promise<string> {
  return downloadCopy(KIND, source, loadAll, folder);
}

async function* loadAll(folder: string): AsyncIterable<Dataset> {
  yield await loadCifar10(folder);
}

/** CIFAR-10, kept in a folder. */
export const cifar10: DatasetKind<unknown> = {
  title: KIND.title,
  options: z.strictObject({}),
  find: findCifar10,
  fetch: downloadCifar10,
  bytes: CIFAR10.bytes,
  load: (_, folder) => loadCifar10(folder),
};
