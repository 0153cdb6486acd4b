/**
 * Ops whose gradient TensorFlow has as one kernel while TensorFlow.js would
 * compose it from several passes over the activation, and gradients with
 * side results.
 *
 * @module
 */
import { tf } from "./tf.ts";
import { backend } from "./backend.ts";
import { mapTree, type Tree } from "./compile.ts";
import { rawOp, type, withGradient } from "./raw_op.ts";
import { winograd, winogradPays } from "./winograd.ts";

const FLOAT = type("float32"), INT = type("int32"), COMPLEX = type("complex64");

/** Result of batch normalisation over a batch. */
export interface BatchNorm {
  /** The normalised batch, of the input's shape. */
  readonly y: tf.Tensor;
  /** Mean of each channel, `[channels]`. */
  readonly mean: tf.Tensor1D;
  /** Unbiased variance of each channel, `[channels]`. */
  readonly variance: tf.Tensor1D;
}

/** What batch normalisation adds to a variance. */
export const EPSILON = 1e-5;

const norm = (is_training: boolean) => ({
  T: FLOAT,
  U: FLOAT,
  epsilon: EPSILON,
  data_format: "NHWC",
  is_training,
});

/**
 * Batch normalisation with the batch's own statistics (training mode):
 * y = scale · (x − mean) / √(variance + 1e-5) + offset, as one op
 * (`FusedBatchNormV3`) with one op for its gradient.
 *
 * @param x `[batch, height, width, channels]`.
 * @param scale `[channels]`.
 * @param offset `[channels]`.
 * @returns The normalised batch and its statistics, which carry no gradient.
 */
export function batchNorm(x: tf.Tensor4D, scale: tf.Tensor1D, offset: tf.Tensor1D): BatchNorm {
  let statistics: tf.Tensor[] = [];
  const none = tf.tensor1d([], "float32");
  const y = withGradient(
    (x, scale, offset) => {
      const inputs = [x, scale, offset, none, none];
      const [y, mean, variance, ...reserve] = rawOp("FusedBatchNormV3", inputs, norm(true), 6);
      statistics = [tf.keep(mean), tf.keep(variance)];
      return { y, saved: [x, scale, ...reserve] };
    },
    (dy, saved) => rawOp("FusedBatchNormGradV3", [dy, ...saved], norm(true), 5).slice(0, 3),
  )(x, scale, offset);
  const [mean, variance] = statistics.map(unkeep) as tf.Tensor1D[];
  return { y, mean, variance };
}

/**
 * Batch normalisation with given statistics (evaluation mode).
 *
 * @param x `[batch, height, width, channels]`.
 * @param scale `[channels]`.
 * @param offset `[channels]`.
 * @param mean Running mean, `[channels]`.
 * @param variance Running variance, `[channels]`.
 * @returns The normalised batch. It has no gradient.
 */
export function batchNormInference(
  x: tf.Tensor4D,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  mean: tf.Tensor1D,
  variance: tf.Tensor1D,
): tf.Tensor4D {
  return rawOp("FusedBatchNormV3", [x, scale, offset, mean, variance], norm(false), 6)[0] as tf.Tensor4D;
}

/**
 * 2-d convolution of an odd kernel with half its size of padding on every side,
 * as in PyTorch's ResNet.
 *
 * TensorFlow's "SAME" pads one side only when the stride is 2, and its "EXPLICIT"
 * is slow on a CPU (TensorFlow 2.21: a training step at half the speed, in
 * bfloat16 at a twentieth), so a strided convolution pads first. A strided one of
 * 1×1 leaves out pixels first: its filter gradient in oneDNN writes beyond its
 * memory (TensorFlow 2.21, AVX-512; 8 channels in, 16 out, 48×48 pixels). What has
 * one pixel for its result is a matrix product. In float32 on a CPU, Winograd's way is
 * taken where it is faster.
 *
 * @param x `[batch, height, width, channels in]`.
 * @param weight `[kernel, kernel, channels in, channels out]`.
 * @param stride Stride along both axes.
 * @returns `[batch, height / stride, width / stride, channels out]`.
 */
