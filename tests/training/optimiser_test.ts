import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { compile, dispose } from "../../lib/compute/compile.ts";
import type { Tensors } from "../../lib/compute/ops.ts";
import { tf } from "../../lib/compute/tf.ts";
import { generator } from "../../lib/base/random.ts";
import { optimiser, type OptimiserConfig } from "../../lib/training/optimiser.ts";

await start();

const SHAPE = [3, 4];
const RATES = [0.02, 0.05, 0.01, 0.03];

/** Numbers of a parameter, or of its gradient at some step, over four orders of magnitude. */
function numbers(...keys: (number | string)[]): number[] {
  const random = generator(...keys);
  return Array.from({ length: 12 }, () => random.normal() * 10 ** -random.integer(4));
}

/** Trains one parameter for {@link RATES}.length steps of a compiled update; its change at each step. */
async function changes(config: OptimiserConfig, shape = SHAPE): Promise<number[][]> {
  const { slots, update } = optimiser(config);
  const step = compile(update);
  let parameters: Tensors = { weight: tf.tensor(numbers("weight"), shape) };
  let memory = slots(parameters);
  const found: number[][] = [];
  for (const [at, rate] of RATES.entries()) {
    const before = parameters.weight.dataSync();
    const gradients = { weight: tf.tensor(numbers("gradient", at), shape) };
    const updated = await step(parameters, gradients, memory, tf.scalar(rate), tf.scalar(at + 1));
    dispose([parameters, memory, gradients]);
    ({ parameters, slots: memory } = updated);
    found.push(Array.from(parameters.weight.dataSync(), (value, i) => value - before[i]));
  }
  dispose([parameters, memory]);
  step.dispose();
  return found;
}

/** The same from a rule for lists of numbers, in double precision: the change by gradient, parameter, rate and step. */
function expected(
  rule: (g: number[], p: number[], rate: number, t: number) => number[],
): number[][] {
  let p = numbers("weight");
  return RATES.map((rate, at) => {
    const change = rule(numbers("gradient", at), p, rate, at + 1);
    p = p.map((value, i) => value + change[i]);
    return change;
  });
}

/** Equal within float32's rounding of a parameter. */
function close(actual: number[][], expected: number[][]): void {
  const worst = Math.max(...actual.flat().map((value, at) => Math.abs(value - expected.flat()[at])));
  assert.ok(worst < 1e-6, `off by ${worst}`);
}

const zeros = () => new Array<number>(12).fill(0);
const norm = (x: number[]) => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));

for (const [epsilon, weightDecay] of [[1e-8, 0], [1e-3, 0.1]]) {
  Deno.test(`Adam follows its published algorithm (epsilon ${epsilon}, decay ${weightDecay})`, async () => {
    const [beta1, beta2] = [0.9, 0.999];
    let m = zeros(), v = zeros();
    const rule = (g: number[], p: number[], rate: number, t: number) => {
      g = g.map((slope, i) => slope + weightDecay * p[i]);
      m = m.map((old, i) => beta1 * old + (1 - beta1) * g[i]);
      v = v.map((old, i) => beta2 * old + (1 - beta2) * g[i] ** 2);
      return m.map((mean, i) => {
        const [mHat, vHat] = [mean / (1 - beta1 ** t), v[i] / (1 - beta2 ** t)];
        return -rate * mHat / (Math.sqrt(vHat) + epsilon);
      });
    };
    close(await changes({ name: "adam", beta1, beta2, epsilon, weightDecay }), expected(rule));
  });
}

