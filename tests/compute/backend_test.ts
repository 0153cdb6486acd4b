import assert from "node:assert/strict";
import { join, relative } from "@std/path";
import { cacheFolder } from "../../lib/base/places.ts";
import { findOnnxRuntime } from "../../lib/compute/onnxruntime/library.ts";

/** Runs lines in a process of their own, where TensorFlow was not started; `told(x)` tells a value or an error. */
async function alone(lines: string, env: Record<string, string> = {}): Promise<unknown[]> {
  const script = join(await Deno.makeTempDir(), "script.ts");
  await Deno.writeTextFile(
    script,
    `import { backend, start } from "${import.meta.resolve("../../lib/compute/backend.ts")}";
    import { compile } from "${import.meta.resolve("../../lib/compute/compile.ts")}";
    import { tf } from "${import.meta.resolve("../../lib/compute/tf.ts")}";
    const told = async (action: () => unknown) => {
      try {
        console.log("#" + JSON.stringify(await action()));
      } catch (error) {
        console.log("#" + JSON.stringify((error as Error).name + ": " + (error as Error).message));
      }
    };
    const neg = compile((x: tf.Tensor) => x.neg());
    const call = async () => (await neg(tf.scalar(1))).dataSync()[0];
    ${lines}`,
  );
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--config=deno.json", "-A", script],
    cwd: new URL("../..", import.meta.url),
    env: { SJEA_ENGINE: "tensorflow", ...env },
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line.startsWith("#"))
    .map((line) => JSON.parse(line.slice(1)));
}

Deno.test("before TensorFlow was started, and while another backend computes, that is what is said", async () => {
  const before = "ComputeError: No engine was started: call await start() first.";
  const told = await alone(`
    await told(call);
    await told(backend);
    Deno.env.set("SJEA_EAGER", "1");
    await told(call);
    Deno.env.delete("SJEA_EAGER");
    tf.scalar(1);
    await told(call);
    neg.dispose();
    await start();
    await told(call);
    await tf.setBackend("cpu");
    await told(call);
    await tf.setBackend("tensorflow");
    await told(call);`);
  const other =
    'ComputeError: TensorFlow.js computes on its backend "cpu": call tf.setBackend("tensorflow") first.';
  assert.deepEqual(told, [before, before, before, before, -1, other, -1]);
});

Deno.test("a start that failed is told and can be tried again", async () => {
  const told = await alone(`
    const library = Deno.env.get("SJEA_LIBTENSORFLOW");
    Deno.env.set("SJEA_LIBTENSORFLOW", "/nowhere");
    await told(start);
    if (library) Deno.env.set("SJEA_LIBTENSORFLOW", library);
    else Deno.env.delete("SJEA_LIBTENSORFLOW");
    const engine = tf.engine(), set = engine.setBackend;
    engine.setBackend = () => Promise.resolve(false);
    await told(start);
    engine.setBackend = set;
    tf.registerBackend("tensorflow", tf.findBackendFactory("cpu"));
    await told(start);
    await told(call);
    await told(async () => (await start()) === (await start()));
    await told(() => backend().binding.version === "0" || tf.getBackend());
    await told(call);
    await told(() => Deno.env.get("TF_CPP_MIN_LOG_LEVEL") ?? "unset");`);
  const refused =
    /^EnvironmentError: TensorFlow\.js did not take TensorFlow 2\..+ for its backend: .+call start\(\) again\.$/;
  assert.match(String(told[0]), /^EnvironmentError: .*\/nowhere/);
  assert.match(String(told[1]), refused);
  assert.match(String(told[2]), refused);
  assert.deepEqual(told.slice(3), [
    "ComputeError: No engine was started: call await start() first.",
    true,
    "tensorflow",
    -1,
    Deno.env.get("TF_CPP_MIN_LOG_LEVEL") ?? "unset",
  ]);
});

Deno.test("SJEA_THREADS is a whole number of threads, which TensorFlow gets", async () => {
  const use = `
    await told(async () => (await start()).threads);
    const x = tf.ones([512, 512]);
    tf.matMul(x, x).dataSync();
    await told(() => [...Deno.readDirSync("/proc/self/task")].length);`;
  const linux = Deno.build.os === "linux";
  const threads = linux ? [1, 128] : [1];
  const counts: number[] = [];
  for (const wish of threads) {
    const [told, count] = await alone(use, { SJEA_THREADS: `${wish}` });
    assert.equal(told, wish);
    counts.push(count as number);
  }
  if (linux) {
    // TensorFlow has two pools of that size; Deno's own threads come and go.
    for (const [at, wish] of threads.entries()) {
      const more = counts[at] - counts[0], expected = 2 * (wish - 1);
      assert.ok(Math.abs(more - expected) < 32, `${more} threads more for ${wish}, not ${expected}`);
    }
  }
  const wrong = ["abc", "0", "-1", "2.5", "1025", "1e2", " 4"];
  const told = await alone(`
    for (const wish of ${JSON.stringify(wrong)}) {
      Deno.env.set("SJEA_THREADS", wish);
      await told(start);
    }
    Deno.env.set("SJEA_THREADS", "");
    await told(async () => (await start()).threads === navigator.hardwareConcurrency);`);
  assert.deepEqual(told, [
    ...wrong.map((wish) =>
      `UsageError: SJEA_THREADS is "${wish}"; expected a whole number from 1 to 1024. ` +
      "Without it the engine uses all of the machine's."
    ),
    true,
  ]);
});

Deno.test("SJEA_ENGINE names an engine, or lets one be chosen", async () => {
  const engine = `await told(async () => (await start()).engine);`;
  const without = {
    SJEA_CACHE: await Deno.makeTempDir(),
    PATH: "",
    VIRTUAL_ENV: "",
    CONDA_PREFIX: "",
    https_proxy: "http://127.0.0.1:1",
  };
  const chosen = async (SJEA_ENGINE: string, more = {}) => (await alone(engine, { SJEA_ENGINE, ...more }))[0];
  assert.equal(await chosen("auto"), "tensorflow");
  assert.equal(await chosen("onnxruntime"), "onnxruntime");
  assert.equal(
    await chosen("pytorch"),
    `UsageError: SJEA_ENGINE is "pytorch"; expected auto, tensorflow or onnxruntime.`,
  );
  // Nothing is there and nothing can be fetched.
  assert.match(
    await chosen("auto", without) as string,
    /^EnvironmentError: No libtensorflow [^]*\nNor is there ONNX Runtime: .* cannot be had: .* cannot be reached/,
  );
  // ONNX Runtime was fetched before.
  const [fetched] = relative(cacheFolder(), (await findOnnxRuntime()).path).split(/[/\\]/);
  await Deno.symlink(join(cacheFolder(), fetched), join(without.SJEA_CACHE, fetched));
  assert.equal(await chosen("auto", without), "onnxruntime");
  assert.match(await chosen("tensorflow", without) as string, /^EnvironmentError: /);
  // A library that the user names is not passed over.
  assert.match(
    await chosen("auto", { SJEA_LIBTENSORFLOW: "/nowhere" }) as string,
    /^EnvironmentError: .*nowhere/,
  );
});
