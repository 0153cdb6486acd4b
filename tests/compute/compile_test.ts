import assert from "node:assert/strict";
import { ComputeError } from "../../lib/base/errors.ts";
import { backend, start } from "../../lib/compute/backend.ts";
import { compile, dispose, flatten, mapTree } from "../../lib/compute/compile.ts";
import { batchNorm, gradients, relu, type Tensors } from "../../lib/compute/ops.ts";
import { tf } from "../../lib/compute/tf.ts";
import { onTensorFlow } from "../engine.ts";

await start();
const { binding } = backend();

const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, "float32", seed);
const values = (x: tf.Tensor) => Array.from(x.dataSync());

/** Equal within float32's rounding. */
function close(actual: tf.Tensor, expected: tf.Tensor, tolerance = 1e-5): void {
  assert.deepEqual(actual.shape, expected.shape);
  const [a, b] = [actual, expected].map(values);
  const worst = Math.max(...a.map((value, at) => Math.abs(value - b[at]) / Math.max(1, Math.abs(b[at]))));
  assert.ok(worst < tolerance, `off by ${worst}`);
}

/** One step of a small network: loss, gradients and an update, with scalars, lists, slices and shapes in between. */
function step({ weight, bias }: Tensors, x: tf.Tensor2D, rate: tf.Scalar) {
  const found = gradients(({ weight, bias }) => {
    const y = relu(tf.matMul(x, weight as tf.Tensor2D).add(bias));
    const parts = tf.split(y, 2, 1).map((part, at) => part.mul(at + 1));
    const loss = tf.concat(parts, 1).square().mean().add(tf.addN(parts).sum().mul(1e-2)) as tf.Scalar;
    return { loss, aside: { loss, parts } };
  }, { weight, bias });
  return {
    weight: weight.sub(found.gradients.weight.mul(rate)),
    bias: bias.sub(found.gradients.bias.mul(rate)),
    aside: found.aside,
  };
}

Deno.test("a compiled step gives the numbers of the same step run op by op", async () => {
  const parameters = { weight: normal([6, 4], 1), bias: normal([4], 2) };
  const inputs = [parameters, normal([5, 6], 3) as tf.Tensor2D, tf.scalar(0.1)] as const;
  const compiled = compile(step);
  const expected = step(...inputs);
  for (let call = 0; call < 3; call++) {
    const actual = await compiled(...inputs);
    assert.deepEqual(flatten(actual).map(([path]) => path), flatten(expected).map(([path]) => path));
    flatten(actual).forEach(([, x], at) => close(x, flatten(expected)[at][1]));
    dispose(actual);
  }
  compiled.dispose();
});

Deno.test("a step is recorded once for each combination of shapes, types and names", async () => {
  let records = 0;
  const double = compile((tree: Tensors) => {
    records++;
    return mapTree(tree, (x) => x.add(x));
  });
  for (
    const [tree, expected] of [
      [{ a: tf.ones([2]) }, 1],
      [{ a: tf.zeros([2]) }, 1],
      [{ a: tf.ones([3]) }, 2],
      [{ a: tf.ones([2], "int32") }, 3],
      [{ b: tf.ones([2]) }, 4],
      [{ a: tf.ones([2]) }, 4],
    ] as const
  ) {
    const doubled = await double(tree);
    assert.deepEqual(values(Object.values(doubled)[0]), values(Object.values(tree)[0]).map((x) => 2 * x));
    assert.equal(records, expected);
  }
  double.dispose();
  assert.deepEqual(values((await double({ a: tf.ones([2]) })).a), [2, 2]);
  assert.equal(records, 5);
});

