import assert from "node:assert/strict";
import { generator } from "../../lib/base/random.ts";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import { accuracy, type Labelled } from "../../lib/evaluation/metric.ts";
import { probe, type ProbeOptions } from "../../lib/evaluation/probe.ts";
import { facts, fixture, tensor } from "../fixtures/read.ts";

await start();

const CLASSES = 4, LENGTH = 6;

interface Cloud {
  readonly vectors: number[][];
  readonly set: Labelled;
}

/** Overlapping Gaussian clouds, one a class, with scales and offsets that differ a thousandfold. */
function clouds(seed: number, count: number): Cloud {
  const centres = generator("centres");
  const means = Array.from({ length: CLASSES }, () => Array.from({ length: LENGTH }, () => centres.normal()));
  const random = generator("clouds", seed);
  const labels = Uint8Array.from({ length: count }, () => random.integer(CLASSES));
  const vectors = Array.from(
    labels,
    (label) => means[label].map((mean, axis) => 10 ** (axis - 3) * (5 + mean + 1.2 * random.normal())),
  );
  return { vectors, set: { features: tf.tensor2d(vectors), labels } };
}

const train = clouds(1, 1500), validation = clouds(2, 500), test = clouds(3, 2000);
const options: ProbeOptions = {
  train: train.set,
  validation: validation.set,
  test: test.set,
  classes: CLASSES,
  epochs: 30,
  seed: 1,
  protocol: "standard",
};

Deno.test("the standard probe is within a point of a converged logistic regression", async () => {
  const found = await probe(options);
  const expected = definition(train, "standard", 0.3, 400);
  assert.ok(Math.abs(found.top1 - expected.top1) < 0.01, `${found.top1} instead of ${expected.top1}`);
  assert.ok(found.trainLoss > expected.loss - 1e-4, "nothing has a lower loss than the converged one");
  assert.equal(found.top1, accuracy(found.predictions, test.set.labels));
});

Deno.test("the standard probe is near scikit-learn's logistic regression", async () => {
  const tensors = await fixture("evaluation");
  const set = (name: string): Labelled => ({
    features: tensor(tensors[`${name}.features`]) as tf.Tensor2D,
    labels: tensors[`${name}.labels`].data as Uint8Array,
  });
  const [train, test] = [set("train"), set("test")];
  // Validation on the training set asks for the rate that fits it best.
  const { top1 } = await probe({ ...options, train, validation: train, test, classes: 5, epochs: 200 });
  const expected = (await facts("evaluation"))["logistic regression"];
  // The classes are nearly separable and a point is one image: solvers that stop at almost the same loss differ by two.
  assert.ok(Math.abs(top1 - expected) < 0.035, `${top1} instead of ${expected}`);
});

Deno.test("the same seed gives the same probe, another seed another one", async () => {
  const few = { ...options, epochs: 3 };
  const once = await probe(few);
  assert.deepEqual(await probe(few), once);
  assert.notEqual((await probe({ ...few, seed: 2 })).trainLoss, once.trainLoss);
});

Deno.test("the standard probe does not depend on the scale of a feature", async () => {
  const scaled = ({ features, labels }: Labelled) => ({
    features: features.mul([8, 1, 4, 0.5, 1, 0.25]).add([0, 0, -1, 0, 3, 0]) as tf.Tensor2D,
    labels,
  });
  const sets = { train: scaled(train.set), validation: scaled(validation.set), test: scaled(test.set) };
  const few = { ...options, epochs: 5 };
  const [found, expected] = [await probe({ ...few, ...sets }), await probe(few)];
  assert.ok(Math.abs(found.trainLoss - expected.trainLoss) < 1e-3);
});

Deno.test("the learning rate is chosen on the validation set, whatever the test set holds", async () => {
  const few = { ...options, epochs: 3 };
  const expected = await probe(few);
  const found = await probe({ ...few, test: { ...test.set, labels: test.set.labels.map(() => 0) } });
  assert.deepEqual({ ...found, top1: 0 }, { ...expected, top1: 0 });
});

Deno.test("an update sees 256 images: an epoch of 512 equal ones is two epochs of 256", async () => {
  const loss = async (count: number, epochs: number) => {
    const set = { features: tf.ones([count, 3]) as tf.Tensor2D, labels: new Uint8Array(count) };
    const sets = { train: set, validation: set, test: set };
    return (await probe({ ...sets, classes: 2, epochs, seed: 0, protocol: "released" })).trainLoss;
  };
  assert.ok(Math.abs(await loss(512, 1) - await loss(256, 2)) < 1e-6);
  assert.ok(await loss(512, 1) < await loss(256, 1) - 1e-4);
});

Deno.test("the validation score is the chosen probe's on the validation set", async () => {
  const { validation, top1 } = await probe({ ...options, epochs: 3, validation: test.set });
  assert.equal(validation, top1);
});

