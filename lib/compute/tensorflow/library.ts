/**
 * Finds libtensorflow, or fetches it.
 *
 * @module
 */
import { basename, dirname, join } from "@std/path";
import { EnvironmentError } from "../../base/errors.ts";
import { unpackTarGz, unzipEntries } from "../../base/archive.ts";
import { download, makeOnce, type Source } from "../../base/download.ts";
import { exists, humanBytes } from "../../base/files.ts";
import { cacheFolder } from "../../base/places.ts";
import { progress } from "../../base/progress.ts";
import { demandSymbols } from "./c_api.ts";
import { inspect } from "../native_file.ts";

/** A libtensorflow on this machine. */
export interface Library {
  /** The library with the C API. */
  readonly path: string;
  /** The library beside it that holds a part of the C API, where TensorFlow is split in two. */
  readonly framework?: string;
  /** Where it comes from, for people. */
  readonly origin: string;
}

const VERSIONS = "https://storage.googleapis.com/tensorflow/versions";

/** The official C libraries by system and processor; of 2.18 the last for Windows is 2.18.1. */
const OFFICIAL: Readonly<Record<string, Source>> = {
  "linux-x86_64": {
    url: `${VERSIONS}/2.18.0/libtensorflow-cpu-linux-x86_64.tar.gz`,
    sha256: "605bfcb370c7e7ec981eabada880f60784e3de018395be95c95c3e5592c3d9a2",
  },
  "darwin-aarch64": {
    url: `${VERSIONS}/2.18.0/libtensorflow-cpu-darwin-arm64.tar.gz`,
    sha256: "462257d2792730dcb131fcf21bc826192ae5a2c418535f6347d051f10fc8be8a",
  },
  "windows-x86_64": {
    url: `${VERSIONS}/2.18.1/libtensorflow-cpu-windows-x86_64.zip`,
    sha256: "28acdcea6c6b34828cf0e95e67802b0f3577d51bc2e8915de811b7aa0b04452d",
  },
};

/** File names, best first: the official library, Python's, other systems'. */
const NAMES = [
  "libtensorflow.so.2",
  "libtensorflow_cc.so.2",
  "libtensorflow.2.dylib",
  "libtensorflow_cc.2.dylib",
  "tensorflow.dll",
];

/** How to look; the defaults are what a user gets. */
export interface SearchOptions {
  /** Folder for what is fetched. */
  readonly cache?: string;
  /** Archives of C libraries by system and processor. */
  readonly official?: Readonly<Record<string, Source>>;
  /** System and processor, as in `linux-x86_64`. */
  readonly platform?: string;
  /** Python program to ask and to fetch with. */
  readonly python?: string;
}

/** A library that could be opened, and what opening it gave. */
export interface Found<Opened> {
  readonly library: Library;
  readonly opened: Opened;
}

/** A place for libraries, for people, and what is found there, best first. */
type Place = readonly [name: string, libraries: AsyncIterable<Library>];

/**
 * Finds libtensorflow and opens it: `SJEA_LIBTENSORFLOW`, the active Python or
 * conda environment, the cache, Python's TensorFlow; else fetches the official
 * C library, else the library in PyPI's package. One that is damaged, of
 * another system, too old or cannot be opened is passed over, and told of; in
 * the cache it is fetched again. What the user names is never passed over.
 *
 * @param open Opens a library.
 * @param options How to look.
 * @returns The first that could be opened.
 * @throws {EnvironmentError} There is none and none could be fetched: each place is named, with the reason.
 */