Deno.test("no two kinds of inputs share a recording", async () => {
  let records = 0;
  // deno-lint-ignore no-explicit-any
  const count = compile((tree: any) => {
    records++;
    return mapTree(tree, (x) => x.add(x));
  });
  const x = tf.scalar(1), int32 = tf.scalar(1, "int32");
  const [int64] = backend().executeMultipleOutputs(
    "Cast",
    [{ name: "SrcT", type: binding.TF_ATTR_TYPE, value: binding.TF_INT32 }, {
      name: "DstT",
      type: binding.TF_ATTR_TYPE,
      value: binding.TF_INT64,
    }],
    [int32],
    1,
  );
  const trees = [[x], { 0: x }, { "a/b": x }, { a: { b: x } }, { a: [x] }, { a: x, b: [] }, { a: x, b: {} }];
  for (const [at, tree] of trees.entries()) {
    const doubled = await count(tree);
    assert.equal(records, at + 1);
    assert.deepEqual(JSON.stringify(mapTree(doubled, () => x)), JSON.stringify(tree));
    assert.deepEqual(flatten(doubled).map(([, x]) => values(x)), [[2]]);
  }
  assert.equal(int64.dtype, "int32");
  assert.deepEqual(values((await count([int32]))[0]), [2]);
  assert.deepEqual((await count([int64]))[0].dataSync(), BigInt64Array.of(2n));
  assert.equal(records, trees.length + 2);
});

Deno.test("the step may change the tree that it returned", async () => {
  const list: tf.Tensor[] = [];
  const grow = compile((x: tf.Tensor) => {
    list.push(x.neg());
    return list;
  });
  const first = await grow(tf.scalar(1));
  list.push(tf.scalar(5));
  assert.deepEqual([first, await grow(tf.scalar(2))].map((list) => list.map(values)), [[[-1]], [[-2]]]);
});

Deno.test("an op whose result's shape is not known before is refused, with its name and place", {
  ignore: !onTensorFlow,
}, async () => {
  const message = (op: string, shape: string) =>
    `A compiled step needs known shapes, but the shape of what ${op} gives depends on the values: ${shape}. ` +
    "Run that op outside of the step and pass its result as an input. It happened in tf.";
  const cases = [
    [(x: tf.Tensor) => tf.unique(x as tf.Tensor1D).values, message("UniqueV2", "[?]") + "unique at "],
    [
      (x: tf.Tensor) => tf.unique(tf.stack([x, x]), 1).values.sum(),
      message("UniqueV2", "[?,?]") + "unique at ",
    ],
    [
      (x: tf.Tensor) =>
        tf.image.nonMaxSuppression(tf.stack([x, x, x, x], 1) as tf.Tensor2D, x as tf.Tensor1D, 2),
      message("NonMaxSuppressionV3", "[?]") + "nonMaxSuppression at ",
    ],
  ] as const;
  for (const [step, expected] of cases) {
    await assert.rejects(compile(step)(tf.tensor1d([1, 2, 2])), (error: Error) => {
      assert.ok(error instanceof ComputeError);
      assert.equal(error.message.slice(0, expected.length), expected);
      assert.match(error.message.slice(expected.length), /compile_test\.ts:\d+:\d+\)?\.$/);
      return true;
    });
  }
});

Deno.test(
  "batch norm's results for its own gradient are known to nothing else",
  { ignore: !onTensorFlow },
  async () => {
    const [x, scale, offset] = [normal([4, 2, 2, 3], 1), tf.ones([3]), tf.zeros([3])];
    const slopes = (parameters: Tensors) =>
      gradients(({ x, scale, offset }) => {
        const { y } = batchNorm(x as tf.Tensor4D, scale as tf.Tensor1D, offset as tf.Tensor1D);
        return { loss: y.square().mul(normal(y.shape, 2)).sum() as tf.Scalar, aside: [] };
      }, parameters).gradients;
    const [compiled, eager] = [await compile(slopes)({ x, scale, offset }), slopes({ x, scale, offset })];
    for (const name in eager) close(compiled[name], eager[name]);
    const attributes = ["T", "U"].map((name) => ({
      name,
      type: binding.TF_ATTR_TYPE,
      value: binding.TF_FLOAT,
    }));
    const reserve = (x: tf.Tensor) =>
      backend().executeMultipleOutputs(
        "FusedBatchNormV3",
        attributes,
        [x, scale, offset, scale, scale],
        6,
      )[5];
    const refused = new ComputeError(
      "Neg cannot take a result of unknown shape that is meant for FusedBatchNormGradV3.",
    );
    await assert.rejects(compile((x: tf.Tensor) => reserve(x).neg())(x), refused);
    await assert.rejects(compile((x: tf.Tensor) => reserve(x).clone())(x), {
      ...refused,
      message: refused.message.replace("Neg", "Identity"),
    });
  },
);

