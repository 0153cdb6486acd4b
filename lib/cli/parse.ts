/**
 * Reads the words of a command line.
 *
 * @module
 */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { UsageError } from "../base/errors.ts";

/**
 * `parseArgs`, whose errors list what is valid.
 *
 * @param config Words and options.
 * @returns Values and positionals.
 * @throws {UsageError} An option that does not exist, or without its value.
 * @example
 * ```ts
 * import { parse } from "./parse.ts";
 * const { values } = parse({ args: ["--seed=3"], options: { seed: { type: "string" } } });
 * if (values.seed !== "3") throw new Error("misread");
 * ```
 */
export function parse<Config extends ParseArgsConfig>(config: Config): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config);
  } catch (error) {
    const what = (error as Error).message.split(/\.\s/)[0];
    const names = Object.keys(config.options ?? {});
    throw new UsageError(`${what}. Options: ${names.map((name) => `--${name}`).join(", ")}.`);
  }
}

/**
 * A whole number from 0 on.
 *
 * @param option The option that it was given to.
 * @param text What was given.
 * @returns The number.
 * @throws {UsageError} It is none.
 */
export function natural(option: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new UsageError(`--${option} takes a whole number from 0 on, not "${text}".`);
}
