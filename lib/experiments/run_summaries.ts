/**
 * The runs of a folder at a glance, read again as they grow: what was read once
 * is not read again.
 *
 * @module
 */
import { join } from "@std/path";
import { DataError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { isLocked } from "../base/lock.ts";
import { accuracy } from "../evaluation/metric.ts";
import { hasEncoder } from "../training/checkpoint.ts";
import { LOG, type StepMetrics } from "../training/log.ts";
import type { Online } from "../training/online.ts";
import { readOrigins } from "../training/origin.ts";
import { readSpec, type RunSpec, SPEC } from "../training/spec.ts";
import { totalSteps } from "../training/train.ts";
import { evaluationFile, keptEvaluations } from "./evaluate.ts";
import { SCORED } from "./presets.ts";
import { fieldsOf, shortName } from "./run_folders.ts";

/** Curves of a run that share their epochs. */
export interface Track {
  /** In epochs from the beginning of the training. */
  readonly epochs: readonly number[];
  /** By what is measured: one curve a stack, NaN where there was no number. */
  readonly measures: Readonly<Record<string, readonly (readonly number[])[]>>;
}

/** A run at a glance. */
export interface RunSummary {
  readonly id: string;
  /** What its spec is like, in a word. */
  readonly name: string;
  /** Each field of its spec as JSON, by its path. */
  readonly fields: ReadonlyMap<string, string>;
  /** Steps logged so far. */
  readonly done: number;
  /** Steps that it takes. */
  readonly steps: number;
  /** Whether its encoder is there, somebody trains it, or neither. */
  readonly state: "finished" | "training" | "stopped";
  /** When the process started that began it; where nobody noted that, when its folder last changed. */
  readonly begun: Date;
  /** Of its steps, without interruptions. */
  readonly seconds: number;
  /** Seconds times the threads of all processes, in hours; absent where nobody noted them. */
  readonly coreHours?: number;
  /** What evaluations kept of it, by stack and measure: percent of the images that are predicted right, or the number. */
  readonly scores: Readonly<Record<string, number>>;
  /** Of what was logged, thinned. */
  readonly tracks: readonly Track[];
}

/** Points a curve. */
const MOST = 200;

/**
 * Opens a folder of runs to be looked at again and again.
 *
 * @param runs Folder of all runs.
 * @returns Reads the runs, the one that was begun last first. A run of which nothing changed is the same object as
 * before. What is damaged is passed over, with a word about it the first time.
 */
export function runReader(runs: string): () => Promise<RunSummary[]> {
  const known = new Map<string, (folder: string) => Promise<RunSummary>>(), told = new Set<string>();
  return async () => {
    const found: RunSummary[] = [];
    if (!await exists(runs)) return found;
    const names = (await Array.fromAsync(Deno.readDir(runs))).filter(({ isDirectory }) => isDirectory);
    for (const { name } of names) {
      const folder = join(runs, name);
      if (!await exists(join(folder, SPEC))) continue;
      const read = known.get(name) ?? summariser(name);
      known.set(name, read);
      try {
        found.push(await read(folder));
      } catch (error) {
        // It may have been removed meanwhile.
        if (error instanceof Deno.errors.NotFound) continue;
        if (!(error instanceof DataError)) throw error;
        if (!told.has(error.message)) {
          console.error(`Passed over, damaged or written by another version: ${error.message}`);
        }
        told.add(error.message);
      }
    }
    return found.toSorted((a, b) => b.begun.getTime() - a.begun.getTime() || (a.id < b.id ? -1 : 1));
  };
}

/** Reads one run, as far as it changed since. */
function summariser(id: string): (folder: string) => Promise<RunSummary> {
  let seen = "", spec: RunSpec | undefined, log: LogReader | undefined, found: Promise<RunSummary>;
  const summarise = async (
    folder: string,
    state: RunSummary["state"],
    at: Deno.FileInfo,
    file?: Deno.FileInfo,
  ) => {
    spec ??= await readSpec(join(folder, SPEC));
    log ??= logReader(spec, totalSteps(spec));
    if (file) await log.read(join(folder, LOG), file);
    const origins = await readOrigins(folder), { done, clock } = log;
    const hours = origins.map(({ step, threads, processes = 1 }, which) => {
      const end = origins[which + 1]?.step ?? done;
      return threads * processes * (clock(end) - clock(step)) / 3600;
    });
    return {
      ...{ id, name: shortName(spec), fields: fieldsOf(spec), done, steps: totalSteps(spec), state },
      begun: new Date(origins[0]?.started ?? at.mtime ?? 0),
      seconds: clock(done),
      ...origins.length > 0 && { coreHours: hours.reduce((sum, part) => sum + part, 0) },
      scores: await scoresOf(folder),
      tracks: log.tracks(),
    };
  };
  return async (folder) => {
    const at = await Deno.stat(folder), finished = await hasEncoder(folder);
    const state = finished ? "finished" : await isLocked(join(folder, "lock")) ? "training" : "stopped";
    const file = await Deno.stat(join(folder, LOG)).catch(() => undefined);
    // Files but the log are renamed into the folder, which notes that.
    const now = [at, file].map((file) => `${file?.mtime?.getTime()} ${file?.size} ${file?.ino}`).join() +
      state;
    if (now !== seen) {
      seen = now;
      found = summarise(folder, state, at, file);
      // What was read up to a damaged line counts for nothing.
      found.catch(() => log = undefined);
    }
    return await found;
  };
}

/** A log, as far as it was read. */
interface LogReader {
  /** Whole lines. */
  readonly done: number;
  /** Seconds that so many steps took. */
  readonly clock: (steps: number) => number;
  readonly tracks: () => Track[];
  /**
   * Reads on, or from the beginning if it was begun anew, as the log of a run that goes on is.
   *
   * @throws {DataError} A line is damaged.
   */
  read(path: string, file: Deno.FileInfo): Promise<void>;
}

function logReader({ batch, epochs }: RunSpec, steps: number): LogReader {
  let ino: number | null,
    bytes = 0,
    clock = [0],
    losses = means(steps, epochs),
    online = means(epochs, epochs);
  return {
    get done() {
      return clock.length - 1;
    },
    clock: (steps) => clock[Math.min(steps, clock.length - 1)],
    tracks: () => [losses.track(), online.track()].filter(({ epochs }) => epochs.length > 0),
    async read(path, file) {
      if (file.ino !== ino || file.size < bytes) {
        [ino, bytes, clock] = [file.ino, 0, [0]];
        [losses, online] = [means(steps, epochs), means(epochs, epochs)];
      }
      const added = await bytesFrom(path, bytes);
      // What follows the last line's end is being written.
      const lines = added.subarray(0, added.lastIndexOf(LINE_END) + 1);
      for (const line of new TextDecoder().decode(lines).split("\n").slice(0, -1)) {
        const number = clock.length;
        try {
          const { step, epoch, levels, imagesPerSecond, online: found }: StepMetrics = JSON.parse(line);
          losses.add(step, { loss: levels.map(({ total }) => total ?? NaN) });
          if (found) online.add(epoch, onlineMeasures(found));
          clock.push(clock[number - 1] + batch / imagesPerSecond);
        } catch (error) {
          throw new DataError(`${path}, line ${number}: ${(error as Error).message}`);
        }
      }
      bytes += lines.length;
    },
  };
}

/**
 * What was measured while a run trained.
 *
 * @param found One entry a stack.
 * @returns A number a stack, by what a reader calls it.
 */
export function onlineMeasures(found: readonly Online[]): Record<string, number[]> {
  const votes = found.flatMap(({ knn }) => knn ?? []);
  return {
    ...votes.length > 0 && { "online k-NN 20 %": votes },
    "online RankMe": found.map(({ rank }) => rank),
  };
}

const LINE_END = "\n".charCodeAt(0);

/** The rest of a file that grows. */
async function bytesFrom(path: string, start: number): Promise<Uint8Array> {
  using file = await Deno.open(path);
  const bytes = new Uint8Array(Math.max(0, (await file.stat()).size - start));
  await file.seek(start, Deno.SeekMode.Start);
  for (let at = 0; at < bytes.length;) {
    const count = await file.read(bytes.subarray(at));
    if (count === null) return bytes.subarray(0, at);
    at += count;
  }
  return bytes;
}

/** Means over equal spans of a training, whose length is known: they stay what they are while it goes on. */
function means(length: number, epochs: number) {
  const span = Math.ceil(length / MOST);
  const spans: { first: number; count: number; places: number; sums: Record<string, number[]> }[] = [];
  return {
    add(place: number, values: Readonly<Record<string, readonly number[]>>): void {
      const first = place - place % span;
      if (spans.at(-1)?.first !== first) spans.push({ first, count: 0, places: 0, sums: {} });
      const last = spans.at(-1)!;
      last.count++;
      last.places += place;
      for (const [measure, stacks] of Object.entries(values)) {
        last.sums[measure] = stacks.map((value, stack) => value + (last.sums[measure]?.[stack] ?? 0));
      }
    },
    track(): Track {
      const [first] = spans;
      const curve = (measure: string, stack: number) =>
        spans.map(({ sums, count }) => Number((sums[measure][stack] / count).toPrecision(4)));
      return {
        epochs: spans.map(({ places, count }) =>
          Number(((places / count + 1) / length * epochs).toPrecision(4))
        ),
        measures: Object.fromEntries(
          Object.entries(first?.sums ?? {}).map(([measure, stacks]) => [
            measure,
            stacks.map((_, stack) => curve(measure, stack)),
          ]),
        ),
      };
    },
  };
}

/** What evaluations kept, by stack and measure. */
async function scoresOf(folder: string): Promise<Record<string, number>> {
  const scores: Record<string, number> = {};
  const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  if (!names.some((name) => name.startsWith(evaluationFile()))) return scores;
  for (const scored of SCORED) {
    for (const { labels, levels } of await keptEvaluations(folder, scored)) {
      for (const [stack, found] of levels.entries()) {
        for (const [name, it] of Object.entries(found)) {
          const [measure, value] = typeof it === "number"
            ? [name, it]
            : [`${name} %`, 100 * accuracy(it, labels)];
          scores[`stack ${stack}: ${measure}${scored === "test" ? "" : ", held-out"}`] = value;
        }
      }
    }
  }
  return scores;
}
