/**
 * Locks between processes. The system holds them, so that the lock of a
 * process that died is free at once and nothing has to be cleaned up.
 *
 * @module
 */
import { hostname } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { dirname } from "@std/path";
import { exists, explainFault } from "./files.ts";

/** Milliseconds between two tries. */
const PAUSE = 250;

/**
 * Takes a lock, or waits until its owner gives it back or ends.
 *
 * @param path A file that stands for the lock; it stays.
 * @param waiting Called once, with the owner's name, if there is one to wait for.
 * @returns The lock; disposing of it gives it back.
 * @throws {EnvironmentError} The file may not be written.
 * @example
 * ```ts
 * import { lock } from "./lock.ts";
 * const path = await Deno.makeTempFile();
 * const first = await lock(path);
 * let owner = "";
 * const second = lock(path, (name) => owner = name);
 * while (owner === "") await new Promise((resolve) => setTimeout(resolve, 10));
 * if (!owner.includes(`${Deno.pid}`)) throw new Error(owner);
 * first[Symbol.dispose]();
 * (await second)[Symbol.dispose]();
 * ```
 */
export async function lock(path: string, waiting?: (owner: string) => void): Promise<Disposable> {
  let file: Deno.FsFile | undefined;
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    file = await Deno.open(path, { read: true, write: true, create: true });
    for (let told = false; !await file.tryLock(true); await pause(PAUSE)) {
      const owner = await ownerOf(file);
      // Who has just taken it writes its name next.
      if (!told && owner !== "") waiting?.(owner);
      told ||= owner !== "";
    }
    await file.truncate();
    await file.write(new TextEncoder().encode(`process ${Deno.pid} on ${hostname()}\n`));
    return file;
  } catch (error) {
    file?.close();
    explainFault(error, path);
    throw error;
  }
}

/**
 * Whether somebody holds a lock. It is shared for that moment: who wants it just then tries again.
 *
 * @param path The file that stands for it.
 * @returns True if it is taken.
 */
export async function isLocked(path: string): Promise<boolean> {
  if (!await exists(path)) return false;
  using file = await Deno.open(path);
  return !await file.tryLock();
}

/** The name in a lock's file, which may have been removed from its folder; Windows lets nobody else read it. */
async function ownerOf(file: Deno.FsFile): Promise<string> {
  if (Deno.build.os === "windows") return "another process";
  await file.seek(0, Deno.SeekMode.Start);
  const bytes = new Uint8Array(1000), count = await file.read(bytes) ?? 0;
  await file.seek(0, Deno.SeekMode.Start);
  return new TextDecoder().decode(bytes.subarray(0, count)).trim();
}
