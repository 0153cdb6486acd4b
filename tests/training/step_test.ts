import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import type { Tensors } from "../../lib/compute/ops.ts";
import { tf } from "../../lib/compute/tf.ts";
import { vicreg, type VicregWeights } from "../../lib/loss/vicreg.ts";
import { type Network, pass } from "../../lib/model/layers.ts";
import { projector } from "../../lib/model/projector.ts";
import { RESNET_18 } from "../../lib/model/resnet.ts";
import { initialiseStack, stack } from "../../lib/model/stack.ts";
import { optimiser } from "../../lib/training/optimiser.ts";
import { normalise } from "../../lib/data/normalise.ts";
import { readCheckpoint, saveCheckpoint } from "../../lib/training/checkpoint.ts";
import {
  initialState,
  type StepConfig,
  type StepResult,
  type TrainingState,
  trainingStep,
  withoutPredictors,
} from "../../lib/training/step.ts";
import { below, deviation, facts, fixture, images, network, parameter, tensor } from "../fixtures/read.ts";
import { onTensorFlow } from "../engine.ts";

await start();

/** Relative tolerance. */
const CLOSE = 1e-3;
/** Of levels after some steps, where ReLU's kink is between two correct float32 programs. */
const KINKED = 1e-2;

const encoder = { ...RESNET_18, width: 2, zeroInitResidual: false };
const two: StepConfig = {
  levels: [
    {
      encoder,
      projector: [12, 8],
      loss: { name: "vicreg", invariance: 25, variance: 25, covariance: 1 },
      weight: 1,
    },
    {
      encoder,
      projector: [12, 6],
      loss: { name: "vicreg", invariance: 10, variance: 15, covariance: 3 },
      weight: 1,
    },
  ],
  wiring: "prepool",
  stopGradient: false,
  precision: "float32",
};
/** A step's terms, `[levels, terms]`. */
const TERMS = ["invariance", "variance", "covariance", "total"] as const;
const table = ({ terms }: StepResult) =>
  tf.stack(terms.map((level) => tf.stack(TERMS.map((term) => level[term])))) as tf.Tensor2D;
const sgd = optimiser({ name: "sgd", momentum: 0.9, weightDecay: 0, nesterov: false, spare: false });
const pictures = (seed: number) => tf.randomUniform([16, 32, 32, 3], 0, 1, "float32", seed) as tf.Tensor4D;
const fresh = (net: Network, { slots } = sgd): TrainingState => ({ ...net, slots: slots(net.parameters) });

Deno.test("four steps are PyTorch's: terms and levels of each, gradients, statistics of both views", async () => {
  const found = await fixture("step"), { weights, rates, adam } = await facts("step");
  const optimise = optimiser({ name: "adam", ...adam });
  const levels = two.levels.map((level, at) => ({
    ...level,
    loss: { name: "vicreg" as const, ...weights[at] },
  }));
  const step = trainingStep({ ...two, levels }, optimise);
  const views = ["0", "1", "2"].map((at) => images(found[`view.${at}`]).div(255) as tf.Tensor4D);
  const near = (ours: tf.Tensor, theirs: tf.Tensor, tolerance: number, what: string) => {
    const off = deviation(ours, theirs);
    assert.ok(off < tolerance, `${what} is off by ${off}`);
  };
  const before = network(below(found, "state."));
  let state = fresh(before, optimise);
  for (const [at, rate] of rates.entries()) {
    const [one, other] = [views[at % 3], views[(at + 1) % 3]];
    const result = await step(state, [one, other], tf.scalar(rate), tf.scalar(at + 1));
    state = result.state;
    near(table(result), tensor(found[`terms.${at}`]), CLOSE, `step ${at}: the terms`);
    result.levels.forEach(({ representation, embedding }, level) => {
      const kept = at === 0 ? CLOSE : KINKED;
      near(
        representation,
        tensor(found[`representation.${at}.${level}`]),
        kept,
        `representation ${at}.${level}`,
      );
      near(embedding, tensor(found[`embedding.${at}.${level}`]), kept, `embedding ${at}.${level}`);
    });
    if (at > 0) continue;
    for (const [key, host] of Object.entries(below(found, "after."))) {
      near(state.statistics[key], tensor(host), CLOSE, key);
    }
    for (const [key, host] of Object.entries(below(found, "gradient."))) {
      // A bias before batch norm, or before a loss that centres, has no gradient but rounding.
      if (/projectors\.\d\.[03]\.bias/.test(key)) continue;
      // Adam's first mean of gradients, those of the loss and of weight decay.
      const expected = parameter(host).add(before.parameters[key].mul(adam.weightDecay)).mul(1 - adam.beta1);
      near(state.slots[`${key}.m`], expected, CLOSE, key);
    }
  }
});