Deno.test("where a kernel states another type than its inputs have, theirs counts in a graph, too", async () => {
  const moments = compile((x: tf.Tensor) => ({ alone: x.mean(), ...tf.moments(x) }));
  const found = await moments(tf.tensor1d([1, 2, 4], "int32"));
  close(found.alone, tf.scalar(7 / 3));
  close(found.mean, tf.scalar(7 / 3));
  close(found.variance, tf.scalar(14 / 9));
});

Deno.test("an op has as many results in a graph as it has", async () => {
  const two = compile((x: tf.Tensor) => backend().executeMultipleOutputs("Identity", [], [x], 2));
  assert.deepEqual((await two(tf.scalar(3))).map(values), [[3]]);
});

Deno.test("a tensor from outside is part of the step, small or large, even if it is disposed later", async () => {
  for (const size of [3, 100_000]) {
    const outside = tf.range(0, size);
    const add = compile((x: tf.Tensor) => x.add(outside).add(outside));
    const first = await add(tf.scalar(1));
    outside.dispose();
    const second = await add(tf.scalar(2));
    assert.equal(values(first)[size - 1], 1 + 2 * (size - 1));
    assert.equal(values(second)[size - 1], 2 + 2 * (size - 1));
    add.dispose();
  }
});

Deno.test("ops that take a list of tensors are recorded", async () => {
  const lists = compile((a: tf.Tensor1D, b: tf.Tensor1D) => ({
    concat: tf.concat([a, b, a]),
    stack: tf.stack([a, b], 1),
    addN: tf.addN([a, b, b]),
    one: tf.addN([a]),
    unstack: tf.unstack(tf.stack([a, b])),
  }));
  const made = await lists(tf.tensor1d([1, 2]), tf.tensor1d([3, 4]));
  assert.deepEqual(values(made.concat), [1, 2, 3, 4, 1, 2]);
  assert.deepEqual(values(made.stack), [1, 3, 2, 4]);
  assert.deepEqual(values(made.addN), [7, 10]);
  assert.deepEqual(values(made.one), [1, 2]);
  assert.deepEqual(made.unstack.map(values), [[1, 2], [3, 4]]);
});

Deno.test("reading a value while a step is recorded is refused, with the place", async () => {
  const reads = {
    dataSync: (x: tf.Tensor) => tf.scalar(x.dataSync()[0]),
    arraySync: (x: tf.Tensor) => tf.scalar(x.arraySync() as number),
    print: (x: tf.Tensor) => {
      x.print();
      return x;
    },
    branch: (x: tf.Tensor) => x.greater(0).dataSync()[0] ? x : x.neg(),
  };
  for (const read of Object.values(reads)) {
    await assert.rejects(compile(read)(tf.scalar(1)), (error: Error) => {
      assert.ok(error instanceof ComputeError);
      const expected =
        "A compiled step cannot read a tensor's value (data, dataSync, array, print) or branch on it: " +
        "while it is recorded there are no values. Return the tensor and read it outside. It happened at ";
      assert.equal(error.message.slice(0, expected.length), expected);
      assert.match(error.message.slice(expected.length), /compile_test\.ts:\d+:\d+\)?\.$/);
      return true;
    });
  }
  const gather = compile((x: tf.Tensor, indices: tf.Tensor1D) => tf.gather(x, indices));
  await assert.rejects(
    gather(tf.ones([2]), tf.tensor1d([0], "int32")),
    /It happened in tf\.gather at .*compile_test/,
  );
  assert.equal(values(tf.scalar(2).square())[0], 4);
});

