/**
 * Reads the words of a command line.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { resolve } from "@std/path";
import { UsageError } from "../base/errors.ts";

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
 * `parseArgs`, whose errors list what is valid and whose paths are absolute.
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
    const what = (error as Error).message.split(/\.\s/)[0];
    const names = Object.keys(options);
    throw new UsageError(`${what}. Options: ${names.map((name) => `--${name}`).join(", ")}.`);
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

/** Variables with which a user names a file or folder. */
const PATHS = ["SJEA_CACHE", "SJEA_DATA", "SJEA_LIBTENSORFLOW", "XDG_CACHE_HOME"];

/** `deno task` runs everything in the project's folder, and names here where the user stands. */
const STANDING = "INIT_CWD";
let standing: string | undefined;

/**
 * A path as the user means it: seen from where they stand, a leading `~` their
 * home, as not every shell expands it (`--data=~/images`).
 *
 * @param path What they wrote.
 * @returns An absolute path.
 */
export function userPath(path: string): string {
  const { env } = Deno, home = env.get("HOME") || env.get("USERPROFILE");
  standing ??= env.get(STANDING) || Deno.cwd();
  return resolve(standing, home ? path.replace(/^~(?=$|[/\\])/, () => home) : path);
}

/**
 * Makes the paths in the environment absolute, also for the processes that
 * this one starts, which may stand elsewhere.
 */
export function settleEnvironment(): void {
  const { env } = Deno;
  for (const name of PATHS) {
    const path = env.get(name);
    if (path) env.set(name, userPath(path));
  }
  standing ??= env.get(STANDING) || Deno.cwd();
  env.delete(STANDING);
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
