/**
 * Downloads: resumed where they broke off, checked before they get their name.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { dirname } from "@std/path";
import { DataError, EnvironmentError } from "./errors.ts";
import { digest, exists, explainFault, humanBytes, needRoom } from "./files.ts";
import { lock } from "./lock.ts";
import { progress } from "./progress.ts";

/** A file to fetch. There is none without a checksum, so that nothing unverified is ever unpacked. */
export type Source = {
  readonly url: string;
  readonly bytes?: number;
  /** What the server is asked with besides, such as credentials: no other host sees these. */
  readonly headers?: Readonly<Record<string, string>>;
} & ({ readonly sha256: string } | { readonly md5: string });

/** How patient a download is, in milliseconds. */
export interface Patience {
  /** A connection that brings nothing for so long is given up. */
  readonly silence: number;
  /** Between attempts; one that brought something starts them anew. */
  readonly pauses: readonly number[];
  /** The longest that a server may ask for. */
  readonly longest: number;
}
const PATIENCE: Patience = { silence: 30_000, pauses: [500, 2_000, 8_000], longest: 60_000 };

/**
 * Fetches a file, unless it is there. What has arrived is kept beside it as
 * `.part` and resumed, also by the next call; only a complete and verified file
 * gets the name. Of several processes one fetches, the others wait.
 *
 * @param source What to fetch.
 * @param path Where to.
 * @param patience How patient it is.
 * @throws {EnvironmentError} The server cannot be reached or keeps breaking off, or the disk is full.
 * @throws {DataError} It sends something else than expected.
 */
export async function download(source: Source, path: string, patience: Patience = PATIENCE): Promise<void> {
  const part = `${path}.part`;
  const find = async () => await exists(path) && await faultOf(source, path) === undefined || undefined;
  await makeOnce(path, find, async () => {
    const left = await sizeOf(part) > 0;
    await fetchAll(source, part, path, patience);
    // What was left may be of another version of the file.
    if (left && await faultOf(source, part) !== undefined) {
      await Deno.remove(part);
      await fetchAll(source, part, path, patience);
    }
    const fault = await faultOf(source, part);
    if (fault !== undefined) {
      await Deno.remove(part);
      throw new DataError(
        `${source.url} sent another file than expected: ${fault}. It was deleted; try again, or fetch it by hand.`,
      );
    }
    await Deno.rename(part, path);
    return true;
  });
}

/**
 * Makes something that takes long, unless it is there. Of several processes
 * one makes it; the others wait and find it.
 *
 * @param path What is made; the lock lies beside it until then.
 * @param find Looks for it; undefined if it is not there.
 * @param make Makes it.
 * @returns What was found or made.
 */
export async function makeOnce<Made>(
  path: string,
  find: () => Promise<Made | undefined>,
  make: () => Promise<Made>,
): Promise<Made> {
  const file = `${path}.lock`;
  using _ = await lock(file, (owner) => console.error(`Waiting for ${owner}, which is making ${path} …`));
  const made = await find() ?? await make();
  // Who has this lock from before finds what was made, and needs none.
  await Deno.remove(file).catch(() => {});
  return made;
}

/** A fault that may pass: worth another attempt, perhaps after a pause of so many milliseconds. */
class BrokenOff extends Error {
  constructor(message: string, readonly after = 0) {
    super(message);
  }
}

/** Fetches until all is there, from where it broke off; attempts that bring something do not count. */
async function fetchAll(source: Source, part: string, path: string, patience: Patience): Promise<void> {
  const seen: Seen = {};
  for (let attempt = 0, furthest = await sizeOf(part);; attempt++) {
    try {
      return await fetchRest(source, part, path, patience, seen);
    } catch (error) {
      if (!(error instanceof BrokenOff)) throw error;
      const size = await sizeOf(part);
      if (size > furthest) [attempt, furthest] = [0, size];
      if (attempt === patience.pauses.length) {
        throw new EnvironmentError(
          `${source.url} broke off ${
            attempt + 1
          } times (${error.message}). What has arrived is kept: try again later.`,
        );
      }
      if (error.after > patience.longest) {
        throw new EnvironmentError(
          `${source.url} asks for a pause of ${
            Math.round(error.after / 1000)
          } s (${error.message}). What has arrived is kept: try again then.`,
        );
      }
      await pause(Math.max(patience.pauses[attempt], error.after));
    }
  }
}

/** The version of the file that the first part is from, as the server calls it. */
interface Seen {
  version?: string;
}

async function fetchRest(
  source: Source,
  part: string,
  path: string,
  patience: Patience,
  seen: Seen,
): Promise<void> {
  const have = await sizeOf(part);
  if (source.bytes !== undefined && have >= source.bytes) return;
  using silence = watch(patience.silence);
  const response = await ask(source, have, seen, silence);
  const { status, headers, body } = response, version = versionOf(headers);
  const [, from, whole] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("content-range") ?? "") ?? [];
  const resumed = status === 206 && Number(from) === have &&
    (have === 0 || seen.version === undefined || seen.version === version);
  if (status !== 200 && !resumed || body === null) {
    await body?.cancel();
    if (status === 416 || status === 206) {
      await Deno.remove(part).catch(() => {});
      throw new BrokenOff("the server cannot go on from what had arrived");
    }
    if (status >= 500 || status === 408 || status === 429) {
      throw new BrokenOff(`status ${status}`, retryAfter(headers));
    }
    const question = status === 401 || status === 403
      ? "does it want other credentials?"
      : "is the address still right?";
    throw new DataError(`${source.url} answers with status ${status}: ${question}`);
  }
  seen.version = version;
  const start = resumed ? have : 0;
  const total = source.bytes ?? Number(headers.get("content-length") ?? NaN) + start;
  console.error(
    `Fetching ${source.url} (${total ? humanBytes(total) : "size unknown"}) to ${path}` +
      (start > 0 ? `, from ${humanBytes(start)} on` : ""),
  );
  const arrived = await receive(body, part, start, total, silence, `Fetching ${source.url}`);
  if (arrived < Number(whole)) throw new BrokenOff(`${arrived} of ${whole} bytes arrived`);
}

