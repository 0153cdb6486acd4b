/**
 * Tiny ImageNet, 200 classes of pictures in the layout of its archive (Stanford's course CS231n).
 *
 * @module
 */
import { createHash } from "node:crypto";
import { basename, dirname, join, resolve } from "@std/path";
import { z } from "zod";
import { DataError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { cacheFolder, type DataPlace } from "../base/places.ts";
import { again, type CopyKind, filesOf, findCopy, layoutOf } from "./copies.ts";
import {
  type Dataset,
  type DatasetKind,
  imageFingerprint,
  type ImageSet,
  type Labels,
  labelsOf,
} from "./dataset.ts";
import { imageFile, readImageFiles } from "./image_files.ts";

/** How its pictures are read. */
export interface TinyImagenetOptions {
  /** Height and width that they are brought to, in pixels; those of the first picture unless said otherwise. */
  readonly size?: number;
}

const CLASSES = "wnids.txt", WORDS = "words.txt", HIERARCHY = "hierarchy.tsv";
const ANNOTATIONS = "val/val_annotations.txt";
const PARTS = ["train/", "val/", CLASSES];

const KIND: CopyKind = {
  name: "tinyimagenet",
  title: "Tiny ImageNet",
  layouts: [{ folder: "tiny-imagenet-200", shows: PARTS, needs: PARTS }],
  contents: `${PARTS.join(", ")} and ${WORDS}`,
  stem: "tiny-imagenet-200",
  byHand: "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
};

/** Pictures by their paths, each with the position of its class. */
interface Listing {
  readonly paths: readonly string[];
  readonly labels: Labels;
}

/** Lines of a text, those that are empty left out. */
const linesOf = (text: string) => text.split(/\r?\n/).filter((line) => line.trim() !== "");

const sorted = (names: Iterable<string>) => [...new Set(names)].sort();

async function listTraining(folder: string, wnids: readonly string[]): Promise<Listing> {
  const paths: string[] = [], labels: number[] = [];
  for (const [label, wnid] of wnids.entries()) {
    const images = `train/${wnid}/images`;
    const found = (await filesOf(join(folder, images))).filter((name) => /\.jpe?g$/i.test(name));
    if (found.length === 0) throw new DataError(`${folder} has no pictures in ${images}. ${again(KIND)}`);
    for (const name of found) {
      paths.push(`${images}/${name}`);
      labels.push(label);
    }
  }
  return { paths, labels: labelsOf(labels, wnids.length) };
}

async function listValidation(folder: string, wnids: readonly string[]): Promise<Listing> {
  const file = join(folder, ANNOTATIONS);
  const text = await Deno.readTextFile(file).catch((error) => {
    throw new DataError(`${file} cannot be read (${error.message}). ${again(KIND)}`);
  });
  const lines = linesOf(text).map((line) => line.split("\t")),
    place = new Map(wnids.entries().map(([at, id]) => [id, at]));
  const wrong = lines.findIndex(([name, wnid]) => /[/\\]/.test(name) || !place.has(wnid));
  if (lines.length === 0 || wrong >= 0) {
    throw new DataError(
      `${file} ${
        lines.length === 0 ? "is empty" : `has no picture and class of ${CLASSES} in line ${wrong + 1}`
      }. ${again(KIND)}`,
    );
  }
  return {
    paths: lines.map(([name]) => `val/images/${name}`),
    labels: labelsOf(lines.map(([, wnid]) => place.get(wnid)!), wnids.length),
  };
}

/** The height of a JPEG, where its frame begins. */
function heightOf(bytes: Uint8Array, path: string): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff; at += 2 + view.getUint16(at + 2)) {
    const marker = bytes[at + 1];
    // Among the frames' markers stand those of tables and of arithmetic coding.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return view.getUint16(at + 5);
    }
  }
  throw new DataError(`${path} is no whole JPEG. ${again(KIND)}`);
}

/** Where decoded pictures are kept: beside their folder, if that may be written, or else in the cache. */
async function keptIn(folder: string, size: number): Promise<string> {
  const above = dirname(folder), name = `${basename(folder)}-${size}px.safetensors`;
  if (await mayWrite(above)) return join(above, name);
  const id = createHash("sha256").update(folder).digest("hex").slice(0, 16);
  return join(cacheFolder(), "pictures", `${id}-${name}`);
}

/** Whether a folder may be written, without a question to whom sits at the terminal. */
async function mayWrite(folder: string): Promise<boolean> {
  if (Deno.permissions.querySync({ name: "write", path: folder }).state !== "granted") return false;
  try {
    await Deno.remove(await Deno.makeTempFile({ dir: folder }));
    return true;
  } catch {
    return false;
  }
}

/** Reads both sets, without levels of labels. */
async function readSets(
  folder: string,
  listings: readonly Listing[],
  asked?: number,
): Promise<Pick<Dataset, "train" | "test" | "fingerprint">> {
  const first = join(folder, listings[0].paths[0]);
  const size = asked ?? heightOf(await Deno.readFile(first), first), shape = { height: size, width: size };
  const setsOf = (images: Uint8Array) => {
    const [train, test] = listings, end = train.paths.length * size * size * 3;
    return {
      train: { images: images.subarray(0, end), labels: train.labels, ...shape },
      test: { images: images.subarray(end), labels: test.labels, ...shape },
    };
  };
  const refuse = (fault: string): never => {
    throw new DataError(`${folder}/${fault}`);
  };
  const files = listings.flatMap(({ paths }) => paths).map((path) => {
    try {
      return imageFile(path, Deno.statSync(`${folder}/${path}`));
    } catch (error) {
      return refuse(`${path} cannot be read (${(error as Error).message}). ${again(KIND)}`);
    }
  });
  const { images } = await readImageFiles(files, {
    folder,
    size,
    kept: await keptIn(folder, size),
    refuse,
  });
  const sets = setsOf(images);
  return { ...sets, fingerprint: imageFingerprint(sets) };
}

