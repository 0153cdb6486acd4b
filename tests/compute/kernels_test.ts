import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { compile } from "../../lib/compute/compile.ts";
import { batchNorm, convolve } from "../../lib/compute/ops.ts";
import { type Tensor, tf } from "../../lib/compute/tf.ts";

await start();

type Op = (...inputs: Tensor[]) => Tensor;

/** An op's result: run at once and compiled. Both must be the same. */
async function both(op: Op, ...inputs: Tensor[]): Promise<Tensor> {
  const compiled = compile(op), eager = op(...inputs), recorded = await compiled(...inputs);
  compiled.dispose();
  assert.equal(recorded.dtype, eager.dtype);
  assert.deepEqual(recorded.shape, eager.shape);
  assert.deepEqual(recorded.dataSync(), eager.dataSync());
  return eager;
}

Deno.test("the mean of integers and of booleans is a fraction", async () => {
  const mean = await both((x) => x.mean(), tf.tensor1d([1, 2, 4], "int32"));
  assert.equal(mean.dtype, "float32");
  assert.deepEqual([...mean.dataSync()], [Math.fround(7 / 3)]);
  const share = await both((x) => x.mean(0), tf.tensor2d([[1, 0], [1, 1]], [2, 2], "bool"));
  assert.deepEqual([...share.dataSync()], [1, 0.5]);
  const { mean: of, variance } = tf.moments(tf.tensor1d([1, 2, 6], "int32"));
  assert.deepEqual([of.arraySync(), variance.arraySync()], [3, Math.fround(14 / 3)]);
});

Deno.test("ops that know only floating point take integers and booleans as such", async (t) => {
  const ops: Record<string, Op> = {
    acos: tf.acos,
    acosh: tf.acosh,
    asin: tf.asin,
    asinh: tf.asinh,
    atan: tf.atan,
    atan2: (x) => tf.atan2(x, x),
    atanh: tf.atanh,
    batchNorm: (x) => tf.batchNorm(x.reshape([1, 1, 1, 4]), x as tf.Tensor1D, tf.ones([4])),
    conv2dTranspose: (x) =>
      tf.conv2dTranspose(x.reshape([1, 1, 2, 2]), x.reshape([1, 1, 2, 2]), [1, 1, 2, 2], 1, "same"),
    conv3d: (x) => tf.conv3d(x.reshape([1, 1, 1, 2, 2]), x.reshape([1, 1, 1, 2, 2]), 1, "same"),
    expm1: tf.expm1,
    isFinite: tf.isFinite,
    isInf: tf.isInf,
    isNaN: tf.isNaN,
    leakyRelu: (x) => tf.leakyRelu(x),
    localResponseNormalization: (x) => tf.localResponseNormalization(x.reshape([1, 1, 2, 2])),
    log1p: tf.log1p,
    logSigmoid: (x) => tf.logSigmoid(x.toInt()),
    maxPool3d: (x) => tf.maxPool3d(x.reshape([1, 1, 2, 2, 1]), 2, 1, "same"),
    reciprocal: tf.reciprocal,
    selu: tf.selu,
    sinh: tf.sinh,
    softplus: tf.softplus,
  };
  for (const [name, op] of Object.entries(ops)) {
    await t.step(name, async () => {
      for (const type of ["int32", "bool"] as const) {
        const x = tf.tensor1d([0, 1, 1, 0], type);
        const given = await both(op, x), expected = op(x.toFloat());
        assert.equal(given.dtype, expected.dtype);
        assert.deepEqual(given.dataSync(), expected.dataSync());
      }
    });
  }
});

Deno.test("integers stay what they are when rounded, and integers and booleans on a diagonal or as a step", async () => {
  const x = tf.tensor1d([-3, 0, 2], "int32");
  for (
    const [op, expected] of [
      [tf.round, [-3, 0, 2]],
      [(x) => tf.step(x, 5), [5, 5, 1]],
      [tf.diag, [-3, 0, 0, 0, 0, 0, 0, 0, 2]],
    ] as [Op, number[]][]
  ) {
    const y = await both(op, x);
    assert.equal(y.dtype, "int32");
    assert.deepEqual([...y.dataSync()], expected);
  }
  const diagonal = await both(tf.diag, tf.tensor1d([1, 0], "bool"));
  assert.deepEqual([...diagonal.dataSync()], [1, 0, 0, 0]);
  assert.equal(diagonal.dtype, "bool");
});

Deno.test("multinomial draws as often as it is asked, and what is likely", () => {
  const logits = tf.tensor2d([[0, -1e9, 0], [-1e9, 0, -1e9]]);
  const draws = tf.multinomial(logits, 200) as tf.Tensor2D;
  assert.deepEqual([draws.shape, draws.dtype], [[2, 200], "int32"]);
  const [either, always] = draws.arraySync();
  assert.deepEqual([new Set(either), new Set(always)], [new Set([0, 2]), new Set([1])]);
  const zeros = either.filter((draw) => draw === 0).length;
  assert.ok(zeros > 50 && zeros < 150, `${zeros} of 200`);
});

type Shape = number[];