Deno.test("what would happen once, while a step is recorded, and not at every call is refused", async () => {
  const variable = tf.variable(tf.scalar(3), true, "v"), x = tf.scalar(1);
  const minimise = (optimiser: tf.Optimizer) => (x: tf.Tensor) => {
    optimiser.minimize(() => x.mul(variable).sum() as tf.Scalar);
    return x;
  };
  const random = "draw random numbers, which would happen only once, while it is recorded: " +
    "draw them outside and pass them as an input";
  const assign = "assign to a tf.variable, which would happen only once, while it is recorded: " +
    "return the new value";
  const make = "make a tf.variable, which would happen only once, while it is recorded: " +
    "make it outside and pass it as an input";
  const captured =
    'A compiled step would keep the value that the tf.variable "v" has while it is recorded: ' +
    "pass it as an input";
  const cases: [(x: tf.Tensor) => tf.Tensor, string, string][] = [
    [(x) => tf.dropout(tf.stack([x, x]), 0.5), random, "in tf.dropout at "],
    [(x) => tf.randomUniform([2]).mul(x), random, "in tf.randomUniform at "],
    [(x) => tf.randomNormal([2]).mul(x), random, "in tf.randomNormal at "],
    [(x) => tf.truncatedNormal([2]).mul(x), random, "in tf.truncatedNormal at "],
    [(x) => tf.randomGamma([2], 1).mul(x), random, "in tf.randomGamma at "],
    [(x) => tf.multinomial(tf.stack([x, x]) as tf.Tensor1D, 2), random, "in tf.multinomial at "],
    [
      (x) => {
        const order = [0, 1, 2];
        tf.util.shuffle(order);
        return x.mul(order[0]);
      },
      random,
      "at ",
    ],
    [(x) => x.mul(Math.random()), random, "at "],
    [(x) => (variable.assign(x as tf.Scalar), x), assign, "at "],
    [(x) => (x.variable(), x), make, "at "],
    [(x) => x.mul(variable), captured, "in tf.mul at "],
    [(x) => x.mul(variable.toFloat().reshape([])), captured, "in tf."],
    [() => variable.clone(), captured, "at "],
    [minimise(tf.train.sgd(0.1)), captured, ""],
    [minimise(tf.train.adam(0.1)), captured, ""],
    [(x) => (tf.train.sgd(0.1).applyGradients({ v: x }), x), captured, ""],
  ];
  const variables = { ...tf.engine().registeredVariables };
  const own = [Math.random, variable.assign];
  for (const [step, what, place] of cases) {
    await assert.rejects(compile(step)(x), (error: Error) => {
      const expected = `${what === captured ? "" : "A compiled step cannot "}${what}. It happened ${place}`;
      assert.equal(error.message.slice(0, expected.length), expected);
      assert.match(error.message, /compile_test\.ts:\d+:\d+\)?\.$/);
      assert.ok(error instanceof ComputeError);
      return true;
    });
    assert.deepEqual(values(variable), [3]);
  }
  assert.deepEqual([Math.random, variable.assign], own);
  assert.deepEqual(Object.keys(tf.engine().registeredVariables), Object.keys(variables));
  // As an input, and with a seed, each is what it is op by op.
  const step = (x: tf.Tensor, v: tf.Tensor) => x.add(v).mul(tf.randomNormal([3], 0, 1, "float32", 7));
  const compiled = compile(step);
  for (const value of [3, 4]) {
    variable.assign(tf.scalar(value));
    close(await compiled(x, variable), step(x, variable));
  }
  dispose(variables);
});

/** What a type says may not be compiled, for the sake of what happens when it is called. */
const wild = compile as (step: (...inputs: never[]) => unknown, options?: object) => (
  ...inputs: unknown[]
) => Promise<unknown>;

