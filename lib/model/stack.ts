/**
 * Stacked joint embedding architectures: encoders on top of each other, each
 * with a projector and a loss of its own (the paper's Figure 1, Algorithm 1).
 *
 * @module
 */
import { UsageError } from "../base/errors.ts";
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
  /** With wiring `prepool`: the stage of the encoder below whose map feeds this one; absent: its last. */
  readonly input?: number;
}

/** A stack of N ≥ 1 encoders; one level is plain VICReg. */
export interface StackConfig {
  /** Lowest level first. */
  readonly levels: readonly LevelConfig[];
  /**
   * What feeds the next encoder. `prepool`: the map before pooling (the paper's
   * text), or of an earlier stage where the level says so; `embedding`: the embedding, reshaped to a one-channel image (the
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

/** What one level makes of a batch, and on what way. */
export interface TracedLevel extends Level {
  /** What its encoder is given: images, or what the level below makes of them, `[batch, height, width, channels]`. */
  readonly input: tf.Tensor4D;
  /** The maps of its encoder after the stem and each stage, `[batch, height, width, channels]`, lowest first. */
  readonly stages: readonly tf.Tensor4D[];
}

/**
 * Applies a stack to a batch of images.
 *
 * @param pass The pass.
 * @param images `[batch, height, width, 3]`.
 * @param config The stack.
 * @returns One entry a level, lowest first.
 * @throws {UsageError} A level's input is a stage that the encoder below does not have.
 */
export function stack(pass: Pass, images: tf.Tensor4D, config: StackConfig): TracedLevel[] {
  const levels: TracedLevel[] = [];
  config.levels.forEach((level, at) => {
    let input = images;
    if (at > 0) {
      const { stages, embedding } = levels[at - 1];
      input = config.wiring === "prepool" ? inputOf(config, at, stages) : asImage(embedding);
      if (config.stopGradient) input = stopGradient(input);
    }
    const { stages, representation } = encode(pass, `encoders.${at}`, input, level.encoder);
    const embedding = projector(pass, `projectors.${at}`, representation, level.projector);
    levels.push({ input, representation, embedding, stages });
  });
  return levels;
}

/** Of the stages of the encoder below, the one that feeds a level. */
function inputOf<Stage>({ levels }: StackConfig, at: number, stages: readonly Stage[]): Stage {
  const last = stages.length - 1, { input = last } = levels[at];
  if (input in stages) return stages[input];
  throw new UsageError(
    `levels.${at}.input is ${input}, but stack ${at - 1} has stages from 0, its stem, to ${last}.`,
  );
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
 * @throws {UsageError} A level's input is a stage that the encoder below does not have.
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
  const counts: EncoderCount[] = [];
  config.levels.forEach(({ encoder }, at) => {
    let input: MapShape = [height, width, 3];
    if (at > 0) {
      const { map, stages } = counts[at - 1], features = config.levels[at - 1].projector.at(-1) ?? map[2];
      input = config.wiring === "prepool" ? inputOf(config, at, stages) : [...imageSize(features), 1];
    }
    counts.push(countEncoder(encoder, input));
  });
  return counts;
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
