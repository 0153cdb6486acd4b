import assert from "node:assert/strict";
import { join } from "@std/path";
import type { StepMetrics } from "../../lib/training/log.ts";
import { crc32c, openEvents } from "../../lib/training/tensorboard.ts";
import { noTensorBoard, PYTHON } from "../tensorboard.ts";

const metrics = (step: number): StepMetrics => ({
  step,
  epoch: 0,
  learningRate: 0.5,
  imagesPerSecond: 100,
  levels: [{ invariance: step, total: 2 * step }, { total: -step }],
  ...step % 2 === 1 && {
    spread: [{ representation: { deviation: 0.5, rank: 3 }, embedding: { deviation: 0.25, rank: 2 } }],
    online: [{ knn: 45, rank: 7 }],
  },
});

/** A run of five steps that was killed after four, of which a checkpoint knew three. */
async function resumed(): Promise<string> {
  const folder = await Deno.makeTempDir();
  {
    using events = await openEvents(folder, 0);
    [0, 1, 2].map(metrics).forEach(events.add);
    await events.flush();
    events.add(metrics(3));
    await events.flush();
  }
  using events = await openEvents(folder, 3);
  [3, 4].map(metrics).forEach(events.add);
  await events.flush();
  return folder;
}

const eventFiles = async (folder: string) =>
  (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => join(folder, name)).sort();

Deno.test("records are framed as TFRecords are: length, bytes, and a checksum of each", async () => {
  const folder = await resumed();
  const unmask = (masked: number) => {
    const rotated = (masked - 0xa282ead8) >>> 0;
    return (rotated << 15 | rotated >>> 17) >>> 0;
  };
  let records = 0;
  for (const file of await eventFiles(folder)) {
    const bytes = await Deno.readFile(file), view = new DataView(bytes.buffer);
    for (let at = 0; at < bytes.length; records++) {
      const length = Number(view.getBigUint64(at, true));
      assert.equal(unmask(view.getUint32(at + 8, true)), crc32c(bytes.subarray(at, at + 8)));
      const record = bytes.subarray(at + 12, at + 12 + length);
      assert.equal(unmask(view.getUint32(at + 12 + length, true)), crc32c(record));
      at += 16 + length;
    }
  }
  // Two a session, and one a step that was written.
  assert.equal(records, 2 * 2 + 4 + 2);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("what does not fit on the disk is written with the next flush, once", async () => {
  const folder = await Deno.makeTempDir();
  using events = await openEvents(folder, 0);
  await events.flush();
  const [file] = await eventFiles(folder), { size } = await Deno.stat(file);
  events.add(metrics(0));
  const { write } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.write = () => Promise.reject(new Error("No space left on device"));
  await assert.rejects(events.flush());
  Deno.FsFile.prototype.write = write;
  assert.equal((await Deno.stat(file)).size, size);
  await events.flush();
  const { size: after } = await Deno.stat(file);
  assert.ok(after > size);
  await events.flush();
  assert.equal((await Deno.stat(file)).size, after);
  await Deno.remove(folder, { recursive: true });
});

Deno.test({
  name: "TensorBoard reads every number, and no step twice after a kill",
  ignore: noTensorBoard,
  async fn() {
    const folder = await resumed();
    const program = `import sys, json
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1]).Reload()
print(json.dumps({tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}))`;
    const { stdout, stderr } = await new Deno.Command(PYTHON, { args: ["-c", program, folder] }).output();
    const read = JSON.parse(new TextDecoder().decode(stdout) || new TextDecoder().decode(stderr));
    const steps = [0, 1, 2, 3, 4];
    assert.deepEqual(read["stack0/invariance"], steps.map((step) => [step, step]));
    assert.deepEqual(read["stack0/total"], steps.map((step) => [step, 2 * step]));
    assert.deepEqual(read["stack1/total"], steps.map((step) => [step, -step]));
    assert.deepEqual(read.learningRate, steps.map((step) => [step, 0.5]));
    assert.deepEqual(read["stack0/embedding_rank"], [[1, 2], [3, 2]]);
    assert.deepEqual(read["stack0/online_knn"], [[1, 45], [3, 45]]);
    assert.deepEqual(read["stack0/online_rank"], [[1, 7], [3, 7]]);
    await Deno.remove(folder, { recursive: true });
  },
});
