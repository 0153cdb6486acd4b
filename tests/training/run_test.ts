import assert from "node:assert/strict";
import { join } from "@std/path";
import { TrainingError } from "../../lib/base/errors.ts";
import { start } from "../../lib/compute/backend.ts";
import { dispose } from "../../lib/compute/compile.ts";
import { generate } from "../../lib/data/generated.ts";
import { preset } from "../../lib/experiments/presets.ts";
import { runSpec } from "../../lib/experiments/runs.ts";
import { readMetrics, train } from "../../lib/training/run.ts";
import { runId, type RunSpec } from "../../lib/training/spec.ts";

const dataset = generate({ seed: 0, train: 256, test: 10 });
const tiny = preset("smoke", ["trainImages=256", "width=4", "epochs=3", "batch=64", "projector=32,32"]);
const spec = runSpec("s-jea", tiny, dataset, 0);

const withoutSpeed = async (folder: string) =>
  (await readMetrics(folder)).map(({ imagesPerSecond: _, ...metrics }) => metrics);

async function trainIn(folder: string, spec: RunSpec) {
  const run = await train(spec, dataset.train, folder, "tiny");
  dispose(run.network);
  return run;
}

Deno.test("the same spec gives the same log and the same weights, bit by bit", async () => {
  await start();
  const [one, two] = [await Deno.makeTempDir(), await Deno.makeTempDir()];
  const [first, second] = [await trainIn(one, spec), await trainIn(two, spec)];
  const metrics = await withoutSpeed(first.folder);
  assert.equal(metrics.length, 12);
  assert.deepEqual(metrics, await withoutSpeed(second.folder));
  const encoder = (folder: string) => Deno.readFile(join(folder, "encoder.safetensors"));
  // The header holds the duration, which differs; everything behind it may not.
  const body = (bytes: Uint8Array) => bytes.subarray(8 + new DataView(bytes.buffer).getUint32(0, true));
  assert.deepEqual(body(await encoder(first.folder)), body(await encoder(second.folder)));
  // Trained again: loaded, not trained.
  const began = performance.now();
  await trainIn(one, spec);
  assert.ok(performance.now() - began < 1000);
  await Promise.all([one, two].map((folder) => Deno.remove(folder, { recursive: true })));
});

Deno.test("a run killed after its first epoch goes on to the same weights", async () => {
  await start();
  const [whole, killed] = [await Deno.makeTempDir(), await Deno.makeTempDir()];
  const expected = await trainIn(whole, spec);
  const checkpoint = join(killed, runId(spec), "checkpoint.safetensors");
  const script = `
    import { start } from "${import.meta.resolve("../../lib/compute/backend.ts")}";
    import { generate } from "${import.meta.resolve("../../lib/data/generated.ts")}";
    import { train } from "${import.meta.resolve("../../lib/training/run.ts")}";
    await start();
    await train(${JSON.stringify(spec)}, generate({ seed: 0, train: 256, test: 10 }).train, ${
    JSON.stringify(killed)
  }, "killed");`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", script],
    cwd: new URL("../..", import.meta.url),
    stderr: "null",
    stdout: "null",
  }).spawn();
  for (let tries = 0; tries < 3000; tries++) {
    if (await Deno.stat(checkpoint).then(() => true, () => false)) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  child.kill("SIGKILL");
  await child.status;
  await Deno.stat(checkpoint); // It was killed before the end.
  const resumed = await trainIn(killed, spec);
  assert.deepEqual(await withoutSpeed(resumed.folder), await withoutSpeed(expected.folder));
  await Promise.all([whole, killed].map((folder) => Deno.remove(folder, { recursive: true })));
});

Deno.test("op by op, the losses of 20 steps are those of the compiled step", async () => {
  await start();
  const spec = runSpec("s-jea", { ...tiny, epochs: 5 }, dataset, 0);
  const folders = [await Deno.makeTempDir(), await Deno.makeTempDir()];
  const compiled = await trainIn(folders[0], spec);
  Deno.env.set("SJEA_EAGER", "1");
  const eager = await trainIn(folders[1], spec).finally(() => Deno.env.delete("SJEA_EAGER"));
  const [one, two] = [await readMetrics(compiled.folder), await readMetrics(eager.folder)];
  assert.equal(one.length, 20);
  for (const [step, { levels }] of one.entries()) {
    levels.forEach(({ total }, level) => {
      const other = two[step].levels[level].total;
      assert.ok(
        Math.abs(total - other) < 1e-4 * total,
        `step ${step}, stack ${level}: ${total} and ${other}`,
      );
    });
  }
  await Promise.all(folders.map((folder) => Deno.remove(folder, { recursive: true })));
});

Deno.test("divergence stops the run and names step, term and stack", async () => {
  await start();
  const folder = await Deno.makeTempDir();
  const wild = { ...spec, schedule: { ...spec.schedule, base: 1e30, warmupEpochs: 0 } };
  await assert.rejects(
    trainIn(folder, wild),
    (error: Error) =>
      error instanceof TrainingError &&
      /^Training diverged: the (in)?variance term of stack 0 is (NaN|Infinity) at step 1 \(epoch 0, /.test(
        error.message,
      ),
  );
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a batch larger than the set is refused", async () => {
  await assert.rejects(trainIn(await Deno.makeTempDir(), { ...spec, batch: 1000 }), {
    name: "TrainingError",
    message: "A batch of 1000 is more than the 256 training images: choose a smaller batch.",
  });
});

Deno.test("a run's id is the same for the same spec and another for another", () => {
  assert.equal(runId(spec), runId(JSON.parse(JSON.stringify(spec))));
  assert.notEqual(runId(spec), runId({ ...spec, seed: 1 }));
  assert.match(runId(spec), /^[0-9a-f]{12}$/);
});
