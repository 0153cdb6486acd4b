/**
 * Which code is running: a fingerprint of its sources, and the commit that git
 * says they are.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { dirname, join } from "@std/path";
import { places } from "./places.ts";

/**
 * Imports of values, each at the beginning of a line, where `deno fmt` puts them and no comment begins; those that
 * wait for their turn; and workers. Types change no number.
 */
const IMPORTS = [
  /^(?:import|export)\b(?!\s+type\b)(?:(?:[\s\w$*,]|\{[^{}]*\})*?\bfrom)?\s*["'](\.[^"']+)["']/gm,
  /^(?:(?!\/\/)[^*\n])*\bimport\(\s*["'](\.[^"']+)["']/gm,
  /\bnew Worker\(\s*new URL\(\s*["'](\.[^"']+)["'],\s*import\.meta\.url/g,
];

/**
 * The modules that a module's code needs, as it names them: packages and types left out.
 *
 * @param code TypeScript as `deno fmt` writes it.
 * @returns Relative specifiers.
 * @example
 * ```ts
 * import { importsOf } from "./code.ts";
 * const found = importsOf('import { z } from "zod";\nimport {\n  a,\n  type B,\n} from "./a.ts";\n');
 * if (found.join() !== "./a.ts") throw new Error(`${found}`);
 * ```
 */
export function importsOf(code: string): string[] {
  return IMPORTS.flatMap((pattern) => [...code.matchAll(pattern)].map(([, specifier]) => specifier));
}

/**
 * The source files of some modules: they themselves and all that they import, directly or not.
 *
 * @param entries Modules below `lib/`, such as `training/train.ts`.
 * @param without Modules at which to stop: neither they nor what only they import.
 * @returns Paths below `lib/`, sorted.
 */
export async function sourcesOf(
  entries: readonly string[],
  without: readonly string[] = [],
): Promise<string[]> {
  const found = new Set<string>();
  const visit = async (file: string) => {
    if (found.has(file) || without.includes(file)) return;
    found.add(file);
    for (const specifier of importsOf(await Deno.readTextFile(join(places.lib, file)))) {
      await visit(join(dirname(file), specifier).replaceAll("\\", "/"));
    }
  };
  for (const entry of entries) await visit(entry);
  return [...found].sort();
}

/**
 * A fingerprint of some modules' sources: another one whenever a character of them changes, or, in a published
 * package, its version.
 *
 * @param entries Modules, as for {@link sourcesOf}.
 * @param without Modules at which to stop.
 * @returns The first 12 hex digits of the SHA-256 of their names and contents.
 */
export async function fingerprintOf(
  entries: readonly string[],
  without: readonly string[] = [],
): Promise<string> {
  const hash = createHash("sha256"), here = import.meta.url;
  // A published package's sources are told by its address, which names its version.
  if (!here.startsWith("file:")) hash.update(`${here} ${entries}`);
  else {for (const file of await sourcesOf(entries, without)) {
      hash.update(`${file}\n`).update(await Deno.readFile(join(places.lib, file)));
    }}
  return hash.digest("hex").slice(0, 12);
}

/** What git says of the sources. */
export interface Commit {
  /** Hash of the commit; null where git, its permission or the repository is missing. */
  readonly commit: string | null;
  /** Whether `lib/` differs from the commit. */
  readonly dirty: boolean;
}

/**
 * Asks git for the commit of the sources.
 *
 * @returns The commit.
 */
export async function commit(): Promise<Commit> {
  const unknown = { commit: null, dirty: false };
  const { state } = await Deno.permissions.query({ name: "run", command: "git" });
  if (state !== "granted") return unknown;
  const git = async (...args: string[]) => {
    const { success, stdout } = await new Deno.Command("git", {
      args: ["-C", places.lib, ...args],
      stderr: "null",
    })
      .output();
    if (!success) throw new Error(`git ${args[0]} failed`);
    return new TextDecoder().decode(stdout).trim();
  };
  try {
    // A folder inside somebody else's repository has not that one's commit.
    if (await git("rev-parse", "--show-prefix") !== "lib/") return unknown;
    return { commit: await git("rev-parse", "HEAD"), dirty: await git("status", "--porcelain", ".") !== "" };
  } catch {
    return unknown;
  }
}

/**
 * A commit for people.
 *
 * @param commit The commit.
 * @returns Such as `1cf0a51` or `1cf0a51 with changes`.
 */
export function commitName({ commit, dirty }: Commit): string {
  return commit === null ? "of an unknown commit" : `${commit.slice(0, 7)}${dirty ? " with changes" : ""}`;
}
