/**
 * Progress of many trainings: a few lines that renew themselves on a terminal, the same lines now and then elsewhere.
 *
 * @module
 */
import { duration } from "../../base/progress.ts";
import { occupy } from "../../base/say.ts";
import type { Run } from "../run.ts";

/** Letters of a line. */
const WIDTH = 80;

/** Trainings that are shown; of the others there is a number. */
const SHOWN = 8;

/** Milliseconds between two lists where there is no terminal. */
const PAUSE = 15_000;

/** Lines that renew themselves. */
export interface Lines extends Disposable {
  /** Shows them in place of those before. */
  show(lines: readonly string[]): void;
}

/**
 * Starts a display of lines on standard error. Disposing of it leaves what was shown last.
 *
 * @returns The display.
 */
export function liveLines(): Lines {
  const write = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text));
  let lines: readonly string[] = [];
  if (!Deno.stderr.isTerminal()) {
    let last = -Infinity, printed = "";
    const print = () => {
      last = performance.now();
      const text = lines.map((line) => `${line}\n`).join("");
      if (text !== printed) write(printed = text);
    };
    return {
      show(now) {
        lines = now;
        if (performance.now() - last >= PAUSE) print();
      },
      [Symbol.dispose]: print,
    };
  }
  let height = 0;
  const draw = () => {
    // A terminal that does not know its size says 0.
    const columns = Deno.consoleSize().columns || WIDTH;
    const back = height > 0 ? `\x1b[${height}A\x1b[J` : "";
    // A line that the terminal breaks would be two to go back by.
    write(back + lines.map((line) => `${cut(line, columns)}\n`).join(""));
    height = lines.length;
  };
  occupy({ lift: () => height = 0, draw });
  return {
    show(now) {
      lines = now;
      draw();
    },
    [Symbol.dispose]: () => occupy(undefined),
  };
}

/**
 * Follows how far trainings are.
 *
 * @returns A function that looks at those that train now, and tells of each in a line of at most 80 letters; of many
 * it looks at the first few.
 */
export function pacer(): (runs: readonly Run[]) => Promise<string[]> {
  const seen = new Map<string, { done: number; at: number }>();
  return async (runs) => {
    const lines: string[] = [];
    for (const run of runs.slice(0, SHOWN)) {
      const done = await run.done(), now = performance.now();
      const first = seen.get(run.id) ?? { done, at: now };
      seen.set(run.id, first);
      const left = (run.steps - done) * (now - first.at) / 1000 / (done - first.done);
      const time = done > first.done ? `, ${duration(left)} left` : "";
      const far = `  ${done}/${run.steps} steps${time}`;
      lines.push(`  ${cut(nameOf(run), WIDTH - 2 - far.length).padEnd(WIDTH - 2 - far.length)}${far}`);
    }
    return runs.length > SHOWN ? [...lines, `  and ${runs.length - SHOWN} more`] : lines;
  };
}

/** What a reader calls a run. */
export const nameOf = ({ title, spec: { seed } }: Run): string => `${title}, seed ${seed}`;

/** A text of at most so many letters. */
function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}
