/**
 * Records as both CIFAR data sets keep them: labels, then an image of 32×32 as red, green and blue planes.
 *
 * @module
 */
import { DataError } from "../base/errors.ts";
import { type Pickled, readPickle } from "./pickle.ts";

/** Height and width of an image in pixels, and pixels of a plane. */
export const SIDE = 32, PLANE = SIDE * SIDE;

/** What a file's records hold. */
export interface Records {
  /** RGB bytes, `[count, 32, 32, 3]`. */
  readonly images: Uint8Array;
  /** One list a kind of label, `[count]`. */
  readonly labels: readonly Uint8Array[];
}

/**
 * Reads records of the binary layout.
 *
 * @param bytes Whole records.
 * @param file Their file, for messages.
 * @param kinds How many labels a record begins with.
 * @param advice What to do about a damaged file, a sentence.
 * @returns Images with interleaved channels, and labels.
 * @throws {DataError} A record is incomplete, or there is none.
 */
export function recordsOf(bytes: Uint8Array, file: string, kinds: number, advice: string): Records {
  const length = kinds + 3 * PLANE, count = bytes.length / length;
  if (!Number.isInteger(count) || count === 0) {
    throw new DataError(
      `${file} has ${bytes.length} bytes, which is not a whole number of records of ${length} bytes: ` +
        `it is truncated or another file. ${advice}`,
    );
  }
  const images = new Uint8Array(count * 3 * PLANE);
  const labels = Array.from({ length: kinds }, () => new Uint8Array(count));
  for (let record = 0; record < count; record++) {
    const at = record * length, to = record * 3 * PLANE;
    labels.forEach((kind, number) => kind[record] = bytes[at + number]);
    for (let channel = 0; channel < 3; channel++) {
      const plane = at + kinds + channel * PLANE;
      for (let pixel = 0; pixel < PLANE; pixel++) images[to + 3 * pixel + channel] = bytes[plane + pixel];
    }
  }
  return { images, labels };
}

/**
 * Reads a batch of the Python version: labels, and the planes of an image as a row of an array.
 *
 * @param bytes A pickle.
 * @param file Its file, for messages.
 * @param fields Names of its lists of labels.
 * @param advice What to do about a damaged file, a sentence.
 * @returns Records of the binary layout, the labels in the order of the names.
 * @throws {DataError} It is another pickle, or none.
 */
export function pickledRecords(
  bytes: Uint8Array,
  file: string,
  fields: readonly string[],
  advice: string,
): Uint8Array {
  const pickle = readPickle(bytes, file), data = fieldOf(pickle, "data");
  const kinds = fields.map((field) => {
    const labels = fieldOf(pickle, field);
    return Array.isArray(labels) ? labels.filter((label) => typeof label === "number") : [];
  });
  const count = kinds[0].length;
  // NumPy's own: version, shape, type, whether columns come first, bytes.
  const state = data !== null && typeof data === "object" && "state" in data ? data.state : undefined;
  const [, shape, , columnsFirst, values] = Array.isArray(state) ? state : [];
  const [rows, columns] = Array.isArray(shape) ? shape : [];
  if (
    !(values instanceof Uint8Array) || values.length !== count * 3 * PLANE ||
    rows !== count || columns !== 3 * PLANE ||
    kinds.some((labels) => labels.length !== count || labels.some((label) => label < 0 || label > 255))
  ) {
    const names = ["data", ...fields].map((name) => `"${name}"`);
    throw new DataError(
      `${file} is a pickle without ${names.slice(0, -1).join(", ")} and ${names.at(-1)}. ${advice}`,
    );
  }
  const length = kinds.length + 3 * PLANE, records = new Uint8Array(count * length);
  for (let record = 0; record < count; record++) {
    const at = record * length, from = record * 3 * PLANE, to = at + kinds.length;
    kinds.forEach((labels, number) => records[at + number] = labels[record]);
    if (!columnsFirst) records.set(values.subarray(from, from + 3 * PLANE), to);
    else for (let byte = 0; byte < 3 * PLANE; byte++) records[to + byte] = values[byte * count + record];
  }
  return records;
}

/**
 * Reads a list of names out of a pickle of the Python version.
 *
 * @param bytes A pickle.
 * @param file Its file, for messages.
 * @param field The list's name.
 * @returns The names; none where there is no such list.
 */
export function pickledNames(bytes: Uint8Array, file: string, field: string): string[] {
  const names = fieldOf(readPickle(bytes, file), field);
  return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
}

function fieldOf(pickle: Pickled, name: string): Pickled | undefined {
  return pickle instanceof Map ? pickle.get(name) : undefined;
}
