/**
 * The plain ViT of Beyer et al. 2022 (https://arxiv.org/abs/2205.01580): no class
 * token, fixed positions, the mean of all tokens, on the blocks of Dosovitskiy et
 * al. 2021 (https://arxiv.org/abs/2010.11929, equations 1 to 4). Where the papers
 * leave a choice it is that of their code, big_vision; names are timm's.
 *
 * @module
 */
import { z } from "zod";
import { UsageError } from "../base/errors.ts";
import { exact, gelu } from "../compute/ops.ts";
import { tf } from "../compute/tf.ts";
import { type Draw, linear, type Pass, patches, rowNormalisation, uniform } from "./layers.ts";
import type { Encoded, EncoderCount, MapShape } from "./resnet.ts";

/** What makes a ViT. */
export interface VitConfig {
  /** Side of a patch in pixels; 1 makes each pixel of a map a token. */
  readonly patch: number;
  /** Features of a token: a multiple of 4, from 8 on, and of the heads. */
  readonly width: number;
  /** Blocks of attention and a perceptron. */
  readonly depth: number;
  /** Attention heads of a block. */
  readonly heads: number;
  /** Width of the perceptrons' hidden layer, in widths. */
  readonly ratio: number;
}

const count = z.int().positive();

/** {@link VitConfig} in a spec. */
export const vitOptions: z.ZodObject = z.strictObject({
  patch: count.default(4).describe("side of a patch in pixels; 1 makes each pixel of a map a token"),
  width: count.default(192).describe("features of a token: a multiple of 4, from 8 on, and of the heads"),
  depth: count.describe("blocks of attention and a perceptron"),
  heads: count.describe("attention heads of a block"),
  ratio: count.default(4).describe("width of the perceptrons' hidden layer, in widths"),
});

/**
 * Rows and columns of tokens.
 *
 * @throws {UsageError} The width cannot be shared among the heads or hold positions, or patches do not fill the input.
 */
function gridOf({ patch, width, heads }: VitConfig, height: number, across: number): [number, number] {
  if (width % heads > 0) {
    throw new UsageError(
      `A ViT of width ${width} cannot have ${heads} heads, each with an equal part of it. ` +
        `Choose a width that is a multiple of ${heads}, or other heads.`,
    );
  }
  if (width % 4 > 0 || width < 8) {
    throw new UsageError(
      `A ViT of width ${width} has no positions: they are sines and cosines along two axes. ` +
        "Choose a width that is a multiple of 4, from 8 on.",
    );
  }
  if (height % patch > 0 || across % patch > 0) {
    throw new UsageError(
      `Patches of ${patch}×${patch} do not fill a ViT's input of ${height}×${across}. ` +
        `Choose another patch, or an input whose sides are multiples of ${patch}.`,
    );
  }
  return [height / patch, across / patch];
}

/**
 * Counts the parameters of a ViT and those that are live. The bias of the keys
 * never touches the output: it adds the same to all scores of a query. Of a single
 * token nothing touches it that queries and keys are made of.
 *
 * @param config Which encoder.
 * @param input Shape of what it is applied to.
 * @returns The counts, and the shape of the map.
 * @throws {UsageError} The options do not fit each other or the input.
 * @example ViT-Ti/16 without its head
 * ```ts
 * import { countVit } from "./vit.ts";
 * const { parameters, map } = countVit({ patch: 16, width: 192, depth: 12, heads: 3, ratio: 4 }, [224, 224, 3]);
 * if (parameters !== 5_486_400 || map.join() !== "14,14,192") throw new Error(`${parameters}`);
 * ```
 */
export function countVit(config: VitConfig, input: MapShape): EncoderCount {
  const { patch, width, depth, heads, ratio } = config;
  const [rows, columns] = gridOf(config, input[0], input[1]), tokens = rows * columns;
  const embedding = patch * patch * input[2] * width, products = (4 + 2 * ratio) * width * width;
  // Biases: of queries, keys and values, of what attention gives, of the perceptron; two norms.
  const block = products + (3 + 1 + ratio + 1 + 4) * width;
  const parameters = embedding + width + depth * block + 2 * width;
  const map: MapShape = [rows, columns, width];
  const dead = tokens === 1 ? 2 * (width * width + width) : width;
  return {
    parameters,
    live: parameters - depth * dead,
    multiplications: tokens * (embedding + depth * (products + 2 * tokens * width)),
    // Of a block two norms' results, standard and scaled, queries twice, keys, values, what attention
    // gives and its shares, and of the perceptron's hidden layer itself, its gates and both times each other.
    values: tokens * (2 * width + depth * ((4 + 5 + 3 * ratio) * width + heads * tokens)),
    map,
    stages: new Array(1 + depth).fill(map),
  };
}

