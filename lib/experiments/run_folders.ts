/**
 * The runs that lie in a folder: found by id or short name, compared with each other.
 *
 * @module
 */
import { join } from "@std/path";
import { DataError, UsageError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { nearest } from "../base/schema.ts";
import { encoderTitle } from "../model/encoders.ts";
import { hasEncoder } from "../training/checkpoint.ts";
import { LOG, readMetrics } from "../training/log.ts";
import { totalSteps } from "../training/train.ts";
import { readSpec, type RunSpec, SPEC, trainedFrom } from "../training/spec.ts";

/** A run in its folder. */
export interface StoredRun {
  /** Its id. */
  readonly id: string;
  /** Where everything of it lies. */
  readonly folder: string;
  /** What defines it. */
  readonly spec: RunSpec;
  /** What its spec is like, in a word; several runs may share it. */
  readonly name: string;
  /** Steps logged so far. */
  readonly done: number;
  /** Steps that it takes. */
  readonly steps: number;
  /** Whether its encoder is there. */
  readonly finished: boolean;
  /** When its log last grew. */
  readonly changed: Date;
}

/**
 * A spec in a word: encoders, losses, epochs and seed, such as `r18w16+r18w16-vicreg-5e-s0`. What is frozen is
 * called so, `r18w16.frozen+r18w16-vicreg-5e-s0`, and its loss, which is not computed, is not named.
 *
 * @param spec The spec.
 * @returns The word.
 */
export function shortName({ levels, epochs, seed }: RunSpec): string {
  const encoders = levels.map(({ encoder, frozen }) =>
    `${encoderTitle(encoder).replace(/^ResNet-/, "r").toLowerCase()}w${encoder.width}${
      frozen ? ".frozen" : ""
    }`
  );
  const losses = new Set(levels.slice(trainedFrom({ levels })).map(({ loss }) => loss.name));
  return `${encoders.join("+")}-${[...losses].join("+")}-${epochs}e-s${seed}`;
}

/**
 * All runs of a folder, the one that changed last first.
 *
 * @param runs Folder of all runs.
 * @returns What lies there; what is no run is passed over, a spec that cannot be read with a word about it.
 */
export async function storedRuns(runs: string): Promise<StoredRun[]> {
  const found: StoredRun[] = [];
  if (!await exists(runs)) return found;
  for await (const { name: id, isDirectory } of Deno.readDir(runs)) {
    const folder = join(runs, id), file = join(folder, SPEC);
    if (!isDirectory || !await exists(file)) continue;
    const spec = await readSpec(file).catch((error) => {
      if (!(error instanceof DataError)) throw error;
      console.error(`Passed over, damaged or written by another version: ${error.message}`);
    });
    if (!spec) continue;
    const log = await Deno.stat(join(folder, LOG)).catch(() => undefined);
    found.push({
      id,
      folder,
      spec,
      name: shortName(spec),
      done: log ? (await readMetrics(folder)).length : 0,
      steps: totalSteps(spec),
      finished: await hasEncoder(folder),
      changed: (log ?? await Deno.stat(file)).mtime ?? new Date(0),
    });
  }
  return found.toSorted((a, b) => b.changed.getTime() - a.changed.getTime());
}

/**
 * The run that a word means.
 *
 * @param runs The runs.
 * @param word The beginning of an id, or a short name.
 * @returns The run.
 * @throws {UsageError} None is meant, or several are.
 */
export function findRun(runs: readonly StoredRun[], word: string): StoredRun {
  const meant = runs.filter(({ id, name }) => id.startsWith(word) || name === word);
  if (meant.length === 1) return meant[0];
  if (meant.length > 1) {
    throw new UsageError(`"${word}" may be ${meant.map(({ id }) => id).join(" or ")}: write more of the id.`);
  }
  const near = nearest(word, runs.flatMap(({ id, name }) => [id, name]));
  throw new UsageError(
    `There is no run "${word}". ${near ? `Did you mean ${near}?` : "deno task runs lists what there is."}`,
  );
}

/**
 * The fields in which two specs differ.
 *
 * @param one A spec.
 * @param other Another one.
 * @returns Each field's path and both values, as JSON; a dash where one has no such field.
 * @example
 * ```ts
 * import { differences } from "./run_folders.ts";
 * const [[field, ...values]] = differences({ epochs: 3, batch: 64 } as never, { epochs: 5, batch: 64 } as never);
 * if ([field, ...values].join() !== "epochs,3,5") throw new Error(field);
 * ```
 */
export function differences(one: RunSpec, other: RunSpec): [field: string, one: string, other: string][] {
  const [these, those] = [one, other].map(fieldsOf);
  return [...new Set([...these.keys(), ...those.keys()])]
    .map((field) => [field, these.get(field) ?? "–", those.get(field) ?? "–"] as [string, string, string])
    .filter(([, a, b]) => a !== b);
}

/**
 * A spec's fields.
 *
 * @param spec A spec.
 * @returns Each field's value as JSON, by its path, such as `levels.0.encoder.width`.
 */
export function fieldsOf(spec: RunSpec): ReadonlyMap<string, string> {
  return new Map(leaves(spec, ""));
}

/** Everything in a tree that is no record, by path. */
function leaves(value: unknown, path: string): [string, string][] {
  const records = Array.isArray(value)
    ? value.some((item) => typeof item === "object")
    : Object(value) === value;
  if (!records) return [[path, JSON.stringify(value)]];
  return Object.entries(value as object).flatMap(([key, inner]) =>
    leaves(inner, path ? `${path}.${key}` : key)
  );
}
