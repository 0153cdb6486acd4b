/**
 * A folder of one's own images as a data set.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { extname, join, sep } from "@std/path";
import { z } from "zod";
import { DataError, UsageError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { cacheFolder } from "../base/places.ts";
import { generator, permutation } from "../base/random.ts";
import { say } from "../base/say.ts";
import { type Dataset, type DatasetKind, imageFingerprint, labelsOf, subset } from "./dataset.ts";
import { type ImageFile, imageFile, type ReadFiles, readImageFiles } from "./image_files.ts";

/** What is read, and how. */
export interface FolderOptions {
  /** The folder. */
  readonly path: string;
  /** Height and width that its images are brought to, in pixels. */
  readonly size: number;
  /** Part of each class that is tested on, where the folder has no `test` or `val`. */
  readonly test: number;
  /** Seed of that choice. */
  readonly seed: number;
  /** Leave out what cannot be used, instead of refusing the folder. */
  readonly skip: boolean;
}

/** How the names of images end; their first bytes say of which kind they are. */
const ENDINGS = [".png", ".jpg", ".jpeg", ".webp", ".gif"];

/** Folders of a split that is there already: what to learn from, and what to test on. */
const TRAIN = "train", TESTS = ["test", "val"];

/** Class of images that lie in no folder. */
const UNLABELLED = "unlabelled";

/** Faults, or other things, that a message names. */
const NAMED = 5;

/** An image's file, and where it belongs. */
interface Placed extends ImageFile {
  /** `train` or one of {@link TESTS}; empty where that is to be drawn. */
  readonly part: string;
  /** Name of its class; empty where it lies in no folder. */
  readonly class: string;
  /** Its folder, from the split's. */
  readonly below: string;
}

/** What is in a folder. */
interface Listing<Kind> {
  /** Sorted by path. */
  readonly entries: readonly Kind[];
  /** What cannot be used, and why. */
  readonly faults: readonly string[];
}

const byName = (a: string, b: string) => a < b ? -1 : a > b ? 1 : 0;
const sorted = (names: Iterable<string>) => [...new Set(names)].sort(byName);

/** The first few of many. */
function few(all: readonly string[], between = ", "): string {
  const more = all.length - NAMED;
  return all.slice(0, NAMED).join(between) + (more > 0 ? `${between}and ${more} more` : "");
}

/** Walks through a folder; links are followed to files in it. */
function walk(root: string): Listing<ImageFile> & { readonly others: ReadonlyMap<string, number> } {
  const entries: ImageFile[] = [], faults: string[] = [], others = new Map<string, number>();
  const visit = (below: string) => {
    for (const { name, isDirectory, isSymlink } of Deno.readDirSync(join(root, below))) {
      const path = below + name, ending = extname(name).toLowerCase();
      if (name.startsWith(".")) continue;
      try {
        if (isDirectory) {
          visit(`${path}/`);
          continue;
        }
        const target = isSymlink ? Deno.realPathSync(join(root, path)) : join(root, path);
        const info = Deno.statSync(target);
        if (isSymlink && !target.startsWith(join(root, sep))) {
          faults.push(`${path} is a link that leaves the folder.`);
        } else if (info.isDirectory) faults.push(`${path} is a link to a folder.`);
        else if (!ENDINGS.includes(ending)) others.set(ending || name, (others.get(ending || name) ?? 0) + 1);
        else if (!info.isFile) faults.push(`${path} is no file, but a device or pipe.`);
        else entries.push(imageFile(path, info));
      } catch (error) {
        const lost = error instanceof Deno.errors.NotFound;
        faults.push(
          `${path} ${lost ? "is a link to nothing" : `cannot be read (${(error as Error).message})`}.`,
        );
      }
    }
  };
  visit("");
  return { entries: entries.sort((a, b) => byName(a.path, b.path)), faults, others };
}

