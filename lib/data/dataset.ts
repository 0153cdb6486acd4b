/**
 * What every data set looks like once it is in memory.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { z } from "zod";
import type { DataPlace } from "../base/places.ts";
import type { Hiding } from "./views.ts";

/** Classes of images: bytes, unless there are more than 256 classes. */
export type Labels = Uint8Array | Int32Array;

/**
 * Classes in as few bytes as they need.
 *
 * @param values The classes.
 * @param classes How many there are.
 * @returns A copy.
 */
export function labelsOf(values: ArrayLike<number>, classes: number): Labels {
  return classes > 256 ? Int32Array.from(values) : Uint8Array.from(values);
}

/** Images of one size with one class label each. */
export interface ImageSet {
  /** RGB bytes, `[count, height, width, 3]`. */
  readonly images: Uint8Array;
  /** Class of each image, `[count]`. */
  readonly labels: Labels;
  /** Nobody knows the classes: `labels` are zeros that stand for nothing. */
  readonly unlabelled?: true;
  /** Coarser or finer classes of each image, by the names in the data set's `levels`. */
  readonly levels?: Readonly<Record<string, Labels>>;
  /** Height of an image in pixels. */
  readonly height: number;
  /** Width of an image in pixels. */
  readonly width: number;
}

/** A data set with its training and test images. */
export interface Dataset {
  /** Short name, as in `--dataset`. */
  readonly name: string;
  /** Where the copy comes from; a copy whose checksum is not the official one is "unofficial". */
  readonly copy: "official" | "unofficial" | "generated";
  /** What {@link imageFingerprint} makes of its images. */
  readonly fingerprint: string;
  /** Names of the classes, by label. */
  readonly classes: readonly string[];
  /** Names of coarser or finer classes, such as CIFAR-100's `coarse`. */
  readonly levels?: Readonly<Record<string, readonly string[]>>;
  /** Images to learn from. */
  readonly train: ImageSet;
  /** Images to report on, touched once. */
  readonly test: ImageSet;
}

/**
 * Tells the images and labels of a data set from all others.
 *
 * @param dataset Its training and test images.
 * @returns The first 16 hex digits of the SHA-256 of all images and classes.
 */
export function imageFingerprint({ train, test }: Pick<Dataset, "train" | "test">): string {
  const hash = createHash("sha256");
  for (const { images, labels } of [train, test]) hash.update(images).update(labels);
  return hash.digest("hex").slice(0, 16);
}

/**
 * One image of a set.
 *
 * @param set The set.
 * @param index Its position.
 * @returns Its RGB bytes, `[height, width, 3]`, a view into the set.
 */
export function imageOf({ images, height, width }: ImageSet, index: number): Uint8Array {
  const size = height * width * 3;
  return images.subarray(index * size, (index + 1) * size);
}

/**
 * Some images of a set, copied in the order asked for.
 *
 * @param set The set to take from.
 * @param indices Positions in the set.
 * @returns A set of `indices.length` images.
 */
export function subset(set: ImageSet, indices: ArrayLike<number>): ImageSet {
  const size = set.height * set.width * 3, count = indices.length;
  const images = new Uint8Array(count * size);
  for (let to = 0; to < count; to++) {
    images.set(set.images.subarray(indices[to] * size, (indices[to] + 1) * size), to * size);
  }
  const chosen = (all: Labels): Labels => {
    const labels = all instanceof Uint8Array ? new Uint8Array(count) : new Int32Array(count);
    return labels.map((_, at) => all[indices[at]]);
  };
  const levels = set.levels &&
    Object.fromEntries(Object.entries(set.levels).map(([name, labels]) => [name, chosen(labels)]));
  return { ...set, images, labels: chosen(set.labels), ...levels && { levels } };
}

/**
 * A data set whose classes are those of another level.
 *
 * @param dataset The data set.
 * @param level One of its `levels`.
 * @returns The same images; the fingerprint is that of the images with these classes.
 */
export function atLevel(dataset: Dataset, level: string): Dataset {
  const of = (set: ImageSet): ImageSet => ({ ...set, labels: set.levels![level] });
  const train = of(dataset.train), test = of(dataset.test), fingerprint = imageFingerprint({ train, test });
  return { ...dataset, classes: dataset.levels![level], fingerprint, train, test };
}

/** A kind of data set. */
export interface DatasetKind<Options> {
  /** What a reader calls it. */
  readonly title: string;
  /** Its options in a spec. */
  readonly options: z.ZodObject;
  /** The folder that has it, where it is kept in one. */
  readonly find?: (place: DataPlace) => Promise<string | undefined>;
  /** Where to fetch it by hand, where nothing can verify what was fetched. */
  readonly home?: string;
  /** Fetches it, and returns its folder. */
  readonly fetch?: (datasets: string) => Promise<string>;
  /** Bytes to be fetched. */
  readonly bytes?: number;
  /** Of images that are drawn: the options that give so many. */
  readonly sized?: (
    sizes: { readonly seed: number; readonly train: number; readonly test: number },
  ) => Options;
  /** What its views hide, unless it is what those of photographs do. */
  readonly hiding?: Hiding;
  /** Reads it from its folder, or makes it. */
  readonly load: (options: Options, folder: string) => Dataset | Promise<Dataset>;
}
