import assert from "node:assert/strict";
import { DataError } from "../../lib/base/errors.ts";
import { start } from "../../lib/compute/backend.ts";
import { dispose } from "../../lib/compute/compile.ts";
import { tf } from "../../lib/compute/tf.ts";
import { generate } from "../../lib/data/generated.ts";
import { normalise, pixels } from "../../lib/data/normalise.ts";
import { features, pixelFeatures, type Readout } from "../../lib/evaluation/features.ts";
import { type Network, pass } from "../../lib/model/layers.ts";
import { RESNET_18 } from "../../lib/model/resnet.ts";
import { initialiseStack, stack, type StackConfig } from "../../lib/model/stack.ts";

await start();

const encoder = { ...RESNET_18, width: 4, zeroInitResidual: false };
const config: StackConfig = {
  levels: [{ encoder, projector: [] }, { encoder, projector: [16] }],
  wiring: "prepool",
  stopGradient: false,
};
const { train: set } = generate({ seed: 1, train: 22, test: 0 });

/** A network whose running statistics are those of a real batch, not 0 and 1. */
function network(): Network {
  const { parameters, statistics } = initialiseStack(config, 1);
  const met = tf.tidy(() => {
    const training = pass({ parameters, statistics }, true);
    stack(training, normalise(pixels(set, 0, 22)), config);
    return training.statistics;
  });
  return { parameters, statistics: met };
}
const trained = network();

/** The representations of all images in one uncompiled pass. */
function direct(from: number, to: number, training: boolean): tf.Tensor2D[] {
  return tf.tidy(() =>
    stack(pass(trained, training), normalise(pixels(set, from, to)), config).map((level) =>
      level.representation
    )
  );
}

/** Asserts that representations are equal up to a part of their own size. */
function assertClose(found: tf.Tensor2D[], expected: tf.Tensor2D[], tolerance: number): void {
  assert.deepEqual(found.map((level) => level.shape), expected.map((level) => level.shape));
  const error = tf.tidy(() =>
    found.map((level, at) => level.sub(expected[at]).abs().max().div(expected[at].abs().max()).dataSync()[0])
  );
  assert.ok(error.every((part) => part < tolerance), `they differ by ${error}`);
}

Deno.test("features are the representations of an uncompiled pass", async () => {
  const found = await features(trained, config, set);
  assert.deepEqual(found.map((level) => level.shape), [[22, 32], [22, 32]]);
  assertClose(found, direct(0, 22, false), 1e-5);
});

Deno.test("any stage of any level is read, pooled or whole, and embeddings, in the order that is asked for", async () => {
  const readouts: Readout[] = [
    { stack: 1, stage: 0, pooled: true },
    { stack: 0, stage: 3, pooled: false },
    { stack: 1, stage: "embedding" },
    { stack: 0, stage: 4, pooled: true },
  ];
  const found = await features(trained, config, set, { readouts, batch: 7 });
  const expected = tf.tidy(() => {
    const images = normalise(pixels(set, 0, 22));
    const [lower, upper] = stack(pass(trained, false), images, config);
    return [
      upper.stages[0].mean([1, 2]),
      lower.stages[3].reshape([22, -1]),
      upper.embedding,
      lower.representation,
    ];
  }) as tf.Tensor2D[];
  assert.deepEqual(found.map(({ shape }) => shape), [[22, 4], [22, 8 * 8 * 16], [22, 16], [22, 32]]);
  assertClose(found, expected, 1e-5);
  await assert.rejects(
    features(trained, config, set, { readouts: [{ stack: 1, stage: 5, pooled: true }] }),
    new RangeError("Stack 1's stage 5 does not exist: its last one is 4."),
  );
});

Deno.test("in evaluation mode the size of a batch does not matter", async () => {
  const expected = await features(trained, config, set, { batch: 22 });
  // 22 images: whole batches, a smaller last one, a last one of a single image, more than there are.
  for (const batch of [11, 8, 7, 1, 100]) {
    assertClose(await features(trained, config, set, { batch }), expected, 1e-5);
  }
});

