/**
 * Stacked joint embedding architectures: encoders on top of each other, each
 * with a projector and a loss of its own (the paper's Figure 1, Algorithm 1).
 *
 * @module
 */
import { tf } from "../compute/tf.ts";
import { stopGradient } from "../compute/ops.ts";
import { initialise, type Network, type Pass } from "./layers.ts";
import { projector } from "./projector.ts";
import { countEncoder, encode, type EncoderConfig } from "./encoders.ts";
import type { EncoderCount, MapShape } from "./resnet.ts";

/** One level of the stack. The paper says stack 0, stack 1 for the levels, and so does all that a reader sees. */
export interface LevelConfig {
  /** Which encoder, with its options. */
  readonly encoder: EncoderConfig;
  /** Widths of the projector's layers; empty for none. */
  readonly projector: readonly number[];
}

/** A stack of N ≥ 1 encoders; one level is plain VICReg. */
export interface StackConfig {
  /** Lowest level first. */
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
    const { map, representation } = encode(pass, `encoders.${at}`, input, level.encoder);
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

/**
 * Counts each encoder's parameters, and those that can touch its output: with
 * wiring `prepool` and images of 32×32, four fifths of a second ResNet-18 cannot,
 * which reads a map of 4×4.
 *
 * @param config The stack.
 * @param height Height of the images in pixels.
 * @param width Width of the images in pixels.
 * @returns One entry a level, lowest first, without projectors.
 * @example
 * ```ts
 * import { RESNET_18 } from "./resnet.ts";
 * import { countEncoders } from "./stack.ts";
 * const level = { encoder: RESNET_18, projector: [512, 512, 256] };
 * const stack = { levels: [level, level], wiring: "prepool", stopGradient: false } as const;
 * const [stack0, stack1] = countEncoders(stack, 32, 32);
 * if (stack0.live !== stack0.parameters) throw new Error("all of stack 0 is live");
 * if (stack1.parameters - stack1.live !== 9_076_736) throw new Error(`${stack1.live}`);
 * ```
 */
export function countEncoders(config: StackConfig, height: number, width: number): EncoderCount[] {
  let input: MapShape = [height, width, 3];
  return config.levels.map(({ encoder, projector }) => {
    const count = countEncoder(encoder, input);
    input = config.wiring === "prepool" ? count.map : [...imageSize(projector.at(-1) ?? count.map[2]), 1];
    return count;
  });
}

/** Height and width of a vector as an image, as square as powers of two allow: 256 as 16×16, 512 as 16×32. */
function imageSize(features: number): [height: number, width: number] {
  let height = 2 ** Math.floor(Math.log2(features) / 2);
  while (features % height > 0) height /= 2;
  return [height, features / height];
}

function asImage(embedding: tf.Tensor2D): tf.Tensor4D {
  const [batch, features] = embedding.shape;
  return embedding.reshape([batch, ...imageSize(features), 1]);
}