const adam: OptimiserConfig = { name: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

const adamw: Extract<OptimiserConfig, { name: "adamw" }> = {
  ...{ name: "adamw", beta1: 0.9, beta2: 0.95, epsilon: 1e-6, weightDecay: 0.3, spare: true },
};

Deno.test("Adam's first step is the learning rate, to six digits", () => {
  const { slots, update } = optimiser(adam);
  const parameters = { x: tf.tensor1d([0, 0, 0]) };
  const gradients = { x: tf.tensor1d([1e-3, -1, 1e3]) };
  const { parameters: { x } } = update(parameters, gradients, slots(parameters), tf.scalar(1), tf.scalar(1));
  [-1, 1, -1].forEach((value, at) =>
    assert.ok(Math.abs(x.dataSync()[at] / value - 1) < (at ? 1e-6 : 1.1e-5))
  );
});

for (const weightDecay of [0, 0.1]) {
  Deno.test(`SGD keeps a sum of gradients that fades by its momentum (decay ${weightDecay})`, async () => {
    let buffer = zeros();
    const rule = (g: number[], p: number[], rate: number) => {
      buffer = buffer.map((old, i) => 0.9 * old + g[i] + weightDecay * p[i]);
      return buffer.map((value) => -rate * value);
    };
    close(
      await changes({ name: "sgd", momentum: 0.9, weightDecay, nesterov: false, spare: false }),
      expected(rule),
    );
  });
}

Deno.test("SGD without momentum follows the gradient", async () => {
  const rule = (g: number[], _: number[], rate: number) => g.map((slope) => -rate * slope);
  close(
    await changes({ name: "sgd", momentum: 0, weightDecay: 0, nesterov: false, spare: false }),
    expected(rule),
  );
});

const lars: Extract<OptimiserConfig, { name: "lars" }> = {
  ...{ name: "lars", momentum: 0.9, eta: 0.5, weightDecay: 0.1 },
  ...{ slope: "decayed", clip: false, spare: true },
};

Deno.test("LARS scales the decayed gradient of a matrix to eta times the matrix's length", async () => {
  let buffer = zeros();
  const rule = (g: number[], p: number[], rate: number) => {
    g = g.map((slope, i) => slope + 0.1 * p[i]);
    const q = 0.5 * norm(p) / norm(g);
    buffer = buffer.map((old, i) => 0.9 * old + q * g[i]);
    return buffer.map((value) => -rate * value);
  };
  const right = expected(rule);
  close(await changes(lars), right);
  close(await changes(lars, [1, 3, 2, 2]), right);
});

Deno.test("LARS leaves the gradient of a vector as it is", async () => {
  const plain: OptimiserConfig = {
    name: "sgd",
    momentum: 0.9,
    weightDecay: 0,
    nesterov: false,
    spare: false,
  };
  assert.deepEqual(await changes(lars, [12]), await changes(plain, [12]));
});

Deno.test("LARS takes a gradient as it is where the matrix or its gradient is zero", () => {
  const { slots, update } = optimiser({ ...lars, weightDecay: 0 });
  const parameters = { still: tf.ones([2, 2]), new: tf.zeros([2, 2]) };
  const gradients = { still: tf.zeros([2, 2]), new: tf.ones([2, 2]) };
  const updated = update(parameters, gradients, slots(parameters), tf.scalar(0.5), tf.scalar(1)).parameters;
  assert.deepEqual(updated.still.arraySync(), [[1, 1], [1, 1]]);
  assert.deepEqual(updated.new.arraySync(), [[-0.5, -0.5], [-0.5, -0.5]]);
});

Deno.test("slots are zeros, named after their parameter, and outlive a scope", () => {
  const parameters = { "a.weight": tf.ones([2, 3]), "a.bias": tf.ones([3]) };
  const names = {
    adamw: ["a.weight.m", "a.weight.v", "a.bias.m", "a.bias.v"],
    adam: ["a.weight.m", "a.weight.v", "a.bias.m", "a.bias.v"],
    lars: ["a.weight.momentum", "a.bias.momentum"],
    sgd: ["a.weight.momentum", "a.bias.momentum"],
  };
  for (
    const config of [
      adam,
      adamw,
      lars,
      { name: "sgd", momentum: 0.9, weightDecay: 0, nesterov: false, spare: false } as const,
    ]
  ) {
    let slots: Tensors = {};
    tf.tidy(() => void (slots = optimiser(config).slots(parameters)));
    assert.deepEqual(Object.keys(slots), names[config.name]);
    for (const [name, slot] of Object.entries(slots)) {
      assert.deepEqual(slot.shape, name.startsWith("a.weight") ? [2, 3] : [3]);
      assert.ok(slot.dataSync().every((value) => value === 0));
    }
    dispose(slots);
  }
});

for (const spare of [false, true]) {
  Deno.test(`AdamW follows its published algorithm, with decay beside it (biases spared: ${spare})`, async () => {
    const config = { ...adamw, spare }, { beta1, beta2, epsilon, weightDecay } = config;
    const rule = (decay: number) => {
      let m = zeros(), v = zeros();
      return (g: number[], p: number[], rate: number, t: number) => {
        m = m.map((old, i) => beta1 * old + (1 - beta1) * g[i]);
        v = v.map((old, i) => beta2 * old + (1 - beta2) * g[i] ** 2);
        return m.map((mean, i) => {
          const [mHat, vHat] = [mean / (1 - beta1 ** t), v[i] / (1 - beta2 ** t)];
          return -rate * decay * p[i] - rate * mHat / (Math.sqrt(vHat) + epsilon);
        });
      };
    };
    close(await changes(config), expected(rule(weightDecay)));
    close(await changes(config, [12]), expected(rule(spare ? 0 : weightDecay)));
  });
}

Deno.test("Nesterov's SGD looks a step ahead", async () => {
  const config: OptimiserConfig = {
    name: "sgd",
    momentum: 0.9,
    weightDecay: 0.1,
    nesterov: true,
    spare: true,
  };
  const rule = (decay: number) => {
    let buffer = zeros();
    return (g: number[], p: number[], rate: number) => {
      g = g.map((slope, i) => slope + decay * p[i]);
      buffer = buffer.map((old, i) => 0.9 * old + g[i]);
      return g.map((slope, i) => -rate * (slope + 0.9 * buffer[i]));
    };
  };
  close(await changes(config), expected(rule(0.1)));
  close(await changes(config, [12]), expected(rule(0)));
});

for (const clip of [false, true]) {
  for (const eta of [0.002, 0.5]) {
    Deno.test(`LARS by the sum of both slopes, eta ${eta}, clipped: ${clip}, vectors too`, async () => {
      const config = { ...lars, eta, clip, slope: "sum", spare: false } as const;
      const rule = () => {
        let buffer = zeros();
        return (g: number[], p: number[], rate: number) => {
          const ratio = eta * norm(p) / (norm(g) + 0.1 * norm(p)),
            q = clip ? Math.min(ratio / rate, 1) : ratio;
          buffer = buffer.map((old, i) => 0.9 * old + q * (g[i] + 0.1 * p[i]));
          return buffer.map((value) => -rate * value);
        };
      };
      close(await changes(config), expected(rule()));
      close(await changes(config, [12]), expected(rule()));
    });
  }
}

Deno.test("a parameter becomes what it would alone, and names stay in their order", async () => {
  const spare = { weightDecay: 0.1, spare: true };
  const configs: OptimiserConfig[] = [
    { name: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1 },
    { name: "adamw", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, ...spare },
    { name: "lars", momentum: 0.9, eta: 0.1, slope: "decayed", clip: false, ...spare },
    { name: "lars", momentum: 0.9, eta: 0.1, slope: "decayed", clip: false, ...spare, spare: false },
    { name: "sgd", momentum: 0.9, nesterov: true, ...spare },
  ];
  const shapes: Record<string, number[]> = { bias: [12], weight: [3, 4], scale: [12], kernel: [1, 2, 2, 3] };
  const named = (what: string): Tensors =>
    Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [name, tf.tensor(numbers(what, name), shape)]),
    );
  const [parameters, gradients] = [named("parameter"), named("gradient")];
  for (const config of configs) {
    const { slots, update } = optimiser(config), memory = slots(parameters);
    const step = async (of: string[]) => {
      const some = (tensors: Tensors) =>
        Object.fromEntries(Object.entries(tensors).filter(([key]) => of.includes(key.split(".")[0])));
      const inputs = [parameters, gradients, memory].map(some) as [Tensors, Tensors, Tensors];
      return await compile(update)(...inputs, tf.scalar(0.02), tf.scalar(1));
    };
    const all = await step(Object.keys(shapes));
    assert.deepEqual(Object.keys(all.parameters), Object.keys(shapes));
    assert.deepEqual(Object.keys(all.slots), Object.keys(memory));
    for (const name of Object.keys(shapes)) {
      const alone = await step([name]), slot = Object.keys(alone.slots)[0];
      assert.deepEqual(all.parameters[name].dataSync(), alone.parameters[name].dataSync());
      assert.deepEqual(all.slots[slot].dataSync(), alone.slots[slot].dataSync());
    }
  }
});
