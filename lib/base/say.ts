/**
 * Messages beside a line of the terminal that renews itself.
 *
 * @module
 */

/** A line that renews itself. */
export interface Line {
  /** Leaves it as it is; what is written next stands below. */
  lift(): void;
  /** Goes on with it, below what was written. */
  draw(): void;
}

let drawn: Line | undefined;

/**
 * Names the line that messages have to make room for.
 *
 * @param line The line; nothing once it is over.
 */
export function occupy(line: Line | undefined): void {
  drawn = line;
}

/**
 * Writes a message on a line of its own, on standard error.
 *
 * @param message The message.
 */
export function say(message: string): void {
  if (!drawn) return console.error(`\n${message}`);
  drawn.lift();
  console.error(message);
  drawn.draw();
}
