import assert from "node:assert/strict";
import { DataError } from "../../lib/base/errors.ts";
import { start } from "../../lib/compute/backend.ts";
import { dispose } from "../../lib/compute/compile.ts";
import { tf } from "../../lib/compute/tf.ts";
import { initialise, type Network, pass } from "../../lib/model/layers.ts";
import { representationSize, resnet, RESNET_18, type ResnetConfig } from "../../lib/model/resnet.ts";
import { countParameters } from "../../lib/model/stack.ts";

await start();

const small: ResnetConfig = { ...RESNET_18, width: 4, zeroInitResidual: false };

/** A fresh encoder for images of some size. */
const encoder = (config: ResnetConfig, channels = 3, size = 32): Network =>
  initialise(0, (pass) => void resnet(pass, "encoder", tf.zeros([1, size, size, channels]), config));

const images = (batch: number, size = 32, seed = 1) =>
  tf.randomNormal([batch, size, size, 3], 0, 1, "float32", seed) as tf.Tensor4D;

/** Trainable values of an encoder. */
function count(config: ResnetConfig, channels = 3): number {
  const network = encoder(config, channels);
  const size = countParameters(network);
  dispose([network.parameters, network.statistics]);
  return size;
}

/** A k×k convolution and its batch norm (weight and bias). */
const block = (k: number, from: number, to: number) => k * k * from * to + 2 * to;

/** The four stages of a network of basic blocks, by their numbers of blocks. */
function basicStages(width: number, blocks: readonly number[]): number {
  return blocks.reduce((sum, count, stage) => {
    const [from, to] = stage === 0 ? [width, width] : [width << stage - 1, width << stage];
    const shortcut = from === to ? 0 : block(1, from, to);
    return sum + block(3, from, to) + (2 * count - 1) * block(3, to, to) + shortcut;
  }, 0);
}

/** The four stages of a network of bottlenecks; the first block of each has a shortcut. */
function bottleneckStages(width: number, blocks: readonly number[]): number {
  const bottleneck = (from: number, inner: number) =>
    block(1, from, inner) + block(3, inner, inner) + block(1, inner, 4 * inner);
  return blocks.reduce((sum, count, stage) => {
    const [from, inner] = [stage === 0 ? width : 4 * (width << stage - 1), width << stage];
    return sum + bottleneck(from, inner) + block(1, from, 4 * inner) +
      (count - 1) * bottleneck(4 * inner, inner);
  }, 0);
}

Deno.test("counting by hand gives torchvision's numbers without those of their heads", () => {
  const stem = block(7, 3, 64);
  assert.equal(stem + basicStages(64, [2, 2, 2, 2]), 11_689_512 - (512 * 1000 + 1000));
  assert.equal(stem + basicStages(64, [3, 4, 6, 3]), 21_797_672 - (512 * 1000 + 1000));
  assert.equal(stem + bottleneckStages(64, [3, 4, 6, 3]), 25_557_032 - (2048 * 1000 + 1000));
});

Deno.test("a ResNet-18 for small images has 11,168,832 parameters", () => {
  assert.equal(count({ ...small, width: 64 }), 11_168_832);
  assert.equal(block(3, 3, 64) + basicStages(64, [2, 2, 2, 2]), 11_168_832);
});

Deno.test("every encoder has as many parameters as counted by hand", () => {
  const basic18 = basicStages(8, [2, 2, 2, 2]);
  assert.equal(count({ ...small, width: 8, stem: "imagenet" }), block(7, 3, 8) + basic18);
  // On top of another encoder's map of 512 channels the stem is a convolution 512 → 8.
  assert.equal(count({ ...small, width: 8 }, 512), block(3, 512, 8) + basic18);
  assert.equal(count({ ...small, width: 8, depth: 34 }), block(3, 3, 8) + basicStages(8, [3, 4, 6, 3]));
  assert.equal(count({ ...small, width: 8, depth: 50 }), block(3, 3, 8) + bottleneckStages(8, [3, 4, 6, 3]));
});

