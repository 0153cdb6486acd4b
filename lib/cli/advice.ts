/**
 * Commands that a message tells the user to run.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { UsageError } from "../base/errors.ts";
import type { StoredRun } from "../experiments/run_folders.ts";
import { SPEC } from "../training/spec.ts";

/**
 * A command as a POSIX shell takes it.
 *
 * @param words Its words.
 * @returns One line.
 * @example
 * ```ts
 * import { commandLine } from "./advice.ts";
 * if (commandLine(["ls", "my data"]) !== "ls 'my data'") throw new Error("not one word");
 * ```
 */
export function commandLine(words: readonly string[]): string {
  return words.map((word) => /^[\w./:=,@+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`).join(
    " ",
  );
}

/**
 * Refuses a run that is not trained to its end.
 *
 * @param run The run.
 * @throws {UsageError} It is not; the command that goes on is named.
 */
export function demandFinished({ id, folder, finished }: StoredRun): void {
  if (finished) return;
  const training = ["deno", "task", "train", join(folder, SPEC), `--runs=${dirname(folder)}`];
  throw new UsageError(`${id} is not trained to its end. Go on with it:\n${commandLine(training)}`);
}
