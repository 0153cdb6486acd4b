/**
 * Where this project keeps things, whatever the working directory is.
 *
 * @module
 */
import { join } from "@std/path";
import { fileURLToPath } from "node:url";
import { DataError, UsageError } from "./errors.ts";
import { exists } from "./files.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Folders of this project. */
export const places = {
  lib: join(root, "lib"),
  datasets: join(root, "data", "datasets"),
  runs: join(root, "data", "runs"),
  encoders: join(root, "data", "encoders"),
  results: join(root, "data", "results"),
  notebooks: join(root, "notebooks"),
  readme: join(root, "README.md"),
} as const;

/** A folder to look for data sets in. */
export interface DataPlace {
  readonly folder: string;
  /** How the user named it: then nothing else is as good. */
  readonly by?: "--data" | "SJEA_DATA";
}

/**
 * Where to look for data sets: in the folder that the user names (`--data`,
 * else `SJEA_DATA`), and only where none is named in `data/datasets`.
 *
 * @param data The value of `--data`.
 * @returns The folder.
 * @throws {UsageError} `--data` is empty.
 * @throws {DataError} The folder that the user names does not exist.
 */
export async function dataPlace(data?: string): Promise<DataPlace> {
  if (data === "") throw new UsageError("--data is empty: name a folder, or leave it out.");
  const folder = data ?? (Deno.env.get("SJEA_DATA") || undefined);
  if (folder === undefined) return { folder: places.datasets };
  const by = data ? "--data" : "SJEA_DATA";
  if (!await exists(folder)) throw new DataError(`${by} is ${folder}, but there is no such folder.`);
  return { folder, by };
}