/** Lists the images of the folder that the user named. */
async function list(path: string): Promise<Listing<ImageFile>> {
  // Where a data set is asked for by its name alone, as with --dataset.
  if (!path) {
    throw new UsageError(
      'The data set folder needs a path: a spec has {"name": "folder", "path": "images"}.',
    );
  }
  if (!await exists(path)) throw new DataError(`There is no folder ${path}.`);
  if (!(await Deno.stat(path)).isDirectory) {
    throw new DataError(`${path} is a file: name the folder that it is in.`);
  }
  let found: ReturnType<typeof walk>;
  try {
    found = walk(await Deno.realPath(path));
  } catch (error) {
    throw new DataError(`${path} cannot be read (${(error as Error).message}).`);
  }
  if (found.entries.length > 0) return found;
  const others = [...found.others].map(([ending, count]) => `${count} ${ending}`);
  throw new DataError(
    [`${path} has no images (${ENDINGS.join(", ")})`, ...others.length > 0 ? [`but ${few(others)}`] : []]
      .join(", ") + `.${found.faults.map((fault) => ` ${fault}`).slice(0, NAMED).join("")}`,
  );
}

/** Reads from the paths to which part and class each image belongs. */
function place({ entries, faults }: Listing<ImageFile>, root: string): Listing<Placed> {
  const foldersOf = ({ path }: ImageFile) => path.split("/").slice(0, -1);
  const tops = sorted(entries.map((entry) => foldersOf(entry)[0] ?? ""));
  const tests = tops.includes(TRAIN) ? TESTS.find((name) => tops.includes(name)) : undefined;
  const placed = entries.map((entry): Placed => {
    const folders = foldersOf(entry), part = tests ? folders[0] ?? "" : "";
    const below = tests ? folders.slice(1) : folders;
    return { ...entry, part, class: below[0] ?? "", below: below.join("/") };
  });
  const outside = tops.filter((top) => tests && top !== TRAIN && top !== tests);
  if (outside.length > 0) {
    say(
      `${root} has ${TRAIN}/ and ${tests}/, which are taken; left out: ${
        few(outside.map((top) => `${top}/`))
      }.`,
    );
  }
  const taken = placed.filter(({ part }) => !outside.includes(part));
  // All images without a folder are a class of their own; some are a mistake.
  if (taken.every((entry) => !entry.class)) return { entries: taken, faults };
  const loose = taken.filter((entry) => !entry.class);
  return {
    entries: taken.filter((entry) => entry.class),
    faults: [...faults, ...loose.map(({ path }) => `${path} lies beside the folders of the classes.`)],
  };
}

/** Refuses a folder with faults, or says what is left out. */
function judge(faults: readonly string[], good: number, { path, skip }: FolderOptions): void {
  if (faults.length === 0) return;
  const all = `${faults.length} of ${good + faults.length} files in ${path} cannot be used:\n  ${
    few(faults, "\n  ")
  }`;
  if (!skip) throw new DataError(`${all}\nMend or remove them, or leave them out with "skip": true.`);
  if (good === 0) throw new DataError(`${all}\nNo image is left.`);
  say(`${all}\nThey are left out.`);
}

/** The decoded images of a folder, kept in one file for a folder and a size: what was read before a change is replaced. */
async function decoded(files: readonly ImageFile[], { path, size }: FolderOptions): Promise<ReadFiles> {
  const place = JSON.stringify([await Deno.realPath(path), size]);
  const id = createHash("sha256").update(place).digest("hex").slice(0, 16);
  const kept = join(cacheFolder(), "folders", `${id}.safetensors`);
  return await readImageFiles(files, { folder: path, size, kept });
}