Deno.test("a step takes and returns tensors in records and lists, and nothing else", async () => {
  class Pair {
    constructor(readonly x: tf.Tensor) {}
    swap() {}
  }
  const cases: [(x: tf.Tensor) => unknown, string][] = [
    [(x) => new Map([["x", x]]), "it is of type Map"],
    [(x) => new Set([x]), "it is of type Set"],
    [() => new Date(0), "it is of type Date"],
    [(x) => new Pair(x), "it is of type Pair"],
    [() => Float32Array.of(1), "it is of type Float32Array"],
    [(x) => ({ x, deep: [x, { count: 1 }] }), "/deep/1/count is 1"],
    [(x) => [x, undefined], "/1 is undefined"],
    [() => null, "it is null"],
    [() => "text", "it is text"],
    [(x) => ({ later: () => x }), "/later is of type Function"],
    [
      async (x) => (await Promise.resolve(), x.neg()),
      "it is of type Promise. A step cannot be async: there is nothing to wait for while it is recorded",
    ],
  ];
  for (const eager of ["0", "1"]) {
    Deno.env.set("SJEA_EAGER", eager);
    try {
      for (const [step, what] of cases) {
        await assert.rejects(
          wild(step)(tf.scalar(1)),
          new ComputeError(
            `A compiled step takes and returns tensors in plain records and lists; ${what}.`,
          ),
        );
      }
    } finally {
      Deno.env.delete("SJEA_EAGER");
    }
  }
  await assert.rejects(
    wild((x: tf.Tensor) => x)({ rate: 0.1 }),
    /plain records and lists; \/0\/rate is 0\.1\.$/,
  );
  const bare = await compile((x: tf.Tensor) => Object.assign(Object.create(null), { x }) as Tensors)(
    tf.scalar(1),
  );
  assert.deepEqual(values(bare.x), [1]);
  // The compiler says it, too.
  const x = tf.scalar(1);
  // @ts-expect-error: a promise
  compile(async (x: tf.Tensor) => await x);
  // @ts-expect-error: a map
  compile((x: tf.Tensor) => new Map([["x", x]]));
  // @ts-expect-error: an instance
  compile((x: tf.Tensor) => new Pair(x));
  // @ts-expect-error: a number in a record
  compile((x: tf.Tensor) => ({ x, count: 1 }));
  // @ts-expect-error: nothing
  compile((_: tf.Tensor) => {});
  // @ts-expect-error: a variable, whose `assign` it would not have
  await compile((v: tf.Variable) => [v.square() as tf.Tensor])(tf.variable(x));
});

Deno.test("a disposed tensor is named, by its place among the inputs or results", async () => {
  const [x, gone] = [tf.scalar(1), tf.scalar(2)];
  gone.dispose();
  const sum = compile((a: Tensors, b: tf.Tensor[]) => a.x.add(b[1]), { name: "sum" });
  await assert.rejects(
    sum({ x }, [x, gone]),
    new ComputeError("sum: input /1/1 is a tensor that was disposed; hand over a living one."),
  );
  const forget = compile((x: tf.Tensor) => {
    const y = x.neg();
    y.dispose();
    return { y };
  }, { name: "forget" });
  await assert.rejects(forget(x), /^ComputeError: forget_\d+: result \/y is a tensor that was disposed/);
  // An input that the step disposes of while it is recorded is gone before it runs.
  const input = tf.scalar(3);
  const greedy = compile((x: tf.Tensor) => (input.dispose(), x.neg()));
  await assert.rejects(greedy(input), /^ComputeError: Tensor \d+ was disposed or never had a value\.$/);
});

Deno.test("what a call needs may be disposed of while it runs, and the compiled step itself", async () => {
  const large = tf.fill([512, 512], 1 / 512);
  const power = compile((x: tf.Tensor2D) => {
    let y = x;
    for (let count = 0; count < 40; count++) y = tf.matMul(y, large as tf.Tensor2D);
    return y.sum();
  });
  for (let round = 0; round < 3; round++) {
    const x = tf.ones([512, 512]) as tf.Tensor2D;
    const calls = [power(x), power(x)];
    power.dispose();
    x.dispose();
    calls.push(power(tf.fill([512, 512], 2) as tf.Tensor2D));
    power.dispose();
    for (const [at, sum] of (await Promise.all(calls)).entries()) {
      close(sum, tf.scalar([1, 1, 2][at] * 512 * 512), 1e-4);
    }
  }
});

Deno.test("a step may not record another one", async () => {
  const inner = compile((x: tf.Tensor) => x.neg(), { name: "inner" });
  let refusal: unknown;
  const outer = compile((x: tf.Tensor) => {
    inner(x).catch((error) => refusal = error);
    return x.neg();
  }, { name: "outer" });
  assert.deepEqual(values(await outer(tf.scalar(1))), [-1]);
  assert.ok(refusal instanceof ComputeError);
  assert.match(refusal.message, /^inner: a compiled step cannot call another one\.$/);
});

