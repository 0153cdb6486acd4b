/**
 * Sweeps: many runs as one piece of data. A file names what they have in common, in what
 * they differ, their seeds, and by what they are judged.
 *
 * @module
 */
import { basename, dirname, resolve } from "@std/path";
import { z } from "zod";
import { DataError, UsageError } from "../base/errors.ts";
import { checkedJson } from "../base/schema.ts";
import type { Dataset } from "../data/dataset.ts";
import { openDataset } from "../data/datasets.ts";
import { digestOf, type RunSpec } from "../training/spec.ts";
import { onItsImages, settingOf } from "./opened_run.ts";
import { evaluationOf, preset, SCORED } from "./presets.ts";
import { openRun, type Run } from "./run.ts";
import type { Setting } from "./setting.ts";
import { isPresetRun, metricsFrom, put, readFields, type SpecFields, specOf, withPath } from "./spec_file.ts";

/** All configurations are trained for few epochs, the best of them anew for more, and so on. */
export interface Halving {
  /** Epochs of each round, rising. */
  readonly epochs: readonly number[];
  /** Part of the configurations that go on. */
  readonly keep: number;
  /** By which stack it is decided. */
  readonly stack: number;
  /** By which measure; the first one if none is named. */
  readonly measure?: string;
}

/** A sweep as its file describes it. */
export interface Sweep {
  /** What it is about. */
  readonly title: string;
  /** What its runs have in common: a spec's file, seen from this one, or a preset's run. */
  readonly base: string;
  /** By what a reader calls it: fields of the spec by their paths. Each is combined with all of the grid. */
  readonly variants: Readonly<Record<string, SpecFields>>;
  /** Values of a field, by its path: each is combined with each of the others. */
  readonly grid: Readonly<Record<string, readonly unknown[]>>;
  /** Trainings of each configuration. */
  readonly seeds: readonly number[];
  /** Successive halving (Jamieson and Talwalkar 2016, https://arxiv.org/abs/1502.07943), if it is wanted. */
  readonly halving?: Halving;
  /** How they are judged. */
  readonly evaluate: {
    /** Whose numbers of images and metrics. */
    readonly preset: string;
    /** Fields of the preset that are overridden, as `evaluate --set` takes them. */
    readonly set: readonly string[];
    /** Metrics, as `evaluate --metric` takes them; the preset's where there are none. */
    readonly metric: readonly string[];
    /** Whose numbers: what is chosen by a sweep is chosen on held-out images. */
    readonly images: "test" | "heldOut";
    /** Whether encoders are evaluated as they were before training, too. */
    readonly untrained: boolean;
  };
}

const fields = z.record(z.string(), z.unknown()), words = z.array(z.string());
const evaluation = z.strictObject({
  preset: z.string().default("quick").describe("whose numbers of images and metrics"),
  set: words.default([]).describe("overridden fields of the preset, such as testImages=1000"),
  metric: words.default([]).describe("such as knn.k=20; the preset's if empty"),
  images: z.enum(SCORED).default("heldOut").describe("whose numbers; for choices the held-out images'"),
  untrained: z.boolean().default(false).describe("evaluate encoders before training, too"),
});

const halving = z.strictObject({
  epochs: z.array(z.int().positive()).min(2)
    .refine((all) => all.every((epochs, at) => at === 0 || epochs > all[at - 1]), "epochs have to rise")
    .describe("of each round"),
  keep: z.number().positive().lt(1).default(1 / 3).describe("part of the configurations that go on"),
  stack: z.int().nonnegative().default(0).describe("the stack by which they are judged"),
  measure: z.string().optional().describe("such as k-NN 200; the first one if none is named"),
});

/** {@link Sweep} as a schema. */
export const sweepSchema: z.ZodType<Sweep> = z.strictObject({
  $schema: z.string().optional(),
  $comment: z.string().optional(),
  title: z.string().min(1),
  base: z.string().min(1).describe("a spec's file, or a preset's run such as quick/s-jea"),
  variants: z.record(z.string(), fields).default({}).describe("by name, fields of the spec by their paths"),
  grid: z.record(z.string(), z.array(z.unknown()).min(1)).default({}).describe("values by field"),
  seeds: z.array(z.int().nonnegative()).min(1)
    .refine((all) => new Set(all).size === all.length, "a seed occurs twice").default([0]),
  halving: halving.optional(),
  evaluate: evaluation.default(evaluation.parse({})),
}).transform(({ $schema: _, $comment: __, ...sweep }) => sweep) as unknown as z.ZodType<Sweep>;

/** Runs that differ in their seeds alone. */
export interface Configuration {
  /** Its variant, and what of the grid is in it. */
  readonly name: string;
  /** One a seed. */
  readonly runs: readonly Run[];
}

/** A sweep and its runs; nothing is trained yet. */
export interface PlannedSweep {
  /** What its file says. */
  readonly sweep: Sweep;
  /** The file's name, and what tells it from other sweeps of that name. */
  readonly id: string;
  /**
   * One entry a round; without halving there is one. Each has all configurations in the file's order, the grid's
   * first field slowest, whether they will get so far or not.
   */
  readonly rounds: readonly (readonly Configuration[])[];
}

/**
 * Reads a sweep's file.
 *
 * @param path The file.
 * @returns The sweep; and its id: the file's name, and what tells it from other sweeps of that name.
 * @throws {DataError} The file is missing or no sweep.
 */
