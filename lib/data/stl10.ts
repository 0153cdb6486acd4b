/**
 * STL-10 (Coates, Ng and Lee 2011): pictures of 96 pixels, most of them without labels.
 *
 * @module
 */
import { join } from "@std/path";
import { z } from "zod";
import type { Source } from "../base/download.ts";
import { DataError } from "../base/errors.ts";
import type { DataPlace } from "../base/places.ts";
import {
  again,
  beginningOf,
  type CopyKind,
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
export const STL10 = {
  url: "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
  bytes: 2_640_397_119,
  md5: "91f7769df0f17e558f3565bffb0c7dfb",
} as const satisfies Source;

/** What is learnt from. */
const PARTS = ["train", "unlabeled"] as const;

/** Which part of STL-10. */
export interface Stl10Options {
  /** What is learnt from: 5,000 labelled images or 100,000 without labels; what is there, if neither is said. */
  readonly part?: typeof PARTS[number];
}

const CLASSES = 10, SIDE = 96, PLANE = SIDE * SIDE, PIXELS = 3 * PLANE;
const TEST = ["test_X.bin", "test_y.bin"], NAMES = "class_names.txt";
const LAYOUT = { folder: "stl10_binary", shows: TEST };
/** What has to be there, by the part that is learnt from. */
const LAYOUTS = {
  train: { ...LAYOUT, needs: [...TEST, "train_X.bin", "train_y.bin"] },
  unlabeled: { ...LAYOUT, needs: [...TEST, "unlabeled_X.bin"] },
} as const;

const KIND: CopyKind = {
  name: "stl10",
  title: "STL-10",
  layouts: [LAYOUTS.train],
  contents: "test_X.bin, test_y.bin, and to learn from train_X.bin with train_y.bin or unlabeled_X.bin",
  stem: "stl10_",
};

/** Images that are turned at once. */
const CHUNK = 250;

/**
 * Reads pictures, a piece of the file after the other. Their planes lie column by column.
 *
 * @param path The file.
 * @returns RGB bytes, `[count, 96, 96, 3]`, row by row.
 * @throws {DataError} A picture is incomplete, or it is another file.
 */
export async function readPictures(path: string): Promise<Uint8Array> {
  using file = await Deno.open(path);
  const { size } = await file.stat();
  if (size === 0 || size % PIXELS !== 0) {
    const kind = await beginningOf(file);
    throw new DataError(
      `${path} ${
        kind
          ? `is ${kind.what}`
          : `has ${size} bytes, which is not a whole number of pictures of ${PIXELS} bytes`
      }: it is truncated or another file. ${again(KIND)}`,
    );
  }
  const images = new Uint8Array(size), piece = new Uint8Array(CHUNK * PIXELS);
  for (let to = 0; to < size;) {
    const bytes = piece.subarray(0, Math.min(piece.length, size - to));
    await fill(file, bytes, path);
    for (let from = 0; from < bytes.length; from += PIXELS, to += PIXELS) turn(bytes, from, images, to);
  }
  return images;
}

async function fill(file: Deno.FsFile, bytes: Uint8Array, path: string): Promise<void> {
  for (let rest = bytes; rest.length > 0;) {
    const count = await file.read(rest);
    if (count === null) throw new DataError(`${path} became shorter while it was read. ${again(KIND)}`);
    rest = rest.subarray(count);
  }
}

/** One picture's three planes, column by column, become pixels, row by row. */
function turn(planes: Uint8Array, from: number, images: Uint8Array, to: number): void {
  for (let channel = 0; channel < 3; channel++) {
    for (let x = 0; x < SIDE; x++) {
      const column = from + channel * PLANE + x * SIDE, pixel = to + 3 * x + channel;
      for (let y = 0; y < SIDE; y++) images[pixel + 3 * SIDE * y] = planes[column + y];
    }
  }
}

/** Labels, which begin at 1 in the file. */
async function readLabels(path: string, count: number): Promise<Uint8Array> {
  const labels = await Deno.readFile(path);
  if (labels.length !== count) {
    throw new DataError(`${path} has ${labels.length} labels for ${count} pictures. ${again(KIND)}`);
  }
  const wrong = labels.findIndex((label) => label < 1 || label > CLASSES);
  if (wrong >= 0) {
    throw new DataError(
      `${path}: picture ${wrong} has label ${labels[wrong]}, but STL-10's labels are 1 to ${CLASSES}. ${
        again(KIND)
      }`,
    );
  }
  return labels.map((label) => label - 1);
}

/**
 * Loads STL-10: as many images as its files hold.
 *
 * @param folder The folder of its files.
 * @param options Which part.
 * @returns The data set; where the part has no labels, its training images are `unlabelled`.
 * @throws {DataError} A file is missing, truncated or damaged.
 */
export async function loadStl10(folder: string, options: Stl10Options = {}): Promise<Dataset> {
  const there = await filesOf(folder);
  const part = options.part ?? PARTS.find((part) => there.includes(`${part}_X.bin`)) ?? PARTS[0];
  await layoutOf(KIND, [LAYOUTS[part]], folder);
  const read = async (part: string): Promise<ImageSet> => {
    const images = await readPictures(join(folder, `${part}_X.bin`)), count = images.length / PIXELS;
    const size = { height: SIDE, width: SIDE };
    if (part === "unlabeled") return { images, labels: new Uint8Array(count), unlabelled: true, ...size };
    return { images, labels: await readLabels(join(folder, `${part}_y.bin`), count), ...size };
  };
  const names = join(folder, NAMES);
  const classes = there.includes(NAMES)
    ? namesOf(await Deno.readTextFile(names), names, CLASSES, again(KIND))
    : numbered(CLASSES);
  const train = await read(part), test = await read("test");
  const fingerprint = imageFingerprint({ train, test });
  return { name: KIND.name, copy: await originOf(folder, fingerprint), fingerprint, classes, train, test };
}

/**
 * Looks for a copy of STL-10.
 *
 * @param place The folder that holds its files, or a folder `stl10_binary` with them.
 * @returns The folder of its files; undefined if it is not there, and nobody said that it is.
 * @throws {DataError} The user named this place, and it holds something else.
 */
export function findStl10(place: DataPlace): Promise<string | undefined> {
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
export function downloadStl10(folder: string, source: Source = STL10): Promise<string> {
  const loads = PARTS.map((part) => (folder: string) => loadStl10(folder, { part }));
  return downloadCopy(KIND, source, loads, folder);
}

/** STL-10, kept in a folder. */
export const stl10: DatasetKind<Stl10Options> = {
  title: KIND.title,
  options: z.strictObject({
    part: z.enum(PARTS).default("train").describe(
      "what is learnt from; unlabeled: 100,000 images without labels",
    ),
  }),
  find: findStl10,
  fetch: downloadStl10,
  bytes: STL10.bytes,
  load: (options, folder) => loadStl10(folder, options),
};
