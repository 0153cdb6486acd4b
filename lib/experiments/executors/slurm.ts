/**
 * Trains runs on a cluster by Slurm, each an element of a job array. What is known of them lies in the runs' folders:
 * which element of which array trains a run, before it is submitted; who looks after them may end and begin anew,
 * on any machine that sees the folders. Relied upon there are renames and advisory locks.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { join } from "@std/path";
import { EnvironmentError, UsageError } from "../../base/errors.ts";
import { writeAtomically } from "../../base/files.ts";
import { Interrupted, watchSignals } from "../../base/interrupt.ts";
import { lock } from "../../base/lock.ts";
import { say } from "../../base/say.ts";
import type { Run } from "../run.ts";
import { type Executor, type ExecutorKind, logOf, whyFailed, type Wishes } from "./executor.ts";
import { liveLines, pacer } from "./lines.ts";
import { arraysOf, jobArray, type JobOptions, submission } from "./slurm_script.ts";

/** Milliseconds between two looks at the queue, and at signals. */
const LOOK = 10_000, TICK = 100;

/** Looks in succession without a trace of an element after which it is over: it may just have ended, or be new. */
const LOOKS = 2;

/** File of a run's folder that names its array and its element. */
const ELEMENT = "slurm.txt";

/** An element of a job array. */
interface Element {
  /** Its array's name and its number, which are known before it is submitted. */
  readonly key: string;
  /** Its array's id and its number, as Slurm's programs take them. */
  readonly job: string;
}

/**
 * Trains runs on Slurm.
 *
 * @param options What of the jobs the user decides.
 * @returns The executor.
 */
export function slurmExecutor(options: JobOptions): Executor {
  return {
    async train(runs, ended) {
      const left = await submitted(runs, options), traceless = new Map<Run, number>();
      const count = { trained: 0, failed: 0 };
      using watch = watchSignals("Leaving the jobs to themselves.");
      using lines = liveLines();
      const look = pacer();
      for (;;) {
        const queue = await queued().catch((error) => {
          if (!(error instanceof EnvironmentError)) throw error;
          lines.show(["Slurm does not answer, and is asked again:", ...error.message.split("\n")]);
        });
        if (queue) {
          const running: Run[] = [];
          for (const [run, { key, job }] of left) {
            const state = queue.get(key)?.state;
            if (state !== undefined) {
              traceless.delete(run);
              if (state === "RUNNING") running.push(run);
              continue;
            }
            const looks = (traceless.get(run) ?? 0) + 1;
            traceless.set(run, looks);
            if (await isTrained(run)) {
              count.trained++;
              ended(run, null);
            } else if (looks >= LOOKS) {
              count.failed++;
              ended(run, await whyFailed(run, await howEnded(job)));
            } else continue;
            left.delete(run);
          }
          const { trained, failed } = count, waiting = left.size - running.length;
          lines.show([
            `${trained} of ${runs.length} trained, ${running.length} in training, ${waiting} waiting` +
            (failed > 0 ? `, ${failed} failed` : ""),
            ...await look(running),
          ]);
          if (left.size === 0) return;
        }
        for (let waited = 0; waited < LOOK && watch.signal === undefined; waited += TICK) await pause(TICK);
        if (watch.signal === undefined) continue;
        const arrays = new Set([...left.values()].map(({ job }) => job.split("_")[0]));
        throw new Interrupted(
          watch.signal,
          "The jobs go on. The same command follows them, here or on another machine that sees " +
            `${runs[0].setting.runs}; scancel ${[...arrays].join(" ")} cancels them.`,
        );
      }
    },
  };
}

/** Submits what is neither queued nor running, and tells which element trains each run. */
async function submitted(runs: readonly Run[], options: JobOptions): Promise<Map<Run, Element>> {
  const elements = new Map<Run, Element>(), missing: Run[] = [];
  using _ = await lock(
    join(runs[0].setting.runs, "slurm.lock"),
    (owner) => say(`${owner} is submitting jobs; waiting until it is done.`),
  );
  const queue = await queued();
  for (const run of runs) {
    const element = queue.get(await Deno.readTextFile(join(run.folder, ELEMENT)).catch(() => ""));
    if (element) elements.set(run, element);
    else missing.push(run);
  }
  for (const { part, name } of arraysOf(missing)) {
    const { args, script } = await jobArray(part, name, options), keys = part.map((_, at) => `${name} ${at}`);
    for (const [at, run] of part.entries()) {
      await Deno.remove(logOf(run)).catch(() => {});
      await writeAtomically(join(run.folder, ELEMENT), keys[at]);
    }
    const [array] = (await slurm("sbatch", args, script)).trim().split(";");
    part.forEach((run, at) => elements.set(run, { key: keys[at], job: `${array}_${at}` }));
  }
  return elements;
}

