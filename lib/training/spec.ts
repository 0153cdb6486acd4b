/**
 * What defines a training run: the one description of it, and its check. Two runs
 * with equal specs are the same run.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { z } from "zod";
import { DataError } from "../base/errors.ts";
import { writeAtomically } from "../base/files.ts";
import { readableJson } from "../base/json.ts";
import { checkedJson, oneOf } from "../base/schema.ts";
import type { Precision } from "../compute/compile.ts";
import { type DatasetConfig, DATASETS } from "../data/datasets.ts";
import { type ViewOptions, viewSchema } from "../data/views.ts";
import { type LossConfig, LOSSES } from "../loss/losses.ts";
import { ENCODERS } from "../model/encoders.ts";
import type { LevelConfig, StackConfig } from "../model/stack.ts";
import { type OptimiserConfig, optimiserSchema } from "./optimiser.ts";
import { type ScheduleConfig, scheduleSchema } from "./schedule.ts";

/** A level of the stack, and what it learns by. */
export interface LevelSpec extends LevelConfig {
  /** Which loss, with its options. */
  readonly loss: LossConfig;
  /** Weight of its loss in the sum. */
  readonly weight: number;
  /**
   * Id of the run whose encoder and projector of this level are taken as they are. They are not trained, batch norm
   * uses its running statistics, and the level's loss is not computed. Absent: the level is trained.
   */
  readonly frozen?: string;
}

/** The spec of one training run: plain data, all of it part of the run's id. */
export interface RunSpec extends StackConfig {
  /** Images to learn from. */
  readonly data: {
    /** Which data set. */
    readonly dataset: DatasetConfig;
    /** Fingerprint of the whole data set. */
    readonly fingerprint: string;
    /** How many of its training images; which ones follows from the split's seed. */
    readonly images: number;
    readonly splitSeed: number;
  };
  /** How views are drawn from an image. */
  readonly view: ViewOptions;
  /** Lowest level first. */
  readonly levels: readonly LevelSpec[];
  /** Which optimiser, with all its numbers. */
  readonly optimiser: OptimiserConfig;
  /** How the learning rate goes. */
  readonly schedule: ScheduleConfig;
  /** Passes over the training images. */
  readonly epochs: number;
  /** Images a step. */
  readonly batch: number;
  /** Arithmetic of the training step. */
  readonly precision: Precision;
  /** Seed of initialisation, order and views. */
  readonly seed: number;
}

const count = z.int().positive(), seed = z.int().nonnegative();

const levelSchema = z.strictObject({
  encoder: oneOf("kind", ENCODERS),
  projector: z.array(count).default([]).describe("widths of the projector's layers; none: no projector"),
  loss: oneOf("name", LOSSES),
  weight: z.number().nonnegative().default(1).describe("weight of the level's loss in the sum"),
  input: z.int().nonnegative().optional()
    .describe("stage of the encoder below whose map feeds this one, 0 its stem; absent: its last"),
  frozen: z.string().regex(/^[0-9a-f]{12}$/, "expected the id of a run, 12 hex digits").optional()
    .describe("id of the run whose level is taken as it is and not trained; absent: it is trained"),
});

/** What is frozen stands below what is trained, and comes from one run. */
const levelsSchema = z.array(levelSchema).min(1).check(({ value, issues }) => {
  const [lowest] = value;
  value.forEach(({ frozen }, at) => {
    if (frozen === undefined) return;
    const refuse = (message: string) =>
      issues.push({ code: "custom", path: [at, "frozen"], message, input: frozen });
    if (lowest.frozen === undefined) {
      refuse("the levels below are trained, and it was not made for them; freeze the lowest ones");
    } else if (value[at - 1] && value[at - 1].frozen !== frozen) {
      refuse(`all frozen levels are of one run, such as ${lowest.frozen}, from the lowest one on`);
    } else if (at === value.length - 1) refuse("nothing is left to train; put a level on top");
  });
  if (lowest.input !== undefined) {
    const message = "the lowest level is fed by images; say it of a level above";
    issues.push({ code: "custom", path: [0, "input"], message, input: lowest.input });
  }
});

