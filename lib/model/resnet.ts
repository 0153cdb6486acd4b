/**
 * ResNet (He et al. 2016, https://arxiv.org/abs/1512.03385) with torchvision's
 * parameter names, for small and for large images.
 *
 * @module
 */
import { z } from "zod";
import { tf } from "../compute/tf.ts";
import { convolution, normalisation, type Pass, relu } from "./layers.ts";

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
  strides: z.array(z.int().min(1).max(4)).length(4).default([1, 2, 2, 2])
    .describe("stride of each stage; 1,1,1,1 leaves the map as large as it is"),
  zeroInitResidual: z.boolean().default(true).describe("start each residual branch at zero"),
});

const STAGES = { 18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3] } as const;

/** Kernel and stride of the first convolution. */
const STEMS = { cifar: [3, 1], imagenet: [7, 2] } as const;

/** Channels out of a bottleneck for each channel within. */
const EXPANSION = 4;

/** Length of a ResNet's representation: 512 for a ResNet-18 of width 64. */
export function representationSize({ depth, width }: ResnetConfig): number {
  return width * 8 * (depth === 50 ? EXPANSION : 1);
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
  /** Values that its convolutions give for one input. */
  readonly values: number;
  /** Shape of the map before pooling. */
  readonly map: MapShape;
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
export function countResnet({ depth, width, stem, strides }: ResnetConfig, input: MapShape): EncoderCount {
  let parameters = 0, live = 0, multiplications = 0, values = 0;
  /** A convolution with its batch norm, whose weight and bias are always live. */
  const convolution = (x: MapShape, channels: number, kernel: number, stride: number): MapShape => {
    const [rows, columns] = [x[0], x[1]].map((size) => liveTaps(size, kernel, stride));
    parameters += (kernel * kernel * x[2] + 2) * channels;
    live += (rows * columns * x[2] + 2) * channels;
    const [height, width] = [x[0], x[1]].map((size) => outSize(size, kernel, stride));
    values += height * width * channels;
    multiplications += height * width * channels * kernel * kernel * x[2];
    return [height, width, channels];
  };
  const [kernel, stride] = STEMS[stem];
  let map = convolution(input, width, kernel, stride);
  if (stem === "imagenet") map = [outSize(map[0], 3, 2), outSize(map[1], 3, 2), width];
  STAGES[depth].forEach((blocks, stage) => {
    for (let at = 0; at < blocks; at++) {
      const stride = at === 0 ? strides[stage] : 1, channels = width << stage, before = map;
      const out = depth === 50 ? channels * EXPANSION : channels;
      map = convolution(map, channels, depth === 50 ? 1 : 3, depth === 50 ? 1 : stride);
      map = convolution(map, channels, 3, depth === 50 ? stride : 1);
      if (depth === 50) map = convolution(map, out, 1, 1);
      if (stride > 1 || before[2] !== out) convolution(before, out, 1, stride);
    }
  });
  return { parameters, live, multiplications, values, map };
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
 * @returns Map and representation.
 */
export function resnet(pass: Pass, name: string, x: tf.Tensor4D, config: ResnetConfig): Encoded {
  const { depth, width, stem, strides, zeroInitResidual } = config;
  const block = depth === 50 ? bottleneck : basic;
  const [kernel, stride] = STEMS[stem];
  let y = convolution(pass, `${name}.conv1`, x, width, kernel, stride);
  y = relu(normalisation(pass, `${name}.bn1`, y));
  // After ReLU, padding with zeros is padding with −∞.
  if (stem === "imagenet") y = tf.maxPool(tf.pad(y, [[0, 0], [1, 1], [1, 1], [0, 0]]), 3, 2, "valid");
  STAGES[depth].forEach((blocks, stage) => {
    for (let at = 0; at < blocks; at++) {
      const stride = at === 0 ? strides[stage] : 1;
      y = block(pass, `${name}.layer${stage + 1}.${at}`, y, width << stage, stride, zeroInitResidual ? 0 : 1);
    }
  });
  return { map: y, representation: tf.mean(y, [1, 2]) };
}

/** Applies one residual block; `last` is the initial weight of its last batch norm. */
type Block = (
  pass: Pass,
  name: string,
  x: tf.Tensor4D,
  channels: number,
  stride: number,
  last: number,
) => tf.Tensor4D;

const basic: Block = (pass, name, x, channels, stride, last) => {
  let y = convolution(pass, `${name}.conv1`, x, channels, 3, stride);
  y = relu(normalisation(pass, `${name}.bn1`, y));
  y = convolution(pass, `${name}.conv2`, y, channels, 3, 1);
  y = normalisation(pass, `${name}.bn2`, y, last);
  return relu(tf.add(y, shortcut(pass, name, x, channels, stride)));
};

const bottleneck: Block = (pass, name, x, channels, stride, last) => {
  let y = convolution(pass, `${name}.conv1`, x, channels, 1, 1);
  y = relu(normalisation(pass, `${name}.bn1`, y));
  y = convolution(pass, `${name}.conv2`, y, channels, 3, stride);
  y = relu(normalisation(pass, `${name}.bn2`, y));
  y = convolution(pass, `${name}.conv3`, y, channels * EXPANSION, 1, 1);
  y = normalisation(pass, `${name}.bn3`, y, last);
  return relu(tf.add(y, shortcut(pass, name, x, channels * EXPANSION, stride)));
};

function shortcut(pass: Pass, name: string, x: tf.Tensor4D, channels: number, stride: number): tf.Tensor4D {
  if (stride === 1 && x.shape[3] === channels) return x;
  const y = convolution(pass, `${name}.downsample.0`, x, channels, 1, stride);
  return normalisation(pass, `${name}.downsample.1`, y);
}
