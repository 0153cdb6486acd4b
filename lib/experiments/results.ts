/**
 * The files of `data/results`: what was measured, on what, with what.
 *
 * @module
 */
import { cpus, totalmem } from "node:os";
import { version as tfjs } from "@tensorflow/tfjs";
import jstat from "jstat";
import { z } from "zod";
import { DataError } from "../base/errors.ts";
import { writeAtomically } from "../base/files.ts";
import type { Device } from "../compute/backend.ts";
import { originSchema } from "../training/origin.ts";
import { presetSchema } from "./presets.ts";

/** Quantile of Student's t distribution. */
const quantile: (probability: number, degrees: number) => number = jstat.studentt.inv;

const percent = z.number().min(0).max(100);

const summarySchema = z.strictObject({
  mean: percent,
  /** Unbiased standard deviation; null for one value. */
  std: z.number().nullable(),
  /** Half the width of Student's 95 % interval of the mean; null for one value. */
  interval: z.number().nullable(),
  n: z.int().positive(),
  values: z.array(percent),
});

const rowSchema = z.strictObject({
  method: z.enum(["VICReg", "S-JEA", "untrained", "raw pixels"]),
  encoder: z.string(),
  stack: z.int().nullable(),
  /** Which stacks have a projector, where the table is about that. */
  projectors: z.array(z.boolean()).length(2).nullable(),
  /** Trainable parameters of the encoders that the representation needs. */
  parameters: z.int(),
  /** Those of them that can touch the representation, at this size of images. */
  live: z.int(),
  top1: summarySchema,
  /** At the first of the recipe's numbers of neighbours. */
  knn: summarySchema,
  /** At each number of neighbours. */
  knnAt: z.record(z.string(), summarySchema),
  /** The paper's numbers; null where it has none of such a row, on other data than the paper's too. */
  paper: z.strictObject({
    top1: percent,
    knn: percent,
    /** In millions, where the table gives them. */
    parameters: z.number().nullable(),
    source: z.string(),
  }).nullable(),
  /** What its predictions are called in the file beside this one; null where they were not stored. */
  predictions: z.string().nullable(),
});

const FORMAT = "s-jea results", VERSION = 4;

const resultsSchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  experiment: z.enum(["linear-evaluation", "deep-vs-stacked", "projector-ablation"]),
  preset: z.string(),
  /** Overridden fields, as given on the command line. */
  overrides: z.array(z.string()),
  recipe: presetSchema,
  dataset: z.strictObject({
    name: z.string(),
    copy: z.enum(["official", "unofficial", "generated"]),
    fingerprint: z.string(),
    images: z.strictObject({ train: z.int(), heldOut: z.int(), test: z.int() }),
  }),
  seeds: z.array(z.int()),
  rows: z.array(rowSchema),
  runs: z.array(z.strictObject({
    id: z.string(),
    method: z.string(),
    seed: z.int(),
    seconds: z.number(),
    /** The processes that trained it; none where that was not noted. */
    origins: z.array(originSchema),
    /** Stacks that were collapsed at the end. */
    collapsed: z.array(z.int()),
  })),
  /** Seconds. */
  durations: z.record(z.string(), z.number()),
  environment: z.strictObject({
    os: z.string(),
    cpu: z.string(),
    cores: z.int(),
    memoryGiB: z.number(),
    device: z.string(),
    threads: z.int(),
  }),
  /** Of the engines the one that computed. */
  versions: z.strictObject({
    deno: z.string(),
    tensorflow: z.string().optional(),
    onnxruntime: z.string().optional(),
    tfjs: z.string(),
  }),
  /** Fingerprints of the sources, and their commit where git knows it. */
  code: z.strictObject({
    training: z.string(),
    evaluation: z.string(),
    commit: z.string().nullable(),
    dirty: z.boolean(),
  }),
  created: z.iso.datetime(),
});

/** A value measured n times. */
export type Summary = z.infer<typeof summarySchema>;
/** A row of the table. */
export type Row = z.infer<typeof rowSchema>;
/** A results file. */
export type Results = z.infer<typeof resultsSchema>;

/**
 * Mean and spread of some values.
 *
 * @param values At least one.
 * @returns Their summary.
 * @example
 * ```ts
 * import { summarise } from "./results.ts";
 * const { mean, std } = summarise([80, 82]);
 * if (mean !== 81 || std !== Math.SQRT2) throw new Error("the deviation is unbiased");
 * ```
 */
export function summarise(values: readonly number[]): Summary {
  const n = values.length, mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const std = n > 1 ? Math.sqrt(squares / (n - 1)) : null;
  const interval = std === null ? null : intervalFactor(n) * std;
  return { mean, std, interval, n, values: [...values] };
}

/**
 * Half the width of Student's 95 % interval of a mean, in standard deviations.
 *
 * @param n Number of values, at least two.
 * @returns Such as 2.48 for three.
 */
export function intervalFactor(n: number): number {
  return quantile(0.975, n - 1) / Math.sqrt(n);
}

/**
 * Writes a results file, whole or not at all.
 *
 * @param path The file.
 * @param results What was measured.
 */
export async function writeResults(path: string, results: Results): Promise<void> {
  await writeAtomically(path, JSON.stringify(resultsSchema.parse(results), null, 2) + "\n");
}

/**
 * Reads a results file.
 *
 * @param path The file.
 * @returns What was measured.
 * @throws {DataError} It is missing, no results file, of another version, or a field is wrong.
 */
export async function readResults(path: string): Promise<Results> {
  try {
    return parseResults(await Deno.readTextFile(path), path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new DataError(`${path} does not exist. Run deno task reproduce first.`);
  }
}

/**
 * Reads a results file's text.
 *
 * @param text The text.
 * @param name The file's name, for messages.
 * @returns What was measured.
 * @throws {DataError} It is no results file, of another version, or a field is wrong.
 */
export function parseResults(text: string, name: string): Results {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new DataError(
      `${name} is no JSON (${(error as Error).message}). Delete it and run deno task reproduce again.`,
    );
  }
  const { format, version } = Object(content) as Record<string, unknown>;
  if (format !== FORMAT) {
    throw new DataError(`${name} was not written by deno task reproduce: it has no "format": "${FORMAT}".`);
  }
  if (version !== VERSION) {
    // An object's text may be a function that fails.
    const its = Object(version) === version ? "?" : version;
    throw new DataError(
      `${name} has version ${its}, this program reads version ${VERSION}. Run deno task reproduce again.`,
    );
  }
  const { success, data, error } = resultsSchema.safeParse(content);
  if (success) return data;
  const { path: field, message } = error.issues[0];
  const where = field.length > 0 ? `field ${field.join(".")}` : "the file";
  throw new DataError(`${name}: ${where} is wrong (${message}). Run deno task reproduce again.`);
}

/**
 * The machine that a result was measured on.
 *
 * @param device What it was computed on.
 * @returns Its description.
 */
export function environment(device: Device): Results["environment"] {
  return {
    os: `${Deno.build.os} ${Deno.build.arch}`,
    cpu: cpus()[0]?.model ?? "unknown",
    cores: navigator.hardwareConcurrency,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    device: device.name,
    threads: device.threads,
  };
}

/**
 * The programs that a result was measured with.
 *
 * @param device What it was computed on.
 * @returns Their versions.
 */
export function versions(device: Device): Results["versions"] {
  return { deno: Deno.version.deno, [device.engine]: device.version, tfjs: tfjs["tfjs-core"] };
}
