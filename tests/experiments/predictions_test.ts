import assert from "node:assert/strict";
import { join } from "@std/path";
import { DataError } from "../../lib/base/errors.ts";
import { decodeSafetensors } from "../../lib/base/safetensors.ts";
import { predictionName, readPredictions, writePredictions } from "../../lib/experiments/predictions.ts";
import { summarise } from "../../lib/experiments/statistics.ts";

const labels = Uint8Array.of(0, 1, 2, 255);
const predictions = {
  "VICReg/seed 0/top-1": Uint8Array.of(0, 1, 2, 255),
  "VICReg/seed 0/k-NN 20": Uint8Array.of(0, 1, 2, 0),
  "VICReg/seed 1/top-1": Uint8Array.of(1, 0, 2, 255),
  "VICReg/seed 1/k-NN 20": Uint8Array.of(0, 0, 0, 0),
};
const row = { predictions: "VICReg", top1: summarise([100, 50]), knnAt: { 20: summarise([75, 25]) } };

async function stored(check: (path: string, file: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "a table.json");
    await writePredictions(path, { labels, predictions });
    await check(path, join(folder, "a table.predictions.safetensors"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("predictions are read back as they were written, a byte each", () =>
  stored(async (path, file) => {
    assert.deepEqual(await readPredictions(path, [row]), { labels, predictions });
    const { tensors } = decodeSafetensors(await Deno.readFile(file), file);
    assert.deepEqual(Object.keys(tensors), ["labels", ...Object.keys(predictions)]);
    for (const { data, shape } of Object.values(tensors)) {
      assert.ok(data instanceof Uint8Array);
      assert.deepEqual(shape, [4]);
    }
  }));

Deno.test("what a row's predictions are called", () => {
  assert.equal(predictionName("S-JEA/stack 1", 0, "top-1"), "S-JEA/stack 1/seed 0/top-1");
});

Deno.test("predictions of other results, missing ones and those never stored are refused", () =>
  stored(async (path, file) => {
    const again = "Run deno task reproduce again.";
    const refused = (rows: Parameters<typeof readPredictions>[1], message: string, of = path) =>
      assert.rejects(readPredictions(of, rows), new DataError(message));
    await refused(
      [{ ...row, knnAt: { 20: summarise([75, 50]) } }],
      `${file} does not belong to ${path}: VICReg/seed 1/k-NN 20 is not right in 50 % of the images. ${again}`,
    );
    await refused(
      [{ ...row, top1: summarise([100, 50, 50]) }],
      `${file} does not belong to ${path}: it has no VICReg/seed 2/top-1. ${again}`,
    );
    await refused(
      [{ ...row, predictions: null }],
      `The predictions behind ${path} were not stored. ${again}`,
    );
    const other = join(path, "..", "other");
    await refused([row], `${other}.predictions.safetensors does not exist. ${again}`, `${other}.json`);
    await Deno.writeFile(file, (await Deno.readFile(file)).subarray(0, -1));
    await assert.rejects(readPredictions(path, [row]), DataError);
  }));
