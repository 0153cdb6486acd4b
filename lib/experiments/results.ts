/**
 * The files of `data/results`: what was measured, on what, with what.
 *
 * @module
 */
import { cpus, totalmem } from "node:os";
import { version as tfjs } from "@tensorflow/tfjs";
import { z } from "zod";
import type { Commit } from "../base/code.ts";
import { DataError } from "../base/errors.ts";
import { writeAtomically } from "../base/files.ts";
import { checkedJson } from "../base/schema.ts";
import type { Device } from "../compute/backend.ts";
import { type Origin, originSchema } from "../training/origin.ts";
import { EXPERIMENT_NAMES, type ExperimentName, type Method } from "./experiments.ts";
import { type Preset, presetSchema } from "./presets.ts";
import { type Summary, summaryOf } from "./statistics.ts";

/** A row of the table. */
export interface Row {
  /** How the encoder was trained, if it was. */
  readonly method: Method;
  /** Such as `ResNet-18`. */
  readonly encoder: string;
  /** Number of the stack; null for an encoder that stands alone. */
  readonly stack: number | null;
  /** Which stacks have a projector, where the table is about that. */
  readonly projectors: readonly boolean[] | null;
  /** Trainable parameters of the encoders that the representation needs. */
  readonly parameters: number;
  /** Those of them that can touch the representation, at this size of images. */
  readonly live: number;
  /** In percent. */
  readonly top1: Summary;
  /** At the first of the recipe's numbers of neighbours. */
  readonly knn: Summary;
  /** At each number of neighbours. */
  readonly knnAt: Readonly<Record<string, Summary>>;
  /** The paper's numbers; null where it has none of such a row, on other data than the paper's too. */
  readonly paper: {
    readonly top1: number;
    readonly knn: number;
    /** In millions, where the table gives them. */
    readonly parameters: number | null;
    readonly source: string;
  } | null;
  /** What its predictions are called in the file beside this one; null where they were not stored. */
  readonly predictions: string | null;
}

const FORMAT = "s-jea results", VERSION = 4;

/** A results file. */
export interface Results {
  /** Tells the file from others. */
  readonly format: "s-jea results";
  /** Raised when a field changes its meaning. */
  readonly version: 4;
  /** Which table. */
  readonly experiment: ExperimentName;
  /** Name of the preset. */
  readonly preset: string;
  /** Overridden fields, as given on the command line. */
  readonly overrides: readonly string[];
  /** The preset as it was, overrides included. */
  readonly recipe: Preset;
  /** Images, and how many of them. */
  readonly dataset: {
    readonly name: string;
    readonly copy: "official" | "unofficial" | "generated";
    readonly fingerprint: string;
    readonly images: { readonly train: number; readonly heldOut: number; readonly test: number };
  };
  /** One training a run and seed. */
  readonly seeds: readonly number[];
  /** The table. */
  readonly rows: readonly Row[];
  /** The trainings behind the rows. */
  readonly runs: readonly {
    readonly id: string;
    readonly method: string;
    readonly seed: number;
    readonly seconds: number;
    /** The processes that trained it; none where that was not noted. */
    readonly origins: readonly Origin[];
    /** Stacks that were collapsed at the end. */
    readonly collapsed: readonly number[];
  }[];
  /** Seconds. */
  readonly durations: Readonly<Record<string, number>>;
  /** The machine. */
  readonly environment: {
    readonly os: string;
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGiB: number;
    readonly device: string;
    readonly threads: number;
  };
  /** Of the engines the one that computed. */
  readonly versions: {
    readonly deno: string;
    readonly tensorflow?: string;
    readonly onnxruntime?: string;
    readonly tfjs: string;
  };
  /** Fingerprints of the sources, and their commit where git knows it. */
  readonly code: Commit & { readonly training: string; readonly evaluation: string };
  /** ISO 8601. */
  readonly created: string;
}

const percent = z.number().min(0).max(100), text = z.string();

const summarySchema = summaryOf(percent);

const rowSchema = z.strictObject({
  method: z.enum(["VICReg", "S-JEA", "untrained", "half-trained", "raw pixels"] satisfies Method[]),
  encoder: text,
  stack: z.int().nullable(),
  projectors: z.array(z.boolean()).length(2).nullable(),
  parameters: z.int(),
  live: z.int(),
  top1: summarySchema,
  knn: summarySchema,
  knnAt: z.record(text, summarySchema),
  paper: z.strictObject({ top1: percent, knn: percent, parameters: z.number().nullable(), source: text })
    .nullable(),
  predictions: text.nullable(),
});

/** On what something was measured, as a schema. */
export const datasetSchema = z.strictObject({
  name: text,
  copy: z.enum(["official", "unofficial", "generated"]),
  fingerprint: text,
  images: z.strictObject({ train: z.int(), heldOut: z.int(), test: z.int() }),
});

/** Where, with what and when something was measured, as a schema. */
export const provenance = {
  environment: z.strictObject({
    os: text,
    cpu: text,
    cores: z.int(),
    memoryGiB: z.number(),
    device: text,
    threads: z.int(),
  }),
  versions: z.strictObject({
    deno: text,
    tensorflow: text.optional(),
    onnxruntime: text.optional(),
    tfjs: text,
  }),
  code: z.strictObject({ training: text, evaluation: text, commit: text.nullable(), dirty: z.boolean() }),
  created: z.iso.datetime(),
};

const resultsSchema: z.ZodType<Results> = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  experiment: z.enum(EXPERIMENT_NAMES),
  preset: text,
  overrides: z.array(text),
  recipe: presetSchema,
  dataset: datasetSchema,
  seeds: z.array(z.int()),
  rows: z.array(rowSchema),
  runs: z.array(z.strictObject({
    id: text,
    method: text,
    seed: z.int(),
    seconds: z.number(),
    origins: z.array(originSchema),
    collapsed: z.array(z.int()),
  })),
  durations: z.record(text, z.number()),
  ...provenance,
});

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
  const again = "Run deno task reproduce again.";
  const { format, version } = Object(
    checkedJson(z.unknown(), text, name, `Delete it and r${again.slice(1)}`),
  );
  if (format !== FORMAT) {
    throw new DataError(`${name} was not written by deno task reproduce: it has no "format": "${FORMAT}".`);
  }
  if (version !== VERSION) {
    // An object's text may be a function that fails.
    const its = Object(version) === version ? "?" : version;
    throw new DataError(`${name} has version ${its}, this program reads version ${VERSION}. ${again}`);
  }
  return checkedJson(resultsSchema, text, name, again);
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
