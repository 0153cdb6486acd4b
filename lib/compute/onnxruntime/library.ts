/**
 * Finds ONNX Runtime, or fetches it: npm's package holds the library of each platform.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { unpackTarGz } from "../../base/archive.ts";
import { download, makeOnce, type Source } from "../../base/download.ts";
import { DiskFullError, EnvironmentError, SjeaError } from "../../base/errors.ts";
import { exists } from "../../base/files.ts";
import { cacheFolder } from "../../base/places.ts";
import { npmRegistry, type Registry } from "../../base/registry.ts";
import type { LibraryFile } from "../engine.ts";
import { inspect } from "../native_file.ts";
import { text } from "../native.ts";

/** The package's version is the one that this project was tested with. */
const VERSION = "1.30.0", FILE = `onnxruntime-node-${VERSION}.tgz`;

/** What the package's file is like. */
const ARCHIVE = {
  bytes: 113_507_888,
  sha256: "6e3390d6b783e7be946fad629292799da28d0b42f84856e50d2c1b0383291e75",
};

/** Where the library lies in the package, by operating system and processor. */
const LIBRARIES: Readonly<Record<string, string>> = {
  "linux-x86_64": "linux/x64/libonnxruntime.so.1",
  "linux-aarch64": "linux/arm64/libonnxruntime.so.1",
  "darwin-aarch64": "darwin/arm64/libonnxruntime.1.dylib",
  "windows-x86_64": "win32/x64/onnxruntime.dll",
  "windows-aarch64": "win32/arm64/onnxruntime.dll",
};

/** The oldest glibc that has all that the libraries for Linux use. */
const GLIBC = "2.28";

/** What helps where the package has no library. */
const NO_LIBRARY = "Install TensorFlow instead (see the README) and set SJEA_ENGINE=tensorflow.";

/**
 * Where the library of a platform lies in the package.
 *
 * @param platform System and processor, as in `linux-x86_64`.
 * @param glibc On Linux the version of glibc; nothing where programs are linked with musl (Alpine) in its place.
 * @returns A path inside the package.
 * @throws {EnvironmentError} The package has none for it.
 */
export function libraryFor(platform: string, glibc?: string): string {
  const file = LIBRARIES[platform], no = (what: string) => new EnvironmentError(`${what} ${NO_LIBRARY}`);
  if (!file) throw no(`npm's ONNX Runtime has no library for ${platform.replace("-", " on ")}.`);
  if (platform.startsWith("linux")) {
    if (!glibc) throw no("npm's ONNX Runtime needs glibc, but this Linux has musl.");
    const [[major, minor], [leastMajor, leastMinor]] = [glibc, GLIBC].map((version) =>
      version.split(".").map(Number)
    );
    if (major < leastMajor || major === leastMajor && minor < leastMinor) {
      throw no(`npm's ONNX Runtime needs glibc ${GLIBC} or newer, but this Linux has ${glibc}.`);
    }
  }
  return `package/bin/napi-v6/${file}`;
}

/**
 * The package's file, as registries name it.
 *
 * @param registry A registry.
 * @param archive What the file is like.
 * @returns What to fetch.
 */
export function packageAt({ url, headers }: Registry, archive = ARCHIVE): Source {
  return { url: `${url}onnxruntime-node/-/${FILE}`, headers, ...archive };
}

/** How to look; the defaults are what a user gets. */
export interface SearchOptions {
  /** Folder for what is fetched. */
  readonly cache?: string;
  /** What the package's file is like. */
  readonly archive?: typeof ARCHIVE;
  /** System and processor, as in `linux-x86_64`. */
  readonly platform?: string;
  /** Where the package comes from. */
  readonly registry?: Registry;
}

/**
 * The library for this machine: from the cache, else npm's package is fetched, of which nothing else is kept.
 * What is damaged in the cache is fetched again.
 *
 * @param options How to look.
 * @returns Where it lies.
 * @throws {EnvironmentError} There is none for this platform, or the package cannot be had.
 */
export async function findOnnxRuntime(options: SearchOptions = {}): Promise<LibraryFile> {
  const {
    cache = join(cacheFolder(), `onnxruntime-${VERSION}`),
    archive = ARCHIVE,
    platform = `${Deno.build.os}-${Deno.build.arch}`,
  } = options;
  const wanted = libraryFor(platform, glibcVersion()), path = join(cache, ...wanted.split("/"));
  const library = { path, origin: `npm's onnxruntime-node ${VERSION}` };
  const find = () => inspect(path, platform).then(() => library, () => undefined);
  return await find() ?? await makeOnce(cache, find, async () => {
    if (await exists(path)) console.error(`${path} is damaged: it is fetched again.`);
    const registry = options.registry ?? await npmRegistry();
    const packed = join(dirname(cache), FILE);
    try {
      await download(packageAt(registry, archive), packed);
    } catch (error) {
      if (error instanceof DiskFullError || !(error instanceof SjeaError)) throw error;
      throw new EnvironmentError(
        `npm's ONNX Runtime cannot be had: ${error.message} NPM_CONFIG_REGISTRY or .npmrc (registry=…) may name ` +
          `another registry, and .npmrc credentials (${registry.url.replace(/^https?:/, "")}:_authToken=…).`,
      );
    }
    try {
      await unpackTarGz(packed, cache, (name) => name === wanted);
    } finally {
      await Deno.remove(packed);
    }
    return library;
  });
}

/** The version of glibc; nothing where the C library is another one, or there is none of that name. */
function glibcVersion(): string | undefined {
  try {
    const libc = Deno.dlopen("libc.so.6", { gnu_get_libc_version: { parameters: [], result: "pointer" } });
    const version = text(libc.symbols.gnu_get_libc_version());
    libc.close();
    return version;
  } catch {
    return undefined;
  }
}