/** Ops of a batch without pictures, the shapes of what goes in and of what comes out. */
const EMPTY: Record<string, [op: (...inputs: never[]) => Tensor, inputs: Shape[], output: Shape]> = {
  "conv1d": [
    (x: tf.Tensor3D, w: tf.Tensor3D) => tf.conv1d(x, w, 2, "same"),
    [[0, 6, 2], [3, 2, 4]],
    [0, 3, 4],
  ],
  "conv2d, same": [
    (x: tf.Tensor4D, w: tf.Tensor4D) => tf.conv2d(x, w, 1, "same"),
    [[0, 6, 5, 2], [3, 3, 2, 4]],
    [0, 6, 5, 4],
  ],
  "conv2d, valid": [
    (x: tf.Tensor4D, w: tf.Tensor4D) => tf.conv2d(x, w, 2, "valid"),
    [[0, 6, 5, 2], [3, 3, 2, 4]],
    [0, 2, 2, 4],
  ],
  "conv2d with bias and activation": [
    (x: tf.Tensor4D, filter: tf.Tensor4D, bias: tf.Tensor1D) =>
      tf.fused.conv2d({ x, filter, bias, strides: 1, pad: "same", activation: "relu" }),
    [[0, 6, 5, 2], [3, 3, 2, 4], [4]],
    [0, 6, 5, 4],
  ],
  "conv2dTranspose": [
    (x: tf.Tensor4D, w: tf.Tensor4D) => tf.conv2dTranspose(x, w, [0, 12, 10, 4], 2, "same"),
    [[0, 6, 5, 2], [3, 3, 4, 2]],
    [0, 12, 10, 4],
  ],
  "conv3d": [
    (x: tf.Tensor5D, w: tf.Tensor5D) => tf.conv3d(x, w, 2, "same"),
    [[0, 4, 6, 5, 2], [3, 3, 3, 2, 4]],
    [0, 2, 3, 3, 4],
  ],
  "depthwiseConv2d": [
    (x: tf.Tensor4D, w: tf.Tensor4D) => tf.depthwiseConv2d(x, w, 1, "same"),
    [[0, 6, 5, 2], [3, 3, 2, 3]],
    [0, 6, 5, 6],
  ],
  "separableConv2d": [
    (x: tf.Tensor4D, w: tf.Tensor4D, point: tf.Tensor4D) => tf.separableConv2d(x, w, point, 1, "same"),
    [[0, 6, 5, 2], [3, 3, 2, 3], [1, 1, 6, 4]],
    [0, 6, 5, 4],
  ],
  "convolve": [
    (x: tf.Tensor4D, w: tf.Tensor4D) => convolve(x, w, 1),
    [[0, 6, 5, 2], [3, 3, 2, 4]],
    [0, 6, 5, 4],
  ],
  "convolve with a stride": [
    (x: tf.Tensor4D, w: tf.Tensor4D) => convolve(x, w, 2),
    [[0, 6, 6, 2], [3, 3, 2, 4]],
    [0, 3, 3, 4],
  ],
  "convolve as in a ResNet": [
    (x: tf.Tensor4D, w: tf.Tensor4D) => convolve(x, w, 1),
    [[0, 16, 16, 64], [3, 3, 64, 64]],
    [0, 16, 16, 64],
  ],
  "maxPool": [(x: tf.Tensor4D) => tf.maxPool(x, 2, 2, "same"), [[0, 6, 5, 2]], [0, 3, 3, 2]],
  "maxPool3d": [(x: tf.Tensor5D) => tf.maxPool3d(x, 2, 2, "same"), [[0, 4, 6, 5, 2]], [0, 2, 3, 3, 2]],
  "avgPool": [(x: tf.Tensor4D) => tf.avgPool(x, 2, 2, "same"), [[0, 6, 5, 2]], [0, 3, 3, 2]],
  "batchNorm": [
    (x: tf.Tensor4D, scale: tf.Tensor1D, offset: tf.Tensor1D) => batchNorm(x, scale, offset).y,
    [[0, 6, 5, 2], [2], [2]],
    [0, 6, 5, 2],
  ],
  "matMul": [(x: tf.Tensor2D, w: tf.Tensor2D) => tf.matMul(x, w), [[0, 3], [3, 4]], [0, 4]],
  "matMul over nothing": [(x: tf.Tensor2D, w: tf.Tensor2D) => tf.matMul(x, w), [[3, 0], [0, 4]], [3, 4]],
};

Deno.test("a batch without pictures gives a batch without results, and gradients of zero", async (t) => {
  for (const [name, [op, shapes, expected]] of Object.entries(EMPTY)) {
    await t.step(name, async () => {
      const inputs = shapes.map((shape) => tf.ones(shape));
      const result = await both(op as Op, ...inputs);
      assert.deepEqual(result.shape, expected);
      for (const at of shapes.keys()) {
        const gradient = (...inputs: Tensor[]) =>
          tf.grads((...inputs) => (op as Op)(...inputs as Tensor[]).square().sum())(inputs)[at];
        const found = await both(gradient, ...inputs);
        assert.deepEqual(found.shape, shapes[at]);
        assert.ok(found.dataSync().every((value) => value === 0));
      }
    });
  }
});

Deno.test("a kernel that is larger than the picture is refused", () => {
  const [x, kernel] = [tf.ones<tf.Rank.R4>([2, 2, 2, 2]), tf.ones<tf.Rank.R4>([3, 3, 2, 2])];
  assert.throws(() => tf.conv2d(x, kernel, 1, "valid"), {
    name: "ComputeError",
    message: /subtracting 3 from 2/,
  });
  const wide = tf.ones<tf.Rank.R4>([2, 4, 5, 2]);
  const channelsFirst = tf.conv2d(tf.ones<tf.Rank.R4>([2, 2, 4, 5]), kernel, 1, "valid", "NCHW");
  assert.deepEqual([channelsFirst.shape, channelsFirst.min().arraySync()], [[2, 2, 2, 3], 18]);
  assert.deepEqual(tf.conv2d(wide, kernel, 1, "valid").shape, [2, 2, 3, 2]);
  assert.throws(() => tf.conv2d(wide, kernel, 1, "valid", "NHWC", 2), /subtracting 5 from 4/);
});
