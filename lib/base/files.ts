/**
 * Files: written whole or not at all, and checked.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { statfs } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { dirname, join } from "@std/path";
import { DiskFullError, EnvironmentError } from "./errors.ts";
import { say } from "./say.ts";

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
 * Writes a file so that nobody ever sees half of it, whatever ends the process
 * or the machine: a temporary file beside it is written, flushed to the disk
 * and renamed. Missing folders are made.
 *
 * @param path The file.
 * @param content Bytes or text.
 * @throws {DiskFullError} The disk is full.
 * @throws {EnvironmentError} It may not be written.
 */
export async function writeAtomically(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}${TEMPORARY}`;
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    using file = await Deno.open(temporary, { write: true, createNew: true });
    let rest = typeof content === "string" ? new TextEncoder().encode(content) : content;
    while (rest.length > 0) rest = rest.subarray(await file.write(rest));
    await file.sync();
    await Deno.rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    explainFault(error, path);
    throw error;
  }
}

/** How the names of files end that are not whole yet. */
const TEMPORARY = ".part";

/**
 * Removes what processes that were killed left half-written in a folder.
 *
 * @param folder A folder that nobody else writes in.
 */
export async function sweep(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (name.endsWith(TEMPORARY)) await Deno.remove(join(folder, name));
  }
}

/** A new name survives a power cut once its folder is flushed, which Windows cannot. */
async function syncFolder(folder: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  using file = await Deno.open(folder);
  await file.sync();
}

/**
 * Tells a full disk and a missing right to write apart from other faults,
 * which it lets pass.
 *
 * @param error What was thrown while something was written.
 * @param path What was being written.
 * @throws {DiskFullError} The disk is full.
 * @throws {EnvironmentError} It may not be written.
 */
export function explainFault(error: unknown, path: string): void {
  const { code } = error as { code?: string };
  if (code === "ENOSPC" || code === "EDQUOT") {
    throw new DiskFullError(`No space is left on the disk for ${path}. Make room and try again.`);
  }
  if (code === "EROFS" || error instanceof Deno.errors.PermissionDenied) {
    throw new EnvironmentError(
      `${path} may not be written (${
        (error as Error).message
      }). Give yourself the right to, or choose another folder.`,
    );
  }
  if (error instanceof Deno.errors.NotCapable) {
    throw new EnvironmentError(
      `${path} may not be written: Deno was started without the right to. Choose a path in data/, or start the ` +
        `program as its task in deno.json does, with --allow-write=${dirname(path)} besides.`,
    );
  }
}

/**
 * Checks that a folder's disk has room.
 *
 * @param folder The folder.
 * @param bytes How many are going to be written.
 * @param what What for.
 * @throws {DiskFullError} There is less.
 */
export async function needRoom(folder: string, bytes: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= bytes) return;
  throw new DiskFullError(
    `${what} needs ${humanBytes(bytes)} in ${folder}, where ${
      humanBytes(free)
    } are free. Make room and try again.`,
  );
}

/** Milliseconds between two tries to write on a full disk. */
const PATIENCE = 2_000;

/**
 * Writes, and waits for room as long as the disk is full.
 *
 * @param write What writes: whole or not at all.
 * @param stopped True once nobody wants to wait any longer.
 * @throws {DiskFullError} The disk was full until then.
 */
export async function writePatiently(write: () => Promise<void>, stopped: () => boolean): Promise<void> {
  for (let told = false;; told = true) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof DiskFullError) || stopped()) throw error;
      if (!told) say(`${error.message} Waiting; it goes on by itself as soon as there is room.`);
    }
    await pause(PATIENCE);
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
