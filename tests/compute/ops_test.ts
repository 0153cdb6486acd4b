import assert from "node:assert/strict";
import { backend, start } from "../../lib/compute/backend.ts";
import { compile, dispose } from "../../lib/compute/compile.ts";
import {
  batchNorm,
  batchNormInference,
  convolve,
  exact,
  gradients,
  relu,
  rows,
  type Tensors,
} from "../../lib/compute/ops.ts";
import { tf } from "../../lib/compute/tf.ts";
import { onTensorFlow } from "../engine.ts";

await start();

const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, "float32", seed);
const values = (x: tf.Tensor) => Array.from(x.dataSync());

/** Equal within a part of the largest expected number. */
function close(actual: tf.Tensor, expected: tf.Tensor, tolerance = 1e-5): void {
  assert.deepEqual(actual.shape, expected.shape);
  const [a, b] = [actual, expected].map(values);
  const scale = Math.max(...b.map(Math.abs), 1e-6);
  const worst = Math.max(...a.map((value, at) => Math.abs(value - b[at]))) / scale;
  assert.ok(worst < tolerance, `off by ${worst} of ${scale}`);
}

type Function = (inputs: Record<string, tf.Tensor>) => tf.Tensor;

/** Gradients of a weighted sum of a function's result; the weights make each entry count differently. */
function slopes(f: Function, inputs: Tensors): Tensors {
  return gradients((inputs) => {
    const y = f(inputs);
    return { loss: y.mul(normal(y.shape, 99)).sum() as tf.Scalar, aside: [] };
  }, inputs).gradients;
}

/** The same by central differences; every entry is moved by ±step. */
function differences(f: Function, inputs: Tensors, step: number): Tensors {
  const loss = (inputs: Tensors) =>
    tf.tidy(() => {
      const y = f(inputs);
      return y.mul(normal(y.shape, 99)).sum().dataSync()[0];
    });
  return Object.fromEntries(
    Object.entries(inputs).map(([name, x]) => {
      const slope = values(x).map((_, at) => {
        const moved = [step, -step].map((by) => {
          const near = x.dataSync().slice();
          near[at] += by;
          return loss({ ...inputs, [name]: tf.tensor(near, x.shape) });
        });
        return (moved[0] - moved[1]) / (2 * step);
      });
      return [name, tf.tensor(slope, x.shape)];
    }),
  );
}

function allClose(actual: Tensors, expected: Tensors, tolerance?: number): void {
  assert.deepEqual(Object.keys(actual), Object.keys(expected));
  for (const name in expected) close(actual[name], expected[name], tolerance);
}

/** A batch whose channels differ in mean and deviation, with scale and offset. */
const batch = () => ({
  x: normal([4, 3, 2, 5], 1).mul(tf.tensor1d([1, 2, 0.5, 1, 3])).add(
    tf.tensor1d([0, 5, -1, 0, 2]),
  ) as tf.Tensor4D,
  scale: tf.tensor1d([1, 2, -1, 0.5, 0.1]),
  offset: tf.tensor1d([0, 1, 2, -1, 0.5]),
});

const norm: Function = ({ x, scale, offset }) =>
  batchNorm(x as tf.Tensor4D, scale as tf.Tensor1D, offset as tf.Tensor1D).y;

/** Batch norm composed from TensorFlow.js's own ops. */
const composed: Function = ({ x, scale, offset }) => {
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  return x.sub(mean).div(variance.add(1e-5).sqrt()).mul(scale).add(offset);
};

Deno.test("batchNorm and its gradients are those of the composed formula", () => {
  const inputs = batch();
  close(norm(inputs), composed(inputs));
  allClose(slopes(norm, inputs), slopes(composed, inputs), 1e-4);
});

Deno.test("batchNorm's gradients are those of finite differences", () => {
  const inputs = batch();
  allClose(slopes(norm, inputs), differences(norm, inputs, 1e-2), 5e-3);
});

