/**
 * Stacked joint embedding architectures: encoders on top of each other, each
 * with a projector and a loss of its own (the paper's Figure 1, Algorithm 1).
 *
 * @module
 */
import { tf } from "../compute/tf.ts";
import { initialise, type Network, type Pass } from "./layers.ts";
import { projector } from "./projector.ts";
import { type EncoderConfig, resnet } from "./resnet.ts";

/** One level of the stack. */
export interface LevelConfig {
  readonly encoder: EncoderConfig;
  /** Widths of the projector's layers; empty for none. */
  readonly projector: readonly number[];
}

/** A stack of N ≥ 1 encoders; one level is plain VICReg. */
export interface StackConfig {
  readonly levels: readonly LevelConfig[];
  /**
   * What feeds the next encoder. `prepool`: the map before pooling (the paper's
   * text); `embedding`: the embedding, reshaped to a one-channel image (the
   * authors' released code).
   */
  readonly wiring: "prepool" | "embedding";
  /** Keep each level's loss from reaching the levels below. */
  readonly stopGradient: boolean;
}

/** What one level makes of a batch. */
export interface Level {
  /** `[batch, representation]`. */
  readonly representation: tf.Tensor2D;
  /** `[batch, last width of the projector]`. */
  readonly embedding: tf.Tensor2D;
}

/**
 * Applies a stack to a batch of images.
 *
 * @param pass The pass.
 * @param images `[batch, height, width, 3]`.
 * @param config The stack.
 * @returns One entry a level, lowest first.
 */
export function stack(pass: Pass, images: tf.Tensor4D, config: StackConfig): Level[] {
  const levels: Level[] = [];
  let input = images;
  config.levels.forEach((level, at) => {
    if (at > 0 && config.stopGradient) input = stopGradient(input);
    const { map, representation } = resnet(pass, `encoders.${at}`, input, level.encoder);
    const embedding = projector(pass, `projectors.${at}`, representation, level.projector);
    levels.push({ representation, embedding });
    input = config.wiring === "prepool" ? map : asImage(embedding);
  });
  return levels;
}

/**
 * A stack with fresh parameters.
 *
 * @param config The stack.
 * @param seed Encoders with the same seed and place start out the same.
 * @returns Its parameters and statistics.
 */
export function initialiseStack(config: StackConfig, seed: number): Network {
  return initialise(seed, (pass) => stack(pass, tf.zeros([1, 32, 32, 3]), config));
}

/**
 * Counts trainable parameters.
 *
 * @param network A network.
 * @param prefix Only parameters whose name starts with it.
 * @returns The number of trainable values.
 */
export function countParameters(network: Network, prefix = ""): number {
  return Object.entries(network.parameters)
    .filter(([name]) => name.startsWith(prefix))
    .reduce((count, [, parameter]) => count + parameter.size, 0);
}

const stopGradient = tf.customGrad((x) => ({
  value: (x as tf.Tensor).clone(),
  gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy),
})) as (x: tf.Tensor4D) => tf.Tensor4D;

/** A vector as an image of one channel, as square as powers of two allow: 256 as 16×16, 512 as 16×32. */
function asImage(embedding: tf.Tensor2D): tf.Tensor4D {
  const [batch, features] = embedding.shape;
  let height = 2 ** Math.floor(Math.log2(features) / 2);
  while (features % height > 0) height /= 2;
  return embedding.reshape([batch, height, features / height, 1]);
}
