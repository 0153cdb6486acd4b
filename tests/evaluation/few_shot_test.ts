import assert from "node:assert/strict";
import { generator } from "../../lib/base/random.ts";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import { fewShot } from "../../lib/evaluation/few_shot.ts";

await start();

/** Three directions with noise; `[count, 4]`. */
function cloud(count: number, noise: number, seed: number) {
  const random = generator("cloud", seed), labels = Uint8Array.from({ length: count }, (_, at) => at % 3);
  const rows = Array.from(
    labels,
    (label) => [0, 1, 2, 3].map((axis) => (axis === label ? 1 : 0) + noise * random.normal()),
  );
  return { features: tf.tensor2d(rows), labels };
}

Deno.test("more shots are better, and vary less", () => {
  const judged = {
    train: cloud(300, 0.6, 1),
    heldOut: cloud(3, 0, 0),
    test: cloud(300, 0.6, 2),
    classes: 3,
    seed: 0,
  };
  const found = fewShot(judged, { shots: [1, 50], draws: 8 });
  assert.deepEqual(Object.keys(found), ["1-shot %", "1-shot ±", "50-shot %", "50-shot ±"]);
  assert.ok(found["50-shot %"] > found["1-shot %"] + 5, JSON.stringify(found));
  assert.ok(found["50-shot ±"] < found["1-shot ±"], JSON.stringify(found));
  assert.deepEqual(fewShot(judged, { shots: [1, 50], draws: 8 }), found);
  assert.notDeepEqual(fewShot({ ...judged, seed: 1 }, { shots: [1, 50], draws: 8 }), found);
});

Deno.test("with all images known it is the nearest class mean, however long a vector is", () => {
  const train = cloud(30, 0.8, 3), test = cloud(60, 0.8, 4);
  const unit = (row: number[]) => row.map((value) => value / Math.hypot(...row));
  const means = [0, 1, 2].map((label) => {
    const rows = train.features.arraySync().filter((_, at) => train.labels[at] === label).map(unit);
    return unit(rows.reduce((sum, row) => sum.map((value, at) => value + row[at])));
  });
  const right = test.features.arraySync().filter((row, at) => {
    const scores = means.map((mean) => mean.reduce((sum, value, axis) => sum + value * row[axis], 0));
    return scores.indexOf(Math.max(...scores)) === test.labels[at];
  }).length;
  const scaled = { ...test, features: test.features.mul(100) as tf.Tensor2D };
  for (const asked of [test, scaled]) {
    const judged = { train, heldOut: train, test: asked, classes: 3, seed: 0 };
    const found = fewShot(judged, { shots: [10], draws: 1 })["10-shot %"];
    assert.ok(Math.abs(found - 100 * right / 60) < 1e-9, `${found}`);
  }
});

Deno.test("a class with fewer images than shots is named", () => {
  const set = cloud(6, 0.1, 5), judged = { train: set, heldOut: set, test: set, classes: 3, seed: 0 };
  assert.throws(
    () => fewShot(judged, { shots: [1, 3], draws: 1 }),
    new RangeError("Class 0 has 2 training images, fewer than 3 shots."),
  );
});
