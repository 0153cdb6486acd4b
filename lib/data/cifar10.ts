/**
 * CIFAR-10 in its official layouts, the binary one and Python's (Krizhevsky 2009).
 *
 * @module
 */
import { basename, dirname, join } from "@std/path";
import { z } from "zod";
import { DataError } from "../base/errors.ts";
import { unpackTarGz } from "../base/archive.ts";
import { download, makeOnce, type Source } from "../base/download.ts";
import { pickledNames, pickledRecords, PLANE, recordsOf, SIDE } from "./cifar_records.ts";
import { fileKind } from "../base/file_kind.ts";
import { exists, writeAtomically } from "../base/files.ts";
import type { DataPlace } from "../base/places.ts";
import { type Dataset, type DatasetKind, imageFingerprint, type ImageSet } from "./dataset.ts";

/** The official archive. */
export const CIFAR10 = {
  url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
  bytes: 170_052_171,
  md5: "c32a1d4ab5d03f1284b67883e8d87530",
} as const satisfies Source;

const FOLDER = "cifar-10-batches-bin";
const CLASSES = 10;
/** A label byte, then the red, green and blue planes. */
const RECORD = 1 + 3 * PLANE;
const RECORDS_A_FILE = 10_000;
/** Written beside files that came out of the verified official archive. */
const OFFICIAL = "official.json";
const marker = (fingerprint: string) => JSON.stringify({ fingerprint });

/** One of the two ways in which the same images lie in files. */
interface Layout {
  readonly folder: string;
  readonly train: readonly string[];
  readonly test: string;
  /** The file with the names of the classes. */
  readonly names: string;
  readonly images: (bytes: Uint8Array, file: string) => ImageSet;
  readonly classes: (bytes: Uint8Array, file: string) => string[];
}

const batches = (end: string) => [1, 2, 3, 4, 5].map((number) => `data_batch_${number}${end}`);

const LAYOUTS: readonly Layout[] = [{
  folder: FOLDER,
  train: batches(".bin"),
  test: "test_batch.bin",
  names: "batches.meta.txt",
  images: readRecords,
  classes: (bytes) => new TextDecoder().decode(bytes).trim().split(/\s+/),
}, {
  folder: "cifar-10-batches-py",
  train: batches(""),
  test: "test_batch",
  names: "batches.meta",
  images: readBatch,
  classes: (bytes, file) => pickledNames(bytes, file, "label_names"),
}];

const AGAIN = "Delete its folder and fetch CIFAR-10 again (deno task data cifar10).";

/**
 * Reads records of the binary layout.
 *
 * @param bytes Whole records.
 * @param file Their file, for messages.
 * @returns Images with interleaved channels, and labels.
 * @throws {DataError} A record is incomplete or a label is no class.
 */
export function readRecords(bytes: Uint8Array, file: string): ImageSet {
  const { images, labels: [labels] } = recordsOf(bytes, file, 1, AGAIN);
  const record = labels.findIndex((label) => label >= CLASSES);
  if (record >= 0) {
    throw new DataError(
      `${file}: record ${record} has label ${labels[record]}, but CIFAR-10's labels are 0 to 9. ` +
        `Is this the CIFAR-10 binary version? ${AGAIN}`,
    );
  }
  return { images, labels, height: SIDE, width: SIDE };
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
  return readRecords(pickledRecords(bytes, file, ["labels"], AGAIN), file);
}

/**
 * Loads CIFAR-10.
 *
 * @param folder The folder of the batches.
 * @returns The data set.
 * @throws {DataError} A file is missing, truncated or damaged.
 */
export async function loadCifar10(folder: string): Promise<Dataset> {
  const files = await filesOf(folder);
  const layout = LAYOUTS.find(({ train, test }) => [...train, test].some((file) => files.includes(file))) ??
    LAYOUTS[0];
  const missing = lackOf(layout, files);
  if (missing.length > 0) {
    throw new DataError(
      `${folder} lacks ${
        missing.join(", ")
      }: a copy of CIFAR-10 has five training batches, a test batch and ` +
        `${layout.names}. Complete it, or delete it and fetch CIFAR-10 again (deno task data cifar10).`,
    );
  }
  const read = async (file: string) => {
    const path = join(folder, file), bytes = await Deno.readFile(path);
    // A batch that is damaged begins with a label or as a pickle all the same.
    const kind = bytes[0] < CLASSES || bytes[0] === 0x80 ? undefined : fileKind(bytes);
    if (kind) throw new DataError(`${path} is ${kind.what}, no batch of CIFAR-10. ${kind.advice}`);
    if (layout === LAYOUTS[0] && bytes.length !== RECORDS_A_FILE * RECORD) {
      throw new DataError(
        `${path} has ${bytes.length} bytes instead of ${
          RECORDS_A_FILE * RECORD
        }: it is truncated or another file. ${AGAIN}`,
      );
    }
    const images = layout.images(bytes, path), count = images.labels.length;
    if (count === RECORDS_A_FILE) return images;
    throw new DataError(`${path} has ${count} images instead of ${RECORDS_A_FILE}. ${AGAIN}`);
  };
  const parts: ImageSet[] = [];
  for (const file of layout.train) parts.push(await read(file));
  const train: ImageSet = {
    ...parts[0],
    images: concatenate(parts.map((part) => part.images)),
    labels: concatenate(parts.map((part) => part.labels as Uint8Array)),
  };
  const test = await read(layout.test);
  const names = join(folder, layout.names), classes = layout.classes(await Deno.readFile(names), names);
  if (classes.length !== CLASSES) {
    throw new DataError(`${names} has ${classes.length} names of classes instead of ${CLASSES}. ${AGAIN}`);
  }
  const fingerprint = imageFingerprint({ train, test });
  const official = await Deno.readTextFile(join(folder, OFFICIAL)).catch(() => "");
  return {
    name: "cifar10",
    copy: official === marker(fingerprint) ? "official" : "unofficial",
    fingerprint,
    classes,
    train,
    test,
  };
}

