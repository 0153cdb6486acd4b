/**
 * ResNet (He et al. 2016, https://arxiv.org/abs/1512.03385) with torchvision's
 * parameter names, for small and for large images.
 *
 * @module
 */
import { z } from "zod";
import { tf } from "../compute/tf.ts";
import { convolution, HELD, normalisation, type Pass, relu } from "./layers.ts";

/** Blocks of each stage, by depth: basic blocks of two convolutions or bottlenecks of three. */
export const DEPTHS = {
  18: { blocks: [2, 2, 2, 2], bottleneck: false },
  34: { blocks: [3, 4, 6, 3], bottleneck: false },
  50: { blocks: [3, 4, 6, 3], bottleneck: true },
} as const;

/** Kernel and stride of the first convolution; `imagenet` is followed by max-pooling. */
export const STEMS = { cifar: [3, 1], imagenet: [7, 2] } as const;

/** What makes a ResNet. */
export interface ResnetConfig {
  /** Layers: basic blocks for 18 and 34, bottlenecks for 50. */
  readonly depth: 18 | 34 | 50;
  /** Channels of the first stage; torchvision's ResNets have 64. */
  readonly width: number;
  /** `cifar`: 3×3 convolution; `imagenet`: 7×7 convolution with stride 2 and max-pooling. */
  readonly stem: "cifar" | "imagenet";
  /** Stride of each stage's first block; torchvision's are 1, 2, 2 and 2. */
  readonly strides: readonly number[];
  /** Start each residual branch at zero. */
  readonly zeroInitResidual: boolean;
}

/** The encoder of the paper. */
export const RESNET_18: ResnetConfig & { readonly kind: "resnet" } = {
  kind: "resnet",
  depth: 18,
  width: 64,
  stem: "cifar",
  strides: [1, 2, 2, 2],
  zeroInitResidual: true,
};

/** {@link ResnetConfig} in a spec. */
export const resnetOptions: z.ZodObject = z.strictObject({
  depth: z.literal([18, 34, 50]).describe("layers"),
  width: z.int().positive().describe("channels of the first stage; torchvision's ResNets have 64"),
  stem: z.enum(["cifar", "imagenet"]).default("cifar")
    .describe("first convolution: 3×3, or 7×7 with stride 2 and max-pooling"),
  strides: z.union([
    z.array(z.int().min(1).max(4)).length(4),
    z.literal("none").transform(() => [1, 1, 1, 1]),
  ], { error: "expected four strides from 1 to 4, or none" }).default([1, 2, 2, 2])
    .describe("stride of each stage; none, or 1,1,1,1, leaves the map as large as it is"),
  zeroInitResidual: z.boolean().default(true).describe("start each residual branch at zero"),
});

/** Channels out of a bottleneck for each channel within. */
const EXPANSION = 4;

/** A convolution without bias and the batch norm behind it. */
export interface Layer {
  /** The convolution's name, such as `layer2.0.conv1`. */
  readonly convolution: string;
  /** The batch norm's name, such as `layer2.0.bn1`. */
  readonly norm: string;
  /** Channels in. */
  readonly from: number;
  /** Channels out. */
  readonly to: number;
  readonly kernel: number;
  readonly stride: number;
}

/** A residual block; without a shortcut its input is added as it is. */
export interface Block {
  /** Stage that it belongs to, from 1. */
  readonly stage: number;
  readonly layers: readonly Layer[];
  readonly shortcut?: Layer;
}

/**
 * What a ResNet consists of: applying it, counting its parameters and
 * reading it from a file all go by this.
 *
 * @param config Which encoder.
 * @param channels Channels of its input.
 * @returns The first convolution and the residual blocks.
 * @example
 * ```ts
 * import { encoderLayers, RESNET_18 } from "./resnet.ts";
 * const { blocks } = encoderLayers({ ...RESNET_18, depth: 50 }, 3);
 * if (blocks[0].shortcut?.to !== 256) throw new Error("the first block widens 64 channels to 256");
 * ```
 */
export function encoderLayers(
  { depth, width, stem, strides }: ResnetConfig,
  channels: number,
): { stem: Layer; blocks: Block[] } {
  const { blocks, bottleneck } = DEPTHS[depth], [kernel, stride] = STEMS[stem];
  let from = width;
  const block = (name: string, stage: number, stride: number): Block => {
    const before = from, inner = width << stage - 1;
    const sizes = bottleneck
      ? [[inner, 1, 1], [inner, 3, stride], [inner * EXPANSION, 1, 1]]
      : [[inner, 3, stride], [inner, 3, 1]];
    const layers = sizes.map(([to, kernel, stride], at) => {
      const layer = {
        ...{ convolution: `${name}.conv${at + 1}`, norm: `${name}.bn${at + 1}` },
        ...{ from, to, kernel, stride },
      };
      from = to;
      return layer;
    });
    if (stride === 1 && before === from) return { stage, layers };
    const names = { convolution: `${name}.downsample.0`, norm: `${name}.downsample.1` };
    return { stage, layers, shortcut: { ...names, from: before, to: from, kernel: 1, stride } };
  };
  return {
    stem: { convolution: "conv1", norm: "bn1", from: channels, to: width, kernel, stride },
    blocks: blocks.flatMap((count, stage) =>
      Array.from(
        { length: count },
        (_, at) => block(`layer${stage + 1}.${at}`, stage + 1, at === 0 ? strides[stage] : 1),
      )
    ),
  };
}