export async function readSweepFile(path: string): Promise<Pick<PlannedSweep, "sweep" | "id">> {
  const text = await Deno.readTextFile(path).catch((error) => {
    throw new DataError(`${path} cannot be read (${error.message}).`);
  });
  const sweep = checkedJson(sweepSchema, text, path, "deno task sweep --help shows one.");
  const { title: _, ...defining } = sweep;
  return { sweep, id: `${basename(path, ".json")}-${digestOf(defining)}` };
}

/** Where a sweep's runs live. */
export interface SweepPlace {
  /** Folder of all runs. */
  readonly runs: string;
  /** Folder with data sets, as `--data` names it. */
  readonly data?: string;
}

/**
 * Reads a sweep's file and opens its runs.
 *
 * @param path The file.
 * @param place Where the runs live.
 * @returns The sweep.
 * @throws {DataError} The file is missing or no sweep.
 * @throws {UsageError} A configuration is no spec, or is another one once more, or is of another data set.
 */
export async function planSweep(path: string, { runs, data }: SweepPlace): Promise<PlannedSweep> {
  const { sweep, id } = await readSweepFile(path);
  const asked = preset(sweep.evaluate.preset, sweep.evaluate.set);
  const own = evaluationOf(asked), { metric, images: scored } = sweep.evaluate;
  const judged = {
    ...own,
    scored,
    metrics: metric.length > 0 ? metricsFrom(metric, own.metrics) : own.metrics,
  };
  // Ten thousand runs share a few data sets and splits.
  const datasets = once((config: RunSpec["data"]["dataset"]) => openDataset(config, data));
  const settings = new Map<Dataset, (spec: RunSpec["data"]) => Promise<Setting>>();
  const open = async (fields: SpecFields, seed: number, name: string) => {
    const { spec, dataset } = await specOf({ ...fields, seed }, `${path}: ${name}`, datasets);
    const setting = settings.get(dataset) ?? once((learnt: RunSpec["data"]) => {
      const evaluation = onItsImages(judged, { ...spec, data: learnt }, dataset);
      return settingOf({ dataset, evaluation, runs, data });
    });
    settings.set(dataset, setting);
    return openRun(spec, await setting(spec.data), name);
  };
  const common = await commonFields(sweep, path);
  const rounds: Configuration[][] = [], known = new Map<string, string>();
  for (const epochs of sweep.halving?.epochs ?? [undefined]) {
    const configurations: Configuration[] = [];
    for (const [combination, changes] of combinations(sweep)) {
      const name = epochs === undefined ? combination : `${combination}, ${epochs} epochs`;
      const all = epochs === undefined ? changes : { ...changes, epochs };
      const fields = withPath(
        changed(common, all, `${path}: ${name}`),
        (folder) => resolve(dirname(path), folder),
      );
      const opened: Run[] = [];
      for (const seed of sweep.seeds) opened.push(await open(fields, seed, name));
      const same = known.get(opened[0].id);
      if (same !== undefined) throw new UsageError(`${path}: ${name} is ${same} once more.`);
      known.set(opened[0].id, name);
      configurations.push({ name, runs: opened });
    }
    rounds.push(configurations);
  }
  if (settings.size > 1) {
    const names = [...settings.keys()].map(({ name, fingerprint }) => `${name} (${fingerprint})`);
    throw new UsageError(
      `${path}: a sweep is of one data set, not of ${names.join(" and ")}. Make one of each.`,
    );
  }
  return { sweep, id, rounds };
}

/**
 * What a sweep's first configuration trains; nothing is opened.
 *
 * @param path The sweep's file.
 * @returns Fields of its spec, but the seed.
 * @throws {DataError} The file is missing or no sweep.
 */
export async function firstFields(path: string): Promise<SpecFields> {
  const { sweep } = await readSweepFile(path), [[name, changes]] = combinations(sweep);
  return changed(await commonFields(sweep, path), changes, `${path}: ${name}`);
}

/** What all its runs have in common. */
function commonFields({ base }: Sweep, path: string): Promise<SpecFields> {
  return readFields({ from: isPresetRun(base) ? base : resolve(dirname(path), base) });
}

function changed(common: SpecFields, changes: SpecFields, name: string): SpecFields {
  return Object.entries(changes).reduce((fields, [field, value]) => put(fields, field, value, name), common);
}

/**
 * How many configurations a round has.
 *
 * @param planned The sweep.
 * @param round Which round, from 0.
 * @returns All in the first one, one at least in each.
 */
export function sizeOf({ sweep: { halving }, rounds: [first] }: PlannedSweep, round: number): number {
  let count = first.length;
  for (let at = 0; at < round; at++) count = Math.max(1, Math.round(count * halving!.keep));
  return count;
}

/** Each variant with each combination of the grid: what it is called, and the fields that it changes. */
function combinations({ variants, grid }: Sweep): [name: string, changes: SpecFields][] {
  const named = Object.entries(variants);
  let all: [string[], SpecFields][] = named.length > 0
    ? named.map(([name, changes]) => [[name], changes])
    : [[[], {}]];
  for (const [field, values] of Object.entries(grid)) {
    all = all.flatMap(([names, changes]) =>
      values.map((value): [string[], SpecFields] => [
        // What all have is nobody's name.
        values.length === 1
          ? names
          : [...names, `${field} ${typeof value === "string" ? value : JSON.stringify(value)}`],
        { ...changes, [field]: value },
      ])
    );
  }
  return all.map(([names, changes]) => [names.join(", ") || "base", changes]);
}

/** A function whose value for equal arguments is made once. */
function once<Argument extends object, Value>(make: (argument: Argument) => Value) {
  const made = new Map<string, Value>();
  return (argument: Argument): Value => {
    const key = digestOf(argument);
    if (!made.has(key)) made.set(key, make(argument));
    return made.get(key)!;
  };
}
