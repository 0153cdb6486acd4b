/**
 * Finished runs in few bytes, for a repository: whoever merges them can evaluate them, and need not train them.
 *
 * @module
 */
import { join } from "@std/path";
import { UsageError } from "../base/errors.ts";
import { writeAtomically } from "../base/files.ts";
import { decodeSafetensors, encodeSafetensors } from "../base/safetensors.ts";
import { ENCODER } from "../training/checkpoint.ts";
import { LOG, readMetrics } from "../training/log.ts";
import { ORIGINS } from "../training/origin.ts";
import { SPEC } from "../training/spec.ts";
import type { StoredRun } from "./run_folders.ts";

/** Whether a parameter or statistic is an encoder's: projectors are needed in training alone. */
const ofEncoder = (name: string) => /^(parameters|statistics)\/encoders\./.test(name);

/**
 * Writes what is needed of a finished run to evaluate it: spec, origins, the log's last step of every epoch, and the
 * encoders in half precision, without projectors.
 *
 * @param run The run.
 * @param to Folder of published runs.
 * @returns Bytes of the encoders.
 * @throws {UsageError} Its upper encoders read embeddings: it needs its projectors.
 * @throws {DataError} Its encoder is damaged.
 */
export async function publishRun({ id, folder, spec }: StoredRun, to: string): Promise<number> {
  if (spec.wiring === "embedding") {
    throw new UsageError(
      `${id} cannot be published: its upper encoders read embeddings, which need projectors.`,
    );
  }
  const target = join(to, id), path = join(folder, ENCODER);
  const { tensors, metadata } = decodeSafetensors(await Deno.readFile(path), path);
  const kept = Object.entries(tensors).filter(([name]) => ofEncoder(name));
  const half = kept.map(([name, { shape, data }]) =>
    [name, { shape, data: Float16Array.from(data) }] as const
  );
  const bytes = encodeSafetensors(Object.fromEntries(half), metadata);
  const steps = await readMetrics(folder);
  const ends = steps.filter(({ epoch }, at) => epoch !== steps[at + 1]?.epoch);
  for (const name of [SPEC, ORIGINS]) {
    await writeAtomically(join(target, name), await Deno.readFile(join(folder, name)));
  }
  await writeAtomically(join(target, LOG), ends.map((step) => `${JSON.stringify(step)}\n`).join(""));
  await writeAtomically(join(target, ENCODER), bytes);
  return bytes.length;
}