export function convolve(x: tf.Tensor4D, weight: tf.Tensor4D, stride: number): tf.Tensor4D {
  if (weight.shape[0] === 1 && stride > 1) return convolve(everyNth(x, stride), weight, 1);
  if (weight.shape[0] > 1 && Math.max(x.shape[1], x.shape[2]) <= stride) return onePixel(x, weight);
  const { binding } = backend();
  const exact = binding.recorder?.precision !== "bfloat16";
  if (exact && !binding.isUsingGpuDevice() && winogradPays(x, weight, stride)) return winograd(x, weight);
  const pad = weight.shape[0] >> 1;
  const attributes = {
    T: FLOAT,
    strides: [1, stride, stride, 1],
    padding: stride === 1 ? "SAME" : "VALID",
    data_format: "NHWC",
  };
  const run = (op: string, ...inputs: tf.Tensor[]) => rawOp(op, inputs, attributes)[0] as tf.Tensor4D;
  const padded = stride > 1 && pad > 0 ? tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]]) : x;
  return withGradient(
    (x, weight) => ({ y: run("Conv2D", x, weight), saved: [x, weight] }),
    (dy, [x, weight]) => [
      run("Conv2DBackpropInput", tf.tensor1d(x.shape, "int32"), weight, dy),
      run("Conv2DBackpropFilter", x, tf.tensor1d(weight.shape, "int32"), dy),
    ],
  )(padded, weight);
}

/** A convolution whose result is one pixel: one product with the part of the kernel that does not meet padding. */
function onePixel(x: tf.Tensor4D, weight: tf.Tensor4D): tf.Tensor4D {
  const pad = weight.shape[0] >> 1, filters = weight.shape[3];
  const [rows, columns] = [x.shape[1], x.shape[2]].map((size) => Math.min(size, pad + 1));
  const pixels = x.slice([0, 0, 0, 0], [-1, rows, columns, -1]).reshape([x.shape[0], -1]) as tf.Tensor2D;
  const live = weight.slice([pad, pad, 0, 0], [rows, columns, -1, -1]).reshape([-1, filters]) as tf.Tensor2D;
  return tf.matMul(pixels, live).reshape([x.shape[0], 1, 1, filters]);
}

/** Every n-th pixel along both axes, from the first one on, as one copy of whole pixels. */
function everyNth(x: tf.Tensor4D, n: number): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const [rows, columns] = [height, width].map((size) => Math.ceil(size / n));
  const whole = tf.pad(x, [[0, 0], [0, rows * n - height], [0, columns * n - width], [0, 0]]);
  const cells = whole.reshape([batch * rows, n, columns, n * channels]);
  return cells.slice([0, 0, 0, 0], [-1, 1, columns, channels]).reshape([batch, rows, columns, channels]);
}

/**
 * max(x, 0), with TensorFlow's own one-pass gradient.
 *
 * @param x Any tensor.
 * @returns A tensor of the same shape.
 */
export function relu<T extends tf.Tensor>(x: T): T {
  return withGradient(
    (x) => {
      const y = tf.relu(x) as T;
      return { y, saved: [y] };
    },
    (dy, [y]) => rawOp("ReluGrad", [dy, y], { T: FLOAT }),
  )(x);
}

/**
 * GELU as jax.nn.gelu and PyTorch's `approximate="tanh"` have it (Hendrycks and
 * Gimpel 2016, https://arxiv.org/abs/1606.08415, section 2):
 * x / 2 · (1 + tanh(√(2/π) (x + 0.044715 x³))), which is x · σ(x (a + b x²)).
 *
 * @param x Any tensor.
 * @returns A tensor of the same shape.
 */
export function gelu<T extends tf.Tensor>(x: T): T {
  return withGradient(
    (x) => {
      const gate = x.mul(x.square().mul(GELU_B).add(GELU_A)).sigmoid();
      return { y: x.mul(gate) as T, saved: [x, gate] };
    },
    (dy, [x, gate]) => {
      const steep = x.mul(x.square().mul(3 * GELU_B).add(GELU_A));
      return dy.mul(gate.add(steep.mul(gate.sub(gate.square()))));
    },
  )(x);
}

