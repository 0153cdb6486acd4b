/**
 * Help texts: for terminals of 80 columns.
 *
 * @module
 */

/** Columns of the text, and of what stands before an explanation. */
const WIDTH = 80, NAMES = 21;

/**
 * A line of a list, such as an option and what it does; a long explanation goes on below itself.
 *
 * @param name What is explained, of at most 18 letters.
 * @param explanation What it is.
 * @returns Lines of at most 80 letters.
 * @example
 * ```ts
 * import { entry } from "./help.ts";
 * if (entry("--seed N", "its seed") !== "  --seed N           its seed") throw new Error("another line");
 * ```
 */
export function entry(name: string, explanation: string): string {
  const lines = explanation.replace(RegExp(`(.{1,${WIDTH - NAMES}})( |$)`, "g"), "$1\n").trimEnd().split(
    "\n",
  );
  return `  ${name}`.padEnd(NAMES) + lines.join(`\n${" ".repeat(NAMES)}`);
}
