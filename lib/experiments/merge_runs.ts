/**
 * Runs that other machines trained, brought together in one folder.
 *
 * @module
 */
import { join } from "@std/path";
import { DataError, UsageError } from "../base/errors.ts";
import { exists, needRoom, writeAtomically } from "../base/files.ts";
import { lock } from "../base/lock.ts";
import { ENCODER, encoderDigest, INDEX } from "../training/checkpoint.ts";
import { readOrigins } from "../training/origin.ts";
import { runId } from "../training/spec.ts";
import { type StoredRun, storedRuns } from "./run_folders.ts";

/** What becomes of a run that is to be merged. */
export interface Merge {
  /** The run, where it comes from. */
  readonly run: StoredRun;
  /** Whether its files are taken, or only those of evaluations that are not here yet. */
  readonly takes: "all" | "evaluations" | "nothing";
  /** Why, for people. */
  readonly why: string;
}

/**
 * Plans which runs of some folders are taken over: those that are not here, or are further than here. A run that is
 * finished here is never replaced; one that was trained twice stays what it is here.
 *
 * @param from Folders of runs.
 * @param to Folder of all runs here.
 * @returns What becomes of each, in the folders' order.
 * @throws {UsageError} A folder has no runs.
 * @throws {DataError} A run's folder is not called by its spec's id, or two machines split the images differently:
 * nothing of it belongs here.
 */
export async function planMerge(from: readonly string[], to: string): Promise<Merge[]> {
  const here = new Map((await storedRuns(to)).map((run) => [run.id, run]));
  const plan: Merge[] = [];
  for (const folder of from) {
    const runs = await storedRuns(folder);
    if (runs.length === 0) throw new UsageError(`${folder} has no runs: name a folder such as data/runs.`);
    for (const run of runs) {
      if (runId(run.spec) !== run.id) {
        throw new DataError(
          `${run.folder} holds the spec of run ${runId(run.spec)}: it was renamed or changed by hand. ` +
            "Take it out of the folder and merge again.",
        );
      }
      const known = here.get(run.id), merge = await decide(run, known);
      plan.push(merge);
      if (merge.takes === "all") here.set(run.id, run);
    }
    await demandSameSplits(folder, to);
  }
  return plan;
}

async function decide(run: StoredRun, known?: StoredRun): Promise<Merge> {
  const take = (takes: Merge["takes"], why: string): Merge => ({ run, takes, why });
  if (!known) return take("all", "not here yet");
  if (known.finished && run.finished) {
    const [ours, theirs] = await Promise.all([known, run].map(({ folder }) => encoderDigest(folder)));
    if (ours === theirs) return take("evaluations", "the same encoder is here");
    const [code, other] = await Promise.all(
      [known, run].map(async ({ folder }) =>
        new Set(
          (await readOrigins(folder)).map(({ code, threads, device }) => `${code} ${threads} ${device}`),
        )
      ),
    );
    const alike = code.symmetricDifference(other).size === 0;
    return take(
      "nothing",
      `finished here, ${alike ? "with another encoder" : "by other code or another device"}`,
    );
  }
  if (known.finished) return take("nothing", "finished here");
  if (run.finished || run.done > known.done) {
    return take("all", `${known.done} of ${known.steps} steps are here`);
  }
  return take("nothing", "as far here");
}

/** Held-out images of the one must not be training images of the other. */
async function demandSameSplits(from: string, to: string): Promise<void> {
  for await (const { name } of Deno.readDir(from)) {
    const [theirs, ours] = [join(from, name), join(to, name)];
    if (!/^split-.*\.json$/.test(name) || !await exists(ours)) continue;
    if (await Deno.readTextFile(theirs) === await Deno.readTextFile(ours)) continue;
    throw new DataError(`${theirs} is another split than ${ours}: runs of other images do not belong here.`);
  }
}

/**
 * Takes over what was planned. The encoder of a run comes last: one that was interrupted on its way is unfinished
 * here, and merged again.
 *
 * @param plan What to take.
 * @param to Folder of all runs here.
 * @throws {UsageError} A run that is to be replaced is being trained.
 * @throws {DiskFullError} There is no room.
 */
export async function mergeRuns(plan: readonly Merge[], to: string): Promise<void> {
  for (const { run: { id, folder }, takes } of plan) {
    if (takes === "nothing") continue;
    const target = join(to, id);
    using _ = await lock(join(target, "lock"), (owner) => {
      throw new UsageError(`${owner} is training ${id} here. Stop that first, and merge again.`);
    });
    const names = Array.from(Deno.readDirSync(folder), ({ name }) => name).filter((name) =>
      name !== "lock" && (takes === "all" || name.startsWith("evaluation-"))
    );
    const last = (name: string) => [INDEX, ENCODER].indexOf(name);
    for (const name of names.toSorted((a, b) => last(a) - last(b))) {
      if (takes === "evaluations" && await exists(join(target, name))) continue;
      const bytes = await Deno.readFile(join(folder, name));
      await needRoom(target, bytes.length, name);
      await writeAtomically(join(target, name), bytes);
    }
    for await (const { name } of Deno.readDir(target)) {
      if (takes === "all" && name.startsWith("checkpoint") && !names.includes(name)) {
        await Deno.remove(join(target, name));
      }
    }
  }
}
