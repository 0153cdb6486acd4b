import assert from "node:assert/strict";
import { UsageError } from "../../lib/base/errors.ts";
import { start } from "../../lib/compute/backend.ts";
import { gradients } from "../../lib/compute/ops.ts";
import { tf } from "../../lib/compute/tf.ts";
import { vicreg } from "../../lib/loss/vicreg.ts";
import { encode } from "../../lib/model/encoders.ts";
import { pass } from "../../lib/model/layers.ts";
import { RESNET_18 } from "../../lib/model/resnet.ts";
import {
  countEncoders,
  countParameters,
  initialiseStack,
  stack,
  type StackConfig,
} from "../../lib/model/stack.ts";

await start();

const encoder = { ...RESNET_18, width: 4, zeroInitResidual: false };
const prepool: StackConfig = {
  levels: [{ encoder, projector: [16, 8] }, { encoder, projector: [24, 24, 16] }],
  wiring: "prepool",
  stopGradient: false,
};
const embedding: StackConfig = { ...prepool, wiring: "embedding" };

const views = [1, 2].map((seed) => tf.randomNormal([6, 32, 32, 3], 0, 1, "float32", seed) as tf.Tensor4D);

/** Gradients, by name, of the VICReg losses of some levels. */
function slopes(config: StackConfig, levels: readonly number[]): Record<string, tf.Tensor> {
  const network = initialiseStack(config, 0);
  return gradients((parameters) => {
    const forward = pass({ ...network, parameters }, true);
    const [one, two] = views.map((view) => stack(forward, view, config));
    const weights = { invariance: 25, variance: 25, covariance: 1 };
    // A level that does not count still has to be connected: TensorFlow.js insists on it.
    const losses = one.map(({ embedding }, at) =>
      vicreg(embedding, two[at].embedding, weights).total.mul(levels.includes(at) ? 1 : 0)
    );
    return { loss: tf.addN(losses) as tf.Scalar, aside: [] };
  }, network.parameters).gradients;
}

/** The largest absolute value among the gradients of a part of the network. */
function largest(found: Record<string, tf.Tensor>, prefix: string): number {
  const part = Object.entries(found).filter(([name]) => name.startsWith(prefix));
  assert.ok(part.length > 0, prefix);
  return Math.max(...part.map(([, slope]) => slope.abs().max().dataSync()[0]));
}

const PARTS = ["encoders.0.", "projectors.0.", "encoders.1.", "projectors.1."];

Deno.test("each level has a representation and an embedding of its own size", () => {
  for (const [config, last] of [[prepool, 16], [embedding, 16]] as const) {
    const levels = stack(pass(initialiseStack(config, 0), false), views[0], config);
    assert.deepEqual(levels.map(({ representation }) => representation.shape), [[6, 32], [6, 32]]);
    assert.deepEqual(levels.map(({ embedding }) => embedding.shape), [[6, 8], [6, last]]);
  }
});

Deno.test("the next encoder sees the map before pooling, or the embedding as an image of one channel", () => {
  const stem = (config: StackConfig) =>
    initialiseStack(config, 0).parameters["encoders.1.conv1.weight"].shape;
  assert.deepEqual(stem(prepool), [3, 3, 32, 4]);
  assert.deepEqual(stem(embedding), [3, 3, 1, 4]);
});

Deno.test("an encoder on an earlier stage sees that stage's map; the last stage is where it stands anyway", () => {
  const at = (input?: number): StackConfig => ({
    ...prepool,
    levels: [prepool.levels[0], { ...prepool.levels[1], input }],
  });
  // Stem and four stages: channels, and side of the map.
  const shapes = [[4, 32], [4, 32], [8, 16], [16, 8], [32, 4]];
  for (const [input, [channels, side]] of shapes.entries()) {
    const config = at(input), network = initialiseStack(config, 0);
    assert.deepEqual(network.parameters["encoders.1.conv1.weight"].shape, [3, 3, channels, 4]);
    const [{ stages }, { representation }] = stack(pass(network, false), views[0], config);
    assert.deepEqual(
      stages.map(({ shape }) => shape),
      shapes.map(([channels, side]) => [6, side, side, channels]),
    );
    const alone = encode(pass(network, false), "encoders.1", stages[input], encoder);
    assert.deepEqual(representation.dataSync(), alone.representation.dataSync());
    assert.deepEqual(countEncoders(config, 32, 32)[0].stages[input], [side, side, channels]);
  }
  const [last, absent] = [at(4), at()].map((config) =>
    stack(pass(initialiseStack(config, 0), false), views[0], config)[1].representation.dataSync()
  );
  assert.deepEqual(last, absent);
  const error = new UsageError("levels.1.input is 5, but stack 0 has stages from 0, its stem, to 4.");
  assert.throws(() => countEncoders(at(5), 32, 32), error);
  assert.throws(() => initialiseStack(at(5), 0), error);
});

