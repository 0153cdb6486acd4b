/**
 * Progress of anything that takes longer than a moment, on standard error: one
 * line that renews itself on a terminal, a line now and then elsewhere.
 *
 * @module
 */
import cliProgress from "cli-progress";
import { occupy } from "./say.ts";

/** A running progress display. */
export interface Progress {
  /** Says how far it is, and optionally a word more. */
  update(value: number, note?: string): void;
  /** Ends it. */
  stop(): void;
}

/** Of the bar, in letters: at most, and what is left beside it for numbers and a note. */
const BAR = 24, WORDS = 52;

/** Pause between two lines where there is no terminal, in milliseconds. */
const PAUSE = 15_000;

/**
 * Starts a progress display.
 *
 * @param label What is going on.
 * @param total The value at the end; 0 if nobody knows.
 * @param describe How to write a value; by default as a plain number.
 * @returns The display.
 */
export function progress(label: string, total: number, describe = (value: number) => `${value}`): Progress {
  const began = performance.now();
  const elapsed = () => (performance.now() - began) / 1000;
  // Counted from this display's first value, so that a resumed run is not thought faster than it is.
  let first: number | undefined, value = 0, note = "";
  const left = () => {
    const pace = (value - (first ?? 0)) / elapsed();
    return pace > 0 && value < total ? `${duration((total - value) / pace)} left` : duration(elapsed());
  };
  const text = () =>
    `${describe(value)}${total > 0 ? `/${describe(total)}` : ""}, ${left()}${note && `, ${note}`}`;
  if (Deno.stderr.isTerminal()) {
    const bar = new cliProgress.SingleBar({
      format: `${label} {bar} {percentage}% {text}`,
      barsize: Math.max(0, Math.min(BAR, Deno.consoleSize().columns - label.length - WORDS)),
      barCompleteChar: "█",
      barIncompleteChar: "░",
      emptyOnZero: true,
    });
    const draw = () => bar.start(total, value, { text: first === undefined ? "" : text() });
    draw();
    occupy({ lift: () => bar.stop(), draw });
    return {
      update(now, newNote = note) {
        first ??= now;
        [value, note] = [now, newNote];
        bar.update(now, { text: text() });
      },
      stop() {
        bar.update(value, { text: text() });
        bar.stop();
        occupy(undefined);
      },
    };
  }
  let last = -Infinity, printed = "";
  const print = () => {
    last = performance.now();
    if (text() !== printed) console.error(`${label}: ${printed = text()}`);
  };
  return {
    update(now, newNote = note) {
      first ??= now;
      [value, note] = [now, newNote];
      if (performance.now() - last >= PAUSE) print();
    },
    stop: print,
  };
}

/**
 * A time for people.
 *
 * @param seconds How long.
 * @returns Such as `12 s`, `3 min 20 s` or `2 h 5 min`.
 * @example
 * ```ts
 * import { duration } from "./progress.ts";
 * if (duration(200) !== "3 min 20 s") throw new Error(duration(200));
 * ```
 */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor(whole % 3600 / 60)} min`;
}