/** The same step twice by SGD, with other rates and the views exchanged. */
async function twice(config: StepConfig) {
  const step = trainingStep(config, sgd);
  const [one, other] = [pictures(1), pictures(2)];
  const first = await step(fresh(initialiseStack(config, 0)), [one, other], tf.scalar(0.05), tf.scalar(1));
  return await step(first.state, [other, one], tf.scalar(0.1), tf.scalar(2));
}

/** All numbers of a part of a network. */
const numbers = (tensors: Tensors, prefix: string) =>
  Object.entries(tensors).filter(([name]) => name.startsWith(prefix)).map((
    [name, x],
  ) => [name, x.dataSync()]);

Deno.test("under stopGradient the lowest level is trained, bit by bit, as if it were alone", async () => {
  const alone = await twice({ ...two, levels: two.levels.slice(0, 1) });
  const stopped = await twice({ ...two, stopGradient: true });
  const joint = await twice(two);
  assert.deepEqual(table(stopped).arraySync()[0], table(alone).arraySync()[0]);
  assert.notDeepEqual(table(joint).arraySync()[0], table(alone).arraySync()[0]);
  for (const kind of ["parameters", "statistics", "slots"] as const) {
    for (const part of ["encoders.0.", "projectors.0."]) {
      const expected = numbers(alone.state[kind], part);
      assert.ok(expected.length > 0);
      assert.deepEqual(numbers(stopped.state[kind], part), expected);
    }
  }
});

Deno.test("in bfloat16 the logged terms are those of the step's own embeddings in float32", {
  ignore: !onTensorFlow,
}, async () => {
  const levels = two.levels.map((level, at) => ({ ...level, projector: [64, [64, 32][at]] }));
  const wide: StepConfig = { ...two, levels, precision: "bfloat16" };
  const step = trainingStep(wide, sgd);
  const state = fresh(initialiseStack(wide, 0)), [first, second] = [pictures(1), pictures(2)];
  const call = (one: tf.Tensor4D, other: tf.Tensor4D) =>
    step(state, [one, other], tf.scalar(0.1), tf.scalar(1));
  // A step returns the embeddings of its first views: with the views exchanged, those of the other ones.
  const [found, exchanged] = [await call(first, second), await call(second, first)];
  const terms = table(found).arraySync();
  wide.levels.forEach(({ loss }, level) => {
    const [one, other] = [found, exchanged].map(({ levels }) => levels[level].embedding);
    const right = vicreg(one, other, loss as VicregWeights);
    TERMS.forEach((term, at) => {
      const expected = right[term].dataSync()[0];
      const off = Math.abs(terms[level][at] / expected - 1);
      assert.ok(off < 1e-5, `stack ${level}, ${term}: ${terms[level][at]} instead of ${expected}`);
    });
  });
});

Deno.test("in bfloat16 the optimiser's arithmetic stays in float32", { ignore: !onTensorFlow }, async () => {
  const step = trainingStep({ ...two, precision: "bfloat16" }, sgd);
  const { parameters, ...rest } = fresh(initialiseStack(two, 0)), rate = tf.scalar(1e-3);
  const { state } = await step({ parameters, ...rest }, [pictures(1), pictures(2)], rate, tf.scalar(1));
  for (const [name, before] of Object.entries(parameters)) {
    // A bfloat16 number has eight binary digits, a float32 number twenty-four.
    const off = deviation(state.parameters[name], before.sub(state.slots[`${name}.momentum`].mul(rate)));
    assert.ok(off < 1e-6, `${name} is off by ${off}`);
  }
});

