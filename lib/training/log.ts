/**
 * The log of a run: `metrics.jsonl`, a line a step.
 *
 * @module
 */
import { join } from "@std/path";
import { z } from "zod";
import { DataError } from "../base/errors.ts";
import { exists, explainFault, writeAtomically } from "../base/files.ts";
import { checkedJson } from "../base/schema.ts";
import type { LevelSpread } from "./collapse.ts";
import type { Online } from "./online.ts";

/** The file in a run's folder that holds its log. */
export const LOG = "metrics.jsonl";

/** A line of the log. */
export interface StepMetrics {
  /** From 0. */
  readonly step: number;
  /** From 0. */
  readonly epoch: number;
  /** That the step was taken with. */
  readonly learningRate: number;
  /** Images, not views. */
  readonly imagesPerSecond: number;
  /** Unweighted terms and weighted total, one entry a level; of a frozen one none. */
  readonly levels: readonly Readonly<Record<string, number>>[];
  /** At the end of an epoch: how the step's batch spreads in each level. */
  readonly spread?: readonly LevelSpread[];
  /** At the end of some epochs: what each level's representation is worth. */
  readonly online?: readonly Online[];
}

/** JSON writes NaN and infinity as null. */
const number: z.ZodType<number> = z.number().nullable().transform((value) => value ?? NaN);
const spreadSchema = z.object({ deviation: number, rank: number });

const metricsSchema: z.ZodType<StepMetrics> = z.object({
  step: z.int().nonnegative(),
  epoch: z.int().nonnegative(),
  learningRate: number,
  imagesPerSecond: z.number(),
  levels: z.array(z.record(z.string(), number)),
  spread: z.array(z.object({ representation: spreadSchema, embedding: spreadSchema })).optional(),
  online: z.array(z.object({ knn: number.optional(), rank: number })).optional(),
});

/** A log that is written. */
export interface Log extends Disposable {
  /** Adds a line: all of it or nothing. */
  write(metrics: StepMetrics): Promise<void>;
  /** Flushes it to the disk. */
  sync(): Promise<void>;
}

/**
 * Opens a run's log to add to it.
 *
 * @param folder The run's folder.
 * @param steps Steps that the run goes on after; what it logged later is dropped.
 * @returns The log.
 * @throws {DataError} It has fewer steps.
 */
export async function openLog(folder: string, steps: number): Promise<Log> {
  const path = join(folder, LOG);
  const kept = steps > 0 ? (await Deno.readTextFile(path)).split("\n").slice(0, steps) : [];
  if (kept.length < steps || kept.at(-1) === "") {
    throw new DataError(
      `${path} ends before step ${steps}, from which the run would go on. ` +
        `Delete ${folder} to train the run from its beginning.`,
    );
  }
  const text = kept.map((line) => line + "\n").join("");
  await writeAtomically(path, text);
  const file = await Deno.open(path, { append: true });
  let end = new TextEncoder().encode(text).length;
  return {
    async write(metrics) {
      const line = new TextEncoder().encode(JSON.stringify(metrics) + "\n");
      try {
        for (let rest = line; rest.length > 0;) rest = rest.subarray(await file.write(rest));
      } catch (error) {
        await file.truncate(end);
        explainFault(error, path);
        throw error;
      }
      end += line.length;
    },
    sync: () => file.sync(),
    [Symbol.dispose]: () => file.close(),
  };
}

/**
 * Reads a run's log, also while it is written.
 *
 * @param folder The run's folder.
 * @returns Its steps so far.
 * @throws {DataError} It is missing, or a line is damaged.
 */
export async function readMetrics(folder: string): Promise<StepMetrics[]> {
  const path = join(folder, LOG);
  if (!await exists(path)) {
    throw new DataError(`There is no ${path}. Delete ${folder} to train the run again.`);
  }
  // What follows the last line's end is a line that is being written, or nothing.
  const lines = (await Deno.readTextFile(path)).split("\n").slice(0, -1);
  const again = `Delete ${folder} to train the run again.`;
  return lines.map((line, at) => checkedJson(metricsSchema, line, `${path}, line ${at + 1}`, again));
}
