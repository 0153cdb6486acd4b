/**
 * The CIFAR data sets in their official layouts: records of the binary version, and batches of Python's
 * (Krizhevsky 2009).
 *
 * @module
 */
import { join } from "@std/path";
import { z } from "zod";
import type { Source } from "../base/download.ts";
import { DataError } from "../base/errors.ts";
import { fileKind } from "../base/file_kind.ts";
import {
  again,
  concatenate,
  type CopyKind,
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
import { type Pickled, readPickle } from "./pickle.ts";

/** Height and width of an image. */
const SIDE = 32;
const PLANE = SIDE * SIDE, PIXELS = 3 * PLANE;

/** One of the two ways in which the same images lie in files. */
export interface CifarLayout extends CopyLayout {
  /** Files of the images to learn from, in order. */
  readonly train: readonly string[];
  /** The file of those to test on. */
  readonly test: string;
  /** The file with the names of a label's classes; without it they are numbers. */
  readonly names: (label: CifarLabel) => string;
  /** Whether files are Python's, pickled. */
  readonly pickled: boolean;
}

/** A label that each image has. */
export interface CifarLabel {
  /** The level of labels that it is; undefined if it is the image's class. */
  readonly level?: string;
  /** What Python's version calls it. */
  readonly field: string;
  /** What Python's version calls the names of its classes. */
  readonly names: string;
  /** How many classes there are. */
  readonly classes: number;
}

/** A CIFAR data set. */
export interface Cifar extends CopyKind {
  readonly layouts: readonly CifarLayout[];
  /** The official archive. */
  readonly source: Source & { readonly bytes: number };
  /** Labels of an image in the binary version's order; the last one is its class. */
  readonly labels: readonly CifarLabel[];
  /** Images of each file, where all have as many. */
  readonly count?: number;
}

/** Images with their labels. */
export interface Records {
  /** RGB bytes, `[count, 32, 32, 3]`. */
  readonly images: Uint8Array;
  /** One array, `[count]`, for each kind of label. */
  readonly labels: readonly Uint8Array[];
}

/**
 * Reads records of the binary layout: labels, then the red, green and blue planes.
 *
 * @param bytes Whole records.
 * @param file Their file, for messages.
 * @param cifar Of which data set.
 * @returns Images with interleaved channels, and labels.
 * @throws {DataError} A record is incomplete or a label is no class.
 */
export function readCifarRecords(bytes: Uint8Array, file: string, cifar: Cifar): Records {
  const kinds = cifar.labels, record = kinds.length + PIXELS, count = bytes.length / record;
  if (!Number.isInteger(count) || count === 0) {
    throw new DataError(
      `${file} has ${bytes.length} bytes, which is not a whole number of records of ${record} bytes: ` +
        `it is truncated or another file. ${again(cifar)}`,
    );
  }
  const images = new Uint8Array(count * PIXELS), labels = kinds.map(() => new Uint8Array(count));
  for (let index = 0; index < count; index++) {
    const at = index * record, to = index * PIXELS;
    for (const [kind, { field, classes }] of kinds.entries()) {
      const label = labels[kind][index] = bytes[at + kind];
      if (label >= classes) {
        throw new DataError(
          `${file}: record ${index} has label ${label}, but ${cifar.title}'s ${words(field)} are 0 to ${
            classes - 1
          }. Is this the ${cifar.title} binary version? ${again(cifar)}`,
        );
      }
    }
    for (let channel = 0; channel < 3; channel++) {
      const plane = at + kinds.length + channel * PLANE;
      for (let pixel = 0; pixel < PLANE; pixel++) images[to + 3 * pixel + channel] = bytes[plane + pixel];
    }
  }
  return { images, labels };
}

const words = (field: string) => field.replace("_", " ");

/**
 * Reads a batch of the Python version: labels, and the planes of an image as a row of an array.
 *
 * @param bytes A pickle.
 * @param file Its file, for messages.
 * @param cifar Of which data set.
 * @returns Images with interleaved channels, and labels.
 * @throws {DataError} It is another pickle, or none.
 */
export function readCifarBatch(bytes: Uint8Array, file: string, cifar: Cifar): Records {
  const pickle = readPickle(bytes, file), data = fieldOf(pickle, "data"), kinds = cifar.labels;
  const labels = kinds.map(({ field }) => {
    const values = fieldOf(pickle, field);
    return Array.isArray(values) ? values.filter((label) => typeof label === "number") : [];
  });
  const count = labels[0].length;
  // NumPy's own: version, shape, type, whether columns come first, bytes.
  const state = data !== null && typeof data === "object" && "state" in data ? data.state : undefined;
  const [, shape, , columnsFirst, values] = Array.isArray(state) ? state : [];
  const [rows, columns] = Array.isArray(shape) ? shape : [];
  if (
    !(values instanceof Uint8Array) || values.length !== count * PIXELS || rows !== count ||
    columns !== PIXELS ||
    labels.some((kind) => kind.length !== count || kind.some((label) => label < 0 || label > 255))
  ) {
    const fields = kinds.map(({ field }) => ` and "${field}"`).join("");
    throw new DataError(`${file} is a pickle without ${cifar.title}'s "data"${fields}. ${again(cifar)}`);
  }
  const record = kinds.length + PIXELS, records = new Uint8Array(count * record);
  for (let index = 0; index < count; index++) {
    const at = index * record, from = index * PIXELS;
    records.set(labels.map((kind) => kind[index]), at);
    const to = at + kinds.length;
    if (!columnsFirst) records.set(values.subarray(from, from + PIXELS), to);
    else for (let byte = 0; byte < PIXELS; byte++) records[to + byte] = values[byte * count + index];
  }
  return readCifarRecords(records, file, cifar);
}

/** Refuses a file that is something else, if it is of a kind that is known. */
function demandBatch(bytes: Uint8Array, path: string, { title, labels: [{ classes }] }: Cifar): void {
  const kind = bytes[0] < classes || bytes[0] === 0x80 ? undefined : fileKind(bytes);
  if (kind) throw new DataError(`${path} is ${kind.what}, no batch of ${title}. ${kind.advice}`);
}

/**
 * Loads a CIFAR data set.
 *
 * @param cifar Which one.
 * @param folder The folder of its files.
 * @returns The data set.
 * @throws {DataError} A file is missing, truncated or damaged.
 */
export async function loadCifar(cifar: Cifar, folder: string): Promise<Dataset> {
  const layout = await layoutOf(cifar, cifar.layouts, folder), there = await filesOf(folder);
  const read = async (file: string): Promise<Records> => {
    const path = join(folder, file), bytes = await Deno.readFile(path);
    demandBatch(bytes, path, cifar);
    const records = (layout.pickled ? readCifarBatch : readCifarRecords)(bytes, path, cifar);
    const { length } = records.labels[0], { count = length } = cifar;
    if (length === count) return records;
    throw new DataError(`${path} has ${length} images instead of ${count}. ${again(cifar)}`);
  };
  const named = async (label: CifarLabel): Promise<string[]> => {
    const file = layout.names(label), path = join(folder, file);
    if (!there.includes(file)) return numbered(label.classes);
    const bytes = await Deno.readFile(path);
    const names = layout.pickled ? pickledNames(bytes, path, label.names) : new TextDecoder().decode(bytes);
    return namesOf(names, path, label.classes, again(cifar));
  };
  /** Of one value a label, those of levels. */
  const leveled = <Value>(values: readonly Value[]) => {
    const levels = cifar.labels.flatMap(({ level }, at) => level ? [[level, values[at]] as const] : []);
    return levels.length > 0 ? { levels: Object.fromEntries(levels) } : {};
  };
  const setOf = async (files: readonly string[]): Promise<ImageSet> => {
    const parts: Records[] = [];
    for (const file of files) parts.push(await read(file));
    const labels = cifar.labels.map((_, at) => concatenate(parts.map((part) => part.labels[at])));
    const images = concatenate(parts.map((part) => part.images));
    return { images, labels: labels.at(-1)!, ...leveled(labels), height: SIDE, width: SIDE };
  };
  const train = await setOf(layout.train), test = await setOf([layout.test]);
  const fingerprint = imageFingerprint({ train, test }), copy = await originOf(folder, fingerprint);
  const names = await Promise.all(cifar.labels.map(named));
  return { name: cifar.name, copy, fingerprint, classes: names.at(-1)!, ...leveled(names), train, test };
}

/** Names of classes in Python's version, one a line; nothing where it has none. */
function pickledNames(bytes: Uint8Array, file: string, field: string): string {
  const names = fieldOf(readPickle(bytes, file), field);
  return Array.isArray(names) ? names.join("\n") : "";
}

function fieldOf(pickle: Pickled, name: string): Pickled | undefined {
  return pickle instanceof Map ? pickle.get(name) : undefined;
}

/**
 * Fetches the official copy, unless it is there; it replaces what is left of an earlier one.
 *
 * @param cifar Of which data set.
 * @param folder The folder in which its folder is made.
 * @param source The archive; only what came out of the verified one is official.
 * @returns The folder of its files.
 * @throws {DataError} The archive is not the expected one.
 * @throws {EnvironmentError} It cannot be fetched, or the disk is full.
 */
export function downloadCifar(cifar: Cifar, folder: string, source: Source = cifar.source): Promise<string> {
  return downloadCopy(cifar, source, [(folder) => loadCifar(cifar, folder)], folder);
}

/**
 * A CIFAR data set, kept in a folder.
 *
 * @param cifar Which one.
 * @returns Its record.
 */
export function cifarKind(cifar: Cifar): DatasetKind<unknown> {
  return {
    title: cifar.title,
    options: z.strictObject({}),
    find: (place) => findCopy(cifar, place),
    fetch: (datasets) => downloadCifar(cifar, datasets),
    bytes: cifar.source.bytes,
    load: (_, folder) => loadCifar(cifar, folder),
  };
}
