import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { join } from "@std/path";
import { gzipSync, zipSync } from "fflate";
import { packTar } from "modern-tar";
import { start } from "../../../lib/compute/backend.ts";
import {
  findLibrary as find,
  type Library,
  type SearchOptions,
} from "../../../lib/compute/tensorflow/library.ts";
import { elf, machO, pe } from "../native.ts";

/** Runs with some environment variables set (or unset), and the others of the search unset. */
async function within<T>(variables: Record<string, string>, action: () => Promise<T>): Promise<T> {
  const names = ["SJEA_LIBTENSORFLOW", "VIRTUAL_ENV", "CONDA_PREFIX", "PATH"];
  const before = names.map((name) => Deno.env.get(name));
  const set = { PATH: before[3]!, ...variables } as Record<string, string>;
  names.forEach((name) => name in set ? Deno.env.set(name, set[name]) : Deno.env.delete(name));
  try {
    return await action();
  } finally {
    names.forEach((name, at) =>
      before[at] === undefined ? Deno.env.delete(name) : Deno.env.set(name, before[at]!)
    );
  }
}

/** A folder with such libraries, or with files of some content. */
async function folderWith(files: readonly string[], content: Uint8Array = elf()): Promise<string> {
  const folder = await Deno.makeTempDir();
  for (const file of files) {
    await Deno.mkdir(join(folder, file, ".."), { recursive: true });
    await Deno.writeFile(join(folder, file), content);
  }
  return folder;
}

const PLATFORM = "linux-x86_64";
const NOWHERE = {
  official: { [PLATFORM]: { url: "http://127.0.0.1:9/library.tar.gz", sha256: "" } },
  platform: PLATFORM,
  python: "no-such-python",
};
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** What is found by a search that opens nothing. */
const findLibrary = async (options: SearchOptions): Promise<Library> =>
  (await find((library) => library, options)).opened;

/** What a search says to the user. */
async function told<T>(action: () => Promise<T>): Promise<{ result: T; lines: string[] }> {
  const lines: string[] = [], { error } = console;
  console.error = (line: string) => lines.push(line);
  try {
    return { result: await action(), lines };
  } finally {
    console.error = error;
  }
}

/** What is in a folder but for the locks of what could not be made. */
const namesIn = (folder: string) =>
  [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => !name.endsWith(".lock"));

/** A Python that answers as told: to a question with `answer`, to pip by copying a wheel. */
async function fakePython(answer: string, wheel?: string): Promise<string> {
  const path = join(await Deno.makeTempDir(), "python");
  const copy = wheel
    ? `while [ "$1" != --dest ]; do shift; done; cp ${wheel} "$2/"`
    : "echo 'No route' >&2; exit 1";
  await Deno.writeTextFile(path, `#!/bin/sh\nif [ "$1" = -c ]; then echo "${answer}"; exit; fi\n${copy}\n`, {
    mode: 0o755,
  });
  return path;
}

Deno.test("SJEA_LIBTENSORFLOW comes first: a folder, its lib, or the file itself", async () => {
  const folder = await folderWith(["lib/libtensorflow.so.2", "lib/libtensorflow_framework.so.2"]);
  const expected = {
    path: join(folder, "lib", "libtensorflow.so.2"),
    framework: join(folder, "lib", "libtensorflow_framework.so.2"),
    origin: "SJEA_LIBTENSORFLOW",
  };
  for (const value of [folder, join(folder, "lib"), expected.path]) {
    assert.deepEqual(await within({ SJEA_LIBTENSORFLOW: value }, () => findLibrary(NOWHERE)), expected);
  }
});

Deno.test("a wrong SJEA_LIBTENSORFLOW is an error, not skipped", async () => {
  const cache = await folderWith(["libtensorflow.so.2"]);
  await assert.rejects(
    within({ SJEA_LIBTENSORFLOW: "/nowhere" }, () => findLibrary({ ...NOWHERE, cache })),
    {
      name: "EnvironmentError",
      message: "SJEA_LIBTENSORFLOW is /nowhere: no libtensorflow there. Point it at the library " +
        "(libtensorflow.so.2, libtensorflow_cc.so.2, libtensorflow.2.dylib, libtensorflow_cc.2.dylib, " +
        "tensorflow.dll) or its folder, or unset it.",
    },
  );
});

