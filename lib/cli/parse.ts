/**
 * Reads the words of a command line.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { UsageError } from "../base/errors.ts";
import { nearest } from "../base/schema.ts";
import { userPath } from "./paths.ts";

/** An option; a `path` is the user's name of a file or folder, and is made absolute. */
interface Option {
  readonly type: "string" | "boolean" | "path";
  readonly multiple?: boolean;
  readonly default?: string | boolean | string[];
}
type Options = Readonly<Record<string, Option>>;

/** The options as `parseArgs` knows them. */
type Plain<Given extends Options> = {
  -readonly [Name in keyof Given]: Omit<Given[Name], "type"> & {
    type: Given[Name]["type"] extends "boolean" ? "boolean" : "string";
  };
};
type Parsed<Given extends Options> = ReturnType<
  typeof parseArgs<{ options: Plain<Given>; allowPositionals: true }>
>;

/**
 * `parseArgs`, whose errors name what is meant or list what is valid, and whose paths are absolute.
 *
 * @param config Options, and the words if they are not this process's; `files`: words beside the options are
 * paths; `words`: they are not.
 * @returns Values and positionals.
 * @throws {UsageError} An option that does not exist, or without its value.
 * @example
 * ```ts
 * import { parse } from "./parse.ts";
 * const { values } = parse({ args: ["--seed=3"], options: { seed: { type: "string" } } });
 * if (values.seed !== "3") throw new Error("misread");
 * ```
 */
export function parse<const Given extends Options>(
  config: {
    readonly args?: readonly string[];
    readonly options: Given;
    readonly files?: true;
    readonly words?: true;
  },
): Parsed<Given> {
  const { args = Deno.args, options, files = false, words = false } = config;
  const plain = Object.fromEntries(
    Object.entries(options).map(([name, option]) => [
      name,
      { ...option, type: option.type === "boolean" ? option.type : "string" as const },
    ]),
  );
  let parsed;
  try {
    parsed = parseArgs({ args: [...args], options: plain as Plain<Given>, allowPositionals: files || words });
  } catch (error) {
    const what = (error as Error).message.split(/\.\s/)[0], names = Object.keys(options);
    const meant = nearest(/^Unknown option '--(.+)'/.exec(what)?.[1] ?? "", names);
    const advice = meant
      ? `Did you mean --${meant}?`
      : `Options: ${names.map((name) => `--${name}`).join(", ")}.`;
    throw new UsageError(`${what}. ${advice}`);
  }
  const values: Record<string, unknown> = parsed.values;
  for (const [name, value] of Object.entries(values)) {
    if (options[name].type !== "path") continue;
    if (value === "") throw new UsageError(`--${name} is empty: name a path, or leave it out.`);
    values[name] = userPath(value as string);
  }
  return { ...parsed, positionals: files ? parsed.positionals.map(userPath) : parsed.positionals } as Parsed<
    Given
  >;
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
