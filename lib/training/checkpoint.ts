/**
 * The state of a run on the disk: the checkpoint that an interrupted run goes
 * on from, and the encoder that a finished one leaves.
 *
 * Order of data, views and learning rate follow from a step's number and the
 * run's seed (see `lib/base/random.ts`), so that the number is their state.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { z } from "zod";
import { DataError, TrainingError } from "../base/errors.ts";
import { digest, exists, needRoom, writeAtomically } from "../base/files.ts";
import { decodeSafetensors, encodeSafetensors, type HostTensor } from "../base/safetensors.ts";
import { checkedJson } from "../base/schema.ts";
import type { Tensors } from "../compute/ops.ts";
import { tf } from "../compute/tf.ts";
import type { Network } from "../model/layers.ts";
import type { TrainingState } from "./step.ts";

/** How far a run is. */
export interface Position {
  /** Steps done. */
  readonly step: number;
  /** Seconds of training, interruptions left out. */
  readonly seconds: number;
}

/** The files in a run's folder that say where it goes on, and that it is finished: without them the others count for nothing. */
export const INDEX = "checkpoint.json", ENCODER = "encoder.safetensors";

const FORMAT = "s-jea checkpoint", VERSION = 1;

const indexSchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  /** The file with the tensors, beside this one. */
  file: z.string().regex(/^checkpoint-\d+\.safetensors$/),
  sha256: z.string(),
  step: z.int().positive(),
  seconds: z.number().nonnegative(),
});

/**
 * Writes a checkpoint. The one before is kept until this one has been read
 * back and found to be what was written.
 *
 * @param folder The run's folder.
 * @param state The state.
 * @param position How far the run is.
 * @throws {DiskFullError} There is no room.
 * @throws {TrainingError} A number of the state is NaN or infinite: the checkpoint before is the last good one.
 * @throws {DataError} The disk gives back something else than was written.
 */
export async function saveCheckpoint(
  folder: string,
  state: TrainingState,
  position: Position,
): Promise<void> {
  const tensors = onHost({ ...state });
  refuseNonFinite(tensors, position.step);
  const bytes = encodeSafetensors(tensors), sha256 = createHash("sha256").update(bytes).digest("hex");
  await needRoom(folder, bytes.length, "A checkpoint");
  const file = `checkpoint-${position.step}.safetensors`, path = join(folder, file);
  await writeAtomically(path, bytes);
  if (await digest(path, "sha256") !== sha256) {
    await Deno.remove(path);
    throw new DataError(
      `${path} could not be read back as it was written: is the disk sound? The checkpoint before is kept.`,
    );
  }
  const index: z.infer<typeof indexSchema> = { format: FORMAT, version: VERSION, file, sha256, ...position };
  await writeAtomically(join(folder, INDEX), JSON.stringify(index, null, 2) + "\n");
  await removeCheckpoints(folder, file);
}

/**
 * Reads a run's checkpoint.
 *
 * @param folder The run's folder.
 * @returns State and position, or undefined if there is none.
 * @throws {DataError} It is damaged.
 */
export async function readCheckpoint(
  folder: string,
): Promise<{ state: TrainingState; position: Position } | undefined> {
  const path = join(folder, INDEX);
  if (!await exists(path)) return;
  const again = `Delete ${folder} to train the run from its beginning.`;
  const index = checkedJson(indexSchema, await Deno.readTextFile(path), path, again);
  const { file, sha256, step, seconds } = index, tensors = join(folder, file);
  if (!await exists(tensors)) throw new DataError(`${path} names ${file}, which is not there. ${again}`);
  const bytes = await Deno.readFile(tensors);
  if (createHash("sha256").update(bytes).digest("hex") !== sha256) {
    throw new DataError(`${tensors} is damaged: it is not what was written. ${again}`);
  }
  const { parameters, statistics, slots, momentum } = onDevice(decodeSafetensors(bytes, tensors).tensors);
  const state = { parameters, statistics, slots, ...momentum && { momentum } };
  return { state, position: { step, seconds } };
}

/**
 * Whether a run is finished.
 *
 * @param folder The run's folder.
 * @returns True when its encoder is there.
 */
export function hasEncoder(folder: string): Promise<boolean> {
  return exists(join(folder, ENCODER));
}

/**
 * Writes what a finished run leaves; its checkpoint is not needed any longer.
 *
 * @param folder The run's folder.
 * @param network The encoders and their projectors.
 * @param position Where the run ended.
 * @throws {DiskFullError} There is no room.
 */
export async function saveEncoder(folder: string, network: Network, position: Position): Promise<void> {
  const { parameters, statistics } = network;
  const tensors = onHost({ parameters, statistics });
  refuseNonFinite(tensors, position.step);
  const metadata = { step: `${position.step}`, seconds: position.seconds.toFixed(1) };
  await writeAtomically(join(folder, ENCODER), encodeSafetensors(tensors, metadata));
  await removeCheckpoints(folder);
}

/**
 * Reads the encoders and projectors that a finished run left.
 *
 * @param folder The run's folder.
 * @returns The network, the caller's to dispose.
 * @throws {DataError} The file is damaged.
 */
export async function readNetwork(folder: string): Promise<Network> {
  const { parameters, statistics } = onDevice((await readFinished(folder)).tensors);
  return { parameters, statistics };
}

/** Seconds that a finished run was trained, interruptions left out. */
export async function trainedSeconds(folder: string): Promise<number> {
  return Number((await readFinished(folder)).metadata.seconds);
}

async function readFinished(folder: string) {
  const path = join(folder, ENCODER);
  return decodeSafetensors(await Deno.readFile(path), path);
}

/**
 * What tells the weights of a finished run from all others.
 *
 * @param folder The run's folder.
 * @returns The SHA-256 of its encoder.
 */
export function encoderDigest(folder: string): Promise<string> {
  return digest(join(folder, ENCODER), "sha256");
}

/** Removes all checkpoints but one. */
async function removeCheckpoints(folder: string, kept?: string): Promise<void> {
  if (kept === undefined) await Deno.remove(join(folder, INDEX)).catch(() => {});
  for await (const { name } of Deno.readDir(folder)) {
    if (/^checkpoint-\d+\.safetensors$/.test(name) && name !== kept) await Deno.remove(join(folder, name));
  }
}

/** Groups of tensors as `group/name`. */
function onHost(groups: Record<string, Tensors>): Record<string, HostTensor> {
  return Object.fromEntries(
    Object.entries(groups).flatMap(([group, members]) =>
      Object.entries(members).map(([name, tensor]) => [
        `${group}/${name}`,
        { shape: tensor.shape, data: tensor.dataSync() as Float32Array },
      ])
    ),
  );
}

function onDevice(tensors: Readonly<Record<string, HostTensor>>): Record<string, Tensors> {
  const groups: Record<string, Record<string, tf.Tensor>> = { parameters: {}, statistics: {}, slots: {} };
  for (const [key, { shape, data }] of Object.entries(tensors)) {
    const slash = key.indexOf("/");
    (groups[key.slice(0, slash)] ??= {})[key.slice(slash + 1)] = tf.tensor(data, shape as number[]);
  }
  return groups;
}

/** Parameters can overflow in the very step whose loss was the last finite one. */
function refuseNonFinite(tensors: Readonly<Record<string, HostTensor>>, step: number): void {
  for (const [name, { data }] of Object.entries(tensors)) {
    if (data.every(Number.isFinite)) continue;
    throw new TrainingError(
      `Training diverged: ${name} is no longer finite after ${step} steps. ` +
        "Lower the learning rate or use float32. The checkpoint before, if there is one, is the last good one.",
    );
  }
}
