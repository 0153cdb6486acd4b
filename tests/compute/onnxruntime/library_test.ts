import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { gzipSync } from "fflate";
import { packTar } from "modern-tar";
import { unpackTarGz } from "../../../lib/base/archive.ts";
import { download } from "../../../lib/base/download.ts";
import { cacheFolder } from "../../../lib/base/places.ts";
import { npmRegistry } from "../../../lib/base/registry.ts";
import { inspect } from "../../../lib/compute/native_file.ts";
import { openOnnxRuntime } from "../../../lib/compute/onnxruntime/c_api.ts";
import { Graph } from "../../../lib/compute/onnxruntime/graph.ts";
import {
  findOnnxRuntime,
  libraryFor,
  packageAt,
  type SearchOptions,
} from "../../../lib/compute/onnxruntime/library.ts";
import { ElementType } from "../../../lib/compute/onnxruntime/model.ts";
import { elf } from "../native.ts";
import { basename, dirname, join } from "@std/path";

const library = await findOnnxRuntime();

const PLATFORMS = ["linux-x86_64", "linux-aarch64", "darwin-aarch64", "windows-x86_64", "windows-aarch64"];

Deno.test("the package has the library of each platform, and it is one", async () => {
  const source = packageAt(await npmRegistry());
  // Kept, for it is large: 114 MB.
  const file = join(cacheFolder(), "tests", basename(source.url));
  await Deno.mkdir(dirname(file), { recursive: true });
  await download(source, file);
  const libraries = PLATFORMS.map((platform) => libraryFor(platform, "2.28"));
  const folder = await Deno.makeTempDir(), unpacked = join(folder, "unpacked");
  await unpackTarGz(file, unpacked, (name) => libraries.includes(name));
  for (const [at, path] of libraries.entries()) await inspect(join(unpacked, path), PLATFORMS[at]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("what the package has no library for is told, with another way", () => {
  const remedy = "Install TensorFlow instead (see the README) and set SJEA_ENGINE=tensorflow.";
  const refused = (what: string, platform: string, glibc?: string) =>
    assert.throws(() => libraryFor(platform, glibc), {
      name: "EnvironmentError",
      message: `npm's ONNX Runtime ${what}. ${remedy}`,
    });
  refused("has no library for darwin on x86_64", "darwin-x86_64");
  refused("needs glibc, but this Linux has musl", "linux-x86_64");
  for (const old of ["2.27", "2.9", "1.30"]) {
    refused(`needs glibc 2.28 or newer, but this Linux has ${old}`, "linux-aarch64", old);
  }
  for (const enough of ["2.28", "2.41", "3.0"]) {
    assert.equal(
      libraryFor("linux-x86_64", enough),
      "package/bin/napi-v6/linux/x64/libonnxruntime.so.1",
    );
  }
});

/** A package of npm's with these files. */
async function packed(...files: [name: string, content: Uint8Array][]): Promise<Uint8Array<ArrayBuffer>> {
  const entries = files.map(([name, body]) => ({
    header: { name: `package/${name}`, size: body.length, type: "file" as const },
    body,
  }));
  return new Uint8Array(gzipSync(await packTar(entries)));
}

const ENTRY = "bin/napi-v6/linux/x64/libonnxruntime.so.1", PLATFORM = "linux-x86_64";
const PACKED = await packed(
  ["package.json", new TextEncoder().encode("{}")],
  ["bin/napi-v6/linux/arm64/libonnxruntime.so.1", elf({ machine: 183 })],
  [ENTRY, elf({ length: 5000 })],
);
const ARCHIVE = { bytes: PACKED.length, sha256: createHash("sha256").update(PACKED).digest("hex") };
const headers = { authorization: "Bearer secret" };

/** A registry on loopback. Returns the paths that it was asked for. */
async function served(
  answer: (request: Request, count: number) => Response | Promise<Response>,
  test: (url: string) => Promise<void>,
): Promise<string[]> {
  const asked: string[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    asked.push(new URL(request.url).pathname);
    return answer(request, asked.length);
  });
  try {
    await test(`http://127.0.0.1:${server.addr.port}/mirror/`);
  } finally {
    await server.shutdown();
  }
  return asked;
}

const FILE = "/mirror/onnxruntime-node/-/onnxruntime-node-1.30.0.tgz";
/** The package, for who has the token. */
const guarded = (request: Request) =>
  request.headers.get("authorization") === headers.authorization
    ? new Response(PACKED)
    : new Response("who are you?", { status: 401 });

/** A search for Linux in a new cache, in which no message gives the token away. */
async function search(options: SearchOptions) {
  const folder = await Deno.makeTempDir(), cache = join(folder, "onnxruntime"), { error } = console;
  const told: string[] = [];
  console.error = (...words) => told.push(words.join(" "));
  try {
    const find = () => findOnnxRuntime({ cache, platform: PLATFORM, archive: ARCHIVE, ...options });
    const result = await find().then(({ path }) => path, ({ name, message }) => `${name}: ${message}`);
    assert.doesNotMatch(result + told.join(), /secret/);
    return { folder, cache, result, told, find };
  } finally {
    console.error = error;
  }
}

Deno.test({
  name: "the package is fetched with the user's credentials, and of it the library alone is kept",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const asked = await served(guarded, async (url) => {
      const { folder, cache, result, told, find } = await search({ registry: { url, headers } });
      assert.equal(result, join(cache, "package", ENTRY));
      assert.deepEqual(await Deno.readFile(result), elf({ length: 5000 }));
      assert.match(told[0], /^Fetching .*\/onnxruntime-node-1\.30\.0\.tgz \(\d+ B\) to /);
      const files = async (folder: string): Promise<string[]> =>
        (await Promise.all(
          (await Array.fromAsync(Deno.readDir(folder))).map(({ name, isDirectory }) =>
            isDirectory ? files(join(folder, name)) : [name]
          ),
        )).flat();
      assert.deepEqual(await files(folder), ["libonnxruntime.so.1"]);
      await find();
    });
    assert.deepEqual(asked, [FILE]);
  },
});

Deno.test({
  name: "a library that is damaged in the cache is fetched again",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const asked = await served(guarded, async (url) => {
      const registry = { url, headers };
      const { cache, result } = await search({ registry });
      await Deno.truncate(result, 4000);
      const again = await search({ registry, cache });
      assert.equal(again.told[0], `${result} is damaged: it is fetched again.`);
      assert.deepEqual(await Deno.readFile(result), elf({ length: 5000 }));
    });
    assert.deepEqual(asked, [FILE, FILE]);
  },
});

