import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { dispose } from "../../lib/compute/compile.ts";
import { tf } from "../../lib/compute/tf.ts";
import { generate } from "../../lib/data/generated.ts";
import { normalise, pixels } from "../../lib/data/normalise.ts";
import { calibrate } from "../../lib/evaluation/calibrate.ts";
import { features } from "../../lib/evaluation/features.ts";
import { RESNET_18 } from "../../lib/model/resnet.ts";
import { initialiseStack } from "../../lib/model/stack.ts";

await start();

const encoder = { ...RESNET_18, width: 4, zeroInitResidual: false };
const level = { encoder, projector: [] };
const config = { levels: [level, level], wiring: "prepool", stopGradient: false } as const;
const { train } = generate({ seed: 0, train: 500, test: 0 });

/** Largest difference of two tensors' values, as a part of the largest value. */
const apart = (a: tf.Tensor, b: tf.Tensor) =>
  tf.tidy(() => a.sub(b).abs().max().div(b.abs().max()).dataSync()[0]);

Deno.test("statistics are the means over batches, and nothing else is left", async () => {
  const network = initialiseStack(config, 0), before = tf.memory().numTensors;
  const statistics = await calibrate(network, config, train);
  assert.deepEqual(Object.keys(statistics), Object.keys(network.statistics));
  assert.equal(tf.memory().numTensors - before, Object.keys(statistics).length);
  // The first layer by hand: a convolution, then each channel's mean and unbiased variance in both batches of 250.
  const [mean, variance] = tf.tidy(() => {
    const moments = [0, 250].map((from) => {
      const x = normalise(pixels(train, from, from + 250));
      const y = tf.conv2d(x, network.parameters["encoders.0.conv1.weight"] as tf.Tensor4D, 1, "same");
      const { mean, variance } = tf.moments(y, [0, 1, 2]), count = 250 * 32 * 32;
      return [mean, variance.mul(count / (count - 1))];
    });
    return [0, 1].map((part) => moments[0][part].add(moments[1][part]).div(2));
  });
  assert.ok(apart(statistics["encoders.0.bn1.running_mean"], mean) < 1e-4);
  assert.ok(apart(statistics["encoders.0.bn1.running_var"], variance) < 1e-4);
  dispose([network, statistics, mean, variance]);
});

Deno.test("from a level on, those below work as they do in evaluation and keep theirs", async () => {
  const network = initialiseStack(config, 0), low = await calibrate(network, config, train);
  const calibrated = { ...network, statistics: low };
  const upper = await calibrate(calibrated, config, train, 1);
  assert.ok(Object.keys(upper).length > 0);
  assert.ok(Object.keys(upper).every((name) => name.startsWith("encoders.1.")));
  const [stack0, stack1] = await features({ ...network, statistics: { ...low, ...upper } }, config, train);
  const [same] = await features(calibrated, config, train);
  assert.equal(apart(stack0, same), 0);
  const spread = (x: tf.Tensor) => tf.tidy(() => tf.moments(x, 0).variance.mean().sqrt().dataSync()[0]);
  assert.ok(spread(stack1) > 0.1 && spread(stack1) < 10, `${spread(stack1)}`);
  dispose([network, low, upper, stack0, stack1, same]);
});
