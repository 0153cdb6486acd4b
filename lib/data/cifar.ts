/**
 * What the CIFAR data sets have in common: records of the binary version, and batches of Python's
 * (Krizhevsky 2009).
 *
 * @module
 */
import { DataError } from "../base/errors.ts";
import { fileKind } from "../base/file_kind.ts";
import { again, type CopyKind } from "./copies.ts";
import { type Pickled, readPickle } from "./pickle.ts";

/** Height and width of an image. */
export const SIDE = 32;
const PLANE = SIDE * SIDE, PIXELS = 3 * PLANE;

/** A CIFAR data set. */
export interface Cifar extends CopyKind {
  /** What the labels of an image are called in Python's version, in the binary version's order, and how many classes each has. */
  readonly labels: readonly { readonly field: string; readonly classes: number }[];
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

/**
 * Refuses a file that is something else.
 *
 * @param bytes The file.
 * @param path Its path.
 * @param cifar What it should be of.
 * @throws {DataError} It is of a kind that is known.
 */
export function demandBatch(bytes: Uint8Array, path: string, { title, labels: [{ classes }] }: Cifar): void {
  const kind = bytes[0] < classes || bytes[0] === 0x80 ? undefined : fileKind(bytes);
  if (kind) throw new DataError(`${path} is ${kind.what}, no batch of ${title}. ${kind.advice}`);
}

/**
 * Names of classes in Python's version.
 *
 * @param bytes A pickle.
 * @param file Its file, for messages.
 * @param field Which names.
 * @returns One a line; nothing where it has none.
 * @throws {DataError} It is no pickle.
 */
export function pickledNames(bytes: Uint8Array, file: string, field: string): string {
  const names = fieldOf(readPickle(bytes, file), field);
  return Array.isArray(names) ? names.join("\n") : "";
}

function fieldOf(pickle: Pickled, name: string): Pickled | undefined {
  return pickle instanceof Map ? pickle.get(name) : undefined;
}