Deno.test({
  name: "a registry that leads elsewhere is followed, without the credentials",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const seen: (string | null)[] = [];
    const store = (request: Request) => {
      seen.push(request.headers.get("authorization"));
      return new Response(PACKED);
    };
    await served(store, async (elsewhere) => {
      await served((request) => {
        seen.push(request.headers.get("authorization"));
        return Response.redirect(`${elsewhere}blob`);
      }, async (url) => {
        const { cache, result } = await search({ registry: { url, headers } });
        assert.equal(result, join(cache, "package", ENTRY));
      });
    });
    assert.deepEqual(seen, ["Bearer secret", null]);
  },
});

Deno.test({
  name: "a download that breaks off is gone on with, by the next search, too",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const asked: (string | null)[][] = [], half = PACKED.length >> 1;
    await served((request, count) => {
      asked.push(["range", "authorization"].map((name) => request.headers.get(name)));
      if (count === 1) {
        const content = new Blob([PACKED.slice(0, half)]).stream();
        return new Response(content, { headers: { "content-length": `${PACKED.length}` } });
      }
      if (count === 2) return new Response("gone", { status: 404 });
      const range = `bytes ${half}-${PACKED.length - 1}/${PACKED.length}`;
      return new Response(PACKED.slice(half), { status: 206, headers: { "content-range": range } });
    }, async (url) => {
      const registry = { url, headers }, { cache, result } = await search({ registry });
      assert.match(result, /status 404/);
      assert.equal((await search({ registry, cache })).result, join(cache, "package", ENTRY));
    });
    const rest = `bytes=${half}-`;
    assert.deepEqual(asked, [null, rest, rest].map((range) => [range, "Bearer secret"]));
  },
});

/** What a search says that finds no package. */
const cannot = (url: string, why: string) =>
  `EnvironmentError: npm's ONNX Runtime cannot be had: ${url}onnxruntime-node/-/onnxruntime-node-1.30.0.tgz ${why} ` +
  "NPM_CONFIG_REGISTRY or .npmrc (registry=…) may name another registry, and .npmrc credentials " +
  `(${url.slice("http:".length)}:_authToken=…).`;

Deno.test({
  name:
    "a registry that refuses, lacks the package, sends another or is not there: what it says, and what helps",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const none = "0".repeat(64), hash = ARCHIVE.sha256;
    const answers: [(request: Request) => Response, string][] = [
      [() => new Response("", { status: 401 }), "answers with status 401: does it want other credentials?"],
      [() => new Response("", { status: 403 }), "answers with status 403: does it want other credentials?"],
      [() => new Response("", { status: 404 }), "answers with status 404: is the address still right?"],
      [
        guarded,
        `sent another file than expected: sha256 ${hash} instead of ${none}. ` +
        "It was deleted; try again, or fetch it by hand.",
      ],
    ];
    let gone = "";
    for (const [answer, why] of answers) {
      await served(answer, async (url) => {
        const archive = { ...ARCHIVE, sha256: none };
        const { folder, result } = await search({ registry: { url, headers }, archive });
        assert.equal(result, cannot(url, why));
        const left = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
        assert.deepEqual(left.filter((name) => !name.endsWith(".lock")), []);
        gone = url;
      });
    }
    const { result } = await search({ registry: { url: gone, headers } });
    assert.match(
      result,
      /^EnvironmentError: npm's ONNX Runtime cannot be had: \S+ cannot be reached \(.*refused/,
    );
  },
});

