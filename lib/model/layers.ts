/**
 * Layers as functions of named parameters. The same code that applies a network
 * also makes its parameters: in an initialising pass a parameter that does not
 * exist yet is created, in any other pass that is an error.
 *
 * @module
 */
import { tf } from "../compute/tf.ts";
import { batchNorm, batchNormInference, convolve, layerNorm, relu, type Tensors } from "../compute/ops.ts";
import { type Joint, jointBatchNorm } from "../compute/joint_batch_norm.ts";
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
  /** Whether a batch norm of some name uses the batch's statistics (and updates the running ones). */
  readonly training: (name: string) => boolean;
  /** Set in an initialising pass only. */
  readonly seed?: number;
  /** Set where the input is the share of one of several processes: several batches in a row. */
  readonly joint?: Joint;
}

/**
 * Starts a pass through a network.
 *
 * @param network Its parameters and statistics; neither is changed.
 * @param training Training or evaluation mode, of each batch norm by its name where they differ.
 * @returns The pass; after it, `statistics` holds the running statistics.
 */
export function pass(network: Network, training: boolean | Pass["training"]): Pass {
  const { parameters, statistics } = network;
  return {
    parameters: { ...parameters },
    statistics: { ...statistics },
    training: typeof training === "boolean" ? () => training : training,
  };
}

/** The level of the stack that a parameter or statistic belongs to, by its name, such as `encoders.1.bn1.bias`. */
export function levelOf(name: string): number {
  return Number(name.split(".")[1]);
}

/**
 * Makes a network's parameters by applying it once.
 *
 * @param seed Each parameter's randomness depends on the seed and its name alone.
 * @param apply Applies the network to an example batch.
 * @returns Parameters and statistics in the order in which they were met.
 */
export function initialise(seed: number, apply: (pass: Pass) => void): Network {
  const made: Pass = { parameters: {}, statistics: {}, training: () => false, seed };
  // What it returns would outlive the scope.
  tf.tidy(() => void apply(made));
  return { parameters: made.parameters, statistics: made.statistics };
}

/** Draws one of a parameter's first values. */
export type Draw = (random: Generator) => number;

function lookUp(
  pass: Pass,
  kind: "parameters" | "statistics",
  name: string,
  shape: number[],
  value: Draw,
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

/** Copies of each normalised layer's result that a training step holds at its peak: its own, the normalised one, slopes. */
export const HELD = 3.5;

/** Weight of the newest batch in the running statistics. */
export const MOMENTUM = 0.1;

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
  // To reshape what has its shape would part batch norm from the ReLU that TensorFlow makes one op with it.
  const asX = (y: tf.Tensor) => (x.rank === 4 ? y : y.reshape(x.shape)) as T;
  if (!pass.training(name)) {
    return asX(batchNormInference(images, scale, offset, running.mean, running.variance));
  }
  const update = (old: tf.Tensor, now: tf.Tensor) => old.mul(1 - MOMENTUM).add(now.mul(MOMENTUM));
  const track = (means: readonly tf.Tensor[], variances: readonly tf.Tensor[]) => {
    pass.statistics[`${name}.running_mean`] = means.reduce(update, running.mean);
    pass.statistics[`${name}.running_var`] = variances.reduce(update, running.variance);
  };
  if (pass.joint) {
    const { y, means, variances } = jointBatchNorm(x, scale, offset, pass.joint);
    track(tf.unstack(means), tf.unstack(variances));
    return y as T;
  }
  const { y, mean, variance } = batchNorm(images, scale, offset);
  track([mean], [variance]);
  return asX(y);
}

/**
 * Layer normalisation of each row; it starts with weight 1 and bias 0.
 *
 * @param pass The pass.
 * @param name Parameters `name.weight` and `name.bias`.
 * @param x `[rows, features]`; in a bfloat16 step what is `exact`.
 * @returns A tensor of the same shape.
 */
export function rowNormalisation(pass: Pass, name: string, x: tf.Tensor2D): tf.Tensor2D {
  const read = (part: string, value: number) =>
    lookUp(pass, "parameters", `${name}.${part}`, x.shape.slice(-1), () => value) as tf.Tensor1D;
  return layerNorm(x, read("weight", 1), read("bias", 0));
}

/**
 * Fully connected layer, initialised as PyTorch does (uniform in ±1/√fan-in) if nothing else is said.
 *
 * @param pass The pass.
 * @param name Parameters `name.weight`, `[features in, features out]`, and `name.bias`.
 * @param x `[batch, features in]`.
 * @param features Features out.
 * @param weight Draws the weights.
 * @param bias Draws the biases.
 * @returns `[batch, features]`.
 */
export function linear(
  pass: Pass,
  name: string,
  x: tf.Tensor2D,
  features: number,
  weight: Draw = uniform(1 / Math.sqrt(x.shape[1])),
  bias: Draw = weight,
): tf.Tensor2D {
  const matrix = lookUp(pass, "parameters", `${name}.weight`, [x.shape[1], features], weight);
  const shift = lookUp(pass, "parameters", `${name}.bias`, [features], bias);
  return tf.matMul(x, matrix as tf.Tensor2D).add(shift);
}

/** Draws uniformly between −bound and bound. */
export const uniform = (bound: number): Draw => (random) => random.uniform(-bound, bound);

/**
 * Cuts pictures into patches and embeds each: a convolution with bias whose
 * stride is its kernel's size. Weights are LeCun-initialised, from a normal
 * distribution cut off at two deviations, as by Flax; biases start at 0.
 *
 * @param pass The pass.
 * @param name Parameters `name.weight`, `[patch, patch, channels, features]`, and `name.bias`.
 * @param x `[batch, height, width, channels]`.
 * @param patch Side of a patch, of which both sides of a picture are multiples.
 * @param features Features of a patch.
 * @returns `[batch · height / patch · width / patch, features]`, row by row of each picture.
 */
export function patches(
  pass: Pass,
  name: string,
  x: tf.Tensor4D,
  patch: number,
  features: number,
): tf.Tensor2D {
  const [batch, height, width, channels] = x.shape, values = patch * patch * channels;
  const deviation = Math.sqrt(1 / values) / DEVIATION_WITHIN_TWO;
  const draw: Draw = (random) => {
    const value = random.normal();
    return Math.abs(value) < 2 ? value * deviation : draw(random);
  };
  const weight = lookUp(pass, "parameters", `${name}.weight`, [patch, patch, channels, features], draw);
  const bias = lookUp(pass, "parameters", `${name}.bias`, [features], () => 0);
  const apart = x.reshape([batch, height / patch, patch, width / patch, patch, channels]);
  const rows = apart.transpose([0, 1, 3, 2, 4, 5]).reshape([-1, values]) as tf.Tensor2D;
  return tf.matMul(rows, weight.reshape([values, features])).add(bias);
}

/** Deviation of a standard normal variable that is between −2 and 2. */
const DEVIATION_WITHIN_TWO = 0.8796256610342398;

export { relu };