Deno.test("an embedding is laid out row by row: 256 features as 16×16, 512 as 16×32, 18 as 2×9", () => {
  for (const [features, height, width] of [[256, 16, 16], [512, 16, 32], [8, 2, 4], [18, 2, 9], [9, 1, 9]]) {
    const config: StackConfig = {
      ...embedding,
      levels: [{ encoder, projector: [features] }, { encoder, projector: [] }],
    };
    const network = initialiseStack(config, 0);
    const [first, second] = stack(pass(network, false), views[0], config);
    const alone: StackConfig = { ...config, levels: [config.levels[1]] };
    const renamed = (kind: "parameters" | "statistics") =>
      Object.fromEntries(
        Object.entries(network[kind]).map(([name, x]) => [name.replace("encoders.1", "encoders.0"), x]),
      );
    const image = first.embedding.reshape([6, height, width, 1]) as tf.Tensor4D;
    const top = { parameters: renamed("parameters"), statistics: renamed("statistics") };
    const [level] = stack(pass(top, false), image, alone);
    assert.ok(level.representation.sub(second.representation).abs().max().dataSync()[0] < 1e-6);
  }
});

Deno.test("without a projector the embedding is the representation", () => {
  const config: StackConfig = { ...prepool, levels: [{ encoder, projector: [] }] };
  const [level] = stack(pass(initialiseStack(config, 0), false), views[0], config);
  assert.deepEqual(level.embedding.dataSync(), level.representation.dataSync());
});

for (const config of [prepool, embedding]) {
  Deno.test(`the upper level's loss reaches what feeds it and nothing else (${config.wiring})`, () => {
    const found = slopes(config, [1]);
    const [encoder0, projector0, encoder1, projector1] = PARTS.map((part) => largest(found, part));
    assert.ok(encoder0 > 1e-3 && encoder1 > 1e-3 && projector1 > 1e-3);
    // The projector is on the way up only when the embedding is handed on.
    assert.equal(projector0 > 1e-3, config.wiring === "embedding");
  });

  Deno.test(`with stopGradient the upper level's loss does not reach the lower level (${config.wiring})`, () => {
    const found = slopes({ ...config, stopGradient: true }, [1]);
    const [encoder0, projector0, encoder1, projector1] = PARTS.map((part) => largest(found, part));
    assert.deepEqual([encoder0, projector0], [0, 0]);
    assert.ok(encoder1 > 1e-3 && projector1 > 1e-3);
  });
}

Deno.test("the lower level's loss leaves the upper level alone, with and without stopGradient", () => {
  for (const stopGradient of [false, true]) {
    const found = slopes({ ...prepool, stopGradient }, [0]);
    const [encoder0, projector0, encoder1, projector1] = PARTS.map((part) => largest(found, part));
    assert.ok(encoder0 > 1e-3 && projector0 > 1e-3);
    assert.deepEqual([encoder1, projector1], [0, 0]);
  }
});

Deno.test("the lowest level is the same whatever stands on it", () => {
  const alone: StackConfig = { ...prepool, levels: prepool.levels.slice(0, 1) };
  const [one, both] = [alone, prepool].map((config) =>
    stack(pass(initialiseStack(config, 3), true), views[0], config)
  );
  assert.deepEqual(one[0].embedding.dataSync(), both[0].embedding.dataSync());
});

Deno.test("countParameters counts what is trained, of a part if asked", () => {
  const network = initialiseStack(prepool, 0);
  // 32 → 16 → 8: weights and biases, and batch norm's weight and bias after the first layer.
  const projector = 32 * 16 + 16 + 2 * 16 + 16 * 8 + 8;
  assert.equal(countParameters(network, "projectors.0."), projector);
  const parts = PARTS.map((part) => countParameters(network, part));
  assert.equal(countParameters(network), parts.reduce((sum, count) => sum + count));
  // The upper encoder's stem has 32 channels in where the lower one's has 3.
  assert.equal(parts[2] - parts[0], 9 * (32 - 3) * 4);
});
