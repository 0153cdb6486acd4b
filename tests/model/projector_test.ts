import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import { initialise, pass } from "../../lib/model/layers.ts";
import { projector } from "../../lib/model/projector.ts";

await start();

const x = tf.randomNormal([6, 5], 1, 2, "float32", 1) as tf.Tensor2D;
const made = (widths: readonly number[]) => initialise(0, (pass) => void projector(pass, "p", x, widths));

Deno.test("a projector's layers are numbered as in a Sequential: linear, batch norm and ReLU in turn", () => {
  const network = made([4, 3, 2]);
  const names = ["0.weight", "0.bias", "1.weight", "1.bias", "3.weight", "3.bias", "4.weight", "4.bias"];
  assert.deepEqual(
    Object.keys(network.parameters),
    [...names, "6.weight", "6.bias"].map((name) => `p.${name}`),
  );
  assert.deepEqual(
    Object.keys(network.statistics),
    ["1", "4"].flatMap((layer) => [`p.${layer}.running_mean`, `p.${layer}.running_var`]),
  );
});

Deno.test("all layers but the last are followed by batch norm and ReLU, the last by nothing", () => {
  const network = made([4, 3, 2]), { parameters } = network;
  const linear = (x: tf.Tensor, layer: number) =>
    tf.matMul(x as tf.Tensor2D, parameters[`p.${layer}.weight`] as tf.Tensor2D).add(
      parameters[`p.${layer}.bias`],
    );
  // New batch norm: weight 1 and bias 0.
  const hidden = (z: tf.Tensor) => {
    const { mean, variance } = tf.moments(z, 0);
    return z.sub(mean).div(variance.add(1e-5).sqrt()).relu();
  };
  const expected = linear(hidden(linear(hidden(linear(x, 0)), 3)), 6);
  const found = projector(pass(network, true), "p", x, [4, 3, 2]);
  assert.ok(found.sub(expected).abs().max().dataSync()[0] < 1e-5);
  assert.ok(expected.min().dataSync()[0] < 0 && expected.max().dataSync()[0] > 0);
});
