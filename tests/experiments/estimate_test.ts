import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import { deviceSpeed, trainingSeconds, trainingSpeed } from "../../lib/experiments/estimate.ts";
import { spec } from "../training/tiny.ts";

await start();

Deno.test("a training's speed is measured, and nothing of it is left", async () => {
  const before = tf.memory().numTensors;
  const one = await trainingSpeed(spec);
  assert.equal(tf.memory().numTensors, before);
  const [encoder, ...others] = spec.model.levels;
  assert.equal(others.length, 1);
  const single = { ...spec, model: { ...spec.model, levels: [encoder] }, loss: [spec.loss[0]] };
  assert.ok(one > 0 && await trainingSpeed(single) > one, "one encoder is faster than two");
});

Deno.test("the estimated time is proportional to the epochs, and half of it on a device twice as fast", async () => {
  const speed = await deviceSpeed(), seconds = trainingSeconds(spec, speed);
  assert.ok(seconds > 0);
  assert.ok(Math.abs(trainingSeconds({ ...spec, epochs: 2 * spec.epochs }, speed) / seconds - 2) < 1e-9);
  assert.ok(Math.abs(trainingSeconds(spec, 2 * speed) / seconds - 0.5) < 1e-9);
});
