/**
 * Where this project keeps things, whatever the working directory is.
 *
 * @module
 */
import { join } from "@std/path";
import { fileURLToPath } from "node:url";
import { DataError, UsageError } from "./errors.ts";
import { exists, explainFault } from "./files.ts";

/** The project's folder; for a published package, whose address is no file's, the working directory. */
const root = import.meta.url.startsWith("file:") ? fileURLToPath(new URL("../..", import.meta.url)) : "";

/** Folders and files of this project. */
export const places = {
  lib: join(root, "lib"),
  datasets: join(root, "data", "datasets"),
  runs: join(root, "data", "runs"),
  embeddings: join(root, "data", "embeddings"),
  encoders: join(root, "data", "encoders"),
  results: join(root, "data", "results"),
  published: join(root, "data", "results", "runs"),
  reports: join(root, "data", "reports"),
  notebooks: join(root, "notebooks"),
  readme: join(root, "README.md"),
  manual: join(root, "notebooks", "manual.md"),
  quickstart: join(root, "notebooks", "00_quickstart.ipynb"),
  speed: join(root, "notebooks", "images", "speed.svg"),
  forming: join(root, "notebooks", "images", "forming.svg"),
  npmrc: join(root, ".npmrc"),
} as const;

/** A folder to look for data sets in. */
export interface DataPlace {
  /** Its path. */
  readonly folder: string;
  /** How the user named it: then nothing else is as good. */
  readonly by?: "--data" | "SJEA_DATA";
}

/**
 * The folder in which this project keeps what it fetched for the user:
 * `SJEA_CACHE`, or a folder `sjea` in the system's place for caches. Without a
 * home directory that place is below `data`.
 *
 * @returns Its path; it may not exist yet.
 */
export function cacheFolder(): string {
  const { env, build } = Deno, own = env.get("SJEA_CACHE");
  if (own) return own;
  const home = env.get("HOME") || env.get("USERPROFILE") || join(root, "data");
  if (build.os === "windows") return join(env.get("LOCALAPPDATA") || home, "sjea");
  if (build.os === "darwin") return join(home, "Library", "Caches", "sjea");
  return join(env.get("XDG_CACHE_HOME") || join(home, ".cache"), "sjea");
}

/**
 * A folder for files that end with their process. It is the project's own,
 * so that a task needs no right to write in the system's.
 *
 * @returns Its path; it exists.
 * @throws {EnvironmentError} It cannot be made.
 */
export async function temporaryFolder(): Promise<string> {
  const folder = join(root, "data", "temporary");
  await Deno.mkdir(folder, { recursive: true }).catch((error) => {
    explainFault(error, folder);
    throw error;
  });
  return folder;
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
