import assert from "node:assert/strict";
import { join } from "@std/path";
import { exists } from "../../lib/base/files.ts";
import { start } from "../../lib/compute/backend.ts";
import { dispose } from "../../lib/compute/compile.ts";
import { tf } from "../../lib/compute/tf.ts";
import { readCheckpoint, saveCheckpoint, saveEncoder } from "../../lib/training/checkpoint.ts";
import { openLog, readMetrics, type StepMetrics } from "../../lib/training/log.ts";
import { readOrigins } from "../../lib/training/origin.ts";
import { DAMAGED, mutatedBytes, mutatedJson, survive } from "../mutate.ts";

await start();

const state = (value: number) => ({
  parameters: { "encoders.0.conv1.weight": tf.tensor([value, 2]) },
  statistics: { "encoders.0.bn1.running_mean": tf.tensor([3]) },
  slots: { "encoders.0.conv1.weight.m": tf.tensor([4, 5]) },
});
const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).toSorted();

Deno.test("a checkpoint comes back as it was; the one before is gone; a finished run needs none", async () => {
  const folder = await Deno.makeTempDir();
  assert.equal(await readCheckpoint(folder), undefined);
  await saveCheckpoint(folder, state(1), { step: 3, seconds: 1.5 });
  await saveCheckpoint(folder, state(-1), { step: 14, seconds: 2.5 });
  assert.deepEqual(names(folder), ["checkpoint-14.safetensors", "checkpoint.json"]);
  const { state: found, position } = (await readCheckpoint(folder))!;
  assert.deepEqual(position, { step: 14, seconds: 2.5 });
  assert.deepEqual([...found.parameters["encoders.0.conv1.weight"].dataSync()], [-1, 2]);
  assert.deepEqual([...found.statistics["encoders.0.bn1.running_mean"].dataSync()], [3]);
  assert.deepEqual([...found.slots["encoders.0.conv1.weight.m"].dataSync()], [4, 5]);
  await saveEncoder(folder, found, { step: 20, seconds: 3 });
  assert.deepEqual(names(folder), ["encoder.safetensors"]);
});

Deno.test("a state that is no longer finite does not replace the last good checkpoint", async () => {
  const folder = await Deno.makeTempDir();
  await saveCheckpoint(folder, state(1), { step: 3, seconds: 1 });
  await assert.rejects(saveCheckpoint(folder, state(NaN), { step: 4, seconds: 1 }), {
    name: "TrainingError",
    message: "Training diverged: parameters/encoders.0.conv1.weight is no longer finite after 4 steps. " +
      "Lower the learning rate or use float32. The checkpoint before, if there is one, is the last good one.",
  });
  assert.equal((await readCheckpoint(folder))!.position.step, 3);
});

Deno.test("damage is refused, with the file and what to do", async () => {
  const folder = await Deno.makeTempDir(), again = `Delete ${folder} to train the run from its beginning.`;
  const index = join(folder, "checkpoint.json"), tensors = join(folder, "checkpoint-3.safetensors");
  const refused = async (message: string) =>
    await assert.rejects(readCheckpoint(folder), { name: "DataError", message: `${message} ${again}` });
  await saveCheckpoint(folder, state(1), { step: 3, seconds: 1 });
  const bytes = await Deno.readFile(tensors);
  await Deno.writeFile(tensors, bytes.with(-1, bytes.at(-1)! ^ 1));
  await refused(`${tensors} is damaged: it is not what was written.`);
  await Deno.writeFile(tensors, bytes.subarray(0, -1));
  await refused(`${tensors} is damaged: it is not what was written.`);
  await Deno.remove(tensors);
  await refused(`${index} names checkpoint-3.safetensors, which is not there.`);
  const content = JSON.parse(await Deno.readTextFile(index));
  await Deno.writeTextFile(index, JSON.stringify({ ...content, file: "../../secret.safetensors" }));
  await refused(
    `${index}: file: Invalid string: must match pattern /^checkpoint-\\d+\\.safetensors$/.`,
  );
  await Deno.writeTextFile(index, "{");
  await assert.rejects(readCheckpoint(folder), { name: "DataError", message: /checkpoint\.json is no JSON/ });
});

