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
import { DataType } from "./binding.ts";
import { winograd, winogradPays } from "./winograd.ts";

const type = (name: string) => ({ name, type: backend().binding.TF_ATTR_TYPE, value: DataType.float32 });

/** Result of batch normalisation over a batch. */
export interface BatchNorm {
  /** The normalised batch, of the input's shape. */
  readonly y: tf.Tensor;
  /** Mean of each channel, `[channels]`. */
  readonly mean: tf.Tensor1D;
  /** Unbiased variance of each channel, `[channels]`. */
  readonly variance: tf.Tensor1D;
}

const EPSILON = 1e-5;

function normAttributes(training: boolean) {
  const { binding } = backend();
  return [
    type("T"),
    type("U"),
    { name: "epsilon", type: binding.TF_ATTR_FLOAT, value: EPSILON },
    { name: "data_format", type: binding.TF_ATTR_STRING, value: "NHWC" },
    { name: "is_training", type: binding.TF_ATTR_BOOL, value: training },
  ];
}

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
  const y = tf.customGrad((...inputs) => {
    const save = inputs[3] as unknown as tf.GradSaveFunc;
    const [x, scale, offset] = inputs as tf.Tensor[];
    const none = tf.tensor1d([], "float32");
    const [y, mean, variance, ...reserve] = backend().executeMultipleOutputs(
      "FusedBatchNormV3",
      normAttributes(true),
      [x, scale, offset, none, none],
      6,
    );
    save([x, scale, ...reserve]);
    statistics = [tf.keep(mean), tf.keep(variance)];
    return {
      value: y,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        backend().executeMultipleOutputs(
          "FusedBatchNormGradV3",
          normAttributes(true),
          [dy, ...saved],
          5,
        ).slice(0, 3),
    };
  })(x, scale, offset);
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
  const inputs = [x, scale, offset, mean, variance];
  return backend().executeMultipleOutputs(
    "FusedBatchNormV3",
    normAttributes(false),
    inputs,
    6,
  )[0] as tf.Tensor4D;
}

/**
 * 2-d convolution of an odd kernel with half its size of padding on every side,
 * as in PyTorch's ResNet.
 *
 * TensorFlow's "SAME" pads one side only when the stride is 2, and its "EXPLICIT"
 * is slow on a CPU (TensorFlow 2.21: a training step at half the speed, in
 * bfloat16 at a twentieth), so a strided convolution pads first. A strided one of
 * 1×1 leaves out pixels first: its filter gradient in oneDNN writes beyond its
 * memory (TensorFlow 2.21, AVX-512; 8 channels in, 16 out, 48×48 pixels). In
 * float32 on a CPU, Winograd's way is taken where it is faster.
 *
 * @param x `[batch, height, width, channels in]`.
 * @param weight `[kernel, kernel, channels in, channels out]`.
 * @param stride Stride along both axes.
 * @returns `[batch, height / stride, width / stride, channels out]`.
 */
export function convolve(x: tf.Tensor4D, weight: tf.Tensor4D, stride: number): tf.Tensor4D {
  if (weight.shape[0] === 1 && stride > 1) return convolve(everyNth(x, stride), weight, 1);
  const { binding } = backend();
  const exact = binding.recorder?.precision !== "bfloat16";
  if (exact && !binding.isUsingGpuDevice() && winogradPays(x, weight, stride)) return winograd(x, weight);
  const pad = weight.shape[0] >> 1;
  const attributes = [
    type("T"),
    { name: "strides", type: binding.TF_ATTR_INT, value: [1, stride, stride, 1] },
    { name: "padding", type: binding.TF_ATTR_STRING, value: stride === 1 ? "SAME" : "VALID" },
    { name: "data_format", type: binding.TF_ATTR_STRING, value: "NHWC" },
  ];
  const run = (op: string, ...inputs: tf.Tensor[]) =>
    backend().executeMultipleOutputs(op, attributes, inputs, 1)[0];
  const padded = stride > 1 && pad > 0 ? tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]]) : x;
  return tf.customGrad((...inputs) => {
    const save = inputs[2] as unknown as tf.GradSaveFunc;
    const [x, weight] = inputs as tf.Tensor[];
    save([x, weight]);
    return {
      value: run("Conv2D", x, weight),
      gradFunc: (dy: tf.Tensor, [x, weight]: tf.Tensor[]) => [
        run("Conv2DBackpropInput", tf.tensor1d(x.shape, "int32"), weight, dy),
        run("Conv2DBackpropFilter", x, tf.tensor1d(weight.shape, "int32"), dy),
      ],
    };
  })(padded, weight) as tf.Tensor4D;
}

