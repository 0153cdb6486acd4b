import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import {
  demandMemory,
  deviceSpeed,
  trainingBytes,
  trainingSeconds,
  trainingSpeed,
} from "../../lib/experiments/estimate.ts";
import { spec } from "../training/tiny.ts";

await start();

Deno.test("a training's speed is measured, and nothing of it is left", async () => {
  const before = tf.memory().numTensors;
  const one = await trainingSpeed(spec);
  assert.equal(tf.memory().numTensors, before);
  // Four times the work in every convolution.
  const levels = spec.levels.map((level) => ({
    ...level,
    encoder: { ...level.encoder, width: 2 * level.encoder.width },
  }));
  assert.ok(await trainingSpeed({ ...spec, levels }) < one, "wider is slower");
});

Deno.test("the estimated time is proportional to the epochs, and half of it on a device twice as fast", async () => {
  const speed = await deviceSpeed(), seconds = trainingSeconds(spec, speed);
  assert.ok(seconds > 0);
  assert.ok(Math.abs(trainingSeconds({ ...spec, epochs: 2 * spec.epochs }, speed) / seconds - 2) < 1e-9);
  assert.ok(Math.abs(trainingSeconds(spec, 2 * speed) / seconds - 0.5) < 1e-9);
});

Deno.test("a stack 1 that does not shrink its map costs more: 16 times as much in its last stage", () => {
  const [lower, upper] = spec.levels;
  const flat = { ...upper, encoder: { ...upper.encoder, strides: [1, 1, 1, 1] } };
  const costly = { ...spec, levels: [lower, flat] };
  assert.ok(trainingBytes(costly) > trainingBytes(spec));
  const [seconds, more] = [spec, costly].map((spec) => trainingSeconds(spec, 1e9));
  assert.ok(more > 1.05 * seconds, `${more} and ${seconds}`);
});

Deno.test("small views cost their part of the time less, and no less memory", () => {
  const half = { ...spec, view: { ...spec.view, size: 16 } };
  const early = { ...spec, view: { ...spec.view, early: { size: 16, part: 0.25 } } };
  const [whole, small, mixed] = [spec, half, early].map((spec) => trainingSeconds(spec, 1e9));
  assert.ok(Math.abs(mixed - (0.25 * small + 0.75 * whole)) < 1e-9 * whole);
  assert.equal(trainingBytes(early), trainingBytes(spec));
});

Deno.test("a training that does not fit into memory is refused, with the batch that would", () => {
  const large = { ...spec, batch: 1000 };
  demandMemory(large, trainingBytes(large));
  assert.throws(() => demandMemory(large, trainingBytes({ ...spec, batch: 300 })), {
    name: "EnvironmentError",
    message:
      /^A batch of 1000 takes about .* of memory, of which .* are free\. A batch of 256 would fit: --set batch=256\.$/,
  });
  assert.throws(() => demandMemory(large, 1e6), { message: /Choose a smaller width\.$/ });
});