const line = (step: number): StepMetrics => ({
  ...{ step, epoch: 0, learningRate: 0.1, imagesPerSecond: 10 },
  levels: [{ invariance: 1, variance: 1, covariance: NaN, total: 2 }],
});

Deno.test("a log goes on after a step, and what was logged later is dropped", async () => {
  const folder = await Deno.makeTempDir(), path = join(folder, "metrics.jsonl");
  {
    using log = await openLog(folder, 0);
    for (const step of [0, 1, 2]) await log.write(line(step));
  }
  // A line that is being written, or was when the process was killed.
  await Deno.writeTextFile(path, `{"step":3,"ep`, { append: true });
  assert.deepEqual((await readMetrics(folder)).map(({ step }) => step), [0, 1, 2]);
  {
    using log = await openLog(folder, 2);
    await log.write(line(2));
  }
  assert.deepEqual(await readMetrics(folder), [line(0), line(1), line(2)]);
  await assert.rejects(openLog(folder, 4), {
    name: "DataError",
    message: `${path} ends before step 4, from which the run would go on. ` +
      `Delete ${folder} to train the run from its beginning.`,
  });
  assert.equal((await readMetrics(folder)).length, 3);
});

Deno.test("a damaged line of a log is named, and so are damaged origins", async () => {
  const folder = await Deno.makeTempDir(), path = join(folder, "metrics.jsonl");
  await assert.rejects(readMetrics(folder), {
    name: "DataError",
    message: `There is no ${path}. Delete ${folder} to train the run again.`,
  });
  await Deno.writeTextFile(
    path,
    `${JSON.stringify(line(0))}\n${JSON.stringify({ ...line(1), step: "1" })}\n`,
  );
  await assert.rejects(readMetrics(folder), {
    name: "DataError",
    message:
      `${path}, line 2: step: Invalid input: expected number, received string. Delete ${folder} to train the run again.`,
  });
  await Deno.writeTextFile(path, "nonsense\n");
  await assert.rejects(readMetrics(folder), { name: "DataError", message: /line 1 is no JSON/ });
  assert.deepEqual(await readOrigins(folder), []);
  await Deno.writeTextFile(join(folder, "origins.json"), "[{}]");
  await assert.rejects(readOrigins(folder), {
    name: "DataError",
    message: /origins\.json: 0\.step: .* Delete /,
  });
});

/** Damages one of a run's files again and again; returns how many were read and how many refused. */
async function damage(file: string, read: (folder: string) => Promise<unknown>) {
  const memory = await exists("/dev/shm") ? "/dev/shm" : undefined;
  const folder = await Deno.makeTempDir({ dir: memory }), path = join(folder, file);
  try {
    await saveCheckpoint(folder, state(1), { step: 3, seconds: 1 });
    using log = await openLog(folder, 0);
    for (const step of [0, 1, 2]) await log.write(line(step));
    const whole = await Deno.readFile(path);
    const inputs = file.endsWith(".json")
      ? mutatedJson(new TextDecoder().decode(whole), file)
      : mutatedBytes(whole, file);
    return await survive<string | Uint8Array>(inputs, async (input) => {
      await (typeof input === "string" ? Deno.writeTextFile(path, input) : Deno.writeFile(path, input));
      await read(folder);
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test(`${DAMAGED} damaged indices, checkpoints and logs: the named errors alone`, async () => {
  const read = async (folder: string) => {
    const found = await readCheckpoint(folder);
    if (found) dispose(found.state);
  };
  const index = await damage("checkpoint.json", read);
  assert.ok(index.refused > 0.5 * DAMAGED, JSON.stringify(index));
  // Whatever is another byte has another digest.
  const tensors = await damage("checkpoint-3.safetensors", read);
  assert.ok(tensors.read < 0.01 * DAMAGED, JSON.stringify(tensors));
  const log = await damage("metrics.jsonl", readMetrics);
  assert.ok(log.refused > 0.5 * DAMAGED, JSON.stringify(log));
});