/** Every n-th pixel along both axes, from the first one on. */
function everyNth(x: tf.Tensor4D, n: number): tf.Tensor4D {
  const { binding } = backend();
  const masks = ["begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"];
  const attributes = [
    type("T"),
    { name: "Index", type: binding.TF_ATTR_TYPE, value: binding.TF_INT32 },
    ...masks.map((name) => ({ name, type: binding.TF_ATTR_INT, value: 0 })),
  ];
  const whole = x.shape, vector = (values: number[]) => tf.tensor1d(values, "int32");
  const range = () => [vector([0, 0, 0, 0]), vector(whole), vector([1, n, n, 1])];
  const run = (op: string, ...inputs: tf.Tensor[]) =>
    backend().executeMultipleOutputs(op, attributes, inputs, 1)[0];
  return tf.customGrad((x) => ({
    value: run("StridedSlice", x as tf.Tensor, ...range()),
    gradFunc: (dy: tf.Tensor) => run("StridedSliceGrad", vector(whole), ...range(), dy),
  }))(x) as tf.Tensor4D;
}

/**
 * max(x, 0), with TensorFlow's own one-pass gradient.
 *
 * @param x Any tensor.
 * @returns A tensor of the same shape.
 */
export function relu<T extends tf.Tensor>(x: T): T {
  return tf.customGrad((...inputs) => {
    const [x, save] = inputs as [tf.Tensor, unknown];
    const y = tf.relu(x as tf.Tensor);
    (save as tf.GradSaveFunc)([y]);
    return {
      value: y,
      gradFunc: (dy: tf.Tensor, [y]: tf.Tensor[]) =>
        backend().executeMultipleOutputs("ReluGrad", [type("T")], [dy, y], 1)[0],
    };
  })(x) as T;
}

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
  const wall = (x: tf.Tensor) =>
    backend().executeMultipleOutputs("Bitcast", [type("T"), type("type")], [x], 1)[0];
  return tf.customGrad((x) => ({ value: wall(x as tf.Tensor), gradFunc: wall }))(x) as T;
}

/**
 * xᵀx, the products of every two columns, in float32 even in a step compiled for
 * bfloat16, and so is its gradient x · (dy + dyᵀ).
 *
 * @param x `[rows, columns]`.
 * @returns `[columns, columns]`.
 */
export function gram(x: tf.Tensor2D): tf.Tensor2D {
  return tf.customGrad((...inputs) => {
    const [x, save] = inputs as unknown as [tf.Tensor2D, tf.GradSaveFunc];
    save([x]);
    return {
      value: product(x, x, true),
      gradFunc: (dy: tf.Tensor, [x]: tf.Tensor[]) => product(x, dy.add(dy.transpose()), false),
    };
  })(x) as tf.Tensor2D;
}

/** A matrix product by an op that mixed precision, which is for CPUs, does not know. */
function product(a: tf.Tensor, b: tf.Tensor, transposeA: boolean): tf.Tensor {
  const { binding } = backend();
  if (binding.isUsingGpuDevice()) return tf.matMul(a, b, transposeA);
  const attributes = [
    type("Ta"),
    type("Tb"),
    type("Tout"),
    { name: "adj_x", type: binding.TF_ATTR_BOOL, value: transposeA },
    { name: "adj_y", type: binding.TF_ATTR_BOOL, value: false },
  ];
  return backend().executeMultipleOutputs("BatchMatMulV3", attributes, [a, b], 1)[0];
}

/**
 * Rows of a matrix. TensorFlow.js's own `gather` reads the indices to check
 * them, which a compiled step cannot; TensorFlow checks them itself.
 *
 * @param x `[count, features]`.
 * @param indices Row numbers, int32, `[batch]`.
 * @returns `[batch, features]`, without a gradient.
 */
export function rows(x: tf.Tensor2D, indices: tf.Tensor1D): tf.Tensor2D {
  const int32 = (name: string) => ({ name, type: backend().binding.TF_ATTR_TYPE, value: DataType.int32 });
  const attributes = [
    { name: "Tparams", type: backend().binding.TF_ATTR_TYPE, value: DataType.float32 },
    int32("Tindices"),
    int32("Taxis"),
  ];
  const inputs = [x, indices, tf.scalar(0, "int32")];
  return backend().executeMultipleOutputs("GatherV2", attributes, inputs, 1)[0] as tf.Tensor2D;
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
function unkeep(kept: tf.Tensor): tf.Tensor {
  const scoped = kept.clone();
  kept.dispose();
  return scoped;
}
