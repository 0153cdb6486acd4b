/**
 * Specs as a user writes them: a JSON file that may extend another one or one of the
 * paper's runs, with fields changed on the command line.
 *
 * @module
 */
import { dirname, resolve } from "@std/path";
import { z } from "zod";
import { UsageError } from "../base/errors.ts";
import { checked, nearest } from "../base/schema.ts";
import type { Dataset } from "../data/dataset.ts";
import { type DatasetConfig, type DatasetName, openDataset } from "../data/datasets.ts";
import { type MetricConfig, metricSchema } from "../evaluation/metrics.ts";
import { demandLabels } from "../training/beside.ts";
import { type RunSpec, specSchema } from "../training/spec.ts";
import { datasetOf, preset as presetOf, presets } from "./presets.ts";
import { RUN_NAMES, type RunName, runSpec } from "./runs.ts";
import { supported } from "./supported.ts";

type Json = Readonly<Record<string, unknown>>;

/** What a spec is made from. */
export interface SpecSource {
  /** A JSON file, or a preset's run such as `quick/s-jea`. */
  readonly from: string;
  /** Changed fields: `epochs=3`, `levels.1.encoder.width=32`. */
  readonly set?: readonly string[];
  /** Folder with data sets, as `--data` names it. */
  readonly data?: string;
}

/** The fields of a spec as they are written, before they are checked. */
export type SpecFields = Json;

/**
 * Reads the fields that a source states, those that it extends among them.
 *
 * @param source Where they stand.
 * @returns The fields, without the words of the file itself.
 * @throws {UsageError} A file that is no JSON, or a run or preset that does not exist.
 */
export async function readFields({ from, set = [] }: Omit<SpecSource, "data">): Promise<SpecFields> {
  return withoutWords(set.reduce(change, await extended(from, [])));
}

/**
 * The fields that code states, on top of those that they extend.
 *
 * @param fields As a file has them; paths are seen from the working directory.
 * @param name What they are called, for messages.
 * @returns The fields, without `extends`.
 * @throws {UsageError} A file that is no JSON, or a run or preset that does not exist.
 */
export async function extendedFields(fields: SpecFields, name: string): Promise<SpecFields> {
  return withoutWords(await ontoBase(fields, name, []));
}

/** Without what belongs to a file and not to a run. */
function withoutWords({ $schema: _, $comment: __, extends: ___, ...written }: SpecFields): SpecFields {
  return written;
}

/**
 * Makes a spec of its fields.
 *
 * @param fields What is written.
 * @param name What they are called, for messages.
 * @param open Opens the data set.
 * @returns The whole spec, and its data set.
 * @throws {UsageError} A field or name that does not exist, or a value that it cannot have.
 * @throws {DataError} The data set is damaged, or another one than the spec's.
 */
export async function specOf(
  fields: SpecFields,
  name: string,
  open: (dataset: DatasetConfig) => Promise<Dataset>,
): Promise<{ spec: RunSpec; dataset: Dataset }> {
  // The fingerprint follows from the images; where the file names one, it has to be theirs.
  const learnt = Object(fields.data) as Json, unknown = learnt.fingerprint === undefined;
  const fault = (wrong: string) => new UsageError(`${name}: ${wrong}`);
  const whole = unknown ? { ...fields, data: { ...learnt, fingerprint: "" } } : fields;
  const spec = await supported(checked(specSchema, whole, fault));
  const dataset = await open(spec.data.dataset);
  const { images } = spec.data, available = dataset.train.labels.length;
  if (images > available) {
    throw fault(`data.images is ${images}, but ${dataset.name} has ${available} training images.`);
  }
  try {
    demandLabels(spec, dataset);
  } catch (error) {
    throw error instanceof UsageError ? fault(error.message) : error;
  }
  return {
    spec: unknown ? { ...spec, data: { ...spec.data, fingerprint: dataset.fingerprint } } : spec,
    dataset,
  };
}

/**
 * Reads a spec and opens what it learns from.
 *
 * @param source Where it stands.
 * @returns The whole spec, and its data set.
 * @throws {UsageError} A file that is no JSON, a field or name that does not exist, or a value that it cannot have.
 * @throws {DataError} The data set is damaged, or another one than the spec's.
 */
export async function readSpecFile(source: SpecSource): Promise<{ spec: RunSpec; dataset: Dataset }> {
  const { from, set = [], data } = source;
  const name = `${from}${set.length > 0 ? `, with --set ${set.join(" --set ")}` : ""}`;
  return await specOf(await readFields(source), name, (dataset) => openDataset(dataset, data));
}

/** Whether a word names a preset's run, such as `quick/s-jea`, and no file. */
export const isPresetRun = (word: string): boolean => Object.hasOwn(presets, word.split("/")[0]);

/** The fields of a file, on top of those that it extends. */
async function extended(from: string, seen: readonly string[]): Promise<Json> {
  const [preset, run = ""] = from.split("/");
  if (isPresetRun(from)) return presetRun(preset, run);
  if (seen.includes(from)) throw new UsageError(`${[...seen, from].join(" extends ")}: that is a circle.`);
  let json: unknown;
  try {
    json = JSON.parse(await Deno.readTextFile(from));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new UsageError(`${from} cannot be read as JSON (${(error as Error).message}).`);
    }
    const meant = nearest(preset, Object.keys(presets));
    throw new UsageError(
      `There is no file ${from}. Name a JSON file, or a run of a preset such as ${meant ?? "quick"}/s-jea ` +
        `(presets: ${Object.keys(presets).join(", ")}; runs: ${RUN_NAMES.join(", ")}).`,
    );
  }
  if (!isRecord(json)) throw new UsageError(`${from} holds no JSON object.`);
  return await ontoBase(json, from, seen);
}