Deno.test("batchNorm gives the batch's mean and unbiased variance", () => {
  const { x, scale, offset } = batch();
  const { mean, variance } = batchNorm(x, scale, offset);
  const moments = tf.moments(x, [0, 1, 2]);
  close(mean, moments.mean);
  close(variance, moments.variance.mul(24 / 23));
});

/** Calls a function three times; only its first call, which copies its inputs over, may leave tensors behind. */
function leavesNothing(f: () => void): void {
  f();
  const count = () => [backend().binding.getNumOfTensors(), tf.memory().numTensors];
  const before = count();
  f();
  f();
  assert.deepEqual(count(), before);
}

Deno.test("batchNorm's statistics survive a scope that returns them, and only they do", () => {
  const inputs = batch();
  leavesNothing(() => {
    const { mean, variance } = tf.tidy(() => {
      const { mean, variance } = batchNorm(inputs.x, inputs.scale, inputs.offset);
      return { mean, variance };
    });
    assert.deepEqual([values(mean).length, values(variance).length], [5, 5]);
    dispose([mean, variance]);
  });
});

Deno.test("batchNormInference normalises with the statistics it is given", () => {
  const { x, scale, offset } = batch();
  const mean = tf.tensor1d([0, 1, 2, 3, 4]), variance = tf.tensor1d([1, 2, 3, 4, 0]);
  const expected = x.sub(mean).div(variance.add(1e-5).sqrt()).mul(scale).add(offset);
  close(batchNormInference(x, scale, offset, mean, variance), expected);
});

Deno.test("relu is zero, with a zero gradient, for all that is not positive", () => {
  const x = tf.tensor1d([-2, -0.5, 0, 0.5, 2]);
  assert.deepEqual(values(relu(x)), [0, 0, 0, 0.5, 2]);
  const { x: slope } =
    gradients(({ x }) => ({ loss: relu(x).mul(3).sum() as tf.Scalar, aside: [] }), { x }).gradients;
  assert.deepEqual(values(slope), [0, 0, 0, 3, 3]);
});

Deno.test("relu's gradients are those of finite differences away from its kink", () => {
  const x = normal([3, 2, 2, 4], 5);
  const away = tf.where(x.abs().less(0.05), tf.onesLike(x), x);
  const f: Function = ({ x }) => relu(x).square();
  allClose(slopes(f, { x: away }), differences(f, { x: away }, 1e-2), 5e-3);
});

/** Kernel, stride and size. */
const CONVOLUTIONS = [
  ...[[3, 1, 6], [3, 2, 6], [3, 2, 7], [1, 1, 4], [1, 2, 6], [1, 2, 7], [7, 2, 12]],
  // The result is one pixel.
  ...[[3, 1, 1], [3, 2, 1], [3, 2, 2], [3, 3, 3], [7, 2, 2], [1, 2, 1]],
];

for (const [kernel, stride, size] of CONVOLUTIONS) {
  Deno.test(`convolve ${kernel}×${kernel} with stride ${stride} of ${size}×${size} pads half a kernel on every side`, () => {
    const inputs = { x: normal([2, size, size, 3], 1), weight: normal([kernel, kernel, 3, 4], 2) };
    const fused: Function = ({ x, weight }) => convolve(x as tf.Tensor4D, weight as tf.Tensor4D, stride);
    const plain: Function = ({ x, weight }) => {
      const pad = (kernel - 1) / 2;
      const padded = tf.pad(x as tf.Tensor4D, [[0, 0], [pad, pad], [pad, pad], [0, 0]]);
      return tf.conv2d(padded, weight as tf.Tensor4D, stride, "valid");
    };
    assert.equal(fused(inputs).shape[1], Math.ceil(size / stride));
    close(fused(inputs), plain(inputs));
    allClose(slopes(fused, inputs), slopes(plain, inputs), 1e-4);
  });
}