/** Length of a ResNet's representation: 512 for a ResNet-18 of width 64. */
export function representationSize({ depth, width }: ResnetConfig): number {
  return width * 8 * (DEPTHS[depth].bottleneck ? EXPANSION : 1);
}

/** Height, width and channels of an image or a map. */
export type MapShape = readonly [height: number, width: number, channels: number];

/** What an encoder is made of and costs, for inputs of one size. */
export interface EncoderCount {
  /** Trainable values. */
  readonly parameters: number;
  /** Those of them that can touch the output. */
  readonly live: number;
  /** Multiplications of one input's way through it. */
  readonly multiplications: number;
  /** Values that a training step holds of one input at its peak, roughly: {@link HELD} copies of each normalised layer. */
  readonly values: number;
  /** Shape of the map before pooling. */
  readonly map: MapShape;
  /** Shapes of the maps after the stem and each stage; the last one is that of the map before pooling. */
  readonly stages: readonly MapShape[];
}

/**
 * Counts the parameters of a ResNet and those that are live. A value of a
 * kernel never touches the output where it meets padding only, at every
 * position: of a 3×3 convolution of a 1×1 map the centre alone is live, of a
 * strided one from 2×2 to 1×1 four values of nine.
 *
 * @param config Which encoder.
 * @param input Shape of what it is applied to.
 * @returns The counts, and the shape of the map.
 * @example
 * ```ts
 * import { countResnet, RESNET_18 } from "./resnet.ts";
 * const { parameters, live } = countResnet({ ...RESNET_18, width: 16 }, [4, 4, 128]);
 * if (parameters !== 718_176 || parameters - live !== 567_296) throw new Error(`${live} of ${parameters}`);
 * ```
 */
export function countResnet(config: ResnetConfig, input: MapShape): EncoderCount {
  let parameters = 0, live = 0, multiplications = 0, values = 0;
  /** A convolution with its batch norm, whose weight and bias are always live. */
  const count = ({ from, to, kernel, stride }: Layer, x: MapShape): MapShape => {
    const [rows, columns] = [x[0], x[1]].map((size) => liveTaps(size, kernel, stride));
    parameters += (kernel * kernel * from + 2) * to;
    live += (rows * columns * from + 2) * to;
    const [height, width] = [x[0], x[1]].map((size) => outSize(size, kernel, stride));
    values += HELD * height * width * to;
    multiplications += height * width * to * kernel * kernel * from;
    return [height, width, to];
  };
  const { stem, blocks } = encoderLayers(config, input[2]);
  let map = count(stem, input);
  if (config.stem === "imagenet") map = [outSize(map[0], 3, 2), outSize(map[1], 3, 2), map[2]];
  const stages = [map];
  for (const { stage, layers, shortcut } of blocks) {
    const before = map;
    for (const layer of layers) map = count(layer, map);
    if (shortcut) count(shortcut, before);
    stages[stage] = map;
  }
  return { parameters, live, multiplications, values, map, stages };
}

/** Size of a map after a kernel with half its size of padding. */
function outSize(size: number, kernel: number, stride: number): number {
  return Math.floor((size + 2 * (kernel >> 1) - kernel) / stride) + 1;
}

/** Positions of a kernel, along one axis, that meet the input at all. */
function liveTaps(size: number, kernel: number, stride: number): number {
  const places = Array.from(
    { length: outSize(size, kernel, stride) },
    (_, at) => at * stride - (kernel >> 1),
  );
  const meets = (tap: number) => places.some((first) => first + tap >= 0 && first + tap < size);
  return Array.from({ length: kernel }, (_, tap) => tap).filter(meets).length;
}

/** An encoder's output. */
export interface Encoded {
  /** The map before pooling, `[batch, height, width, channels]`. */
  readonly map: tf.Tensor4D;
  /** The maps after the stem and each stage, lowest first; the last one is the map before pooling. */
  readonly stages: readonly tf.Tensor4D[];
  /** The representation: the map's mean over space, `[batch, channels]`. */
  readonly representation: tf.Tensor2D;
}

/**
 * Applies a ResNet.
 *
 * @param pass The pass.
 * @param name Prefix of all its parameters.
 * @param x Images or maps, `[batch, height, width, channels]`.
 * @param config Which encoder.
 * @returns Map, stages and representation.
 */
export function resnet(pass: Pass, name: string, x: tf.Tensor4D, config: ResnetConfig): Encoded {
  const { stem, blocks } = encoderLayers(config, x.shape[3]);
  const apply = (layer: Layer, x: tf.Tensor4D, weight = 1) => {
    const y = convolution(pass, `${name}.${layer.convolution}`, x, layer.to, layer.kernel, layer.stride);
    return normalisation(pass, `${name}.${layer.norm}`, y, weight);
  };
  let y = relu(apply(stem, x));
  // After ReLU, padding with zeros is padding with −∞.
  if (config.stem === "imagenet") y = tf.maxPool(tf.pad(y, [[0, 0], [1, 1], [1, 1], [0, 0]]), 3, 2, "valid");
  const stages = [y];
  for (const { stage, layers, shortcut } of blocks) {
    const before = y;
    for (const layer of layers.slice(0, -1)) y = relu(apply(layer, y));
    y = apply(layers.at(-1)!, y, config.zeroInitResidual ? 0 : 1);
    y = relu(tf.add(y, shortcut ? apply(shortcut, before) : before));
    stages[stage] = y;
  }
  return { map: y, stages, representation: tf.mean(y, [1, 2]) };
}