/** Fields on top of what they extend; paths in them are seen from the folder of their file. */
async function ontoBase(fields: Json, from: string, seen: readonly string[]): Promise<Json> {
  const { extends: base } = fields, own = withPath(fields, (path) => resolve(dirname(from), path));
  if (base === undefined) return own;
  if (typeof base !== "string") throw new UsageError(`${from}: extends is no text.`);
  const below = isPresetRun(base) ? base : resolve(dirname(from), base);
  return merged(await extended(below, [...seen, from]), own);
}

/**
 * The fields with the data set's path, if it has one, seen from elsewhere.
 *
 * @param fields What is written.
 * @param seen Makes the path absolute.
 * @returns A copy, or the same where there is no path.
 */
export function withPath(fields: SpecFields, seen: (path: string) => string): SpecFields {
  const data = Object(fields.data) as Json, dataset = Object(data.dataset) as Json, { path } = dataset;
  if (typeof path !== "string" || !path) return fields;
  return { ...fields, data: { ...data, dataset: { ...dataset, path: seen(path) } } };
}

/** One of the paper's runs, as a preset has it, without the data's fingerprint. */
function presetRun(name: string, run: string): Json {
  if (!RUN_NAMES.includes(run as RunName)) {
    const meant = nearest(run, RUN_NAMES);
    throw new UsageError(
      `Preset ${name} has no run "${run}". ${
        meant ? `Did you mean ${name}/${meant}?` : `Runs: ${RUN_NAMES.join(", ")}.`
      }`,
    );
  }
  const preset = presetOf(name), dataset: DatasetConfig = datasetOf(preset, preset.dataset as DatasetName);
  const { data: { fingerprint: _, ...data }, ...spec } = runSpec(run as RunName, preset, {
    name: dataset.name,
    fingerprint: "",
  }, 0);
  return { ...spec, data };
}

const isRecord = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Records are merged field by field, unless they are of another kind or name; all else is replaced. */
function merged(below: Json, above: Json): Json {
  const other = ["name", "kind"].some((tag) => above[tag] !== undefined && above[tag] !== below[tag]);
  if (other) return above;
  const fields = Object.entries(above).map(([key, value]) => {
    const before = below[key];
    return [key, isRecord(before) && isRecord(value) ? merged(before, value) : value];
  });
  return { ...below, ...Object.fromEntries(fields) };
}

/** The fields with one of them changed, as the command line says it. */
function change(fields: Json, override: string): Json {
  const [path, text] = override.split(/=(.*)/s);
  if (text === undefined) throw new UsageError(`--set ${override}: say FIELD=VALUE, such as epochs=3.`);
  let value: unknown = text;
  try {
    value = JSON.parse(/^[\d.,eE+-]+$/.test(text) && text.includes(",") ? `[${text}]` : text);
  } catch {
    // A text.
  }
  // A list of one, or of none, looks like a number or nothing.
  const listed = (before: unknown) =>
    !Array.isArray(before) ? value : text === "" ? [] : typeof value === "number" ? [value] : value;
  return put(fields, path, listed, `--set ${override}`);
}

/**
 * The fields with one of them changed.
 *
 * @param fields All of them.
 * @param path Which one: `levels.1.encoder.width`.
 * @param value Its value, or what makes it of the value before.
 * @param name What asks for it, for messages.
 * @returns A copy.
 * @throws {UsageError} A list has no such entry.
 */
export function put(
  fields: SpecFields,
  path: string,
  value: unknown,
  name: string,
): SpecFields {
  const within = (node: unknown, [key, ...rest]: string[]): unknown => {
    if (key === undefined) return typeof value === "function" ? value(node) : value;
    if (Array.isArray(node)) {
      if (/^\d+$/.test(key) && Number(key) < node.length) {
        return node.with(Number(key), within(node[Number(key)], rest));
      }
      throw new UsageError(
        `${name}: there are ${node.length} entries, from 0 to ${node.length - 1}, and no ${key}.`,
      );
    }
    return { ...Object(node), [key]: within(Object(node)[key], rest) };
  };
  return within(fields, path.split(".")) as SpecFields;
}

/**
 * Metrics as a user names them: `rankme`, `knn.k=5,20`.
 *
 * @param asked Names, or fields to change; what is said of one metric goes together.
 * @param own What a preset says of some of them.
 * @returns The metrics that are named; fields that nobody gives have their defaults.
 * @throws {UsageError} A metric or field that does not exist, or a value that it cannot have.
 */
export function metricsFrom(asked: readonly string[], own: readonly MetricConfig[]): MetricConfig[] {
  const chosen = new Map<string, Json>();
  for (const word of asked) {
    const name = word.split(/[.=]/)[0];
    const fields = chosen.get(name) ?? { name, ...own.find((metric) => metric.name === name) };
    chosen.set(name, word === name ? fields : (change({ [name]: fields }, word)[name] as Json));
  }
  return [...chosen.values()].map((fields) =>
    checked(metricSchema, fields, (wrong) => new UsageError(`--metric ${asked.join(" --metric ")}: ${wrong}`))
  );
}

/** The JSON schema of a spec's file, for editors: its `$schema`. */
export function specFileSchema(): Json {
  const schema = z.toJSONSchema(specSchema, { io: "input" }) as { properties: Json };
  const whole = {
    ...schema,
    title: "A run of S-JEA notebooks",
    properties: {
      $schema: { type: "string" },
      $comment: { type: "string" },
      extends: { type: "string", description: "another such file, or a preset's run such as quick/s-jea" },
      ...schema.properties,
    },
  };
  // What is missing may come from what it extends.
  return JSON.parse(
    JSON.stringify(whole, (key, value) => key === "required" && Array.isArray(value) ? undefined : value),
  );
}
