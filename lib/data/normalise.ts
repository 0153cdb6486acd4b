/**
 * Pixels as the encoder sees them.
 *
 * @module
 */
import { tf } from "../compute/tf.ts";
import type { ImageSet } from "./dataset.ts";

/** CIFAR-10's channel means, used for every data set. */
export const MEAN = [0.4914, 0.4822, 0.4465];
/** CIFAR-10's channel deviations, used for every data set. */
export const DEVIATION = [0.2470, 0.2435, 0.2616];

/**
 * Shifts and scales each channel to CIFAR-10's mean 0 and deviation 1.
 *
 * @param images Pixels in 0..1, `[batch, height, width, 3]`.
 * @returns A tensor of the same shape.
 */
export function normalise(images: tf.Tensor4D): tf.Tensor4D {
  return images.sub(tf.tensor1d(MEAN)).div(tf.tensor1d(DEVIATION));
}

/**
 * Some images of a set as a tensor.
 *
 * @param set The set.
 * @param from First image.
 * @param to Image after the last one.
 * @returns Pixels in 0..1, `[to − from, height, width, 3]`.
 */
export function pixels(set: ImageSet, from: number, to: number): tf.Tensor4D {
  const { height, width } = set;
  const size = height * width * 3;
  // A loop: `Float32Array.from` takes as long as a small encoder does.
  const bytes = set.images.subarray(from * size, to * size), values = new Float32Array(bytes.length);
  for (let at = 0; at < values.length; at++) values[at] = bytes[at] / 255;
  return tf.tensor4d(values, [to - from, height, width, 3]);
}