Deno.test("a strided 1×1 convolution's filter gradient is right where oneDNN's own overruns its memory", () => {
  const inputs = { x: normal([2, 48, 48, 8], 1), weight: normal([1, 1, 8, 16], 2) };
  const strided: Function = ({ x, weight }) => convolve(x as tf.Tensor4D, weight as tf.Tensor4D, 2);
  const product: Function = ({ x, weight }) => {
    const [kept] = tf.split(x.reshape([2, 24, 2, 24, 16]), 2, 2);
    return tf.matMul(kept.reshape([2 * 24 * 24, 16]).slice([0, 0], [-1, 8]), weight.reshape([8, 16]));
  };
  for (let turn = 0; turn < 10; turn++) {
    allClose(slopes(strided, inputs), slopes(product, inputs), 1e-3);
  }
});

Deno.test("convolve's value at a corner is that of the sum written out", () => {
  const x = tf.range(1, 10).reshape([1, 3, 3, 1]) as tf.Tensor4D;
  const weight = tf.range(1, 10).reshape([3, 3, 1, 1]) as tf.Tensor4D;
  // PyTorch: kernel over rows and columns −1 … 1 of the image 1 2 3 / 4 5 6 / 7 8 9.
  const corner = 5 * 1 + 6 * 2 + 8 * 4 + 9 * 5;
  assert.equal(values(convolve(x, weight, 1))[0], corner);
  assert.equal(values(convolve(x, weight, 2))[0], corner);
});

Deno.test("rows takes rows in any order, again and again", () => {
  const x = tf.tensor2d([[1, 2], [3, 4], [5, 6]]);
  assert.deepEqual(rows(x, tf.tensor1d([2, 0, 2], "int32")).arraySync(), [[5, 6], [1, 2], [5, 6]]);
});

Deno.test("gradients differentiates by name and hands out side results, leaving nothing else", () => {
  const parameters = { a: tf.scalar(3), b: tf.tensor1d([1, 2]), unrelated: tf.scalar(1) };
  leavesNothing(() => {
    const found = tf.tidy(() =>
      gradients(({ a, b, unrelated }) => {
        const product = a.mul(b);
        const loss = product.square().sum().add(unrelated.mul(0)) as tf.Scalar;
        return { loss, aside: { loss, list: [product] } };
      }, parameters)
    );
    // loss = a² Σ b²
    assert.deepEqual(values(found.gradients.a), [30]);
    assert.deepEqual(values(found.gradients.b), [18, 36]);
    assert.deepEqual(values(found.gradients.unrelated), [0]);
    assert.deepEqual([values(found.aside.loss), values(found.aside.list[0])], [[45], [3, 6]]);
    dispose(found);
  });
});

Deno.test("exact: what follows a matrix product stays in float32 in a bfloat16 step, and so do gradients", {
  ignore: !onTensorFlow,
}, async () => {
  const [x, w] = [tf.ones([64, 64]), tf.ones([64, 64])];
  // 1 + 1e-3 has no bfloat16 of its own.
  const follow = (wall: <T extends tf.Tensor>(x: T) => T) =>
    compile((x: tf.Tensor, w: tf.Tensor) => {
      const { gradients: slopes } = gradients((p) => {
        const y = wall(tf.matMul(x as tf.Tensor2D, p.w as tf.Tensor2D));
        return { loss: y.mul(1.001).sum() as tf.Scalar, aside: [] };
      }, { w });
      return {
        y: wall(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D)).mul(1e-3).add(1),
        w: wall(slopes.w).mul(1e-5),
      };
    }, { precision: "bfloat16" })(x, w);
  const first = ({ y, w }: { y: tf.Tensor; w: tf.Tensor }) => [y, w].map((x) => x.dataSync()[0]);
  const [y, slope] = first(await follow(exact));
  assert.ok(Math.abs(y - 1.064) < 1e-6, `${y}`);
  assert.ok(Math.abs(slope - 64e-5) < 2e-6, `${slope}`);
  const [rough] = first(await follow((x) => x));
  assert.ok(Math.abs(rough - 1.064) > 1e-4, `without it TensorFlow rounds: ${rough}`);
});