export async function findLibrary<Opened>(
  open: (library: Library) => Opened,
  options: SearchOptions = {},
): Promise<Found<Opened>> {
  const {
    cache = join(cacheFolder(), "libtensorflow"),
    official = OFFICIAL,
    platform = `${Deno.build.os}-${Deno.build.arch}`,
    python = "python3",
  } = options;
  const reasons: string[] = [], refused = new Map<string, string>();
  /** Opens the first that can be. */
  const search = async (places: readonly Place[]): Promise<Found<Opened> | undefined> => {
    for (const [name, libraries] of places) {
      const before = reasons.length;
      try {
        for await (const library of libraries) {
          const file = await stateOf(library);
          if (refused.has(file)) continue;
          try {
            await check(library, platform);
            return { library, opened: open(library) };
          } catch (error) {
            refused.set(file, (error as Error).message);
            reasons.push(`${name}: ${(error as Error).message}`);
          }
        }
        if (reasons.length === before) reasons.push(`${name}: no libtensorflow there`);
      } catch (error) {
        reasons.push(`${name}: ${(error as Error).message}`);
      }
    }
  };
  const named = Deno.env.get("SJEA_LIBTENSORFLOW");
  if (named) {
    const found = await search([[`SJEA_LIBTENSORFLOW is ${named}`, atPath(named, "SJEA_LIBTENSORFLOW")]]);
    if (found) return found;
    throw new EnvironmentError(
      `${reasons.join("; ")}. Point it at the library (${NAMES.join(", ")}) or its folder, or unset it.`,
    );
  }
  /** Whether a library lies in the cache that is whole and was not tried before. */
  const fetched = async () => {
    for await (const library of inFolder(cache, "cache")) {
      if (refused.has(await stateOf(library))) continue;
      if (await check(library, platform).then(() => true, () => false)) return true;
    }
  };
  const found = await search([
    ...environments().map((folder): Place => [`the environment ${folder}`, inEnvironment(folder)]),
    [`the cache, ${cache}`, inFolder(cache, "cache")],
    ["Python's TensorFlow", fromPython(python)],
    ["TensorFlow's C library", fetchOfficial(official, platform, cache, fetched)],
    ["PyPI's tensorflow-cpu", fetchWheel(python, cache, fetched)],
  ]);
  if (found) {
    for (const fault of refused.values()) console.error(`Passed over: ${fault}.`);
    return found;
  }
  throw new EnvironmentError(
    `No libtensorflow was found, and none could be fetched. Tried:\n  - ${reasons.join("\n  - ")}\n` +
      "Install TensorFlow for Python (pip install tensorflow), or download libtensorflow " +
      "(https://www.tensorflow.org/install/lang_c) and set SJEA_LIBTENSORFLOW to its folder.",
  );
}

/** Tells a file that was fetched again from the one before. */
async function stateOf({ path }: Library): Promise<string> {
  const { size, mtime } = await Deno.stat(path);
  return `${path} ${size} ${mtime?.getTime()}`;
}

/** Refuses what must not or need not be opened. */
async function check({ path, framework }: Library, platform: string): Promise<void> {
  const exports = [await inspect(path, platform)];
  if (framework) exports.push(await inspect(framework, platform));
  demandSymbols(path, (_, name) => exports.some((has) => has(name)));
}

async function* atPath(path: string, origin: string): AsyncGenerator<Library> {
  if (!await exists(path)) return;
  if ((await Deno.stat(path)).isDirectory) yield* inFolder(path, origin);
  else yield await withFramework(path, origin);
}

async function* inFolder(folder: string, origin: string): AsyncGenerator<Library> {
  for (const directory of [folder, join(folder, "lib")]) {
    for (const name of NAMES) {
      const path = join(directory, name);
      if (await exists(path)) yield await withFramework(path, origin);
    }
  }
}

async function withFramework(path: string, origin: string): Promise<Library> {
  const name = basename(path).replace(/tensorflow(_cc)?\./, "tensorflow_framework.");
  const framework = join(dirname(path), name);
  return {
    path,
    framework: name !== basename(path) && await exists(framework) ? framework : undefined,
    origin,
  };
}

/** The active environments of Python and conda; the one activated last is first in the `PATH`. */
function environments(): string[] {
  const [separator, programs] = Deno.build.os === "windows" ? [";", "Scripts"] : [":", "bin"];
  const path = (Deno.env.get("PATH") ?? "").split(separator);
  const rank = (folder: string) => (path.indexOf(join(folder, programs)) + path.length) % path.length;
  return ["VIRTUAL_ENV", "CONDA_PREFIX"].flatMap((name) => Deno.env.get(name) || [])
    .toSorted((a, b) => rank(a) - rank(b));
}

