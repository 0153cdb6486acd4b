/**
 * Trains several runs at once on this machine, each in a process of its own.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { EnvironmentError, UsageError } from "../../base/errors.ts";
import { humanBytes } from "../../base/files.ts";
import { Interrupted, watchSignals } from "../../base/interrupt.ts";
import { demandMemory, trainingBytes } from "../estimate.ts";
import type { Run } from "../run.ts";
import { type Executor, type ExecutorKind, logOf, whyFailed } from "./executor.ts";
import { liveLines, pacer } from "./lines.ts";

/** Milliseconds between two looks at signals, and the least between two at logs. */
const TICK = 100, LOOK = 1000;

/** Looks at logs take at most this part of the time. */
const PART = 1 / 50;

/** What a machine has. */
export interface Machine {
  /** Cores that this process may use. */
  readonly cores: number;
  /** Bytes that are free, or can be made so. */
  readonly memory: number;
}

const here = (): Machine => ({
  cores: navigator.hardwareConcurrency,
  memory: Deno.systemMemoryInfo().available,
});

/**
 * Refuses more trainings at once than a machine has cores or memory for.
 *
 * @param runs What is to be trained, one at least.
 * @param jobs Trainings at once.
 * @param machine What there is.
 * @throws {EnvironmentError} It does not suffice; the largest number for which it would is named.
 */
export function demandRoom(runs: readonly Run[], jobs: number, { cores, memory }: Machine = here()): void {
  const specs = runs.map(({ spec }) => ({ spec, bytes: trainingBytes(spec) }))
    .toSorted((a, b) => b.bytes - a.bytes);
  const bytesOf = (jobs: number) => specs.slice(0, jobs).reduce((sum, { bytes }) => sum + bytes, 0);
  demandMemory(specs[0].spec, memory);
  let fitting = Math.min(jobs, cores);
  while (bytesOf(fitting) > memory) fitting--;
  if (fitting === jobs) return;
  throw new EnvironmentError(
    (jobs > cores
      ? `--jobs ${jobs} is more than the ${cores} cores of this machine. `
      : `${jobs} trainings at once take about ${humanBytes(bytesOf(jobs))} of memory, of which ${
        humanBytes(memory)
      } are free. `) + `--jobs ${fitting} would fit.`,
  );
}

/**
 * Trains runs on this machine.
 *
 * @param jobs How many at once; each has its share of the cores.
 * @returns The executor.
 */
export function localExecutor(jobs: number): Executor {
  return {
    async train(runs, ended) {
      demandRoom(runs, jobs);
      const atOnce = Math.min(jobs, runs.length), waiting = [...runs];
      const threads = Math.floor(navigator.hardwareConcurrency / atOnce);
      const running = new Map<Run, Deno.ChildProcess>(), asked = new Set<Deno.ChildProcess>();
      const count = { trained: 0, failed: 0 };
      using watch = watchSignals("Stopping the trainings, each with a checkpoint.");
      using lines = liveLines();
      const look = pacer();
      let over = false, fault: unknown;
      const stopping = () => watch.signal !== undefined || fault !== undefined;
      const work = async () => {
        for (let run = waiting.shift(); run && !stopping(); run = waiting.shift()) {
          const child = await startApart(run, threads), { log } = child;
          running.set(run, child.process);
          const [{ code, signal }] = await Promise.all([child.process.status, log]);
          running.delete(run);
          if (await run.isFinished()) {
            count.trained++;
            ended(run, null);
          } else if (!stopping()) {
            count.failed++;
            const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
            ended(run, await whyFailed(run, how));
          }
        }
      };
      const show = async () => {
        const { trained, failed } = count, progress = await look([...running.keys()]);
        const waiting = runs.length - trained - failed - running.size;
        lines.show([
          `${trained} of ${runs.length} trained, ${running.size} in training, ${waiting} waiting` +
          (failed > 0 ? `, ${failed} failed` : ""),
          ...progress,
        ]);
      };
      const follow = async () => {
        while (!over) {
          const began = performance.now();
          await show();
          const next = performance.now() + Math.max(LOOK, (performance.now() - began) / PART);
          while (!over && performance.now() < next) await pause(TICK);
        }
        await show();
      };
      const stop = async () => {
        for (; !over; await pause(TICK)) {
          if (!stopping()) continue;
          for (const process of running.values()) {
            // Once more would end it without a checkpoint.
            if (!asked.has(process)) end(process);
            asked.add(process);
          }
        }
      };
      // Of what fails here the others are told, so that none is left alone.
      const noted = (work: Promise<void>) => work.catch((error) => fault ??= error);
      const beside = [follow(), stop()].map(noted);
      await Promise.all(Array.from({ length: atOnce }, () => noted(work())));
      over = true;
      await Promise.all(beside);
      if (fault !== undefined) throw fault;
      if (watch.signal === undefined || count.trained + count.failed === runs.length) return;
      throw new Interrupted(
        watch.signal,
        `${count.trained} of ${runs.length} are trained, and what was begun has its checkpoint. ` +
          "The same command goes on from there.",
      );
    },
  };
}

/** Begins to train a run in a process of its own; the log is over when all that it says is written. */
async function startApart(
  run: Run,
  threads: number,
): Promise<{ process: Deno.ChildProcess; log: Promise<void> }> {
  const args = await run.command(), file = await Deno.create(logOf(run));
  const process = new Deno.Command(Deno.execPath(), {
    args,
    env: { SJEA_THREADS: `${threads}` },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    // Ctrl-C at the terminal reaches this process alone, which passes it on once.
    detached: true,
  }).spawn();
  return { process, log: process.stderr.pipeTo(file.writable) };
}

/** Asks a process to stop. */
function end(process: Deno.ChildProcess): void {
  try {
    process.kill("SIGTERM");
  } catch (error) {
    // It has ended by itself.
    if (!(error instanceof TypeError)) throw error;
  }
}

/** `--executor local`. */
export const localKind: ExecutorKind = {
  what: "on this machine, several at once",
  options: { jobs: { value: "N", what: "how many at once, each with its share of the cores" } },
  open({ jobs = "" }) {
    if (/^[1-9]\d*$/.test(jobs)) return localExecutor(Number(jobs));
    throw new UsageError(`--executor local takes --jobs, a whole number from 1 on, not "${jobs}".`);
  },
};
