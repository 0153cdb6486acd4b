/**
 * Which notebooks of a folder are the project's own: those that it executes.
 *
 * @module
 */
import { basename, join } from "@std/path";
import { DataError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { readNotebook } from "./ipynb.ts";

/** The notebooks of a folder. */
export interface Notebooks {
  /** Those to execute, in the order of their names. */
  readonly own: readonly string[];
  /** The others, each with the reason why it is left alone. */
  readonly others: readonly (readonly [path: string, reason: string])[];
}

/**
 * The notebook files of a folder, in the order of their names.
 *
 * @param folder The folder.
 * @returns Their paths.
 * @throws {DataError} There is no such folder.
 */
export async function notebookFiles(folder: string): Promise<string[]> {
  if (!await exists(folder)) throw new DataError(`${folder}: there is no such folder of notebooks.`);
  const entries = await Array.fromAsync(Deno.readDir(folder));
  return entries.filter(({ name, isDirectory }) => /^[^.].*\.ipynb$/.test(name) && !isDirectory)
    .map(({ name }) => join(folder, name)).sort();
}

/**
 * Whether a notebook's name begins with a number and `_`, as those that are executed do.
 *
 * @param path Its path.
 * @returns True if so.
 */
export function isNumbered(path: string): boolean {
  return /^\d+_/.test(basename(path));
}

/**
 * Tells the project's own notebooks, which may be executed and written, from
 * what else is in their folder. Its own are those whose name begins with a
 * number and `_`, as `05_mine.ipynb`, and whose kernel is Deno's. All of them
 * are read, so that a damaged one is found before anything is done.
 *
 * @param folder The folder.
 * @returns Both kinds.
 * @throws {DataError} There is no such folder, or one of its own is no notebook or has a part that is none.
 * @example
 * ```ts
 * import { ownNotebooks } from "./own.ts";
 * const folder = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${folder}/Untitled.ipynb`, "");
 * const { own, others: [[path]] } = await ownNotebooks(folder);
 * if (own.length > 0 || path !== `${folder}/Untitled.ipynb`) throw new Error(path);
 * ```
 */
export async function ownNotebooks(folder: string): Promise<Notebooks> {
  const own: string[] = [], others: [string, string][] = [];
  for (const path of await notebookFiles(folder)) {
    if (!isNumbered(path)) {
      others.push([path, "its name does not begin with a number, as that of 05_mine.ipynb does"]);
      continue;
    }
    const faults: string[] = [];
    const { metadata: { kernelspec } } = await readNotebook(path, (fault) => faults.push(fault));
    const { name } = Object(kernelspec);
    if (name !== "deno") {
      others.push([
        path,
        typeof name !== "string" ? "it names no kernel" : `its kernel is ${name}, not deno`,
      ]);
    } else if (faults.length > 0) throw new DataError(faults.join("\n"));
    else own.push(path);
  }
  return { own, others };
}
