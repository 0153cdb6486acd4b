/**
 * npm's registry, as the user has set it for npm and Deno: a mirror, perhaps, that wants credentials.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { join } from "@std/path";
import { parse } from "ini";
import { EnvironmentError } from "./errors.ts";
import { places } from "./places.ts";

/** A registry of npm's packages. */
export interface Registry {
  /** Its address, which ends with a slash and holds no credentials. */
  readonly url: string;
  /** The credentials that it is asked with, if the user gave any. */
  readonly headers: Readonly<Record<string, string>>;
}

const PUBLIC = "https://registry.npmjs.org/";

/**
 * The registry that packages come from: `NPM_CONFIG_REGISTRY`, else `registry` of an `.npmrc`, else npm's own.
 * Credentials are those of an `.npmrc` for its address or the nearest folder above.
 *
 * @param files The `.npmrc` files, whose settings add up; the first counts most. By default the project's and
 * that in the home directory, as for Deno.
 * @returns Where it is, and how it is asked.
 * @throws {EnvironmentError} What is set is no address, cannot be sent, or names a variable that may not be read.
 */
export async function npmRegistry(files: readonly string[] = npmrcFiles()): Promise<Registry> {
  const { env } = Deno, settings: Record<string, unknown> = {};
  for (const file of files.toReversed()) Object.assign(settings, await readSettings(file));
  const get = (key: string) => typeof settings[key] === "string" ? expand(settings[key]) : undefined;
  const address = env.get("NPM_CONFIG_REGISTRY") || env.get("npm_config_registry") || get("registry") ||
    PUBLIC;
  const url = URL.parse(address);
  // With a comma, Deno would take the host for two when a task is given the right to reach it.
  if (!url || !/^https?:$/.test(url.protocol) || url.host.includes(",")) {
    // What it is may be a secret.
    throw new EnvironmentError(
      `The registry that NPM_CONFIG_REGISTRY or .npmrc names is no address such as ${PUBLIC}: correct it there.`,
    );
  }
  // "https://host/a/b/" is asked with what is set for "//host/a/b", "//host/a" or "//host".
  const folders = url.pathname.replace(/\/$/, "").split("/");
  const above = folders.map((_, at) => `//${url.host}${folders.slice(0, at + 1).join("/")}`).toReversed();
  let authorization: string | undefined;
  for (const place of above.flatMap((place) => [`${place}/`, place])) {
    authorization ??= credentials((name) => get(`${place}:${name}`));
  }
  const headers = authorization === undefined ? undefined : { authorization };
  try {
    new Headers(headers);
  } catch {
    throw new EnvironmentError(
      `The credentials for ${url.host} in .npmrc have characters, such as a line's end, that cannot be sent: ` +
        "correct them there, or in the environment variable that is named there.",
    );
  }
  // Without what stands before an "@": Deno does not send it, and it would be printed.
  return { url: `${url.origin}${folders.join("/")}/`, headers: { ...headers } };
}

/** Where npm's settings are, what counts most first. */
function npmrcFiles(): string[] {
  const home = Deno.env.get("HOME") || Deno.env.get("USERPROFILE");
  return [places.npmrc, ...home ? [join(home, ".npmrc")] : []];
}

/** The settings in a file; none where it is not there. */
async function readSettings(file: string): Promise<Record<string, unknown>> {
  try {
    return parse(await Deno.readTextFile(file));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw new EnvironmentError(`${file} cannot be read (${(error as Error).message}).`);
  }
}

/** A setting with the environment's variables in it; `${NAME}` stays where there is none, `${NAME?}` does not. */
function expand(setting: string): string {
  return setting.replace(/\$\{([^${}?=]+)(\??)\}/g, (whole, name, optional) => {
    try {
      return Deno.env.get(name) ?? (optional ? "" : whole);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotCapable)) throw error;
      throw new EnvironmentError(
        `.npmrc names the environment variable ${name}, which this task may not read: call it NPM_TOKEN, ` +
          "NODE_AUTH_TOKEN or something else that begins with NPM_.",
      );
    }
  });
}

/** The header that stands for what is set for one address. */
function credentials(get: (name: string) => string | undefined): string | undefined {
  const [token, pair, user, password] = ["_authToken", "_auth", "username", "_password"].map(get);
  if (token) return `Bearer ${token}`;
  if (pair) return `Basic ${pair}`;
  if (!user || !password) return;
  return `Basic ${Buffer.from(`${user}:${Buffer.from(password, "base64")}`).toString("base64")}`;
}
