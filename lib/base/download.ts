/**
 * Downloads: resumed where they broke off, checked before they get their name.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { dirname } from "@std/path";
import { DataError, EnvironmentError } from "./errors.ts";
import { digest, humanBytes, refuseFullDisk } from "./files.ts";
import { progress } from "./progress.ts";

/** A file to fetch, and what is known of it. */
export interface Source {
  readonly url: string;
  readonly bytes?: number;
  readonly sha256?: string;
  readonly md5?: string;
}

/** Pauses between attempts, in milliseconds. */
const PAUSES = [500, 2_000, 8_000];

/** A connection that brings nothing for so long, in milliseconds, is given up. */
const PATIENCE = 30_000;

/**
 * Fetches a file. What has arrived is kept beside it as `.part` and resumed,
 * also by the next call; only a complete and verified file gets the name.
 *
 * @param source What to fetch.
 * @param path Where to.
 * @param patience Milliseconds of silence after which a connection is given up.
 * @throws {EnvironmentError} The server cannot be reached or keeps breaking off, or the disk is full.
 * @throws {DataError} It sends something else than expected.
 */
export async function download(source: Source, path: string, patience = PATIENCE): Promise<void> {
  const part = `${path}.part`;
  await Deno.mkdir(dirname(path), { recursive: true });
  for (let attempt = 0;; attempt++) {
    try {
      await fetchRest(source, part, path, patience);
      break;
    } catch (error) {
      const passing = error instanceof Interrupted;
      if (!passing) throw error;
      if (attempt === PAUSES.length) {
        throw new EnvironmentError(
          `${source.url} broke off ${
            attempt + 1
          } times (${error.message}). What has arrived is kept: try again later.`,
        );
      }
      await pause(PAUSES[attempt]);
    }
  }
  await verify(source, part);
  await Deno.rename(part, path);
}

/** A fault that may pass: worth another attempt. */
class Interrupted extends Error {}

async function fetchRest(source: Source, part: string, path: string, patience: number): Promise<void> {
  const have = await Deno.stat(part).then(({ size }) => size, () => 0);
  const abort = new AbortController();
  let response: Response;
  const silence = { timer: setTimeout(() => abort.abort(), patience) };
  try {
    response = await fetch(source.url, {
      headers: { "accept-encoding": "identity", ...have > 0 && { range: `bytes=${have}-` } },
      signal: abort.signal,
    }).catch((error) => {
      if (abort.signal.aborted) throw new Interrupted(`no answer for ${patience / 1000} s`);
      if (error instanceof Deno.errors.NotCapable) {
        throw new EnvironmentError(`${source.url} may not be reached: allow it with --allow-net.`);
      }
      const reason: string = error.cause?.message ?? error.message;
      // Connected and then dropped, unlike an unknown host or a refused connection.
      if (reason.includes("(SendRequest)")) throw new Interrupted("no answer");
      throw new EnvironmentError(`${source.url} cannot be reached (${reason}).`);
    });
    const resumed = response.status === 206 &&
      response.headers.get("content-range")?.startsWith(`bytes ${have}-`);
    if (response.status === 416 || response.status === 206 && !resumed) {
      await response.body?.cancel();
      await Deno.remove(part).catch(() => {});
      throw new Interrupted("the server cannot go on from what had arrived");
    }
    if (response.status >= 500) {
      await response.body?.cancel();
      throw new Interrupted(`status ${response.status}`);
    }
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw new DataError(
        `${source.url} answers with status ${response.status}: is the address still right?`,
      );
    }
    const start = resumed ? have : 0;
    const announced = Number(response.headers.get("content-length") ?? NaN) + start;
    const total = source.bytes ?? announced;
    console.error(
      `Fetching ${source.url} (${total ? humanBytes(total) : "size unknown"}) to ${path}` +
        (start > 0 ? `, from ${humanBytes(start)} on` : ""),
    );
    using file = await Deno.open(part, { write: true, create: true, append: !!resumed, truncate: !resumed });
    const bar = progress("Downloading", total || 0, humanBytes);
    let arrived = start;
    try {
      for await (const chunk of response.body) {
        clearTimeout(silence.timer);
        silence.timer = setTimeout(() => abort.abort(), patience);
        for (let rest = chunk; rest.length > 0;) rest = rest.subarray(await file.write(rest));
        bar.update(arrived += chunk.length);
      }
    } catch (error) {
      refuseFullDisk(error, part);
      throw new Interrupted(
        abort.signal.aborted ? `silent for ${patience / 1000} s` : (error as Error).message,
      );
    } finally {
      bar.stop();
    }
    if (arrived < announced) throw new Interrupted(`${arrived} of ${announced} bytes arrived`);
  } finally {
    clearTimeout(silence.timer);
  }
}

/** Deletes what is not what was expected. */
async function verify({ url, bytes, sha256, md5 }: Source, part: string): Promise<void> {
  const refuse = async (what: string) => {
    await Deno.remove(part);
    throw new DataError(
      `${url} sent another file than expected: ${what}. It was deleted; try again, or fetch it by hand.`,
    );
  };
  const { size } = await Deno.stat(part);
  if (bytes !== undefined && size !== bytes) await refuse(`${size} bytes instead of ${bytes}`);
  for (const [algorithm, expected] of [["sha256", sha256], ["md5", md5]] as const) {
    if (expected === undefined) continue;
    const actual = await digest(part, algorithm);
    if (actual !== expected) await refuse(`${algorithm} ${actual} instead of ${expected}`);
  }
}