Deno.test("a file named by SJEA_LIBTENSORFLOW is taken itself, with any version", async () => {
  const folder = await folderWith([
    "libtensorflow.so.2",
    "libtensorflow_cc.so.2",
    "libtensorflow_cc.so.2.21.0",
  ]);
  for (const name of ["libtensorflow_cc.so.2", "libtensorflow_cc.so.2.21.0"]) {
    const file = join(folder, name);
    assert.equal((await within({ SJEA_LIBTENSORFLOW: file }, () => findLibrary(NOWHERE))).path, file);
  }
});

Deno.test("then the active environments, the latest first; the cache; python3's own TensorFlow", async () => {
  const cache = await folderWith(["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"]);
  const venv = await folderWith(["lib/python3.11/site-packages/tensorflow/libtensorflow_cc.so.2"]);
  const conda = await folderWith(["lib/libtensorflow.so.2"]);
  const originOf = async (variables: Record<string, string>) =>
    (await within(variables, () => findLibrary({ ...NOWHERE, cache }))).origin;
  assert.equal(await originOf({}), "cache");
  assert.equal(await originOf({ VIRTUAL_ENV: venv }), `the environment ${venv}`);
  assert.equal(await originOf({ CONDA_PREFIX: conda }), `the environment ${conda}`);
  for (const [first, second] of [[venv, conda], [conda, venv]]) {
    const PATH = [first, second].map((folder) => join(folder, "bin")).join(":");
    assert.equal(
      await originOf({ VIRTUAL_ENV: venv, CONDA_PREFIX: conda, PATH }),
      `the environment ${first}`,
    );
  }
  assert.equal(await originOf({ VIRTUAL_ENV: "/nowhere" }), "cache");
  const packages = await folderWith(["tensorflow/__init__.py", "tensorflow/libtensorflow_cc.so.2"]);
  const python = await fakePython(join(packages, "tensorflow", "__init__.py"));
  const empty = join(await Deno.makeTempDir(), "libtensorflow");
  const asked = await within({}, () => findLibrary({ ...NOWHERE, cache: empty, python }));
  assert.equal(asked.path, join(packages, "tensorflow", "libtensorflow_cc.so.2"));
});

/** Files that are no library for this project, by what is said of them. */
const BROKEN: Readonly<Record<string, Uint8Array | "folder">> = {
  "is empty, not a native library for Linux": new Uint8Array(0),
  "is damaged: it has 200 bytes, and its headers speak of 1000": elf({ length: 1000 }).subarray(0, 200),
  "is damaged: it has 30 bytes, and its headers speak of 64": elf().subarray(0, 30),
  "is a pointer of Git LFS, which stands for a file that was not fetched, not a native library for Linux":
    new TextEncoder().encode("version https://git-lfs.github.com/spec/v1"),
  "is a zip archive, not a native library for Linux": zipSync({ a: new Uint8Array(9) }),
  "is a compressed file, not a native library for Linux": gzipSync(new Uint8Array(9)),
  "is a program for macOS, not a native library for Linux": machO(),
  "is a program for Windows, not a native library for Linux": pe(),
  "is for another processor (aarch64), not for x86_64": elf({ machine: 183 }),
  "is no file": "folder",
  "has no TF_Version, TF_NewStatus, TF_DeleteStatus: TensorFlow 2.11 or newer is needed": elf({
    symbols: ["TF_Nothing", "TFE_Execute"],
  }),
};

