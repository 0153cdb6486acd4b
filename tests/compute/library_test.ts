import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { gzipSync, zipSync } from "fflate";
import { packTar } from "modern-tar";
import { findLibrary } from "../../lib/compute/library.ts";

/** Runs with some environment variables set (or unset), and the others of the search unset. */
async function within<T>(variables: Record<string, string>, action: () => Promise<T>): Promise<T> {
  const names = ["SJEA_LIBTENSORFLOW", "VIRTUAL_ENV"];
  const before = names.map((name) => Deno.env.get(name));
  names.forEach((name) => name in variables ? Deno.env.set(name, variables[name]) : Deno.env.delete(name));
  try {
    return await action();
  } finally {
    names.forEach((name, at) =>
      before[at] === undefined ? Deno.env.delete(name) : Deno.env.set(name, before[at]!)
    );
  }
}

async function folderWith(...files: string[]): Promise<string> {
  const folder = await Deno.makeTempDir();
  for (const file of files) {
    await Deno.mkdir(join(folder, file, ".."), { recursive: true });
    await Deno.writeTextFile(join(folder, file), "");
  }
  return folder;
}

const PLATFORM = `${Deno.build.os}-${Deno.build.arch}`;
const NOWHERE = {
  official: { [PLATFORM]: { url: "http://127.0.0.1:9/library.tar.gz", sha256: "" } },
  python: "no-such-python",
};
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

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
  const folder = await folderWith("lib/libtensorflow.so.2", "lib/libtensorflow_framework.so.2");
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
  await assert.rejects(within({ SJEA_LIBTENSORFLOW: "/nowhere" }, () => findLibrary()), {
    name: "EnvironmentError",
    message:
      "SJEA_LIBTENSORFLOW is /nowhere, but there is no libtensorflow there (looked for libtensorflow.so.2, " +
      "libtensorflow_cc.so.2, libtensorflow.2.dylib, libtensorflow_cc.2.dylib, tensorflow.dll). " +
      "Point it at the library or its folder, or unset it.",
  });
});

Deno.test("a file named by SJEA_LIBTENSORFLOW is taken itself, with any version", async () => {
  const folder = await folderWith(
    "libtensorflow.so.2",
    "libtensorflow_cc.so.2",
    "libtensorflow_cc.so.2.21.0",
    "notes.txt",
  );
  for (const name of ["libtensorflow_cc.so.2", "libtensorflow_cc.so.2.21.0"]) {
    const file = join(folder, name);
    assert.equal((await within({ SJEA_LIBTENSORFLOW: file }, () => findLibrary(NOWHERE))).path, file);
  }
  const notes = join(folder, "notes.txt");
  await assert.rejects(within({ SJEA_LIBTENSORFLOW: notes }, () => findLibrary(NOWHERE)), {
    name: "EnvironmentError",
    message: /there is no libtensorflow there/,
  });
});

Deno.test("then the cache, a virtual environment, and python3's own TensorFlow", async () => {
  const cache = await folderWith("libtensorflow_cc.so.2", "libtensorflow_framework.so.2");
  assert.equal((await within({}, () => findLibrary({ ...NOWHERE, cache }))).origin, "cache");
  const empty = join(await Deno.makeTempDir(), "libtensorflow");
  const environment = await folderWith("lib/python3.11/site-packages/tensorflow/libtensorflow_cc.so.2");
  const found = await within({ VIRTUAL_ENV: environment }, () => findLibrary({ ...NOWHERE, cache: empty }));
  assert.equal(found.origin, `the virtual environment ${environment}`);
  const packages = await folderWith("tensorflow/__init__.py", "tensorflow/libtensorflow_cc.so.2");
  const python = await fakePython(join(packages, "tensorflow", "__init__.py"));
  const asked = await within({}, () => findLibrary({ ...NOWHERE, cache: empty, python }));
  assert.equal(asked.path, join(packages, "tensorflow", "libtensorflow_cc.so.2"));
  const stale = await within(
    { VIRTUAL_ENV: "/nowhere" },
    () => findLibrary({ ...NOWHERE, cache: empty, python }),
  );
  assert.deepEqual(stale, asked);
});

Deno.test("then the official archive of this platform is fetched", async () => {
  const header = (name: string, type: "file" | "symlink" = "file", linkname?: string) => ({
    header: { name, size: 0, type, linkname },
  });
  const tar = await packTar([
    header("lib/libtensorflow.so.2.18.0"),
    header("lib/libtensorflow.so.2", "symlink", "libtensorflow.so.2.18.0"),
    header("lib/libtensorflow_framework.so.2"),
  ]);
  const archives: Record<string, [Uint8Array, string]> = {
    "linux-x86_64": [gzipSync(tar), join("lib", "libtensorflow.so.2")],
    "windows-x86_64": [
      zipSync({ "lib/tensorflow.dll": new Uint8Array(10), "include/c_api.h": new Uint8Array(10) }),
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

Deno.test("then the wheel is fetched, and only its two libraries are kept", async () => {
  const folder = await Deno.makeTempDir(), wheel = join(folder, "tensorflow_cpu-2.99-py3-none-any.whl");
  const empty = new Uint8Array(10);
  await Deno.writeFile(
    wheel,
    zipSync({
      "tensorflow/libtensorflow_cc.so.2": empty,
      "tensorflow/libtensorflow_framework.so.2": empty,
      "tensorflow/python/big.so": empty,
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
        `- the cache, ${cache}: none`,
        "- Python's TensorFlow: none",
        "- TensorFlow's C library: ",
        "- PyPI's tensorflow-cpu: pip download failed: No route",
        "set SJEA_LIBTENSORFLOW to its folder.",
      ]
    ) assert.ok(error.message.includes(part), `${part}\n${error.message}`);
    return true;
  });
});
