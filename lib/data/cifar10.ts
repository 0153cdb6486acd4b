/**
 * CIFAR-10 in its official binary layout (Krizhevsky 2009).
 *
 * @module
 */
import { join } from "@std/path";
import { DataError } from "../base/errors.ts";
import { unpackTarGz } from "../base/archive.ts";
import { download, makeOnce, type Source } from "../base/download.ts";
import { exists, writeAtomically } from "../base/files.ts";
import { type Dataset, imageFingerprint, type ImageSet } from "./dataset.ts";

/** The official archive. */
export const CIFAR10 = {
  url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
  bytes: 170_052_171,
  md5: "c32a1d4ab5d03f1284b67883e8d87530",
} as const satisfies Source;

const FOLDER = "cifar-10-batches-bin";
const TRAIN = [1, 2, 3, 4, 5].map((number) => `data_batch_${number}.bin`);
const TEST = "test_batch.bin";
const NAMES = "batches.meta.txt";
const CLASSES = 10, SIDE = 32, PLANE = SIDE * SIDE;
/** A label byte, then the red, green and blue planes. */
const RECORD = 1 + 3 * PLANE;
const RECORDS_A_FILE = 10_000;
/** Written beside files that came out of the verified official archive. */
const OFFICIAL = "official.json";
const marker = (fingerprint: string) => JSON.stringify({ fingerprint });

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
  const count = bytes.length / RECORD;
  if (!Number.isInteger(count) || count === 0) {
    throw new DataError(
      `${file} has ${bytes.length} bytes, which is not a whole number of records of ${RECORD} bytes: ` +
        `it is truncated or another file. ${AGAIN}`,
    );
  }
  const images = new Uint8Array(count * 3 * PLANE), labels = new Uint8Array(count);
  for (let record = 0; record < count; record++) {
    const at = record * RECORD, to = record * 3 * PLANE;
    const label = labels[record] = bytes[at];
    if (label >= CLASSES) {
      throw new DataError(
        `${file}: record ${record} has label ${label}, but CIFAR-10's labels are 0 to 9. ` +
          `Is this the CIFAR-10 binary version? ${AGAIN}`,
      );
    }
    for (let channel = 0; channel < 3; channel++) {
      const plane = at + 1 + channel * PLANE;
      for (let pixel = 0; pixel < PLANE; pixel++) images[to + 3 * pixel + channel] = bytes[plane + pixel];
    }
  }
  return { images, labels, height: SIDE, width: SIDE };
}

/**
 * Loads CIFAR-10.
 *
 * @param folder The folder of the batches.
 * @returns The data set.
 * @throws {DataError} A file is missing, truncated or damaged.
 */
export async function loadCifar10(folder: string): Promise<Dataset> {
  const missing: string[] = [];
  for (const file of [...TRAIN, TEST, NAMES]) if (!await exists(join(folder, file))) missing.push(file);
  if (missing.length > 0) {
    throw new DataError(
      `${folder} lacks ${
        missing.join(", ")
      }: a copy of CIFAR-10 has five training batches, a test batch and ` +
        `${NAMES}. Complete it, or delete it and fetch CIFAR-10 again (deno task data cifar10).`,
    );
  }
  const read = async (file: string) => {
    const path = join(folder, file);
    const { size } = await Deno.stat(path);
    if (size !== RECORDS_A_FILE * RECORD) {
      throw new DataError(
        `${path} has ${size} bytes instead of ${
          RECORDS_A_FILE * RECORD
        }: it is truncated or another file. ${AGAIN}`,
      );
    }
    return readRecords(await Deno.readFile(path), path);
  };
  const parts: ImageSet[] = [];
  for (const file of TRAIN) parts.push(await read(file));
  const train: ImageSet = {
    ...parts[0],
    images: concatenate(parts.map((part) => part.images)),
    labels: concatenate(parts.map((part) => part.labels)),
  };
  const test = await read(TEST);
  const names = join(folder, NAMES), classes = (await Deno.readTextFile(names)).trim().split(/\s+/);
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

/**
 * Looks for a copy of CIFAR-10.
 *
 * @param places Folders that hold the batches, or a folder `cifar-10-batches-bin` with them.
 * @returns The folder of the batches, or undefined.
 */
export async function findCifar10(places: readonly string[]): Promise<string | undefined> {
  for (const place of places) {
    for (const folder of [place, join(place, FOLDER)]) {
      if (await exists(join(folder, TRAIN[0])) && await exists(join(folder, TEST))) return folder;
    }
  }
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