for (const depth of [18, 34, 50] as const) {
  for (const [stem, size, reduction] of [["cifar", 32, 8], ["imagenet", 64, 32]] as const) {
    Deno.test(`a ResNet-${depth} with the ${stem} stem makes maps ${reduction} times smaller`, () => {
      const config: ResnetConfig = { ...small, depth, stem };
      const { map, representation } = resnet(
        pass(encoder(config), false),
        "encoder",
        images(2, size),
        config,
      );
      const channels = representationSize(config);
      assert.equal(channels, depth === 50 ? 128 : 32);
      assert.deepEqual(map.shape, [2, size / reduction, size / reduction, channels]);
      assert.deepEqual(representation.shape, [2, channels]);
      assert.deepEqual(representation.dataSync(), map.mean([1, 2]).dataSync());
    });
  }
}

for (const [depth, last] of [[18, "bn2"], [50, "bn3"]] as const) {
  Deno.test(`residual branches that start at zero leave a block's input as it is (ResNet-${depth})`, () => {
    const { parameters } = encoder({ ...small, depth, zeroInitResidual: true });
    for (const [name, parameter] of Object.entries(parameters)) {
      if (!/bn\d\.weight$/.test(name)) continue;
      const value = name.endsWith(`${last}.weight`) ? 0 : 1;
      assert.ok(parameter.dataSync().every((weight) => weight === value), name);
    }
  });
}

Deno.test("weights have the deviation of He's initialisation and depend on seed and name alone", () => {
  const config: ResnetConfig = { ...small, width: 16 };
  const made = (seed: number, channels = 3) =>
    initialise(seed, (pass) => void resnet(pass, "e", tf.zeros([1, 8, 8, channels]), config)).parameters;
  const one = made(1);
  const kernel = one["e.layer4.1.conv2.weight"];
  const deviation = Math.sqrt(kernel.square().mean().dataSync()[0]);
  assert.ok(Math.abs(deviation / Math.sqrt(2 / (9 * 128)) - 1) < 0.01, `${deviation}`);
  assert.ok(Math.abs(kernel.mean().dataSync()[0]) < 0.01 * deviation);
  assert.deepEqual(made(1, 7)["e.layer4.1.conv2.weight"].dataSync(), kernel.dataSync());
  assert.notDeepEqual(made(2)["e.layer4.1.conv2.weight"].dataSync(), kernel.dataSync());
  assert.notDeepEqual(one["e.layer4.1.conv1.weight"].dataSync(), kernel.dataSync());
});

Deno.test("in training an image's representation depends on its batch, in evaluation it does not", () => {
  const network = encoder(small);
  const batch = images(4);
  const first = (training: boolean, count: number) => {
    const x = batch.slice([0, 0, 0, 0], [count, 32, 32, 3]);
    const { representation } = resnet(pass(network, training), "encoder", x, small);
    return representation.slice([0, 0], [1, 32]);
  };
  const off = (training: boolean) => first(training, 4).sub(first(training, 2)).abs().max().dataSync()[0];
  assert.ok(off(true) > 1e-2);
  assert.ok(off(false) < 1e-5);
});

Deno.test("running statistics move by a tenth towards the batch's, in training only", () => {
  const network = encoder(small);
  const training = pass(network, true), evaluation = pass(network, false);
  const x = images(4);
  resnet(training, "encoder", x, small);
  resnet(evaluation, "encoder", x, small);
  assert.deepEqual(evaluation.statistics, network.statistics);
  // The stem's convolution, whose output is what its batch norm sees.
  const stem = tf.conv2d(x, network.parameters["encoder.conv1.weight"] as tf.Tensor4D, 1, "same");
  const { mean, variance } = tf.moments(stem, [0, 1, 2]);
  const pixels = 4 * 32 * 32;
  const expected = { mean: mean.mul(0.1), var: variance.mul(0.1 * pixels / (pixels - 1)).add(0.9) };
  for (const [part, value] of Object.entries(expected)) {
    const found = training.statistics[`encoder.bn1.running_${part}`];
    assert.ok(found.sub(value).abs().max().dataSync()[0] < 1e-5, part);
  }
});

Deno.test("parameters that are missing or of another shape are named", () => {
  const network = encoder(small);
  assert.throws(
    () => resnet(pass(network, false), "encoder", images(1), { ...small, width: 8 }),
    new DataError("encoder.conv1.weight has shape [3,3,3,4], the network needs [3,3,3,8]."),
  );
  assert.throws(
    () => resnet(pass(network, false), "other", images(1), small),
    new DataError(
      "The network has no other.conv1.weight, of shape [3,3,3,4]: was it made for another configuration?",
    ),
  );
});
