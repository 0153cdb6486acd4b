/**
 * Paths as a user means them. What prints the tasks' permissions needs this, and so no package is loaded here.
 *
 * @module
 */
import { resolve } from "@std/path";

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