Deno.test("a broken library is passed over and told of, in whichever place, unless the user names it", async () => {
  const cache = await folderWith(["libtensorflow.so.2"]);
  for (const [fault, content] of Object.entries(BROKEN)) {
    for (
      const [part, whole] of [["libtensorflow.so.2"], ["libtensorflow_framework.so.2", "libtensorflow.so.2"]]
    ) {
      // Whether a symbol is missing is a question to both files together.
      if (whole && fault.startsWith("has no")) continue;
      const file = `lib/${part}`;
      const folder = await folderWith(
        content === "folder" ? [join(file, "inside")] : [file],
        content === "folder" ? undefined : content,
      );
      if (whole) await Deno.writeFile(join(folder, "lib", whole), elf());
      const { result, lines } = await told(() =>
        within({ CONDA_PREFIX: folder }, () => findLibrary({ ...NOWHERE, cache }))
      );
      assert.equal(result.origin, "cache");
      assert.deepEqual(lines, [`Passed over: ${join(folder, file)} ${fault}.`]);
      await assert.rejects(within({ SJEA_LIBTENSORFLOW: folder }, () => findLibrary({ ...NOWHERE, cache })), {
        name: "EnvironmentError",
        message: new RegExp(
          `^SJEA_LIBTENSORFLOW is ${folder}: ${
            RegExp.escape(`${join(folder, file)} ${fault}`)
          }\\. Point it at`,
        ),
      });
    }
  }
  const beside = await folderWith(["libtensorflow.so.2"], new Uint8Array(0));
  await Deno.writeFile(join(beside, "libtensorflow_cc.so.2"), elf());
  const { result } = await told(() => within({ SJEA_LIBTENSORFLOW: beside }, () => findLibrary(NOWHERE)));
  assert.equal(result.path, join(beside, "libtensorflow_cc.so.2"));
});

Deno.test("what cannot be opened is passed over as well, and tried once", async () => {
  const packages = await folderWith(["tensorflow/__init__.py", "tensorflow/libtensorflow_cc.so.2"]);
  const venv = await folderWith(["lib/python3.11/site-packages/tensorflow/libtensorflow_cc.so.2"]);
  const cache = await folderWith(["libtensorflow.so.2"]), opened: string[] = [];
  const python = await fakePython(join(packages, "tensorflow", "__init__.py"));
  const open = ({ path }: Library) => {
    opened.push(path);
    if (!path.startsWith(packages)) throw new Error(`${path} needs another glibc`);
    return "it";
  };
  const search = () => within({ VIRTUAL_ENV: venv }, () => find(open, { ...NOWHERE, cache, python }));
  const { result, lines } = await told(search);
  const [, second, third] = opened;
  assert.equal(result.opened, "it");
  assert.deepEqual([second, third], [
    join(cache, "libtensorflow.so.2"),
    join(packages, "tensorflow", "libtensorflow_cc.so.2"),
  ]);
  assert.deepEqual(lines, opened.slice(0, 2).map((path) => `Passed over: ${path} needs another glibc.`));
});

Deno.test("a library that the file system cuts off does not end the process", async () => {
  const { library: { path } } = await start();
  const folder = await Deno.makeTempDir(), cut = join(folder, "libtensorflow_cc.so.2");
  using file = await Deno.open(path);
  const head = new Uint8Array(100_000);
  await file.read(head);
  await Deno.writeFile(cut, head);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [..."run --quiet -P=run lib/cli/doctor.ts".split(" ")],
    cwd: fileURLToPath(new URL("../../..", import.meta.url)),
    env: { SJEA_LIBTENSORFLOW: cut },
  }).output();
  const lines = new TextDecoder().decode(stdout);
  assert.equal(code, 1, new TextDecoder().decode(stderr));
  assert.match(lines, /PROBLEM: SJEA_LIBTENSORFLOW is .* is damaged: it has 100000 bytes, and its headers/);
});

Deno.test("then the official archive of this platform is fetched", async () => {
  const file = (name: string) => ({
    header: { name, size: elf().length, type: "file" as const },
    body: elf(),
  });
  const linkname = "libtensorflow.so.2.18.0", type = "symlink" as const;
  const tar = await packTar([
    file(`lib/${linkname}`),
    { header: { name: "lib/libtensorflow.so.2", size: 0, type, linkname } },
    file("lib/libtensorflow_framework.so.2"),
  ]);
  const archives: Record<string, [Uint8Array, string]> = {
    "linux-x86_64": [gzipSync(tar), join("lib", "libtensorflow.so.2")],
    "windows-x86_64": [
      zipSync({ "lib/tensorflow.dll": pe(), "include/c_api.h": new Uint8Array(10) }),
      "tensorflow.dll",
    ],
  };
  for (const [platform, [archive, library]] of Object.entries(archives)) {
    const asked: string[] = [];
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, ({ url }) => {
      asked.push(new URL(url).pathname);
      return new Response(new Uint8Array(archive));
    });
    const folder = await Deno.makeTempDir(), cache = join(folder, "libtensorflow");
    const kind = archive === archives["windows-x86_64"][0] ? "zip" : "tar.gz";
    const url = `http://127.0.0.1:${server.addr.port}/library.${kind}`;
    const changed = { [platform]: { url, sha256: sha256(archive.with(archive.length - 1, 1)) } };
    await assert.rejects(within({}, () => findLibrary({ ...NOWHERE, cache, official: changed, platform })), {
      name: "EnvironmentError",
      message: /TensorFlow's C library: .* sent another file than expected: sha256 /,
    });
    assert.deepEqual(namesIn(folder), [], "an archive that is not the expected one is not unpacked");
    const official = { [platform]: { url, sha256: sha256(archive) } };
    const found = await within({}, () => findLibrary({ ...NOWHERE, cache, official, platform }));
    await server.shutdown();
    assert.deepEqual(asked, [`/library.${kind}`, `/library.${kind}`]);
    assert.equal(found.path, join(cache, library));
    assert.deepEqual(namesIn(folder), ["libtensorflow"]);
  }
});