/** The user's elements that are queued or run, with their states, by key. */
async function queued(): Promise<Map<string, Element & { readonly state: string }>> {
  const out = await slurm("squeue", ["--me", "--noheader", "--array", "--format=%j|%F|%K|%T"]);
  return new Map(
    out.split("\n").filter((line) => line !== "").map((line) => {
      const [name, array, at, state] = line.split("|"), key = `${name} ${at}`;
      return [key, { key, job: `${array}_${at}`, state }];
    }),
  );
}

/** Whether a run's encoder is there. A folder that is opened is asked for anew on NFS, which else remembers. */
async function isTrained(run: Run): Promise<boolean> {
  for await (const _ of Deno.readDir(run.folder)) break;
  return await run.isFinished();
}

/** How a job ended, as far as Slurm remembers: with accounting, or else for minutes. */
async function howEnded(job: string): Promise<string> {
  const options = ["--noheader", "--allocations", "--parsable2", "--format=State", `--jobs=${job}`];
  const told = await slurm("sacct", options).catch(() => "");
  const shown = await slurm("scontrol", ["--oneliner", "show", "job", job]).catch(() => "");
  const state = told.trim() || /\bJobState=(\S+)/.exec(shown)?.[1];
  return state ? `(job ${job}) ended as ${state}` : `(job ${job}) ended, and Slurm does not tell how`;
}

/** What one of Slurm's programs prints. */
async function slurm(program: string, args: readonly string[], input = ""): Promise<string> {
  const child = await begun(program, args), writer = child.stdin.getWriter();
  const [{ success, stdout, stderr }] = await Promise.all([
    child.output(),
    // A program that wants no more has said why.
    writer.write(new TextEncoder().encode(input)).then(() => writer.close()).catch(() => {}),
  ]);
  const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (success) return out;
  throw new EnvironmentError(`${program} failed: ${errors.trim()}`);
}

/** Starts one of Slurm's programs. */
async function begun(program: string, args: readonly string[]): Promise<Deno.ChildProcess> {
  try {
    // Deno would ask about a program that was not there when it was given its rights.
    const { state } = await Deno.permissions.query({ name: "run", command: program });
    if (state !== "granted") throw new Deno.errors.NotFound(program);
    return new Deno.Command(program, {
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      // Ctrl-C is for who follows the jobs.
      detached: true,
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new EnvironmentError(
      `There is no ${program} on the PATH. --executor slurm needs a machine of a cluster.`,
    );
  }
}

/** The options as a job takes them. */
function jobOptions({ partition, gres, nodes, cpus, time, "array-limit": limit, setup }: Wishes): JobOptions {
  for (const [name, value] of Object.entries({ nodes, cpus, "array-limit": limit })) {
    if (value === undefined || /^[1-9]\d*$/.test(value)) continue;
    throw new UsageError(`--${name} takes a whole number from 1 on, not "${value}".`);
  }
  return { partition, gres, nodes: Number(nodes ?? 1), cpus, time, limit, setup };
}

/** `--executor slurm`. */
export const slurmKind: ExecutorKind = {
  what: "on a cluster, each as an element of a job array; Ctrl-C leaves the jobs to themselves",
  options: {
    partition: { value: "P", what: "where to run" },
    gres: { value: "G", what: "such as gpu:1" },
    nodes: {
      value: "N",
      what: "machines of an element, each with its share of every batch (manual.md: at whose risk)",
    },
    cpus: { value: "N", what: "cores of an element, on each of its machines" },
    time: { value: "T", what: "limit of an element, such as 4:00:00" },
    "array-limit": { value: "N", what: "elements at once, of each 1,000" },
    setup: { value: "S", what: 'shell that each begins with, such as "module load cuda"' },
  },
  open: (wishes) => slurmExecutor(jobOptions(wishes)),
  async preview(wishes, runs) {
    const options = jobOptions(wishes), scripts: string[] = [];
    for (const { part, name } of arraysOf(runs)) {
      scripts.push(submission(await jobArray(part, name, options), name));
    }
    return scripts.join("\n\n");
  },
};
