/**
 * JSON for people.
 *
 * @module
 */

/** Columns that a line takes at most, if it can be broken. */
const WIDTH = 80;

/**
 * Data as JSON in which what fits on a line stands on one.
 *
 * @param data What JSON can hold.
 * @param indent What stands before each line but the first.
 * @returns The text, without a line's end.
 * @example
 * ```ts
 * import { readableJson } from "./json.ts";
 * if (readableJson({ strides: [1, 2], none: {} }) !== '{ "strides": [1, 2], "none": {} }') throw new Error();
 * if (readableJson({ a: "-".repeat(80) }).split("\n").length !== 3) throw new Error("too long for a line");
 * ```
 */
export function readableJson(data: unknown, indent = ""): string {
  if (Object(data) !== data) return JSON.stringify(data);
  const inner = `${indent}  `, list = Array.isArray(data);
  const parts = Object.entries(data as object).filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${list ? "" : `${JSON.stringify(key)}: `}${readableJson(value, inner)}`);
  const [open, close] = list ? "[]" : "{}", space = list || parts.length === 0 ? "" : " ";
  const line = `${open}${space}${parts.join(", ")}${space}${close}`;
  if (indent.length + line.length <= WIDTH && !line.includes("\n")) return line;
  return `${open}\n${parts.map((part) => inner + part).join(",\n")}\n${indent}${close}`;
}
