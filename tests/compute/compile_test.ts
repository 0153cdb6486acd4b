import assert from "node:assert/strict";
import { ComputeError } from "../../lib/base/errors.ts";
import { backend, start } from "../../lib/compute/backend.ts";
import { compile, dispose, flatten, mapTree } from "../../lib/compute/compile.ts";
import { gradients, relu, type Tensors } from "../../lib/compute/ops.ts";
import { tf } from "../../lib/compute/tf.ts";

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

Deno.test("a step may not record another one", async () => {
  const inner = compile((x: tf.Tensor) => x.neg());
  let refusal: unknown;
  const outer = compile((x: tf.Tensor) => {
    inner(x).catch((error) => refusal = error);
    return x.neg();
  }, { name: "outer" });
  assert.deepEqual(values(await outer(tf.scalar(1))), [-1]);
  assert.ok(refusal instanceof ComputeError);
  assert.match(refusal.message, /: a compiled step cannot record another one\.$/);
});

Deno.test("what TensorFlow refuses is named with the step", async () => {
  const crash = compile((x: tf.Tensor) => {
    const [a] = backend().executeMultipleOutputs(
      "CheckNumerics",
      [{ name: "T", type: binding.TF_ATTR_TYPE, value: 1 }, {
        name: "message",
        type: binding.TF_ATTR_STRING,
        value: "not finite",
      }],
      [x],
      1,
    );
    return a;
  }, { name: "crash" });
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

Deno.test("bfloat16 is close to float32", async () => {
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

/** Anonymous memory of this process in bytes, where the system tells. */
const memory = async () => {
  const status = await Deno.readTextFile("/proc/self/status").catch(() => "");
  return 1024 * Number(status.match(/RssAnon:\s+(\d+)/)?.[1] ?? 0);
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
  const before = await memory();
  for (let count = 0; count < 1000; count++) await call();
  assert.deepEqual([binding.getNumOfTensors(), tf.memory().numTensors], counts);
  const grown = await memory() - before;
  assert.ok(grown < 8e6, `${grown} bytes more`);
  dispose([parameters, x, rate]);
});

Deno.test("recording and disposing leaves no tensor behind, not even after a failure", async () => {
  const once = async () => {
    const large = tf.ones([5000]), x = tf.ones([2, 2]);
    const good = compile((x: tf.Tensor) => x.sum().add(large).add(tf.scalar(1)));
    dispose(await good(x));
    good.dispose();
    await assert.rejects(
      compile((x: tf.Tensor) => tf.scalar(x.sum().dataSync()[0]).add(large))(x),
      ComputeError,
    );
    dispose([large, x]);
  };
  await once();
  const counts = [binding.getNumOfTensors(), tf.memory().numTensors];
  for (let count = 0; count < 5; count++) await once();
  assert.deepEqual([binding.getNumOfTensors(), tf.memory().numTensors], counts);
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
