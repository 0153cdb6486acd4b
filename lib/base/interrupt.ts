/**
 * Ctrl-C and SIGTERM as a question that a long task answers when it can.
 *
 * @module
 */
import { constants } from "node:os";
import { SjeaError } from "./errors.ts";
import { say } from "./say.ts";

/** A task that was asked to stop, and did. */
export class Interrupted extends SjeaError {
  override readonly name = "Interrupted";
  /**
   * @param signal What asked.
   * @param message How far the task is and how to go on.
   */
  constructor(readonly signal: Deno.Signal, message: string) {
    super(message);
  }
}

/** The exit code that a shell expects of a program that a signal ended. */
export function exitCode(signal: Deno.Signal): number {
  return 128 + constants.signals[signal as keyof typeof constants.signals];
}

/** Windows knows no other that can be listened for. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];

/** Milliseconds within which a second signal is the first one, passed on by a parent as well. */
const SAME = 500;

/** A watch for signals. */
export interface Watch extends Disposable {
  /** The first signal that came. */
  readonly signal: Deno.Signal | undefined;
}

/**
 * Watches for signals until it is disposed of. The first one is noted for the
 * task to see, a second one ends the process at once.
 *
 * @param stopping What to say at the first one.
 * @returns The watch.
 */
export function watchSignals(stopping: string): Watch {
  let first: { signal: Deno.Signal; at: number } | undefined;
  const listeners = SIGNALS.map((signal) => {
    const listener = () => {
      const now = performance.now();
      if (first === undefined) {
        first = { signal, at: now };
        say(`${stopping} Once more ends it at once.`);
      } else if (now - first.at > SAME) Deno.exit(exitCode(signal));
    };
    Deno.addSignalListener(signal, listener);
    return { signal, listener };
  });
  return {
    get signal() {
      return first?.signal;
    },
    [Symbol.dispose]: () =>
      listeners.forEach(({ signal, listener }) => Deno.removeSignalListener(signal, listener)),
  };
}

/**
 * Waits until somebody asks this process to stop.
 *
 * @returns The signal that asked.
 */
export function interruption(): Promise<Deno.Signal> {
  return new Promise((resolve) => {
    const listeners = SIGNALS.map((signal) => {
      const listener = () => {
        listeners.forEach(({ signal, listener }) => Deno.removeSignalListener(signal, listener));
        resolve(signal);
      };
      Deno.addSignalListener(signal, listener);
      return { signal, listener };
    });
  });
}