/** The same tensor; it fails as it runs if that is not finite. */
function checked(x: tf.Tensor): tf.Tensor {
  const attributes = [
    { name: "T", type: binding.TF_ATTR_TYPE, value: 1 },
    { name: "message", type: binding.TF_ATTR_STRING, value: "not finite" },
  ];
  return backend().executeMultipleOutputs("CheckNumerics", attributes, [x], 1)[0];
}

Deno.test("what TensorFlow refuses is named with the step", { ignore: !onTensorFlow }, async () => {
  const crash = compile(checked, { name: "crash" });
  assert.deepEqual(values(await crash(tf.scalar(1))), [1]);
  await assert.rejects(
    crash(tf.scalar(NaN)),
    (error: Error) =>
      error instanceof ComputeError && /^TensorFlow refused crash_\d+: .*not finite/s.test(error.message),
  );
  assert.deepEqual(values(await crash(tf.scalar(2))), [2]);
});

for (const eager of [false, true]) {
  Deno.test(`an input or a tensor given back twice is a new tensor (${eager ? "op by op" : "compiled"})`, async () => {
    if (eager) Deno.env.set("SJEA_EAGER", "1");
    try {
      const step = compile((x: tf.Tensor, y: tf.Tensor) => {
        const sum = x.add(y);
        return { x, again: x, y, sums: [sum, sum], constant: tf.scalar(5) };
      });
      const [x, y] = [tf.scalar(1), tf.scalar(2)];
      const result = await step(x, y);
      assert.deepEqual(flatten(result).map(([, z]) => values(z)[0]), [1, 1, 2, 3, 3, 5]);
      dispose(result);
      assert.deepEqual([x, y].map((z) => values(z)[0]), [1, 2]);
    } finally {
      Deno.env.delete("SJEA_EAGER");
    }
  });
}

Deno.test("bfloat16 is close to float32", { ignore: !onTensorFlow }, async () => {
  const network = (x: tf.Tensor2D, w: tf.Tensor2D) =>
    tf.matMul(relu(tf.matMul(x, w)), w).div(64).square().mean();
  const inputs = [normal([64, 64], 1) as tf.Tensor2D, normal([64, 64], 2) as tf.Tensor2D] as const;
  const [full, half] = await Promise.all([
    compile(network, { precision: "float32" })(...inputs),
    compile(network, { precision: "bfloat16" })(...inputs),
  ]);
  close(full, network(...inputs));
  const relative = Math.abs(values(half)[0] / values(full)[0] - 1);
  assert.ok(relative < 0.02, `off by ${relative}`);
});

Deno.test("an engine without bfloat16 refuses it", { ignore: onTensorFlow }, async () => {
  const square = compile((x: tf.Tensor) => x.square(), { name: "square", precision: "bfloat16" });
  await assert.rejects(square(tf.scalar(1)), {
    name: "ComputeError",
    message: "square: ONNX Runtime computes in float32, not in bfloat16.",
  });
});

/** Bytes in malloc's blocks, where the system tells: TensorFlow's memory, but for what malloc keeps for later. */
const memory = () => {
  if (Deno.build.os !== "linux") return 0;
  const info = { struct: Array(10).fill("usize") } as const;
  const libc = Deno.dlopen("libc.so.6", { mallinfo2: { parameters: [], result: info } });
  const fields = new BigUint64Array(libc.symbols.mallinfo2().buffer);
  libc.close();
  return Number(fields[7] + fields[4]);
};