const GELU_A = 2 * Math.sqrt(2 / Math.PI), GELU_B = 0.044715 * GELU_A;

/**
 * Layer normalisation (Ba et al. 2016, https://arxiv.org/abs/1607.06450):
 * y = scale · (x − mean) / √(variance + 1e-6) + offset, with the mean and the
 * variance of each row. In a bfloat16 step give it what is {@link exact}.
 *
 * @param x `[rows, features]`.
 * @param scale `[features]`.
 * @param offset `[features]`.
 * @returns A tensor of the same shape.
 */
export function layerNorm(x: tf.Tensor2D, scale: tf.Tensor1D, offset: tf.Tensor1D): tf.Tensor2D {
  return withGradient(
    (x, scale, offset) => {
      const centred = x.sub(x.mean(1, true));
      const inverse = centred.square().mean(1, true).add(LAYER_EPSILON).rsqrt();
      const standard = centred.mul(inverse);
      return { y: standard.mul(scale).add(offset) as tf.Tensor2D, saved: [standard, inverse, scale] };
    },
    (dy, [standard, inverse, scale]) => {
      const slope = dy.mul(scale), along = standard.mul(slope.mul(standard).mean(1, true));
      const dx = slope.sub(slope.mean(1, true)).sub(along).mul(inverse);
      return [dx, dy.mul(standard).sum(0), dy.sum(0)];
    },
  )(x, scale, offset);
}

/** Flax's, which is also the one of ViTs in PyTorch. */
const LAYER_EPSILON = 1e-6;

/**
 * The same tensor, with what follows from it computed in float32 even in a step
 * compiled for bfloat16, whose low precision TensorFlow would otherwise carry on
 * through all that follows a convolution or matrix product, up to the optimiser.
 * The next convolution or matrix product is in bfloat16 again ({@link gram} is not).
 *
 * @param x Any float32 tensor.
 * @returns The same values.
 */
export function exact<T extends tf.Tensor>(x: T): T {
  // Mixed precision has no rule for this op, which takes bits for what they are, and stops at it.
  const wall = (x: tf.Tensor) => rawOp("Bitcast", [x], { T: FLOAT, type: FLOAT })[0] as T;
  return withGradient((x) => ({ y: wall(x), saved: [] }), wall)(x);
}

/**
 * xᵀx, the products of every two columns, in float32 even in a step compiled for
 * bfloat16, and so is its gradient x · (dy + dyᵀ).
 *
 * @param x `[rows, columns]`.
 * @returns `[columns, columns]`.
 */
export function gram(x: tf.Tensor2D): tf.Tensor2D {
  return withGradient(
    (x) => ({ y: product(x, x, true) as tf.Tensor2D, saved: [x] }),
    (dy, [x]) => product(x, dy.add(dy.transpose()), false),
  )(x);
}

/**
 * aᵀb, the products of every column with every column of the other, in float32
 * even in a step compiled for bfloat16, and so are its gradients b · dyᵀ and a · dy.
 *
 * @param a `[rows, columns]`.
 * @param b `[rows, others]`.
 * @returns `[columns, others]`.
 */
export function cross(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D {
  return withGradient(
    (a, b) => ({ y: product(a, b, true) as tf.Tensor2D, saved: [a, b] }),
    (dy, [a, b]) => [product(b, dy.transpose(), false), product(a, dy, false)],
  )(a, b);
}

/** A matrix product by an op that mixed precision, which is for CPUs, does not know. */
function product(a: tf.Tensor, b: tf.Tensor, transposeA: boolean): tf.Tensor {
  if (backend().binding.isUsingGpuDevice()) return tf.matMul(a, b, transposeA);
  const attributes = { Ta: FLOAT, Tb: FLOAT, Tout: FLOAT, adj_x: transposeA, adj_y: false };
  return rawOp("BatchMatMulV3", [a, b], attributes)[0];
}

/**
 * A tensor that no gradient passes.
 *
 * @param x The tensor.
 * @returns The same values.
 */
export const stopGradient = tf.customGrad((x) => ({
  value: (x as tf.Tensor).clone(),
  gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy),
})) as <T extends tf.Tensor>(x: T) => T;