/** {@link RunSpec} as a schema. */
export const specSchema: z.ZodType<RunSpec> = z.strictObject({
  data: z.strictObject({
    dataset: oneOf("name", DATASETS),
    fingerprint: z.string().describe("fingerprint of the whole data set"),
    images: count.describe("how many of its training images are learnt from"),
    splitSeed: seed.default(0).describe("seed of the split into training and held-out images"),
  }),
  view: viewSchema,
  levels: levelsSchema.describe("the stack, lowest level first"),
  wiring: z.enum(["prepool", "embedding"]).default("prepool")
    .describe("what feeds the next level: the map before pooling, or the embedding as an image"),
  stopGradient: z.boolean().default(false).describe("keep each level's loss from the levels below"),
  optimiser: optimiserSchema,
  schedule: scheduleSchema,
  epochs: count.describe("passes over the training images"),
  batch: count.min(2).describe("images a step"),
  precision: z.enum(["float32", "bfloat16"]).default("float32").describe("arithmetic of the training step"),
  seed: seed.default(0).describe("seed of initialisation, order and views"),
}).check(({ value: { levels, view, wiring }, issues }) => {
  const at = levels.findIndex(({ input }) => input !== undefined);
  if (at >= 0 && wiring !== "prepool") {
    const message = "there are stages with wiring prepool alone, and here the embedding feeds it";
    issues.push({ code: "custom", path: ["levels", at, "input"], message, input: levels[at].input });
  }
  const predicting = (levels as readonly LevelSpec[]).findIndex(({ loss }) => loss.name === "predictive");
  for (const field of ["number", "early", "local"] as const) {
    if (predicting < 0 || view[field] === undefined || view[field] === 2) continue;
    const message =
      `levels.${predicting}.loss is predictive, which takes two views of one size; leave it out`;
    issues.push({ code: "custom", path: ["view", field], message, input: view[field] });
  }
}) as unknown as z.ZodType<RunSpec>;

/**
 * The lowest level that is trained: those below are frozen.
 *
 * @param spec The run.
 * @returns Its place, 0 where nothing is frozen.
 */
export function trainedFrom({ levels }: { readonly levels: readonly Pick<LevelSpec, "frozen">[] }): number {
  return levels.findIndex(({ frozen }) => frozen === undefined);
}

/**
 * A run's id: the first 12 hex digits of the SHA-256 of its spec, written with
 * sorted keys.
 *
 * @param spec The spec.
 * @returns The id.
 */
export function runId(spec: RunSpec): string {
  return digestOf(spec);
}

/**
 * Tells data from all other data.
 *
 * @param data Anything that JSON can hold.
 * @returns The first 12 hex digits of the SHA-256 of its JSON with sorted keys.
 */
export function digestOf(data: object): string {
  return createHash("sha256").update(canonical(data)).digest("hex").slice(0, 12);
}

/** The file in a run's folder that holds its spec. */
export const SPEC = "spec.json";

/** Writes a run's spec into its folder. */
export async function writeSpec(folder: string, spec: RunSpec): Promise<void> {
  await writeAtomically(join(folder, SPEC), readableJson(spec) + "\n");
}

/**
 * Reads a spec.
 *
 * @param path A JSON file.
 * @returns The spec.
 * @throws {DataError} It is missing or no spec.
 */
export async function readSpec(path: string): Promise<RunSpec> {
  const text = await Deno.readTextFile(path).catch((error) => {
    throw new DataError(`${path} cannot be read (${error.message}).`);
  });
  return checkedJson(specSchema, text, path, "It may be of another version.");
}

function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_, inner) =>
      inner !== null && typeof inner === "object" && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1))
        : inner,
  );
}