/** conda's libtensorflow lies among the environment's libraries, Python's in its package. */
async function* inEnvironment(folder: string): AsyncGenerator<Library> {
  const origin = `the environment ${folder}`, libraries = join(folder, "lib");
  yield* inFolder(folder, origin);
  yield* inFolder(join(folder, "Library", "bin"), origin);
  const versions = await Array.fromAsync(Deno.readDir(libraries)).catch(() => []);
  // Windows has no folder for the version of Python.
  for (const version of [libraries, ...versions.map(({ name }) => join(libraries, name))]) {
    yield* inFolder(join(version, "site-packages", "tensorflow"), origin);
  }
}

/** Asks Python where its TensorFlow is, without loading it. */
async function* fromPython(python: string): AsyncGenerator<Library> {
  const program = "import importlib.util as u; s = u.find_spec('tensorflow'); print(s and s.origin or '')";
  const { success, stdout } = await new Deno.Command(python, { args: ["-c", program], stderr: "null" })
    .output();
  const origin = success ? new TextDecoder().decode(stdout).trim() : "";
  if (origin) yield* inFolder(dirname(origin), `${python}'s TensorFlow`);
}

/** Looks for what was fetched. */
type Find = () => Promise<true | undefined>;

async function* fetchOfficial(
  official: Readonly<Record<string, Source>>,
  platform: string,
  cache: string,
  fetched: Find,
): AsyncGenerator<Library> {
  const source = official[platform];
  if (!source) throw new EnvironmentError(`there is no archive for ${platform}`);
  await makeOnce(cache, fetched, async () => {
    const path = join(dirname(cache), basename(source.url));
    await download(source, path);
    try {
      if (path.endsWith(".zip")) await unzipEntries(path, (name) => NAMES.includes(basename(name)), cache);
      else await unpackTarGz(path, cache);
    } finally {
      await Deno.remove(path);
    }
    return true;
  });
  yield* inFolder(cache, "TensorFlow's C library");
}

/** Size of PyPI's package and of the two libraries in it, for TensorFlow 2.21. */
const WHEEL = { packed: 274e6, unpacked: 853e6 };

/** Fetches PyPI's package with pip, which checks it against the checksum of the index. */
async function* fetchWheel(python: string, cache: string, fetched: Find): AsyncGenerator<Library> {
  const name = Deno.build.os === "darwin" ? "tensorflow" : "tensorflow-cpu";
  const folder = `${cache}-wheel`;
  await makeOnce(cache, fetched, async () => {
    await Deno.mkdir(folder, { recursive: true });
    console.error(
      `Fetching TensorFlow (PyPI's ${name}, about ${humanBytes(WHEEL.packed)}; ` +
        `${humanBytes(WHEEL.unpacked)} unpacked) to ${cache} …`,
    );
    try {
      await pipDownload(python, name, folder);
      for await (const { name } of Deno.readDir(folder)) {
        if (name.endsWith(".whl")) {
          await unzipEntries(
            join(folder, name),
            (entry) => /\/libtensorflow_(cc|framework)\.[^/]+$/.test(entry),
            cache,
          );
        }
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
    return true;
  });
  yield* inFolder(cache, `PyPI's ${name}`);
}

/** Has pip fetch a package's file into a folder. */
async function pipDownload(python: string, name: string, folder: string): Promise<void> {
  const bar = progress("Downloading", WHEEL.packed, humanBytes);
  // pip is silent and works in its temporary folder: what grows there is the download.
  const watch = setInterval(
    () => sizeOf(folder).then((size) => bar.update(Math.min(size, WHEEL.packed))),
    500,
  );
  try {
    const { success, stderr } = await new Deno.Command(python, {
      args: [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-cache-dir",
        "--no-deps",
        "--only-binary=:all:",
        "--dest",
        folder,
        name,
      ],
      env: { TMPDIR: folder },
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) {
      const last = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
      throw new EnvironmentError(`pip download failed: ${last}`);
    }
  } finally {
    clearInterval(watch);
    bar.stop();
  }
}

/** Bytes of all files in a folder and below; a file that vanishes meanwhile counts nothing. */
async function sizeOf(folder: string): Promise<number> {
  let sum = 0;
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      const path = join(folder, name);
      sum += isDirectory ? await sizeOf(path) : (await Deno.stat(path)).size;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return sum;
}