Deno.test("a thousand steps leave no tensor behind and need no more memory", async () => {
  const compiled = compile(step);
  let parameters = { weight: normal([600, 40], 1), bias: normal([40], 2) } as Tensors;
  const x = normal([5, 600], 3) as tf.Tensor2D, rate = tf.scalar(0.01);
  const call = async () => {
    const { aside, ...updated } = await compiled(parameters, x, rate);
    dispose([aside, parameters]);
    parameters = updated;
  };
  await call();
  const counts = [binding.getNumOfTensors(), tf.memory().numTensors];
  for (let count = 0; count < 200; count++) await call();
  const before = memory();
  for (let count = 0; count < 1000; count++) await call();
  assert.deepEqual([binding.getNumOfTensors(), tf.memory().numTensors], counts);
  const grown = memory() - before;
  assert.ok(grown < 8e6, `${grown} bytes more`);
  dispose([parameters, x, rate]);
});

/** Ways to fail: while recorded, as it is closed, on the way back of a gradient, and as it runs. */
const EVERY: Record<string, (x: tf.Tensor, large: tf.Tensor, variable: tf.Variable) => unknown> = {
  "read a tensor's value": (x, large) => x.add(large).sum().dataSync(),
  "is 1": (x, large) => [x.add(large), 1],
  "tf.variable": (x, large, variable) => [x.add(large), variable.clone()],
  "no way back": (x, large) =>
    gradients(({ x }) => {
      const loss = tf.customGrad((x) => ({
        value: (x as tf.Tensor).sum(),
        gradFunc: () => {
          throw new ComputeError("no way back");
        },
      }))(x.mul(large).square()) as tf.Scalar;
      return { loss, aside: { large, loss } };
    }, { x }).gradients,
  "not finite": (x, large) => [x.add(large), checked(x.add(NaN))],
};

/** The last one is an op that only TensorFlow has here. */
const FAILURES = Object.entries(EVERY).filter(([message]) => onTensorFlow || message !== "not finite");

Deno.test("recording and disposing leaves no tensor behind, not even after a failure", async () => {
  const once = async () => {
    const large = tf.ones([5000]), x = tf.scalar(1), variable = tf.variable(x);
    const good = compile((x: tf.Tensor) => x.sum().add(large).add(tf.scalar(1)));
    dispose(await good(x));
    good.dispose();
    for (const [message, fail] of FAILURES) {
      await assert.rejects(
        wild((x: tf.Tensor) => fail(x, large, variable))(x),
        (error: Error) => error instanceof ComputeError && error.message.includes(message),
      );
    }
    dispose([large, x, variable]);
  };
  await once();
  const counts = [binding.getNumOfTensors(), tf.memory().numTensors, tf.memory().numBytes];
  for (let count = 0; count < 5; count++) await once();
  assert.deepEqual([binding.getNumOfTensors(), tf.memory().numTensors, tf.memory().numBytes], counts);
});

Deno.test("a step that fails keeps nothing of a large tensor that it met", async () => {
  const variable = tf.variable(tf.scalar(0)), x = tf.scalar(1);
  for (const [message, fail] of FAILURES) {
    const once = async () => {
      const large = tf.fill([1e7], 1);
      const failing = compile(((x: tf.Tensor) => fail(x, large, variable)) as (x: tf.Tensor) => tf.Tensor);
      await assert.rejects(failing(x), (error: Error) => error.message.includes(message));
      failing.dispose();
      large.dispose();
    };
    await once();
    const before = memory();
    for (let count = 0; count < 10; count++) await once();
    const grown = memory() - before;
    assert.ok(grown < 100e6, `${message}: ${grown} bytes more`);
  }
  dispose([variable, x]);
});

Deno.test("timers run during a long call", async () => {
  const power = compile((x: tf.Tensor2D) => {
    let y = x;
    for (let count = 0; count < 20; count++) y = tf.matMul(y, x).mul(1e-3);
    return y.sum();
  });
  const x = normal([1024, 1024], 1) as tf.Tensor2D;
  dispose(await power(x));
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const call = power(x);
  const before = ticks;
  dispose(await call);
  clearInterval(timer);
  assert.ok(ticks > before + 3, `${ticks - before} ticks`);
});

Deno.test("calls that overlap do not disturb each other", async () => {
  const square = compile((x: tf.Tensor) => x.square());
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, at) => square(tf.fill([100 + at % 3], at))),
  );
  results.forEach((result, at) => assert.deepEqual(new Set(values(result)), new Set([at * at])));
});