/** Names of what a folder holds, in order; none where there is no folder. */
async function filesOf(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
}

const lackOf = ({ train, test, names }: Layout, files: readonly string[]) =>
  [...train, test, names].filter((file) => !files.includes(file));

/**
 * Looks for a copy of CIFAR-10.
 *
 * @param place The folder that holds the batches, or a folder `cifar-10-batches-bin` or
 * `cifar-10-batches-py` with them.
 * @returns The folder of the batches; undefined if it is not there, and nobody said that it is.
 * @throws {DataError} The user named this place, and it holds something else.
 */
export async function findCifar10({ folder, by }: DataPlace): Promise<string | undefined> {
  for (const layout of LAYOUTS) {
    for (const candidate of [folder, join(folder, layout.folder)]) {
      const files = await filesOf(candidate);
      if (files.includes(layout.train[0]) && files.includes(layout.test)) return candidate;
    }
  }
  if (!by) return;
  const { what, advice } = await describe(folder);
  throw new DataError(
    `${by} is ${folder}, which ${what}. CIFAR-10 is a folder ${
      LAYOUTS.map(({ folder }) => folder).join(" or ")
    } with five training batches, a test batch and the names of its classes. ${advice}`,
  );
}

/** What is where CIFAR-10 should be, and what to do about it. */
async function describe(path: string): Promise<{ what: string; advice: string }> {
  const elsewhere = "Name another folder, or none: deno task data cifar10 fetches it into data/datasets.";
  const unpack = (archive: string) =>
    `Unpack it with tar xzf ${JSON.stringify(archive)} -C ${JSON.stringify(dirname(archive))}, and name ${
      dirname(archive)
    }.`;
  if ((await Deno.stat(path)).isFile) {
    using file = await Deno.open(path);
    const first = new Uint8Array(512);
    const kind = fileKind(first.subarray(0, await file.read(first) ?? 0));
    const advice = kind?.what.includes("compressed") ? unpack(path) : elsewhere;
    return { what: `is a file${kind ? `, ${kind.what}` : ""}`, advice };
  }
  const files = await filesOf(path);
  if (files.length === 0) return { what: "is empty", advice: elsewhere };
  const begun = LAYOUTS.find(({ train, test }) => [...train, test].some((file) => files.includes(file)));
  if (begun) {
    return { what: `lacks ${lackOf(begun, files).join(", ")}`, advice: `Complete it. Or: ${elsewhere}` };
  }
  const archive = files.find((file) => /cifar.*10.*\.(tar\.gz|tgz)$/.test(file));
  if (archive) return { what: `holds ${archive}, an archive`, advice: unpack(join(path, archive)) };
  const hundred = files.some((file) => /^cifar-100|^fine_label_names/.test(file)) ||
    basename(path).startsWith("cifar-100");
  if (hundred) return { what: "holds CIFAR-100, another data set", advice: elsewhere };
  const more = files.length > 3 ? ` and ${files.length - 3} more` : "";
  return { what: `holds ${files.slice(0, 3).join(", ")}${more}`, advice: elsewhere };
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
export async function downloadCifar10(folder: string, source: Source = CIFAR10): Promise<string> {
  const archive = join(folder, "cifar-10-binary.tar.gz"), unpacked = join(folder, "cifar-10");
  const batches = join(unpacked, FOLDER), home = join(folder, FOLDER);
  const find = async () => {
    const copy = await loadCifar10(home).then(({ copy }) => copy, () => undefined);
    return copy === "official" ? home : undefined;
  };
  return await makeOnce(home, find, async () => {
    await download(source, archive);
    await unpackTarGz(archive, unpacked);
    const { fingerprint } = await loadCifar10(batches);
    await writeAtomically(join(batches, OFFICIAL), marker(fingerprint));
    if (await exists(home)) await Deno.remove(home, { recursive: true });
    await Deno.rename(batches, home);
    await Deno.remove(unpacked, { recursive: true });
    await Deno.remove(archive);
    return home;
  });
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** CIFAR-10, kept in a folder. */
export const cifar10: DatasetKind<unknown> = {
  title: "CIFAR-10",
  options: z.strictObject({}),
  find: findCifar10,
  fetch: downloadCifar10,
  bytes: CIFAR10.bytes,
  load: (_, folder) => loadCifar10(folder),
};
