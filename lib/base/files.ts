/**
 * Files: written whole or not at all, checked, and kept in one user cache.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { dirname, join } from "@std/path";
import { EnvironmentError } from "./errors.ts";

/**
 * Whether something is there.
 *
 * @param path A file or folder.
 * @returns True if it exists.
 */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

/**
 * Writes a file so that nobody ever sees half of it: a temporary file beside
 * it is written, flushed to the disk and renamed. Missing folders are made.
 *
 * @param path The file.
 * @param content Bytes or text.
 * @throws {EnvironmentError} The disk is full.
 */
export async function writeAtomically(path: string, content: Uint8Array | string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.part`;
  try {
    using file = await Deno.open(temporary, { write: true, createNew: true });
    let rest = typeof content === "string" ? new TextEncoder().encode(content) : content;
    while (rest.length > 0) rest = rest.subarray(await file.write(rest));
    await file.sync();
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    refuseFullDisk(error, path);
    throw error;
  }
}

/**
 * Tells a full disk apart from other faults, which it lets pass.
 *
 * @param error What was thrown while something was written.
 * @param path What was being written.
 * @throws {EnvironmentError} The disk is full.
 */
export function refuseFullDisk(error: unknown, path: string): void {
  if ((error as { code?: string }).code === "ENOSPC") {
    throw new EnvironmentError(`No space is left on the disk for ${path}. Make room and try again.`);
  }
}

/**
 * The digest of a file, read in pieces.
 *
 * @param path The file.
 * @param algorithm Which digest.
 * @returns Hexadecimal digits.
 */
export async function digest(path: string, algorithm: "sha256" | "md5"): Promise<string> {
  const hash = createHash(algorithm);
  using file = await Deno.open(path);
  const buffer = new Uint8Array(1 << 20);
  for (let count; (count = await file.read(buffer)) !== null;) hash.update(buffer.subarray(0, count));
  return hash.digest("hex");
}

/**
 * The folder in which this project keeps what it fetched for the user:
 * `SJEA_CACHE`, or a folder `sjea` in the system's place for caches.
 *
 * @returns Its path; it may not exist yet.
 */
export function cacheFolder(): string {
  const { env, build } = Deno;
  const home = env.get("HOME") ?? env.get("USERPROFILE") ?? ".";
  if (env.get("SJEA_CACHE")) return env.get("SJEA_CACHE")!;
  if (build.os === "windows") return join(env.get("LOCALAPPDATA") || home, "sjea");
  if (build.os === "darwin") return join(home, "Library", "Caches", "sjea");
  return join(env.get("XDG_CACHE_HOME") || join(home, ".cache"), "sjea");
}

/**
 * A size for people.
 *
 * @param bytes How many.
 * @returns Such as `170.1 MB`.
 * @example
 * ```ts
 * import { humanBytes } from "./files.ts";
 * if (humanBytes(170_052_171) !== "170.1 MB") throw new Error(humanBytes(170_052_171));
 * ```
 */
export function humanBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes, unit = 0;
  // 999.95 would be written as 1000.0.
  for (; value >= 999.95 && unit < units.length - 1; unit++) value /= 1000;
  return `${value.toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`;
}
