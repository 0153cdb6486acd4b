import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import { initialise, linear, type Network, normalisation, pass } from "../../lib/model/layers.ts";

await start();

const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 2, 3, "float32", seed);
const values = (network: Network, kind: "parameters" | "statistics", name: string) =>
  Array.from(network[kind][name].dataSync());

function close(actual: tf.Tensor, expected: tf.Tensor, tolerance = 1e-5): void {
  assert.deepEqual(actual.shape, expected.shape);
  const off = actual.sub(expected).abs().max().dataSync()[0];
  assert.ok(off < tolerance, `off by ${off}`);
}

Deno.test("a new batch norm scales by 1, shifts by 0 and expects mean 0 and variance 1", () => {
  for (const shape of [[5, 3], [2, 4, 4, 3]]) {
    const x = normal(shape, 1), network = initialise(0, (pass) => void normalisation(pass, "bn", x));
    assert.deepEqual(values(network, "parameters", "bn.weight"), [1, 1, 1]);
    assert.deepEqual(values(network, "parameters", "bn.bias"), [0, 0, 0]);
    assert.deepEqual(values(network, "statistics", "bn.running_mean"), [0, 0, 0]);
    assert.deepEqual(values(network, "statistics", "bn.running_var"), [1, 1, 1]);
    close(normalisation(pass(network, false), "bn", x), x.div(Math.sqrt(1 + 1e-5)));
  }
});

Deno.test("batch norm of vectors: each feature to mean 0 and deviation 1, statistics unbiased", () => {
  const x = normal([5, 3], 1), network = initialise(0, (pass) => void normalisation(pass, "bn", x));
  const training = pass(network, true), y = normalisation(training, "bn", x);
  const { mean, variance } = tf.moments(x, 0);
  close(y, x.sub(mean).div(variance.add(1e-5).sqrt()));
  close(training.statistics["bn.running_mean"], mean.mul(0.1));
  close(training.statistics["bn.running_var"], variance.mul(5 / 4).mul(0.1).add(0.9));
});

Deno.test("a new linear layer is uniform in ±1/√fan-in, weights and biases, and multiplies and adds", () => {
  const x = normal([7, 400], 1) as tf.Tensor2D;
  const network = initialise(0, (pass) => void linear(pass, "fc", x, 300));
  const { "fc.weight": weight, "fc.bias": bias } = network.parameters;
  assert.deepEqual([weight.shape, bias.shape], [[400, 300], [300]]);
  for (const name of ["fc.weight", "fc.bias"]) {
    // In units of 1/20 = 1/√400: mean 0, deviation 1/√3.
    const found = values(network, "parameters", name).map((value) => 20 * value);
    const mean = found.reduce((sum, value) => sum + value, 0) / found.length;
    const square = found.reduce((sum, value) => sum + value ** 2, 0) / found.length;
    const far = 5 / Math.sqrt(found.length);
    assert.ok(found.every((value) => Math.abs(value) <= 1), name);
    assert.ok(Math.abs(mean) < far && Math.abs(square - 1 / 3) < far, `${name}: ${mean}, ${square}`);
    assert.ok(Math.max(...found) > 0.97 && Math.min(...found) < -0.97, name);
  }
  close(linear(pass(network, false), "fc", x, 300), tf.matMul(x, weight as tf.Tensor2D).add(bias));
});