/**
 * Rows of a matrix. TensorFlow.js's own `gather` reads the indices to check
 * them, which a compiled step cannot; TensorFlow checks them itself.
 *
 * @param x `[count, features]`.
 * @param indices Row numbers, int32, `[batch]`.
 * @returns `[batch, features]`, without a gradient.
 */
export function rows(x: tf.Tensor2D, indices: tf.Tensor1D): tf.Tensor2D {
  const attributes = { Tparams: FLOAT, Tindices: INT, Taxis: INT };
  return rawOp("GatherV2", [x, indices, tf.scalar(0, "int32")], attributes)[0] as tf.Tensor2D;
}

/**
 * The spectrum of a kernel that is real because the kernel is even.
 *
 * @param kernel `[size, size]`, with its centre at 0, 0.
 * @returns `[size, size / 2 + 1]`.
 */
export function realSpectrum(kernel: tf.Tensor2D): tf.Tensor2D {
  const transformed = fourier("RFFT2D", kernel, kernel.shape[0]);
  return rawOp("Real", [transformed], { T: COMPLEX, Tout: FLOAT })[0] as tf.Tensor2D;
}

/**
 * The convolution of a grid with a kernel, around the grid's edges.
 *
 * @param x `[size, size]`; the size is even.
 * @param spectrum The kernel's {@link realSpectrum}.
 * @returns `[size, size]`, without a gradient.
 */
export function filtered(x: tf.Tensor2D, spectrum: tf.Tensor2D): tf.Tensor2D {
  const size = x.shape[0], transformed = fourier("RFFT2D", x, size);
  const [factors] = rawOp("Complex", [spectrum, tf.zerosLike(spectrum)], { T: FLOAT, Tout: COMPLEX });
  const [product] = rawOp("Mul", [transformed, factors], { T: COMPLEX });
  return fourier("IRFFT2D", product, size) as tf.Tensor2D;
}

/** A real Fourier transform of a square, or its inverse. */
function fourier(op: "RFFT2D" | "IRFFT2D", x: tf.Tensor, size: number): tf.Tensor {
  return rawOp(op, [x, tf.tensor1d([size, size], "int32")], { Tcomplex: COMPLEX, Treal: FLOAT })[0];
}

/** Tensors by name. */
export type Tensors = Readonly<Record<string, tf.Tensor>>;

/**
 * The gradient of a scalar with respect to named tensors, and what else the
 * function returned.
 *
 * @param f From parameters to the scalar `loss` and any side results.
 * @param parameters What to differentiate by.
 * @returns One gradient a parameter, and the side results.
 */
export function gradients<Aside extends Tree>(
  f: (parameters: Tensors) => { loss: tf.Scalar; aside: Aside },
  parameters: Tensors,
): { gradients: Tensors; aside: Aside } {
  const names = Object.keys(parameters);
  const kept: tf.Tensor[] = [];
  let aside: Aside | undefined;
  try {
    const { grads, value } = tf.valueAndGrads((...values: tf.Tensor[]) => {
      const result = f(Object.fromEntries(names.map((name, at) => [name, values[at]])));
      aside = mapTree(result.aside, (x) => kept[kept.push(tf.keep(x.clone())) - 1]);
      return result.loss;
    })(names.map((name) => parameters[name]));
    value.dispose();
    return {
      gradients: Object.fromEntries(names.map((name, at) => [name, grads[at]])),
      aside: mapTree(aside!, (x) => x.clone()),
    };
  } finally {
    tf.dispose(kept);
  }
}

/** Hands a kept tensor back to the scope around it. */
export function unkeep(kept: tf.Tensor): tf.Tensor {
  const scoped = kept.clone();
  kept.dispose();
  return scoped;
}