/** One level by a loss with a predictor below one with a momentum network. */
const mixed: StepConfig = {
  ...two,
  levels: [
    { ...two.levels[0], loss: { name: "simsiam", predictor: [4, 8], standardised: true } },
    { ...two.levels[1], loss: { name: "byol", predictor: [5, 6], momentum: 0.75 } },
  ],
  steps: 4,
};

Deno.test("the momentum network starts as the trained one and follows it, slower and slower; predictors do not", async () => {
  const step = trainingStep(mixed, sgd), [one, other] = [pictures(1), pictures(2)];
  let state = initialState(mixed, sgd, 0);
  const start = initialiseStack(mixed, 0);
  // The stack is that of a training without predictors.
  for (const [name, tensor] of Object.entries(start.parameters)) {
    assert.deepEqual(state.parameters[name].dataSync(), tensor.dataSync(), name);
    assert.deepEqual(state.momentum![name].dataSync(), tensor.dataSync(), name);
  }
  assert.deepEqual(Object.keys(state.momentum!), Object.keys(start.parameters));
  assert.deepEqual(state.parameters["predictors.1.0.weight"].shape, [6, 5]);
  for (const number of [1, 2, 3]) {
    const { state: next } = await step(state, [one, other], tf.scalar(0.05), tf.scalar(number));
    const kept = 1 - (1 - 0.75) * (Math.cos(Math.PI * (number - 1) / 4) + 1) / 2;
    for (const [name, before] of Object.entries(state.momentum!)) {
      const right = before.mul(kept).add(next.parameters[name].mul(1 - kept));
      assert.ok(deviation(next.momentum![name], right) < 1e-5, `${name}, step ${number}`);
    }
    state = next;
  }
});

Deno.test("the terms of losses with aids are those of the stack, the predictor and the momentum network", async () => {
  const step = trainingStep(mixed, sgd), [one, other] = [pictures(1), pictures(2)];
  // The second step: by then the momentum network is another one.
  const { state } = await step(initialState(mixed, sgd, 0), [one, other], tf.scalar(0.05), tf.scalar(1));
  const { terms } = await step(state, [one, other], tf.scalar(0.05), tf.scalar(2));
  const right = tf.tidy(() => {
    const forward = pass(state, true), views = [one, other].map(normalise);
    const [first, second] = views.map((view) =>
      stack(forward, view, mixed).map(({ embedding }) => embedding)
    );
    const following = { parameters: state.momentum!, statistics: state.statistics };
    const targets = views.map((view) => stack(pass(following, true), view, mixed)[1].embedding);
    const predicted = (level: number, z: tf.Tensor2D) =>
      projector(forward, `predictors.${level}`, z, [[4, 8], [5, 6]][level]);
    const [z1, z2] = [first[0], second[0]].map((z) =>
      z.sub(z.mean(0)).div(tf.moments(z, 0).variance.add(1e-5).sqrt())
    ) as tf.Tensor2D[];
    const cosine = (a: tf.Tensor, b: tf.Tensor) =>
      tf.losses.cosineDistance(a.div(a.norm(2, 1, true)), b.div(b.norm(2, 1, true)), 1).dataSync()[0];
    return [
      (cosine(predicted(0, z1), z2) + cosine(predicted(0, z2), z1)) / 2 - 1,
      2 * (cosine(predicted(1, first[1]), targets[1]) + cosine(predicted(1, second[1]), targets[0])),
    ];
  });
  for (const [level, { total }] of terms.entries()) {
    const off = Math.abs(total.dataSync()[0] - right[level]);
    assert.ok(off < 1e-4, `stack ${level}: ${total.dataSync()[0]}, expected ${right[level]}`);
  }
});

