/**
 * What trains many runs, each in a process of its own.
 *
 * @module
 */
import { join } from "@std/path";
import type { Run } from "../run.ts";

/** Told of the end of a run's training: null if it is finished, else why there is no encoder. */
export type Ended = (run: Run, failed: string | null) => void;

/** Trains runs in processes of their own. */
export interface Executor {
  /**
   * Trains runs, or goes on with them. What fails is told, and the others go on.
   *
   * @param runs Runs that are not finished.
   * @param ended Told of each one's end, in whatever order they end.
   * @throws {EnvironmentError} They cannot be trained here.
   * @throws {Interrupted} A signal came; the next call goes on.
   */
  train(runs: readonly Run[], ended: Ended): Promise<void>;
}

/** An executor's options as the command line gives them, by name. */
export type Wishes = Readonly<Record<string, string | undefined>>;

/** A kind of executor, which a command line names. */
export interface ExecutorKind {
  /** Where it trains, for the help. */
  readonly what: string;
  /** Its options, by name: a letter for the value, and what it says. */
  readonly options: Readonly<Record<string, { readonly value: string; readonly what: string }>>;
  /**
   * Makes one.
   *
   * @param wishes Its options.
   * @returns The executor; nothing runs yet.
   * @throws {UsageError} An option that has no such value.
   */
  open(wishes: Wishes): Executor;
  /** What it would hand to others to train runs, where it does; wrong options are refused as by `open`. */
  preview?(wishes: Wishes, runs: readonly Run[]): Promise<string>;
}

/** Where a process that trains a run writes what it says. */
export const logOf = ({ folder }: Run): string => join(folder, "training.log");

/** Lines of a log that are worth a message if it tells no error. */
const LAST = 5;

/**
 * Why a run's training failed.
 *
 * @param run The run.
 * @param how How its process ended.
 * @returns The error that it printed, else how it ended and the last lines that it printed.
 */
export async function whyFailed(run: Run, how: string): Promise<string> {
  const log = (await Deno.readTextFile(logOf(run)).catch(() => "")).trimEnd();
  const [, ...errors] = log.split(/^error: /m), error = errors.at(-1);
  return error ?? [`The training ${how}.`, ...log.split("\n").slice(-LAST)].join("\n").trimEnd();
}
