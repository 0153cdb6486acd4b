/**
 * Where this project keeps things, whatever the working directory is.
 *
 * @module
 */
import { join } from "@std/path";
import { fileURLToPath } from "node:url";
import { DataError } from "./errors.ts";
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
} as const;

/**
 * Folders to look for data sets in: the one the user names (`--data`, else
 * `SJEA_DATA`), then `data/datasets`.
 *
 * @param data The value of `--data`.
 * @returns The folders.
 * @throws {DataError} The folder that the user names does not exist.
 */
export async function dataFolders(data?: string): Promise<string[]> {
  const named = data ?? Deno.env.get("SJEA_DATA");
  if (named && !await exists(named)) {
    throw new DataError(`${data ? "--data" : "SJEA_DATA"} is ${named}, but there is no such folder.`);
  }
  return named ? [named, places.datasets] : [places.datasets];
}
