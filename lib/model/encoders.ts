/**
 * The encoders that a level can have, by kind. A new one is a file beside this one
 * and a line in {@link ENCODERS}.
 *
 * @module
 */
import type { z } from "zod";
import type { tf } from "../compute/tf.ts";
import type { Pass } from "./layers.ts";
import {
  countResnet,
  type Encoded,
  type EncoderCount,
  type MapShape,
  resnet,
  type ResnetConfig,
  resnetOptions,
} from "./resnet.ts";

/** A kind of encoder. */
interface Encoder<Options> {
  /** Its options in a spec. */
  readonly options: z.ZodObject;
  /** Applies it to images or maps, `[batch, height, width, channels]`; all its parameters begin with `name`. */
  readonly apply: (pass: Pass, name: string, x: tf.Tensor4D, options: Options) => Encoded;
  /** Counts its parameters for inputs of one size. */
  readonly count: (options: Options, input: MapShape) => EncoderCount;
  /** What a reader calls it. */
  readonly title: (options: Options) => string;
}

/** All kinds. */
export const ENCODERS = {
  resnet: {
    options: resnetOptions,
    apply: resnet,
    count: countResnet,
    title: ({ depth }: ResnetConfig) => `ResNet-${depth}`,
  },
} as const satisfies Record<string, Encoder<never>>;

/** Kind of an encoder. */
export type EncoderKind = keyof typeof ENCODERS;

/** An encoder with its options. */
export type EncoderConfig = {
  [Kind in EncoderKind]: { readonly kind: Kind } & Parameters<(typeof ENCODERS)[Kind]["count"]>[0];
}[EncoderKind];

/**
 * Applies an encoder.
 *
 * @param pass The pass.
 * @param name Prefix of all its parameters.
 * @param x Images or maps, `[batch, height, width, channels]`.
 * @param config Which encoder.
 * @returns Map and representation.
 */
export function encode(pass: Pass, name: string, x: tf.Tensor4D, config: EncoderConfig): Encoded {
  return (ENCODERS[config.kind] as Encoder<EncoderConfig>).apply(pass, name, x, config);
}

/**
 * Counts the parameters of an encoder and those that can touch its output.
 *
 * @param config Which encoder.
 * @param input Shape of what it is applied to.
 * @returns The counts, and the shape of its map.
 */
export function countEncoder(config: EncoderConfig, input: MapShape): EncoderCount {
  return (ENCODERS[config.kind] as Encoder<EncoderConfig>).count(config, input);
}

/** What a reader calls an encoder, such as `ResNet-18`. */
export function encoderTitle(config: EncoderConfig): string {
  return (ENCODERS[config.kind] as Encoder<EncoderConfig>).title(config);
}
