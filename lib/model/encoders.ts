/**
 * The encoders that a level can have, by kind. A new one is a file beside this one
 * and a line in {@link ENCODERS}.
 *
 * @module
 */
import type { z } from "zod";
import { UsageError } from "../base/errors.ts";
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
import { countVit, vit, type VitConfig, vitOptions } from "./vit.ts";

/** An encoder's options as text. */
export type TorchOptions = Readonly<Record<string, string>>;

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
  /** What `sjea_torch.py` makes it of, as text; a kind without it cannot be read in PyTorch. */
  readonly torch?: (options: Options) => TorchOptions;
}

/** All kinds. */
export const ENCODERS = {
  resnet: {
    options: resnetOptions,
    apply: resnet,
    count: countResnet,
    title: ({ depth }: ResnetConfig) => `ResNet-${depth}`,
    torch: ({ depth, width, stem, strides }: ResnetConfig): TorchOptions => ({
      ...{ depth: `${depth}`, width: `${width}`, stem, strides: strides.join(" ") },
    }),
  },
  vit: {
    options: vitOptions,
    apply: vit,
    count: countVit,
    title: ({ depth, patch }: VitConfig) => `ViT-${depth}/${patch}`,
    torch: ({ patch, width, depth, heads, ratio }: VitConfig): TorchOptions => ({
      kind: "vit",
      ...{ patch: `${patch}`, width: `${width}`, depth: `${depth}`, heads: `${heads}`, ratio: `${ratio}` },
    }),
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
 * @returns Map, stages and representation.
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

/**
 * What `sjea_torch.py` makes an encoder of: metadata of the file that holds its weights.
 *
 * @param config Which encoder.
 * @returns Its options as text.
 * @throws {UsageError} That file does not know this kind.
 */
export function torchOptions(config: EncoderConfig): TorchOptions {
  const { torch } = ENCODERS[config.kind] as Encoder<EncoderConfig>;
  if (torch) return torch(config);
  const known = Object.entries<Encoder<never>>(ENCODERS).filter(([, { torch }]) => torch);
  throw new UsageError(
    `sjea_torch.py knows no encoder of kind ${config.kind}. Export a level of another kind; valid: ${
      known.map(([kind]) => kind).join(", ")
    }.`,
  );
}

/** What a reader calls an encoder, such as `ResNet-18`. */
export function encoderTitle(config: EncoderConfig): string {
  return (ENCODERS[config.kind] as Encoder<EncoderConfig>).title(config);
}
