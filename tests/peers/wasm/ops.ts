/**
 * In place of lib/compute/ops.ts: the same functions in TensorFlow.js's public ops.
 *
 * @module
 */
import { tf } from "../../../lib/compute/tf.ts";

export { filtered, gradients, realSpectrum, rows } from "../../../lib/compute/ops.ts?own";
export const EPSILON = 1e-5;

export function batchNorm(x: tf.Tensor4D, scale: tf.Tensor1D, offset: tf.Tensor1D) {
  const { mean, variance } = tf.moments(x, [0, 1, 2]), count = x.size / x.shape[3];
  const y = tf.batchNorm(x, mean as tf.Tensor1D, variance as tf.Tensor1D, offset, scale, EPSILON);
  return { y, mean, variance: variance.mul(count / Math.max(count - 1, 1)) };
}

export function batchNormInference(
  x: tf.Tensor4D,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  mean: tf.Tensor1D,
  variance: tf.Tensor1D,
) {
  return tf.batchNorm(x, mean, variance, offset, scale, EPSILON);
}

export function convolve(x: tf.Tensor4D, weight: tf.Tensor4D, stride: number) {
  const pad = weight.shape[0] >> 1;
  const padded = pad > 0 ? tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]]) : x;
  return tf.conv2d(padded, weight, stride, "valid");
}

export const relu = <T extends tf.Tensor>(x: T): T => tf.relu(x) as T;
export const exact = <T extends tf.Tensor>(x: T): T => x;
export const gram = (x: tf.Tensor2D): tf.Tensor2D => tf.matMul(x, x, true);
