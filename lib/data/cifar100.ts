/**
 * CIFAR-100 in its official layouts, the binary one and Python's (Krizhevsky 2009):
 * a hundred fine classes in twenty coarse ones.
 *
 * @module
 */
import { join } from "@std/path";
import { z } from "zod";
import { unpackTarGz } from "../base/archive.ts";
import { download, makeOnce, type Source } from "../base/download.ts";
import { DataError } from "../base/errors.ts";
import { exists, writeAtomically } from "../base/files.ts";
import type { DataPlace } from "../base/places.ts";
import { pickledNames, pickledRecords, recordsOf, SIDE } from "./cifar_records.ts";
import { type Dataset, type DatasetKind, imageFingerprint, type ImageSet } from "./dataset.ts";

/** The official archive. */
export const CIFAR100: Source = {
  url: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
  md5: "03b5dce01913d631647c71ecec9e9cb8",
};

/** Classes of both kinds, in the order of a record's labels. */
const COARSE = 20, FINE = 100;

const AGAIN = "Delete its folder and fetch CIFAR-100 again (deno task data cifar100).";

/** Written beside files that came out of the verified official archive. */
const OFFICIAL = "official.json";

/** One of the two ways in which the same images lie in files. */
interface Layout {
  readonly folder: string;
  readonly train: string;
  readonly test: string;
  /** The files with the names of coarse and of fine classes. */
  readonly names: readonly [coarse: string, fine: string];
  /** The binary layout's records. */
  readonly records: (bytes: Uint8Array, file: string) => Uint8Array;
  readonly read: (bytes: Uint8Array, file: string, kind: "coarse" | "fine") => string[];
}

const LAYOUTS: readonly Layout[] = [{
  folder: "cifar-100-binary",
  train: "train.bin",
  test: "test.bin",
  names: ["coarse_label_names.txt", "fine_label_names.txt"],
  records: (bytes) => bytes,
  read: (bytes) => new TextDecoder().decode(bytes).trim().split(/\s+/),
}, {
  folder: "cifar-100-python",
  train: "train",
  test: "test",
  names: ["meta", "meta"],
  records: (bytes, file) => pickledRecords(bytes, file, ["coarse_labels", "fine_labels"], AGAIN),
  read: (bytes, file, kind) => pickledNames(bytes, file, `${kind}_label_names`),
}];

const filesOf = ({ train, test, names }: Layout) => [...new Set([train, test, ...names])];

/**
 * Loads CIFAR-100, or a part of it in the same layout.
 *
 * @param folder The folder of its files.
 * @returns The data set: fine classes are its classes, coarse ones its level `coarse`.
 * @throws {DataError} A file is missing, truncated or damaged.
 */
export async function loadCifar100(folder: string): Promise<Dataset> {
  const whole = await Promise.all(
    LAYOUTS.map(async (layout) => (await lackOf(layout, folder)).length === 0),
  );
  const layout = LAYOUTS[whole.indexOf(true)];
  if (!layout) {
    throw new DataError(`${folder} lacks ${(await lackOf(LAYOUTS[0], folder)).join(", ")}. ${AGAIN}`);
  }
  const [coarse, classes] = await Promise.all(layout.names.map(async (file, at) => {
    const path = join(folder, file), kind = at === 0 ? "coarse" : "fine", wanted = at === 0 ? COARSE : FINE;
    const names = layout.read(await Deno.readFile(path), path, kind);
    if (names.length === wanted) return names;
    throw new DataError(
      `${path} has ${names.length} names of ${kind} classes instead of ${wanted}. ${AGAIN}`,
    );
  }));
  const [train, test] = await Promise.all([layout.train, layout.test].map(async (file) => {
    const path = join(folder, file), bytes = await Deno.readFile(path);
    return imagesOf(layout.records(bytes, path), path);
  }));
  const fingerprint = imageFingerprint({ train, test });
  const official = await Deno.readTextFile(join(folder, OFFICIAL)).catch(() => "");
  return {
    name: "cifar100",
    copy: official === marker(fingerprint) ? "official" : "unofficial",
    fingerprint,
    classes,
    levels: { coarse },
    train,
    test,
  };
}

const marker = (fingerprint: string) => JSON.stringify({ fingerprint });

function imagesOf(records: Uint8Array, file: string): ImageSet {
  const { images, labels: [coarse, fine] } = recordsOf(records, file, 2, AGAIN);
  const wrong = fine.findIndex((label, at) => label >= FINE || coarse[at] >= COARSE);
  if (wrong >= 0) {
    throw new DataError(
      `${file}: record ${wrong} is of coarse class ${coarse[wrong]} and of fine class ${
        fine[wrong]
      }, but there ` +
        `are ${COARSE} and ${FINE}. Is this the CIFAR-100 binary version? ${AGAIN}`,
    );
  }
  return { images, labels: fine, levels: { coarse }, height: SIDE, width: SIDE };
}

async function lackOf(layout: Layout, folder: string): Promise<string[]> {
  const there = await Promise.all(filesOf(layout).map((file) => exists(join(folder, file))));
  return filesOf(layout).filter((_, at) => !there[at]);
}

/**
 * Looks for a copy of CIFAR-100.
 *
 * @param place The folder that holds its files, or a folder `cifar-100-binary` or `cifar-100-python` with them.
 * @returns The folder of the files; undefined if it is not there, and nobody said that it is.
 * @throws {DataError} The user named this place, and it holds something else.
 */
export async function findCifar100({ folder, by }: DataPlace): Promise<string | undefined> {
  for (const layout of LAYOUTS) {
    for (const candidate of [folder, join(folder, layout.folder)]) {
      if ((await lackOf(layout, candidate)).length === 0) return candidate;
    }
  }
  if (!by) return;
  throw new DataError(
    `${by} is ${folder}, which holds no CIFAR-100: a folder ${
      LAYOUTS.map(({ folder, ...layout }) => `${folder} with ${filesOf({ folder, ...layout }).join(", ")}`)
        .join(", or ")
    }. Name another folder, or none: deno task data cifar100 fetches it into data/datasets.`,
  );
}

/**
 * Fetches CIFAR-100 and unpacks it, unless an official copy is there.
 *
 * @param folder The folder for data sets.
 * @param source Where it is fetched from.
 * @returns The folder of its files.
 * @throws {EnvironmentError} It cannot be fetched, or there is no room.
 */
export async function downloadCifar100(folder: string, source: Source = CIFAR100): Promise<string> {
  const archive = join(folder, "cifar-100-binary.tar.gz"), unpacked = join(folder, "cifar-100");
  const files = join(unpacked, LAYOUTS[0].folder), home = join(folder, LAYOUTS[0].folder);
  const find = async () => {
    const copy = await loadCifar100(home).then(({ copy }) => copy, () => undefined);
    return copy === "official" ? home : undefined;
  };
  return await makeOnce(home, find, async () => {
    await download(source, archive);
    await unpackTarGz(archive, unpacked);
    const { fingerprint } = await loadCifar100(files);
    await writeAtomically(join(files, OFFICIAL), marker(fingerprint));
    if (await exists(home)) await Deno.remove(home, { recursive: true });
    await Deno.rename(files, home);
    await Deno.remove(unpacked, { recursive: true });
    await Deno.remove(archive);
    return home;
  });
}

/** CIFAR-100, kept in a folder. */
export const cifar100: DatasetKind<unknown> = {
  title: "CIFAR-100",
  options: z.strictObject({}),
  find: findCifar100,
  fetch: downloadCifar100,
  load: (_, folder) => loadCifar100(folder),
};
