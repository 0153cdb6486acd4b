/**
 * Where the numbers of a run come from: the code, the programs and the machine
 * of each process that trained a part of it.
 *
 * @module
 */
import { join } from "@std/path";
import { z } from "zod";
import { type Commit, commit, fingerprintOf } from "../base/code.ts";
import { exists, writeAtomically } from "../base/files.ts";
import { checkedJson } from "../base/schema.ts";
import { start } from "../compute/backend.ts";
import { engineTitle } from "../compute/engine.ts";

/** The file in a run's folder that says what trained it. */
export const ORIGINS = "origins.json";

/**
 * They find TensorFlow and images, keep files, wait, show and take notes: no weight and no accuracy depends on
 * how. (Of images the fingerprint is checked.)
 */
export const ASIDE = [
  "base/files.ts",
  "base/interrupt.ts",
  "base/lock.ts",
  "base/progress.ts",
  "base/say.ts",
  "compute/onnxruntime/library.ts",
  "compute/tensorflow/library.ts",
  "data/datasets.ts",
  "training/online.ts",
  "training/origin.ts",
  "training/tensorboard.ts",
];

/** What one process trained with. */
export interface Origin extends Commit {
  /** First step that it trained. */
  readonly step: number;
  /** Fingerprint of the sources that weights depend on. */
  readonly code: string;
  /** Version of Deno. */
  readonly deno: string;
  /** Version of the one engine that computed. */
  readonly tensorflow?: string;
  /** The same of ONNX Runtime. */
  readonly onnxruntime?: string;
  /** Such as `CPU:0`. */
  readonly device: string;
  /** Threads of the engine. */
  readonly threads: number;
  /** Processes that trained together, this one among them; absent: it was alone. */
  readonly processes?: number;
  /** ISO 8601. */
  readonly started: string;
}

/** {@link Origin} in a file. */
export const originSchema: z.ZodType<Origin> = z.strictObject({
  step: z.int().nonnegative(),
  code: z.string(),
  commit: z.string().nullable(),
  dirty: z.boolean(),
  deno: z.string(),
  tensorflow: z.string().optional(),
  onnxruntime: z.string().optional(),
  device: z.string(),
  threads: z.int(),
  processes: z.int().optional(),
  started: z.iso.datetime(),
});

/**
 * Fingerprint of the sources that trained weights depend on, as they are now.
 *
 * @returns Twelve hex digits.
 */
export function trainingCode(): Promise<string> {
  return fingerprintOf(["training/train.ts", "data/split.ts"], ASIDE);
}

/**
 * Notes that this process trains a run from a step on.
 *
 * @param folder The run's folder.
 * @param step The step.
 * @param processes Processes that train together.
 */
export async function addOrigin(folder: string, step: number, processes = 1): Promise<void> {
  const { engine, name, threads, version } = await start();
  const origin: Origin = {
    step,
    code: await trainingCode(),
    ...await commit(),
    deno: Deno.version.deno,
    [engine]: version,
    device: name,
    threads,
    ...processes > 1 && { processes },
    started: new Date().toISOString(),
  };
  // What was trained after this step is forgotten.
  const origins = (await readOrigins(folder)).filter((other) => other.step < step);
  const before = origins.length > 0 ? engineTitle(origins.at(-1)!) : undefined;
  if (before !== undefined && before !== engineTitle(origin)) {
    console.error(
      `This run was begun on ${before} and goes on on ${
        engineTitle(origin)
      }: its numbers will be neither's, bit by bit.`,
    );
  }
  await writeAtomically(join(folder, ORIGINS), JSON.stringify([...origins, origin], null, 2) + "\n");
}

/**
 * The processes that trained a run.
 *
 * @param folder The run's folder.
 * @returns One entry a process, in order; none where they were not noted.
 * @throws {DataError} The file is damaged.
 */
export async function readOrigins(folder: string): Promise<Origin[]> {
  const path = join(folder, ORIGINS);
  if (!await exists(path)) return [];
  const again = `Delete ${folder} to train the run again.`;
  return checkedJson(z.array(originSchema), await Deno.readTextFile(path), path, again);
}
