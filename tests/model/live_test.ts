import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { dispose } from "../../lib/compute/compile.ts";
import { gradients } from "../../lib/compute/ops.ts";
import { tf } from "../../lib/compute/tf.ts";
import { pass } from "../../lib/model/layers.ts";
import { RESNET_18, type ResnetConfig } from "../../lib/model/resnet.ts";
import {
  countEncoders,
  countParameters,
  initialiseStack,
  stack,
  type StackConfig,
} from "../../lib/model/stack.ts";

await start();

/** A stack of two encoders; a projector where one is given. */
function twoOf(
  { projector = [], wiring = "prepool", input, ...encoder }: Partial<ResnetConfig> & {
    projector?: number[];
    wiring?: StackConfig["wiring"];
    input?: number;
  },
): StackConfig {
  const level = {
    encoder: { ...RESNET_18, width: 8, zeroInitResidual: false, ...encoder },
    projector,
  };
  return { levels: [level, { ...level, input }], wiring, stopGradient: false };
}

/**
 * The parameters of one level's encoder that have a gradient from its representation in any of some drawn networks:
 * ReLU may shut a channel of one for a whole batch, and a sum may be zero, but not of every draw.
 */
function touched(config: StackConfig, level: number, height: number, width: number, expected: number) {
  const prefix = `encoders.${level}.`;
  const reached: Record<string, { shape: number[]; live: Uint8Array }> = {};
  let nominal = 0, count = 0;
  for (let seed = 0; seed < DRAWS && count < expected; seed++) {
    const network = initialiseStack(config, seed);
    const encoder = Object.fromEntries(
      Object.entries(network.parameters).filter(([name]) => name.startsWith(prefix)),
    );
    const images = tf.randomNormal([8, height, width, 3], 0, 1, "float32", seed) as tf.Tensor4D;
    const { gradients: slopes } = gradients((inner) => {
      const forward = pass({ ...network, parameters: { ...network.parameters, ...inner } }, true);
      const { representation } = stack(forward, images, config)[level];
      const weights = tf.randomNormal(representation.shape, 0, 1, "float32", seed);
      return { loss: representation.mul(weights).sum() as tf.Scalar, aside: [] };
    }, encoder);
    count = 0;
    for (const [name, slope] of Object.entries(slopes)) {
      const { live } = reached[name.slice(prefix.length)] ??= {
        shape: slope.shape,
        live: new Uint8Array(slope.size),
      };
      slope.dataSync().forEach((value, at) => live[at] ||= Number(value !== 0));
      count += live.reduce((sum, live) => sum + live);
    }
    nominal = countParameters(network, prefix);
    dispose([network.parameters, network.statistics, images, slopes]);
  }
  return { nominal, count, reached };
}

const DRAWS = 8;

const CASES: [name: string, config: StackConfig, height: number, width: number][] = [
  ["two ResNet-18", twoOf({}), 32, 32],
  ["two ResNet-18 of width 16", twoOf({ width: 16 }), 32, 32],
  ["two ResNet-50", twoOf({ depth: 50 }), 32, 32],
  ["two ResNet-18 on larger images", twoOf({ width: 4 }), 40, 40],
  ["two ResNet-18 on narrow images of odd sizes", twoOf({ width: 4 }), 36, 13],
  ["two ResNet-18 with ImageNet's stem", twoOf({ width: 4, stem: "imagenet" }), 32, 32],
  ["two ResNet-50 with ImageNet's stem", twoOf({ width: 4, depth: 50, stem: "imagenet" }), 72, 72],
  ["two ResNet-18, the upper one on stage 2", twoOf({ input: 2 }), 32, 32],
  ["two ResNet-18, the upper one on the stem, on narrow images", twoOf({ width: 4, input: 0 }), 9, 5],
  ["two ResNet-50, the upper one on stage 3", twoOf({ width: 4, depth: 50, input: 3 }), 32, 32],
  ["ImageNet's stem, the upper one on it", twoOf({ width: 4, stem: "imagenet", input: 0 }), 32, 32],
  ["an embedding of 16×16", twoOf({ width: 4, wiring: "embedding", projector: [256] }), 32, 32],
  ["an embedding of 2×4", twoOf({ width: 4, wiring: "embedding", projector: [8] }), 32, 32],
  ["a representation of 8×8 as the embedding", twoOf({ wiring: "embedding" }), 16, 16],
];

for (const [name, config, height, width] of CASES) {
  Deno.test(`parameters are live where a gradient reaches them: ${name}`, () => {
    countEncoders(config, height, width).forEach(({ parameters, live }, level) => {
      const { nominal, count } = touched(config, level, height, width, live);
      assert.deepEqual({ parameters, live }, { parameters: nominal, live: count }, `stack ${level}`);
    });
  });
}

Deno.test("which parts of a kernel are live: those that ever meet the map", () => {
  const { reached } = touched(twoOf({}), 1, 32, 32, Infinity);
  const taps = (name: string) => {
    const { shape: [kernel, , ...rest], live } = reached[`${name}.weight`];
    const each = rest.reduce((product, size) => product * size);
    return Array.from({ length: kernel * kernel }, (_, tap) => {
      const some = live.subarray(tap * each, (tap + 1) * each).reduce((sum, live) => sum + live);
      assert.ok(some === 0 || some === each, `${name}: ${some} of ${each} at ${tap}`);
      return Number(some > 0);
    }).join("");
  };
  // Stack 1 works on maps of 4×4, 4×4, 2×2, 1×1 and 1×1.
  assert.equal(taps("conv1"), "111111111");
  assert.equal(taps("layer2.1.conv2"), "111111111");
  assert.equal(taps("layer3.0.conv1"), "000011011");
  assert.equal(taps("layer3.0.conv2"), "000010000");
  assert.equal(taps("layer4.0.conv1"), "000010000");
  assert.equal(taps("layer4.0.downsample.0"), "1");
});

Deno.test("of stack 1's ResNet-18 on 4×4 maps four fifths are dead, at every width", () => {
  for (const [width, dead, of] of [[16, 567_296, 718_176], [64, 9_076_736, 11_462_016]]) {
    const [stack0, stack1] = countEncoders(twoOf({ width }), 32, 32);
    assert.equal(stack0.live, stack0.parameters);
    assert.deepEqual([stack1.parameters - stack1.live, stack1.parameters], [dead, of]);
  }
});