Deno.test("a feature that never changes does no harm", async () => {
  const padded = ({ features, labels }: Labelled) => ({
    features: tf.concat(
      [features, tf.fill([labels.length, 1], 3.3), tf.zeros([labels.length, 1])],
      1,
    ) as tf.Tensor2D,
    labels,
  });
  const sets = { train: padded(train.set), validation: padded(validation.set), test: padded(test.set) };
  const few = { ...options, epochs: 10 };
  const [found, expected] = [await probe({ ...few, ...sets }), await probe(few)];
  assert.ok(found.top1 > expected.top1 - 0.01, `${found.top1} instead of ${expected.top1}`);
});

Deno.test("both protocols follow their definition", async () => {
  // As many images as a batch at most, so that their order does not matter.
  const few = clouds(4, 200);
  for (const protocol of ["standard", "released"] as const) {
    const { trainLoss, top1, learningRate } = await probe({
      ...options,
      train: few.set,
      protocol,
      epochs: 5,
    });
    const expected = definition(few, protocol, learningRate, 5);
    assert.ok(
      Math.abs(trainLoss - expected.loss) < 1e-4,
      `${protocol}: ${trainLoss} instead of ${expected.loss}`,
    );
    assert.ok(Math.abs(top1 - expected.top1) < 0.002, `${protocol}: ${top1} instead of ${expected.top1}`);
    if (protocol === "released") assert.equal(learningRate, 0.001);
  }
});

/** Training loss and test top-1 after some updates, each with all training images, in double precision. */
function definition(train: Cloud, protocol: ProbeOptions["protocol"], rate: number, updates: number) {
  const prepare = protocol === "standard" ? standardiser(train.vectors) : (x: number[]) => x;
  const [inputs, asked] = [train, test].map(({ vectors }) => vectors.map((x) => [...prepare(x), 1]));
  const weight = Array.from({ length: LENGTH + 1 }, () => new Array<number>(CLASSES).fill(0));
  const momentum = structuredClone(weight);
  const logits = (x: number[]) =>
    weight[0].map((_, to) => x.reduce((sum, v, axis) => sum + v * weight[axis][to], 0));
  for (let update = 0;; update++) {
    const slope = weight.map((row) => row.map(() => 0));
    let loss = 0;
    inputs.forEach((x, at) => {
      const label = train.set.labels[at];
      const odds = logits(x).map(Math.exp), sum = odds.reduce((a, b) => a + b);
      loss -= Math.log(odds[label] / sum) / inputs.length;
      odds.forEach((odd, to) => {
        const error = odd / sum - Number(to === label);
        x.forEach((value, axis) => slope[axis][to] += value * error / inputs.length);
      });
    });
    if (update === updates) {
      const predictions = asked.map(logits).map((row) => row.indexOf(Math.max(...row)));
      return { loss, top1: accuracy(predictions, test.set.labels) };
    }
    const decay = protocol === "standard" ? (1 + Math.cos(Math.PI * update / updates)) / 2 : 1;
    weight.forEach((row, axis) =>
      row.forEach((_, to) => {
        momentum[axis][to] = 0.9 * momentum[axis][to] + slope[axis][to];
        row[to] -= rate * decay * momentum[axis][to];
      })
    );
  }
}

/** Shifts and scales each feature so that these vectors have mean 0 and deviation 1. */
function standardiser(vectors: number[][]): (x: number[]) => number[] {
  const axes = vectors[0].map((_, axis) => {
    const values = vectors.map((x) => x[axis]);
    const mean = values.reduce((a, b) => a + b) / values.length;
    return {
      mean,
      deviation: Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length),
    };
  });
  return (x) => x.map((value, axis) => (value - axes[axis].mean) / axes[axis].deviation);
}

Deno.test("probe frees what it makes", async () => {
  const before = tf.memory().numTensors;
  for (const protocol of ["standard", "released"] as const) await probe({ ...options, protocol, epochs: 1 });
  assert.equal(tf.memory().numTensors, before);
});

Deno.test("probe refuses what does not fit together", async () => {
  const refuses = async (wrong: Partial<ProbeOptions>, message: string) => {
    await assert.rejects(probe({ ...options, ...wrong }), { name: "RangeError", message });
  };
  const { features, labels } = test.set;
  await refuses(
    { validation: { features, labels: labels.slice(1) } },
    "validation: expected features [count, length] with one label each, got [2000,6] with 1999 labels.",
  );
  await refuses(
    { test: { features: features.slice([0, 1], [-1, -1]), labels } },
    "test: its features have length 5, those of train have 6.",
  );
  await refuses({ classes: 3 }, "train: expected labels below 3, the number of classes, got 3.");
});