/** A connection's silence. */
interface Silence extends Disposable {
  /** Aborts once it has lasted too long. */
  readonly signal: AbortSignal;
  /** What to say then. */
  readonly words: string;
  /** Ends it, and another begins. */
  heard(): void;
}

function watch(most: number): Silence {
  const abort = new AbortController(), start = () => setTimeout(() => abort.abort(), most);
  let timer = start();
  return {
    signal: abort.signal,
    words: `silent for ${most / 1000} s`,
    heard() {
      clearTimeout(timer);
      timer = start();
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

/** Asks for a file, or for what of it is missing if it is still the same. */
async function ask(source: Source, have: number, { version }: Seen, silence: Silence): Promise<Response> {
  const { url } = source,
    headers = {
      ...source.headers,
      "accept-encoding": "identity",
      ...have > 0 && { range: `bytes=${have}-`, ...version && { "if-range": version } },
    };
  try {
    return await fetch(url, { headers, signal: silence.signal });
  } catch (error) {
    if (silence.signal.aborted) throw new BrokenOff(silence.words);
    const { message, cause } = error as Error;
    if (error instanceof Deno.errors.NotCapable) {
      // The address may lead elsewhere.
      const [, host] = /net access to "(.+?)"/.exec(message) ?? [, new URL(url).host];
      throw new EnvironmentError(
        `${url} may not be fetched: Deno was started without the right to reach ${host}. Start the program as ` +
          `its task in deno.json does, with --allow-net=${host} besides.`,
      );
    }
    const reason = cause instanceof Error ? cause.message : message;
    // Connected and then dropped, unlike an unknown host or a refused connection.
    if (reason.includes("(SendRequest)")) throw new BrokenOff("no answer");
    throw new EnvironmentError(`${url} cannot be reached (${reason}).`);
  }
}

/** Appends what arrives to what has arrived before; says how much there is then. */
async function receive(
  body: ReadableStream<Uint8Array>,
  part: string,
  start: number,
  total: number,
  silence: Silence,
  what: string,
): Promise<number> {
  let arrived = start;
  const demandRoom = async () => {
    if (total > arrived) await needRoom(dirname(part), total - arrived, what);
  };
  using file = await Deno.open(part, { write: true, create: true, append: start > 0, truncate: start === 0 });
  await demandRoom();
  const bar = progress("Downloading", total || 0, humanBytes);
  try {
    for await (const chunk of body) {
      silence.heard();
      for (let rest = chunk; rest.length > 0;) rest = rest.subarray(await file.write(rest));
      bar.update(arrived += chunk.length);
      // Too long to be what is expected, and perhaps without an end.
      if (arrived > total) break;
    }
    return arrived;
  } catch (error) {
    if ((error as { code?: string }).code === "ENOSPC") await demandRoom();
    explainFault(error, part);
    throw new BrokenOff(silence.signal.aborted ? silence.words : (error as Error).message);
  } finally {
    bar.stop();
  }
}

/** What tells two versions of a file apart byte by byte, if the server says anything. */
function versionOf(headers: Headers): string | undefined {
  const tag = headers.get("etag");
  return tag?.startsWith('"') ? tag : headers.get("last-modified") ?? undefined;
}

/** Milliseconds for which a server wants to be left alone; it gives seconds or a date. */
function retryAfter(headers: Headers): number {
  const text = headers.get("retry-after") ?? "";
  const after = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return after > 0 ? after : 0;
}

/** How a file differs from what is expected. */
async function faultOf(source: Source, path: string): Promise<string | undefined> {
  const size = await sizeOf(path);
  const page = await isPage(path) ? " (it is an HTML page: does the network want you to sign in?)" : "";
  if (source.bytes !== undefined && size !== source.bytes) {
    return `${size} bytes instead of ${source.bytes}${page}`;
  }
  const [algorithm, expected] = "sha256" in source
    ? ["sha256", source.sha256] as const
    : ["md5", source.md5] as const;
  const actual = await digest(path, algorithm);
  if (actual !== expected) return `${algorithm} ${actual} instead of ${expected}${page}`;
}

/** Whether a file begins as an HTML page does. */
async function isPage(path: string): Promise<boolean> {
  using file = await Deno.open(path);
  const head = new Uint8Array(1000), count = await file.read(head) ?? 0;
  return /^\s*<(!doctype html|html|head)\b/i.test(new TextDecoder().decode(head.subarray(0, count)));
}

async function sizeOf(path: string): Promise<number> {
  return await Deno.stat(path).then(({ size }) => size, () => 0);
}