Deno.test("in training mode batch norm uses the statistics of the batch", async () => {
  const found = await features(trained, config, set, { batch: 16, mode: "training" });
  const [first, last] = [direct(0, 16, true), direct(16, 22, true)];
  assertClose(found, first.map((level, at) => tf.concat([level, last[at]])), 1e-4);
  const evaluated = await features(trained, config, set);
  assert.throws(() => assertClose(found, evaluated, 1e-2));
});

Deno.test("in training mode a batch is of 64 images, as in the released probe", async () => {
  const { train: many } = generate({ seed: 2, train: 70, test: 0 }), mode = "training";
  const found = await features(trained, config, many, { mode });
  assertClose(found, await features(trained, config, many, { mode, batch: 64 }), 1e-5);
  const other = await features(trained, config, many, { mode, batch: 65 });
  assert.throws(() => assertClose(found, other, 1e-5));
});

Deno.test("extraction does not change the network", async () => {
  const values = () =>
    Object.values({ ...trained.parameters, ...trained.statistics }).map((x) => [...x.dataSync()]);
  const before = values();
  for (const mode of ["evaluation", "training"] as const) await features(trained, config, set, { mode });
  assert.deepEqual(values(), before);
});

Deno.test("progress is told after each batch", async () => {
  const done: number[] = [];
  await features(trained, config, set, { batch: 10, progress: (count) => done.push(count) });
  assert.deepEqual(done, [10, 20, 22]);
});

Deno.test("features leave nothing but what they return", async () => {
  const before = tf.memory().numTensors;
  const found = await features(trained, config, set, { batch: 10 });
  assert.equal(tf.memory().numTensors, before + 2);
  dispose(found);
});

Deno.test("a network of another configuration is refused", async () => {
  const wider = { ...config, levels: [{ encoder: { ...encoder, width: 8 }, projector: [] }] };
  await assert.rejects(features(trained, wider, set), {
    name: "DataError",
    message: "encoders.0.conv1.weight has shape [3,3,3,4], the network needs [3,3,3,8].",
  });
});

Deno.test("features that are no numbers stop it, and are named", async () => {
  const scaled = (name: string, by: (x: tf.Tensor) => tf.Tensor): Network => ({
    ...trained,
    parameters: { ...trained.parameters, [name]: by(trained.parameters[name]) },
  });
  const broken = tf.tensor1d([1, 1, NaN, ...new Array(29).fill(1)]);
  // Of the upper encoder alone, so that stack 0 is sound.
  await assert.rejects(
    features(scaled("encoders.1.layer4.1.bn2.weight", () => broken), config, set, { batch: 10 }),
    new DataError(
      "Stack 1's representation of image 0 of 22 holds NaN at position 2. " +
        "The encoder's weights are damaged or too large: use another one, or train it again.",
    ),
  );
  await assert.rejects(
    features(scaled("encoders.0.layer4.1.bn2.weight", (x) => x.mul(1e30)), config, set),
    {
      name: "DataError",
      message:
        /^Stack 0's representation of image 0 of 22 holds \d.*e\+\d+, whose square does not fit into float32/,
    },
  );
});

Deno.test("pixel features are the pixels in 0..1", () => {
  const found = pixelFeatures(set);
  assert.deepEqual(found.shape, [22, 32 * 32 * 3]);
  assert.deepEqual(found.dataSync(), Float32Array.from(set.images, (byte) => byte / 255));
});

Deno.test("pixels takes some images, normalise gives each channel its mean and deviation", () => {
  const some = pixels(set, 3, 5);
  assert.deepEqual(some.shape, [2, 32, 32, 3]);
  assert.equal(some.dataSync()[0], Math.fround(set.images[3 * 3072] / 255));
  const [low, high] = [[0.4914, 0.4822, 0.4465], [0.4914 + 0.2470, 0.4822 + 0.2435, 0.4465 + 0.2616]];
  const found = normalise(tf.tensor4d([...low, ...high], [1, 1, 2, 3])).dataSync();
  [0, 0, 0, 1, 1, 1].forEach((expected, at) => assert.ok(Math.abs(found[at] - expected) < 1e-6));
});