Deno.test("of more views a level's loss is the mean over pairs of a full one and another; none of two local ones", async () => {
  const local = { number: 2, size: 20, cropScale: [0.1, 0.3] } as const;
  const config: StepConfig = { ...two, levels: [two.levels[0], mixed.levels[1]], steps: 4, view: { local } };
  const small = (seed: number) => tf.randomUniform([16, 20, 20, 3], 0, 1, "float32", seed) as tf.Tensor4D;
  const views = [pictures(1), pictures(2), small(3), small(4)];
  const step = trainingStep(config, sgd), state = initialState(config, sgd, 0);
  const { terms } = await step(state, views, tf.scalar(0.05), tf.scalar(1));
  const right = tf.tidy(() => {
    const forward = pass(state, true), { loss } = two.levels[0];
    const embedded = views.map((view) => stack(forward, normalise(view), config));
    const targets = views.map((view) => stack(pass(state, true), normalise(view), config)[1].embedding);
    const predicted = embedded.map(([, { embedding }]) =>
      projector(forward, "predictors.1", embedding, [5, 6])
    );
    const unit = (z: tf.Tensor) => z.div(z.norm(2, 1, true));
    const cosine = (p: tf.Tensor, t: tf.Tensor) => unit(p).mul(unit(t)).sum(1).mean().dataSync()[0];
    const pairs = [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3]];
    const both = pairs.map(([one, other]) => [
      vicreg(embedded[one][0].embedding, embedded[other][0].embedding, loss as VicregWeights).total
        .dataSync()[0],
      4 - 2 * cosine(predicted[one], targets[other]) - 2 * cosine(predicted[other], targets[one]),
    ]);
    return [0, 1].map((level) => both.reduce((sum, pair) => sum + pair[level], 0) / pairs.length);
  });
  for (const [level, { total }] of terms.entries()) {
    const [ours] = total.dataSync();
    assert.ok(Math.abs(ours / right[level] - 1) < 1e-4, `stack ${level}: ${ours}, expected ${right[level]}`);
  }
});

Deno.test("a training with a momentum network goes on from a checkpoint bit by bit, and leaves no predictor", async () => {
  const folder = await Deno.makeTempDir();
  const step = trainingStep(mixed, sgd), [one, other] = [pictures(1), pictures(2)];
  const first = await step(initialState(mixed, sgd, 0), [one, other], tf.scalar(0.05), tf.scalar(1));
  await saveCheckpoint(folder, first.state, { step: 1, seconds: 1 });
  const { state } = (await readCheckpoint(folder))!;
  const [there, here] = await Promise.all(
    [first.state, state].map((state) => step(state, [one, other], tf.scalar(0.05), tf.scalar(2))),
  );
  for (const group of ["parameters", "statistics", "slots", "momentum"] as const) {
    for (const [name, tensor] of Object.entries(there.state[group]!)) {
      assert.deepEqual(here.state[group]![name].dataSync(), tensor.dataSync(), name);
    }
  }
  const { parameters, statistics } = withoutPredictors(state), alone = initialiseStack(mixed, 0);
  assert.deepEqual(Object.keys(parameters).sort(), Object.keys(alone.parameters).sort());
  assert.deepEqual(Object.keys(statistics).sort(), Object.keys(alone.statistics).sort());
  await Deno.remove(folder, { recursive: true });
});

Deno.test("what is looked at for a collapse is the embedding as it is, not as a loss standardises it", async () => {
  const step = trainingStep(mixed, sgd), [one, other] = [pictures(1), pictures(2)];
  const state = initialState(mixed, sgd, 0);
  const { levels: [{ embedding }] } = await step(state, [one, other], tf.scalar(0), tf.scalar(1));
  const [{ embedding: right }] = stack(pass(state, true), normalise(one), mixed);
  assert.ok(deviation(embedding, right) < CLOSE);
  assert.throws(() => trainingStep({ ...mixed, steps: undefined }, sgd), {
    name: "RangeError",
    message: /steps/,
  });
});
