/**
 * Finds libtensorflow, or fetches it.
 *
 * @module
 */
import { basename, dirname, join } from "@std/path";
import { EnvironmentError } from "../base/errors.ts";
import { unpackTarGz, unzipEntries } from "../base/archive.ts";
import { download, makeOnce, type Source } from "../base/download.ts";
import { cacheFolder, exists, humanBytes } from "../base/files.ts";
import { progress } from "../base/progress.ts";

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

/** The same with any version, for a file that the user names. */
const NAME = /^(lib)?tensorflow(_cc)?\.(so|dylib|dll|\d)/;

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

/**
 * Finds libtensorflow: `SJEA_LIBTENSORFLOW`, the cache, Python's TensorFlow;
 * else fetches the official C library, else the library in PyPI's package.
 *
 * @param options How to look.
 * @returns The library.
 * @throws {EnvironmentError} There is none and none could be fetched: each place is named, with the reason.
 */
export async function findLibrary(options: SearchOptions = {}): Promise<Library> {
  const {
    cache = join(cacheFolder(), "libtensorflow"),
    official = OFFICIAL,
    platform = `${Deno.build.os}-${Deno.build.arch}`,
    python = "python3",
  } = options;
  const named = Deno.env.get("SJEA_LIBTENSORFLOW");
  if (named) {
    const isFile = await Deno.stat(named).then((stat) => stat.isFile, () => false);
    const library = isFile && NAME.test(basename(named))
      ? await atPath(named, "SJEA_LIBTENSORFLOW")
      : await inFolder(named, "SJEA_LIBTENSORFLOW");
    if (library) return library;
    throw new EnvironmentError(
      `SJEA_LIBTENSORFLOW is ${named}, but there is no libtensorflow there (looked for ${
        NAMES.join(", ")
      }). ` +
        "Point it at the library or its folder, or unset it.",
    );
  }
  const reasons: string[] = [];
  const places: [string, () => Promise<Library | undefined>][] = [
    [`the cache, ${cache}`, () => inFolder(cache, "cache")],
    ["Python's TensorFlow", () => fromPython(python)],
    ["TensorFlow's C library", () => fetchOfficial(official, platform, cache)],
    ["PyPI's tensorflow-cpu", () => fetchWheel(python, cache)],
  ];
  for (const [place, look] of places) {
    try {
      const library = await look();
      if (library) return library;
      reasons.push(`${place}: none`);
    } catch (error) {
      reasons.push(`${place}: ${(error as Error).message}`);
    }
  }
  throw new EnvironmentError(
    `No libtensorflow was found, and none could be fetched. Tried:\n  - ${reasons.join("\n  - ")}\n` +
      "Install TensorFlow for Python (pip install tensorflow), or download libtensorflow " +
      "(https://www.tensorflow.org/install/lang_c) and set SJEA_LIBTENSORFLOW to its folder.",
  );
}

async function inFolder(folder: string, origin: string): Promise<Library | undefined> {
  for (const directory of [folder, join(folder, "lib")]) {
    for (const name of NAMES) {
      const path = join(directory, name);
      if (await exists(path)) return await atPath(path, origin);
    }
  }
}

async function atPath(path: string, origin: string): Promise<Library> {
  const name = basename(path).replace(/tensorflow(_cc)?\./, "tensorflow_framework.");
  const framework = join(dirname(path), name);
  return { path, framework: await exists(framework) ? framework : undefined, origin };
}

/** Asks Python where its TensorFlow is, without loading it. */
async function fromPython(python: string): Promise<Library | undefined> {
  const environment = Deno.env.get("VIRTUAL_ENV");
  const program = "import importlib.util as u; s = u.find_spec('tensorflow'); print(s.origin if s else '')";
  if (environment) {
    const library = join(environment, "lib");
    const versions = await Array.fromAsync(Deno.readDir(library)).catch(() => []);
    // Windows has no folder for the version of Python.
    for (const folder of [library, ...versions.map(({ name }) => join(library, name))]) {
      const found = await inFolder(
        join(folder, "site-packages", "tensorflow"),
        `the virtual environment ${environment}`,
      );
      if (found) return found;
    }
  }
  const { success, stdout } = await new Deno.Command(python, { args: ["-c", program], stderr: "null" })
    .output();
  const origin = success ? new TextDecoder().decode(stdout).trim() : "";
  return origin ? await inFolder(dirname(origin), `${python}'s TensorFlow`) : undefined;
}

async function fetchOfficial(
  official: Readonly<Record<string, Source>>,
  platform: string,
  cache: string,
): Promise<Library | undefined> {
  const source = official[platform];
  if (!source) throw new EnvironmentError(`there is no archive for ${platform}`);
  const find = () => inFolder(cache, "TensorFlow's C library");
  return await makeOnce(cache, find, async () => {
    const path = join(dirname(cache), basename(source.url));
    await download(source, path);
    try {
      if (path.endsWith(".zip")) await unzipEntries(path, (name) => NAMES.includes(basename(name)), cache);
      else await unpackTarGz(path, cache);
    } finally {
      await Deno.remove(path);
    }
    return await find();
  });
}

/** Size of PyPI's package and of the two libraries in it, for TensorFlow 2.21. */
const WHEEL = { packed: 274e6, unpacked: 853e6 };

/** Fetches PyPI's package with pip, which checks it against the checksum of the index. */
async function fetchWheel(python: string, cache: string): Promise<Library | undefined> {
  const name = Deno.build.os === "darwin" ? "tensorflow" : "tensorflow-cpu";
  const folder = `${cache}-wheel`;
  const find = () => inFolder(cache, `PyPI's ${name}`);
  return await makeOnce(cache, find, async () => {
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
    return await find();
  });
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
