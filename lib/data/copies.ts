/**
 * Copies of data sets in folders: found, told from what is something else, and fetched.
 *
 * @module
 */
import { basename, dirname, join } from "@std/path";
import { unpackTarGz } from "../base/archive.ts";
import { download, makeOnce, type Source } from "../base/download.ts";
import { DataError } from "../base/errors.ts";
import { fileKind } from "../base/file_kind.ts";
import { exists, writeAtomically } from "../base/files.ts";
import type { DataPlace } from "../base/places.ts";
import type { Dataset } from "./dataset.ts";

/** One of the ways in which a data set lies in a folder; folders in it are written with a slash. */
export interface CopyLayout {
  /** Name of the folder. */
  readonly folder: string;
  /** Where all of these are, it is meant. */
  readonly shows: readonly string[];
  /** Without these it cannot be read. */
  readonly needs: readonly string[];
}

/** What copies of a data set look like. */
export interface CopyKind {
  /** As in `deno task data`. */
  readonly name: string;
  /** What a reader calls it. */
  readonly title: string;
  /** The official layout first. */
  readonly layouts: readonly CopyLayout[];
  /** What its folder holds, in words. */
  readonly contents: string;
  /** How the names of its archives begin. */
  readonly stem: string;
  /** What its folder is easily mistaken for: another data set, by the names of its files or its folder. */
  readonly mistaken?: { readonly title: string; readonly names: RegExp };
  /** Where to fetch it by hand, where no checksum is known that could verify it. */
  readonly byHand?: string;
}

/** Written beside files that came out of a verified official archive. */
const OFFICIAL = "official.json";

/**
 * What to do about a damaged copy.
 *
 * @param kind What it is a copy of.
 * @returns A sentence.
 */
export function again({ title, name, byHand }: CopyKind): string {
  return `Delete its folder and fetch ${title} again (${byHand ?? `deno task data ${name}`}).`;
}

/**
 * Names of what a folder holds.
 *
 * @param folder The folder.
 * @returns In order, folders with a slash behind them; none where there is no folder.
 */