Deno.test("what is damaged in the cache is fetched again, and what then cannot be opened replaced once more", async () => {
  const folder = await Deno.makeTempDir(), cache = join(folder, "libtensorflow");
  const wheel = join(folder, "tensorflow_cpu-2.99-py3-none-any.whl");
  await Deno.mkdir(cache);
  await Deno.writeFile(join(cache, "libtensorflow.so.2"), elf({ length: 1000 }).subarray(0, 200));
  await Deno.writeFile(wheel, zipSync({ "tensorflow/libtensorflow_cc.so.2": elf() }));
  const python = await fakePython("", wheel), name = "lib/libtensorflow.so.2";
  const archive = gzipSync(
    await packTar([{ header: { name, size: elf().length, type: "file" }, body: elf() }]),
  );
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response(new Uint8Array(archive)),
  );
  const url = `http://127.0.0.1:${server.addr.port}/library.tar.gz`;
  const open = ({ path }: Library) => {
    if (path.endsWith(name)) throw new Error(`${path} needs another glibc`);
  };
  const official = { [PLATFORM]: { url, sha256: sha256(archive) } };
  const { result, lines } = await told(() =>
    within({}, () => find(open, { ...NOWHERE, cache, official, python }))
  );
  await server.shutdown();
  assert.equal(result.library.path, join(cache, "libtensorflow_cc.so.2"));
  assert.deepEqual(lines.filter((line) => line.startsWith("Passed over")), [
    `Passed over: ${
      join(cache, "libtensorflow.so.2")
    } is damaged: it has 200 bytes, and its headers speak of 1000.`,
    `Passed over: ${join(cache, name)} needs another glibc.`,
  ]);
});

Deno.test("then the wheel is fetched, and only its two libraries are kept", async () => {
  const folder = await Deno.makeTempDir(), wheel = join(folder, "tensorflow_cpu-2.99-py3-none-any.whl");
  await Deno.writeFile(
    wheel,
    zipSync({
      "tensorflow/libtensorflow_cc.so.2": elf(),
      "tensorflow/libtensorflow_framework.so.2": elf(),
      "tensorflow/python/big.so": elf(),
    }),
  );
  const cache = join(folder, "cache", "libtensorflow");
  const python = await fakePython("", wheel);
  const { path, framework } = await within({}, () => findLibrary({ ...NOWHERE, cache, python }));
  assert.equal(path, join(cache, "libtensorflow_cc.so.2"));
  assert.equal(framework, join(cache, "libtensorflow_framework.so.2"));
  assert.deepEqual(namesIn(join(folder, "cache")), ["libtensorflow"]);
});

Deno.test("one error names every place and its reason", async () => {
  const cache = join(await Deno.makeTempDir(), "libtensorflow");
  const python = await fakePython("");
  await assert.rejects(within({}, () => findLibrary({ ...NOWHERE, cache, python })), (error: Error) => {
    assert.equal(error.name, "EnvironmentError");
    for (
      const part of [
        "No libtensorflow was found, and none could be fetched. Tried:",
        `- the cache, ${cache}: no libtensorflow there`,
        "- Python's TensorFlow: no libtensorflow there",
        "- TensorFlow's C library: ",
        "- PyPI's tensorflow-cpu: pip download failed: No route",
        "set SJEA_LIBTENSORFLOW to its folder.",
      ]
    ) assert.ok(error.message.includes(part), `${part}\n${error.message}`);
    return true;
  });
});