Deno.test({
  name: "a second process waits for the one that fetches",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const waiting = Promise.withResolvers<void>(), folder = await Deno.makeTempDir();
    const script = join(folder, "find.ts"), cache = join(folder, "onnxruntime");
    const asked = await served(
      (request) => waiting.promise.then(() => guarded(request)),
      async (url) => {
        const options = { cache, platform: PLATFORM, archive: ARCHIVE, registry: { url, headers } };
        await Deno.writeTextFile(
          script,
          `import { findOnnxRuntime } from "${
            import.meta.resolve("../../../lib/compute/onnxruntime/library.ts")
          }";
          console.log((await findOnnxRuntime(${JSON.stringify(options)})).path);`,
        );
        const config = fileURLToPath(import.meta.resolve("../../../deno.json"));
        const found = await Promise.all([1, 2].map(async () => {
          const process = new Deno.Command(Deno.execPath(), {
            args: ["run", "--quiet", "--no-check", "--allow-all", "--config", config, script],
            ...{ stdout: "piped", stderr: "piped" },
          }).spawn();
          let told = "";
          const [stdout] = await Promise.all([
            process.stdout.text(),
            (async () => {
              for await (const text of process.stderr.pipeThrough(new TextDecoderStream())) {
                if (/^Waiting for process/m.test(told += text)) waiting.resolve();
              }
            })(),
          ]);
          // One that ends without a word must not be waited for.
          waiting.resolve();
          return [stdout.trim(), told] as const;
        }));
        const path = join(cache, "package", ENTRY);
        assert.deepEqual(found.map(([path]) => path), [path, path], found.join());
        assert.equal(found.filter(([, told]) => /^Waiting for process/m.test(told)).length, 1, found.join());
      },
    );
    assert.deepEqual(asked, [FILE]);
  },
});

const runtime = openOnnxRuntime(library.path, 2);

/** A session that multiplies a matrix by itself some times. */
function power(size: number, times: number) {
  const graph = new Graph(), x = graph.input(ElementType.float, [size, size]);
  let y = x;
  for (let count = 1; count < times; count++) y = graph.matMul(y, x);
  const [[{ bytes, inputs, outputs }]] = graph.stages([y]).stages;
  return runtime.session(bytes, inputs, outputs, { name: "power" });
}

const matrix = (size: number, value: number) => {
  const memory = new ArrayBuffer(4 * size * size);
  new Float32Array(memory).fill(value);
  return { memory, value: runtime.value(ElementType.float, [size, size], memory) };
};

Deno.test("a session computes, at once and in the background, while timers run", async () => {
  const session = power(1024, 20), x = matrix(1024, 1 / 1024);
  const first = session.runNow([x.value])[0];
  assert.equal(new Float32Array(runtime.memory(first, 4 * 1024 ** 2))[0], 1 / 1024);
  runtime.release(first);
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const [second] = await session.run([x.value]);
  clearInterval(timer);
  assert.equal(new Float32Array(runtime.memory(second, 4))[0], 1 / 1024);
  assert.ok(ticks > 3, `${ticks} ticks`);
  [x.value, second].forEach(runtime.release);
  session.free();
});

Deno.test("a model that is none is an error, and so are inputs of other shapes", () => {
  assert.throws(() => runtime.session(Uint8Array.of(1, 2, 3), [], [], { name: "nothing" }), {
    name: "ComputeError",
    message: /^ONNX Runtime refused the model of nothing: /,
  });
  const session = power(2, 2), x = matrix(3, 1);
  assert.throws(() => session.runNow([x.value]), {
    name: "ComputeError",
    message: /^ONNX Runtime refused to compute power: .*Got: 3 Expected: 2/s,
  });
  runtime.release(x.value);
  session.free();
});

Deno.test("sessions share their threads", { ignore: Deno.build.os !== "linux" }, async () => {
  const threads = async () => (await Array.fromAsync(Deno.readDir("/proc/self/task"))).length;
  const before = await threads();
  const sessions = Array.from({ length: 50 }, () => power(2, 2));
  assert.ok(await threads() - before <= 2);
  sessions.forEach((session) => session.free());
});

Deno.test("a library that cannot be loaded is named", async () => {
  const path = join(await Deno.makeTempDir(), "libonnxruntime.so.1");
  await Deno.writeTextFile(path, "no library");
  assert.throws(() => openOnnxRuntime(path, 1), {
    name: "EnvironmentError",
    message: new RegExp(`^${path} cannot be loaded: `),
  });
  await Deno.remove(dirname(path), { recursive: true });
});
