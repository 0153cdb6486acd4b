/**
 * Layers as functions of named parameters. The same code that applies a network
 * also makes its parameters: in an initialising pass a parameter that does not
 * exist yet is created, in any other pass that is an error.
 *
 * @module
 */
import { tf } from "../compute/tf.ts";
import { batchNorm, batchNormInference, convolve, relu, type Tensors } from "../compute/ops.ts";
import { DataError } from "../base/errors.ts";
import { type Generator, generator } from "../base/random.ts";

/** What training changes (`parameters`) and what it only tracks (`statistics` of batch norm). */
export interface Network {
  /** What is trained, by name. */
  readonly parameters: Tensors;
  /** Moving statistics of batch norm, by name. */
  readonly statistics: Tensors;
}

/** One application of a network to a batch. */
export interface Pass {
  /** What is trained, by name. */
  readonly parameters: Record<string, tf.Tensor>;
  /** In training mode each entry is replaced by the updated running statistic. */
  readonly statistics: Record<string, tf.Tensor>;
  /** Whether batch norm uses the batch's statistics (and updates the running ones). */
  readonly training: boolean;
  /** Set in an initialising pass only. */
  readonly seed?: number;
}

/**
 * Starts a pass through a network.
 *
 * @param network Its parameters and statistics; neither is changed.
 * @param training Training or evaluation mode.
 * @returns The pass; after it, `statistics` holds the running statistics.
 */
export function pass(network: Network, training: boolean): Pass {
  return { parameters: { ...network.parameters }, statistics: { ...network.statistics }, training };
}

/**
 * Makes a network's parameters by applying it once.
 *
 * @param seed Each parameter's randomness depends on the seed and its name alone.
 * @param apply Applies the network to an example batch.
 * @returns Parameters and statistics in the order in which they were met.
 */
export function initialise(seed: number, apply: (pass: Pass) => void): Network {
  const made: Pass = { parameters: {}, statistics: {}, training: false, seed };
  // What it returns would outlive the scope.
  tf.tidy(() => void apply(made));
  return { parameters: made.parameters, statistics: made.statistics };
}

function lookUp(
  pass: Pass,
  kind: "parameters" | "statistics",
  name: string,
  shape: number[],
  value: (random: Generator) => number,
): tf.Tensor {
  const known = pass[kind][name];
  if (known) {
    if (known.shape.join() === shape.join()) return known;
    throw new DataError(`${name} has shape [${known.shape}], the network needs [${shape}].`);
  }
  if (pass.seed === undefined) {
    throw new DataError(
      `The network has no ${name}, of shape [${shape}]: was it made for another configuration?`,
    );
  }
  const random = generator("parameter", pass.seed, name);
  const values = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => value(random));
  return pass[kind][name] = tf.keep(tf.tensor(values, shape));
}

/**
 * 2-d convolution without bias; weights He-initialised for their fan-out.
 *
 * @param pass The pass.
 * @param name Parameter `name.weight`, `[kernel, kernel, channels in, channels out]`.
 * @param x `[batch, height, width, channels in]`.
 * @param channels Channels out.
 * @param kernel Kernel size; the padding is half of it, as in PyTorch's ResNet.
 * @param stride Stride.
 * @returns `[batch, height / stride, width / stride, channels]`.
 */
export function convolution(
  pass: Pass,
  name: string,
  x: tf.Tensor4D,
  channels: number,
  kernel: number,
  stride: number,
): tf.Tensor4D {
  const deviation = Math.sqrt(2 / (kernel * kernel * channels));
  const shape = [kernel, kernel, x.shape[3], channels];
  const weight = lookUp(pass, "parameters", `${name}.weight`, shape, (random) => random.normal() * deviation);
  return convolve(x, weight as tf.Tensor4D, stride);
}

/** Weight of the newest batch in the running statistics. */
const MOMENTUM = 0.1;

/**
 * Batch normalisation over all axes but the last.
 *
 * @param pass The pass.
 * @param name Parameters `name.weight` and `name.bias`, statistics `name.running_mean` and `name.running_var`.
 * @param x `[batch, …, channels]`, rank 2 or 4.
 * @param weight Initial value of the weight.
 * @returns A tensor of the same shape.
 */
export function normalisation<T extends tf.Tensor>(pass: Pass, name: string, x: T, weight = 1): T {
  const shape = x.shape.slice(-1);
  const read = (kind: "parameters" | "statistics", part: string, value: number) =>
    lookUp(pass, kind, `${name}.${part}`, shape, () => value) as tf.Tensor1D;
  const scale = read("parameters", "weight", weight);
  const offset = read("parameters", "bias", 0);
  const running = {
    mean: read("statistics", "running_mean", 0),
    variance: read("statistics", "running_var", 1),
  };
  const images = (x.rank === 4 ? x : x.reshape([x.shape[0], 1, 1, shape[0]])) as tf.Tensor4D;
  if (!pass.training) {
    return batchNormInference(images, scale, offset, running.mean, running.variance).reshape(x.shape) as T;
  }
  const { y, mean, variance } = batchNorm(images, scale, offset);
  const update = (old: tf.Tensor, now: tf.Tensor) => old.mul(1 - MOMENTUM).add(now.mul(MOMENTUM));
  pass.statistics[`${name}.running_mean`] = update(running.mean, mean);
  pass.statistics[`${name}.running_var`] = update(running.variance, variance);
  return y.reshape(x.shape) as T;
}

/**
 * Fully connected layer, initialised as PyTorch does (uniform in ±1/√fan-in).
 *
 * @param pass The pass.
 * @param name Parameters `name.weight`, `[features in, features out]`, and `name.bias`.
 * @param x `[batch, features in]`.
 * @param features Features out.
 * @returns `[batch, features]`.
 */
export function linear(pass: Pass, name: string, x: tf.Tensor2D, features: number): tf.Tensor2D {
  const bound = 1 / Math.sqrt(x.shape[1]);
  const value = (random: Generator) => random.uniform(-bound, bound);
  const weight = lookUp(pass, "parameters", `${name}.weight`, [x.shape[1], features], value);
  const bias = lookUp(pass, "parameters", `${name}.bias`, [features], value);
  return tf.matMul(x, weight as tf.Tensor2D).add(bias);
}

export { relu };