export async function filesOf(folder: string): Promise<string[]> {
  try {
    const names = await Array.fromAsync(
      Deno.readDir(folder),
      ({ name, isDirectory }) => isDirectory ? `${name}/` : name,
    );
    return names.sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
}

/**
 * What a file is by its first bytes.
 *
 * @param file The file, of which nothing was read yet.
 * @returns What {@link fileKind} makes of them.
 */
export async function beginningOf(file: Deno.FsFile): Promise<ReturnType<typeof fileKind>> {
  const first = new Uint8Array(512);
  return fileKind(first.subarray(0, await file.read(first) ?? 0));
}

const lackOf = ({ needs }: CopyLayout, files: readonly string[]) =>
  needs.filter((file) => !files.includes(file));

/**
 * The layout of a copy, which has to be complete.
 *
 * @param kind What it is a copy of.
 * @param layouts How it may lie there.
 * @param folder Its folder.
 * @returns One of the layouts.
 * @throws {DataError} It lacks a file.
 */
export async function layoutOf<Layout extends CopyLayout>(
  kind: CopyKind,
  layouts: readonly Layout[],
  folder: string,
): Promise<Layout> {
  const files = await filesOf(folder), { title, contents } = kind;
  const begun = (wanted: keyof CopyLayout) =>
    layouts.find((layout) => files.some((file) => layout[wanted].includes(file)));
  const layout = begun("shows") ?? begun("needs") ?? layouts[0], missing = lackOf(layout, files);
  if (missing.length === 0) return layout;
  throw new DataError(
    `${folder} lacks ${missing.join(", ")}: a copy of ${title} has ${contents}. Complete it. Or: ${
      again(kind)
    }`,
  );
}

/**
 * Looks for a copy.
 *
 * @param kind Of what.
 * @param place The folder that has its files, or the folder above.
 * @returns The folder that has its files; undefined if it is not there, and nobody said that it is.
 * @throws {DataError} The user named this place, and it holds something else.
 */
export async function findCopy(kind: CopyKind, { folder, by }: DataPlace): Promise<string | undefined> {
  const { title, layouts, contents } = kind;
  for (const layout of layouts) {
    for (const candidate of [folder, join(folder, layout.folder)]) {
      const files = await filesOf(candidate);
      if (layout.shows.every((file) => files.includes(file))) return candidate;
    }
  }
  if (!by) return;
  const { what, advice } = await describe(kind, folder);
  throw new DataError(
    `${by} is ${folder}, which ${what}. ${title} is a folder ${
      layouts.map(({ folder }) => folder).join(" or ")
    } with ${contents}. ${advice}`,
  );
}

/** How the names of archives end, and what unpacks them into a folder. */
const UNPACKERS: readonly (readonly [RegExp, (archive: string, folder: string) => string])[] = [
  [/\.zip$/, (archive, folder) => `unzip ${archive} -d ${folder}`],
  [/\.(tar\.xz|txz)$/, (archive, folder) => `tar xJf ${archive} -C ${folder}`],
  [/\.(tar\.gz|tgz)$/, (archive, folder) => `tar xzf ${archive} -C ${folder}`],
];

const unpackerOf = (file: string) => UNPACKERS.find(([ending]) => ending.test(file))?.[1];

/** What is where a copy should be, and what to do about it. */
async function describe(
  { name, title, layouts, stem, mistaken, byHand }: CopyKind,
  path: string,
): Promise<{ what: string; advice: string }> {
  const elsewhere = byHand
    ? `Name another folder. ${title} is fetched from ${byHand}`
    : `Name another folder, or none: deno task data ${name} fetches it into data/datasets.`;
  const unpack = (archive: string) => {
    const [file, folder] = [archive, dirname(archive)].map((path) => JSON.stringify(path));
    return `Unpack it with ${unpackerOf(archive)!(file, folder)}, and name ${dirname(archive)}.`;
  };
  if ((await Deno.stat(path)).isFile) {
    using file = await Deno.open(path);
    const kind = await beginningOf(file);
    const advice = kind && unpackerOf(path) ? unpack(path) : elsewhere;
    return { what: `is a file${kind ? `, ${kind.what}` : ""}`, advice };
  }
  const files = await filesOf(path);
  if (files.length === 0) return { what: "is empty", advice: elsewhere };
  const begun = layouts.find(({ needs }) => needs.some((file) => files.includes(file)));
  if (begun) {
    return { what: `lacks ${lackOf(begun, files).join(", ")}`, advice: `Complete it. Or: ${elsewhere}` };
  }
  const archive = files.find((file) => file.startsWith(stem) && unpackerOf(file));
  if (archive) return { what: `holds ${archive}, an archive`, advice: unpack(join(path, archive)) };
  if (mistaken && [basename(path), ...files].some((file) => mistaken.names.test(file))) {
    return { what: `holds ${mistaken.title}, another data set`, advice: elsewhere };
  }
  const more = files.length > 3 ? ` and ${files.length - 3} more` : "";
  return { what: `holds ${files.slice(0, 3).join(", ")}${more}`, advice: elsewhere };
}

/**
 * Where a copy comes from.
 *
 * @param folder Its folder.
 * @param fingerprint That of its images, as they are now.
 * @returns Official, if these came out of the verified archive.
 */
export async function originOf(folder: string, fingerprint: string): Promise<Dataset["copy"]> {
  const official = await Deno.readTextFile(join(folder, OFFICIAL)).catch(() => "");
  return official.includes(JSON.stringify(fingerprint)) ? "official" : "unofficial";
}

/**
 * Fetches the official copy, unless it is there; it replaces what is left of an earlier one.
 *
 * @param kind Of what.
 * @param source The archive; only what came out of the verified one is official.
 * @param loads Read a copy, in all ways in which it can be.
 * @param folder The folder in which its folder is made.
 * @returns Its folder.
 * @throws {DataError} The archive is not the expected one.
 * @throws {EnvironmentError} It cannot be fetched, or the disk is full.
 */
export async function downloadCopy(
  { stem, layouts: [{ folder: own }] }: CopyKind,
  source: Source,
  loads: readonly ((folder: string) => Promise<Dataset>)[],
  folder: string,
): Promise<string> {
  const archive = join(folder, `${stem}binary.tar.gz`), unpacked = join(folder, `${own}.unpacked`);
  const copy = join(unpacked, own), home = join(folder, own);
  const find = async () => {
    try {
      for (const load of loads) if ((await load(home)).copy !== "official") return;
      return home;
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
    }
  };
  return await makeOnce(home, find, async () => {
    await download(source, archive);
    await unpackTarGz(archive, unpacked);
    const fingerprints: string[] = [];
    for (const load of loads) fingerprints.push((await load(copy)).fingerprint);
    await writeAtomically(join(copy, OFFICIAL), JSON.stringify({ fingerprints }));
    if (await exists(home)) await Deno.remove(home, { recursive: true });
    await Deno.rename(copy, home);
    await Deno.remove(unpacked, { recursive: true });
    await Deno.remove(archive);
    return home;
  });
}

/**
 * Names of classes, in the order of their labels.
 *
 * @param text One a line.
 * @param file Its file, for messages.
 * @param count How many there are.
 * @param advice What to do if there are others, a sentence.
 * @returns The names.
 * @throws {DataError} There are more or fewer.
 */
export function namesOf(text: string, file: string, count: number, advice: string): string[] {
  const names = text.split(/\r?\n/).map((name) => name.trim()).filter((name) => name !== "");
  if (names.length === count) return names;
  throw new DataError(`${file} has ${names.length} names of classes instead of ${count}. ${advice}`);
}

/**
 * Names of classes that nothing names.
 *
 * @param count How many there are.
 * @returns Their numbers.
 */
export const numbered = (count: number): string[] => Array.from({ length: count }, (_, label) => `${label}`);

/**
 * Joins arrays of bytes.
 *
 * @param parts The arrays.
 * @returns One array.
 */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