/**
 * Applies a ViT. Its parameters start as in big_vision: those of all products
 * Glorot's way, the perceptrons' biases with a deviation of 1e-6, others at 0. In a
 * bfloat16 step sums over blocks, layer norm and softmax stay in float32.
 *
 * @param pass The pass; an initialising one makes parameters for inputs of any size.
 * @param name Prefix of all its parameters.
 * @param x Images or maps, `[batch, height, width, channels]`.
 * @param config Which encoder.
 * @returns The tokens after the last layer norm as a map, `[batch, height / patch, width / patch, features]`,
 *   and their mean. A block is a stage, after patches and positions for a stem.
 * @throws {UsageError} The options do not fit each other or the input.
 */
export function vit(pass: Pass, name: string, x: tf.Tensor4D, config: VitConfig): Encoded {
  const { patch, width, depth, heads, ratio } = config, [batch, , , channels] = x.shape;
  // What parameters are made with is no image of the run's size: one patch of it is enough.
  const input = pass.seed === undefined ? x : tf.zeros<tf.Rank.R4>([batch, patch, patch, channels]);
  const [rows, columns] = gridOf(config, input.shape[1], input.shape[2]), count = rows * columns;
  let tokens = exact(patches(pass, `${name}.patch_embed.proj`, input, patch, width));
  tokens = tokens.reshape([batch, count, width]).add(positions(rows, columns, width)).reshape(tokens.shape);
  const asMap = (tokens: tf.Tensor2D) => tokens.reshape([batch, rows, columns, width]) as tf.Tensor4D;
  const stages = [asMap(tokens)];
  for (let at = 0; at < depth; at++) {
    const block = `${name}.blocks.${at}`;
    const norm = (part: string) => rowNormalisation(pass, `${block}.${part}`, tokens);
    tokens = tokens.add(attention(pass, `${block}.attn`, norm("norm1"), count, heads));
    tokens = tokens.add(perceptron(pass, `${block}.mlp`, norm("norm2"), ratio * width));
    stages.push(asMap(tokens));
  }
  const map = asMap(rowNormalisation(pass, `${name}.norm`, tokens));
  return { map, stages: stages.with(depth, map), representation: tf.mean(map, [1, 2]) };
}

/** Glorot and Bengio's uniform distribution, by fan-in and fan-out. */
const glorot = (from: number, to: number): Draw => uniform(Math.sqrt(6 / (from + to)));

const zero: Draw = () => 0;

/** Attention of each picture's tokens to each other, softmax(q kᵀ / √features) v in every head; `[tokens, width]`. */
function attention(pass: Pass, name: string, x: tf.Tensor2D, count: number, heads: number): tf.Tensor2D {
  const width = x.shape[1], features = width / heads, draw = glorot(width, width);
  const apart = (y: tf.Tensor) =>
    y.reshape([-1, count, heads, features]).transpose([0, 2, 1, 3]) as tf.Tensor4D;
  // Queries, keys and values are matrices of their own, in one product.
  const [q, k, v] = tf.split(linear(pass, `${name}.qkv`, x, 3 * width, draw, zero), 3, 1).map(apart);
  const scores = tf.matMul(q.mul(1 / Math.sqrt(features)), k, false, true);
  const seen = tf.matMul(tf.softmax(exact(scores)), v).transpose([0, 2, 1, 3]);
  return exact(linear(pass, `${name}.proj`, seen.reshape(x.shape), width, draw, zero));
}

/** Two layers with GELU between them; `[tokens, width]`. */
function perceptron(pass: Pass, name: string, x: tf.Tensor2D, hidden: number): tf.Tensor2D {
  const width = x.shape[1], draw = glorot(width, hidden), bias: Draw = (random) => 1e-6 * random.normal();
  const inner = gelu(linear(pass, `${name}.fc1`, x, hidden, draw, bias));
  return exact(linear(pass, `${name}.fc2`, inner, width, draw, bias));
}

/**
 * Fixed positions as MoCo v3 has them (Chen et al. 2021, https://arxiv.org/abs/2104.02057):
 * sines and cosines of the column and of the row, times frequencies from 1 down to 1/10,000.
 *
 * @returns `[rows · columns, width]`.
 */
function positions(rows: number, columns: number, width: number): tf.Tensor2D {
  const quarter = width / 4;
  const frequencies = Array.from({ length: quarter }, (_, at) => 10_000 ** (-at / (quarter - 1)));
  const values = Array.from(
    { length: rows * columns },
    (_, token) =>
      [token % columns, Math.floor(token / columns)].flatMap((place) =>
        [Math.sin, Math.cos].flatMap((wave) => frequencies.map((frequency) => wave(place * frequency)))
      ),
  );
  return tf.tensor2d(values, [rows * columns, width]);
}
