/**
 * Which code is running: a fingerprint of its sources, and the commit that git
 * says they are.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join, relative } from "@std/path";
import { places } from "./places.ts";

/**
 * A fingerprint of source files: another one whenever a character of them changes.
 *
 * @param parts Files and folders below `lib/`.
 * @returns The first 12 hex digits of the SHA-256 of their names and contents.
 */
export async function fingerprintOf(parts: readonly string[]): Promise<string> {
  const files: string[] = [];
  for (const part of parts) {
    const path = join(places.lib, part);
    if (part.endsWith(".ts")) {
      files.push(path);
      continue;
    }
    for await (const { name } of Deno.readDir(path)) {
      if (name.endsWith(".ts")) files.push(join(path, name));
    }
  }
  const hash = createHash("sha256");
  for (const file of files.sort()) {
    hash.update(`${relative(places.lib, file).replaceAll("\\", "/")}\n`).update(await Deno.readFile(file));
  }
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
