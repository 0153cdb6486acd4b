import assert from "node:assert/strict";
import { exists } from "../../../lib/base/files.ts";
import { openOnnxRuntime } from "../../../lib/compute/onnxruntime/c_api.ts";
import { Graph } from "../../../lib/compute/onnxruntime/graph.ts";
import { findOnnxRuntime, libraryFor } from "../../../lib/compute/onnxruntime/library.ts";
import { ElementType } from "../../../lib/compute/onnxruntime/model.ts";
import { inspect } from "../../../lib/compute/tensorflow/native_file.ts";
import { dirname, join } from "@std/path";

const library = await findOnnxRuntime();

const PLATFORMS = [
  ["linux", "x86_64"],
  ["linux", "aarch64"],
  ["darwin", "aarch64"],
  ["windows", "x86_64"],
  ["windows", "aarch64"],
] as const;

for (const [os, arch] of PLATFORMS) {
  Deno.test(`the package has the library of ${os} on ${arch}, and it is one`, async () => {
    const here = libraryFor(Deno.build.os, Deno.build.arch, false);
    const folder = library.path.slice(0, -here.length);
    const file = join(folder, libraryFor(os, arch, false));
    assert.ok(await exists(file), file);
    await inspect(file, `${os}-${arch}`);
  });
}

Deno.test("what the package has no library for is told, with another way", () => {
  const remedy = "Install TensorFlow instead (see the README) and set SJEA_ENGINE=tensorflow.";
  assert.throws(() => libraryFor("darwin", "x86_64", false), {
    name: "EnvironmentError",
    message: `npm's ONNX Runtime has no library for darwin on x86_64. ${remedy}`,
  });
  assert.throws(() => libraryFor("linux", "x86_64", true), {
    name: "EnvironmentError",
    message: `npm's ONNX Runtime needs glibc, but this Linux has musl. ${remedy}`,
  });
});

const runtime = openOnnxRuntime(library.path, 2);

/** A session that multiplies a matrix by itself some times. */
function power(size: number, times: number) {
  const graph = new Graph(), x = graph.input(ElementType.float, [size, size]);
  let y = x;
  for (let count = 1; count < times; count++) y = graph.matMul(y, x);
  const { bytes, inputs, outputs } = graph.model([y]);
  return runtime.session(bytes, inputs, outputs, false);
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
  assert.throws(() => runtime.session(Uint8Array.of(1, 2, 3), [], [], false), {
    name: "ComputeError",
    message: /^ONNX Runtime refused a model: /,
  });
  const session = power(2, 2), x = matrix(3, 1);
  assert.throws(() => session.runNow([x.value]), { name: "ComputeError", message: /Got: 3 Expected: 2/ });
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