/** What is known of a class besides its pictures, by the columns of {@link HIERARCHY}. */
type Known = Readonly<Record<string, string>>;

/** Reads the table of classes in the folder, or beside it, if there is one. */
async function hierarchyOf(folder: string, wnids: readonly string[]): Promise<Known[] | undefined> {
  for (const file of [join(folder, HIERARCHY), join(dirname(folder), HIERARCHY)]) {
    if (!await exists(file)) continue;
    const [head = [], ...rows] = linesOf(await Deno.readTextFile(file)).map((line) => line.split("\t"));
    const table = rows.map((row): Known =>
      Object.fromEntries(head.map((column, at) => [column, row[at] ?? ""]))
    );
    const byWnid = new Map(table.map((row) => [row.wnid, row])),
      lack = wnids.find((wnid) => !byWnid.has(wnid));
    if (lack !== undefined) {
      throw new DataError(`${file} has no row whose wnid is ${lack}. Add it, or move it away.`);
    }
    return wnids.map((wnid) => byWnid.get(wnid)!);
  }
}

async function namesOf(
  folder: string,
  wnids: readonly string[],
  known?: readonly Known[],
): Promise<string[]> {
  const file = join(folder, WORDS);
  const words = new Map(
    (await exists(file) ? linesOf(await Deno.readTextFile(file)) : []).map((line) =>
      line.split("\t") as [string, string]
    ),
  );
  const names = wnids.map((wnid, at) => known?.[at].name || words.get(wnid)?.split(",")[0] || wnid);
  // Charts tell classes apart by their names.
  return names.map((name, at) =>
    names.indexOf(name) === names.lastIndexOf(name) ? name : `${name} (${wnids[at]})`
  );
}

/**
 * Loads Tiny ImageNet: its training pictures, and its validation pictures to test on. They are decoded once
 * and kept in a file until one of them, or the list of them, changes.
 *
 * @param folder The folder with `train`, `val`, `wnids.txt` and `words.txt`.
 * @param options How they are read.
 * @returns The data set; where there is a table `hierarchy.tsv` of a row a class in the folder or beside it, each
 * column with fewer values than there are classes is a level of labels.
 * @throws {DataError} A file is missing, truncated or damaged.
 * @throws {EnvironmentError} Pictures cannot be decoded here, or there is no room for them.
 */
export async function loadTinyImagenet(
  folder: string,
  { size }: TinyImagenetOptions = {},
): Promise<Dataset> {
  await layoutOf(KIND, KIND.layouts, folder);
  const home = resolve(folder), wnids = sorted(linesOf(await Deno.readTextFile(join(home, CLASSES))));
  if (wnids.length === 0) throw new DataError(`${join(home, CLASSES)} is empty. ${again(KIND)}`);
  const known = await hierarchyOf(home, wnids), classes = await namesOf(home, wnids, known);
  const columns = Object.keys(known?.[0] ?? {}).filter((column) => /^\w+$/.test(column) && column !== "wnid")
    .map((column) => ({ column, values: known!.map((row) => row[column]) }))
    .filter(({ values }) => new Set(values).size < wnids.length);
  const levels = Object.fromEntries(columns.map(({ column, values }) => [column, sorted(values)]));
  const listings = [await listTraining(home, wnids), await listValidation(home, wnids)];
  const { train, test, fingerprint } = await readSets(home, listings, size);
  const leveled = (set: ImageSet): ImageSet => ({
    ...set,
    ...known && {
      levels: Object.fromEntries(columns.map(({ column, values }) => {
        const places = values.map((value) => levels[column].indexOf(value));
        return [column, labelsOf(Array.from(set.labels, (label) => places[label]), levels[column].length)];
      })),
    },
  });
  return {
    name: KIND.name,
    copy: "unofficial",
    fingerprint,
    classes,
    ...known && { levels },
    train: leveled(train),
    test: leveled(test),
  };
}

/**
 * Looks for a copy of Tiny ImageNet.
 *
 * @param place The folder `tiny-imagenet-200`, or the one that it is in.
 * @returns The folder; undefined if it is not there, and nobody said that it is.
 * @throws {DataError} The user named this place, and it holds something else.
 */
export function findTinyImagenet(place: DataPlace): Promise<string | undefined> {
  return findCopy(KIND, place);
}

/** Tiny ImageNet, kept in a folder. Nobody published a checksum that could verify its archive: it is fetched by hand. */
export const tinyimagenet: DatasetKind<TinyImagenetOptions> = {
  title: KIND.title,
  options: z.strictObject({
    size: z.int().positive().optional().describe(
      "height and width that its pictures are brought to; those of the first one where absent",
    ),
  }),
  find: findTinyImagenet,
  home: KIND.byHand,
  load: (options, folder) => loadTinyImagenet(folder, options),
};