/** Positions of the images to learn from and of those to test on; the latter in any order, as the first of them are taken. */
function divide(
  entries: readonly Placed[],
  { path, test, seed }: FolderOptions,
): { train: number[]; test: number[] } {
  const parts = sorted(entries.map(({ part }) => part)), all = [...entries.keys()];
  const tested = new Set<number>();
  if (parts.some((part) => part)) {
    for (const at of all) if (entries[at].part !== TRAIN) tested.add(at);
    const classesOf = (chosen: boolean) =>
      sorted(all.filter((at) => tested.has(at) === chosen).map((at) => entries[at].class));
    const known = classesOf(false), unknown = classesOf(true).filter((name) => !known.includes(name));
    if (known.length === 0 || tested.size === 0) {
      throw new DataError(`${path}: only ${parts.join()}/ has images left.`);
    }
    if (unknown.length > 0) {
      throw new DataError(
        `${path} tests on classes that ${TRAIN}/ does not have: ${
          few(unknown)
        }. To have a part of ${TRAIN}/ ` +
          `tested on, name ${join(path, TRAIN)}.`,
      );
    }
  } else {
    const single: string[] = [];
    for (const [name, members] of Map.groupBy(all, (at) => entries[at].class)) {
      const { length } = members, count = Math.min(Math.max(Math.round(test * length), 1), length - 1);
      if (count === 0) single.push(name);
      const order = permutation(length, generator("folder", seed, name));
      for (const at of order.subarray(0, count)) tested.add(members[at]);
    }
    if (tested.size === 0) throw new DataError(`${path} has one image a class: there is nothing to test on.`);
    if (single.length > 0) {
      say(`Classes of one image, which is learnt from and not tested on: ${few(single)}.`);
    }
  }
  const chosen = all.filter((at) => tested.has(at)),
    order = permutation(chosen.length, generator("folder", seed));
  return { train: all.filter((at) => !tested.has(at)), test: Array.from(order, (at) => chosen[at]) };
}

/**
 * Reads a folder. Its first folders are the classes, sorted by name; where some go deeper, the whole path is a
 * level of labels of its own, `path`. Folders `train` and `test` (or `val`) are a split; without them a part of
 * each class is drawn to be tested on. Images that lie in no folder at all are of one class.
 *
 * The decoded images are kept in the cache until a file, or the folder's list of files, changes.
 *
 * @param options Which folder, and how.
 * @returns The data set.
 * @throws {UsageError} No folder is named.
 * @throws {DataError} There is no such folder, or no image in it, or one that cannot be used: all are counted.
 * @throws {EnvironmentError} They do not fit into memory or onto the disk, or cannot be decoded here.
 */
async function load(options: FolderOptions): Promise<Dataset> {
  const { path, size, skip } = options, listing = place(await list(path), path);
  // What shows without decoding is told at once.
  if (!skip) judge(listing.faults, listing.entries.length, options);
  const { images, faults } = await decoded(listing.entries, options), wrong = new Map(faults);
  const good = [...listing.entries.keys()].filter((at) => !wrong.has(at));
  judge([...listing.faults, ...wrong.values()], good.length, options);
  const entries = good.map((at) => listing.entries[at]);
  const classes = sorted(entries.map((entry) => entry.class)),
    paths = sorted(entries.map(({ below }) => below));
  const alike = Map.groupBy(classes, (name) => name.toLowerCase()).values().find(({ length }) => length > 1);
  if (alike) say(`${alike.join(" and ")} differ only in case: they are two classes.`);
  const numbers = (names: readonly string[], of: (entry: Placed) => string) => {
    const labels = new Map(names.map((name, label) => [name, label]));
    // What is left out may be the only one of its class.
    return labelsOf(listing.entries.map((entry) => labels.get(of(entry)) ?? 0), names.length);
  };
  const levels = paths.length > classes.length;
  const all = {
    images,
    labels: numbers(classes, (entry) => entry.class),
    ...levels && { levels: { path: numbers(paths, ({ below }) => below) } },
    height: size,
    width: size,
  };
  const parts = divide(entries, options);
  const [train, test] = [parts.train, parts.test].map((part) => subset(all, part.map((at) => good[at])));
  return {
    name: "folder",
    copy: "unofficial",
    fingerprint: imageFingerprint({ train, test }),
    classes: classes.map((name) => name || UNLABELLED),
    ...levels && { levels: { path: paths } },
    train,
    test,
  };
}

/** A folder of images of any sizes and kinds, a class a folder. */
export const folder: DatasetKind<FolderOptions> = {
  title: "A folder of images",
  options: z.strictObject({
    path: z.string().min(1).describe("the folder; from the spec's file, or from where you stand with --set"),
    size: z.int().positive().default(32).describe("height and width that its images are brought to"),
    test: z.number().positive().lt(1).default(0.2)
      .describe("part of each class to test on, where the folder has no test or val"),
    seed: z.int().nonnegative().default(0).describe("seed of that choice"),
    skip: z.boolean().default(false).describe(
      "leave out what cannot be used, instead of refusing the folder",
    ),
  }),
  load,
};
