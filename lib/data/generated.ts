/**
 * A drawn data set with a known hierarchy, for machines without a download:
 * 32×32 images of ten classes with three sub-types each, in eight colours and
 * six poses, before six kinds of background. Background and colour dominate the
 * pixels; the class is carried by shape and by a texture of its own.
 *
 * @module
 */
import { z } from "zod";
import { UsageError } from "../base/errors.ts";
import { type Generator, generator, permutation } from "../base/random.ts";
import { suggest } from "../base/schema.ts";
import { type Dataset, type DatasetKind, imageFingerprint, type ImageSet } from "./dataset.ts";
import { KINDS, type Paint, type Part } from "./drawings.ts";
import { circle, clamp, type Shape, union } from "./shapes.ts";

/** What an image is drawn from; each number is a position in a list of names. */
export interface Factors {
  /** In `classes`; the image's label. */
  readonly class: number;
  /** In `subtypes[class]`. */
  readonly subtype: number;
  /** In `colours`. */
  readonly colour: number;
  /** In `poses`. */
  readonly pose: number;
  /** In `backgrounds`. */
  readonly background: number;
}

const { PI, cos, floor, hypot, max, min, sin } = Math;

/** Hue in turns, saturation and lightness of the main paint; hue of the trim. */
const PALETTES: Readonly<Record<string, readonly number[]>> = {
  red: [0, 0.75, 0.5, 0.12],
  orange: [0.07, 0.9, 0.52, 0.6],
  yellow: [0.14, 0.9, 0.55, 0.95],
  green: [0.34, 0.6, 0.42, 0.1],
  turquoise: [0.48, 0.7, 0.5, 0.02],
  blue: [0.62, 0.75, 0.52, 0.15],
  violet: [0.78, 0.6, 0.55, 0.4],
  white: [0.6, 0.1, 0.88, 0.56],
};

/** Turn in radians, horizontal squeeze, shear; a negative squeeze mirrors. */
const POSES: Readonly<Record<string, readonly number[]>> = {
  "facing right": [0, 1, 0],
  "facing left": [0, -1, 0],
  "nose up": [-0.5, 1, 0],
  "nose down": [0.5, 1, 0],
  "turned away": [0, 0.62, 0],
  "sheared": [0, 0.9, 0.4],
};

/** Mixture of the two background colours, 0 … 1, at −1 … 1. */
const BACKGROUNDS: Readonly<Record<string, (random: Generator) => Shape>> = {
  gradient: (random) => {
    const [u, v] = direction(random, 0.5);
    return (x, y) => 0.5 + u * x + v * y;
  },
  stripes: (random) => {
    const [u, v] = direction(random, random.uniform(5, 12));
    return (x, y) => 0.5 + 0.5 * clamp(3 * sin(u * x + v * y), -1, 1);
  },
  checks: (random) => {
    const [u, v] = direction(random, random.uniform(5, 9));
    return (x, y) => 0.5 + 0.5 * clamp(4 * sin(u * x + v * y) * sin(u * y - v * x), -1, 1);
  },
  rings: (random) => {
    const cx = random.uniform(-1, 1), cy = random.uniform(-1, 1);
    const frequency = random.uniform(6, 12);
    return (x, y) => 0.5 + 0.5 * sin(frequency * hypot(x - cx, y - cy));
  },
  blobs: (random) => {
    const spot = () => circle(random.uniform(-1, 1), random.uniform(-1, 1), random.uniform(0.2, 0.5));
    const shape = union(...Array.from({ length: 6 }, spot));
    return (x, y) => clamp(0.5 - 8 * shape(x, y), 0, 1);
  },
  clouds: (random) => {
    const heights = Float64Array.from({ length: 64 }, () => random.uniform());
    return (x, y) => {
      const u = 3.4 * (x + 1), v = 3.4 * (y + 1), i = floor(u), j = floor(v);
      const s = u - i, t = v - j, from = 8 * j + i;
      const above = heights[from] + s * (heights[from + 1] - heights[from]);
      const below = heights[from + 8] + s * (heights[from + 9] - heights[from + 8]);
      return above + t * (below - above);
    };
  },
};

/** Names of the classes, by label. */
export const classes: readonly string[] = KINDS.map((kind) => kind.name);
/** Names of the sub-types of each class. */
export const subtypes: readonly (readonly string[])[] = KINDS.map((kind) => Object.keys(kind.subtypes));
/** Names of the colours. */
export const colours: readonly string[] = Object.keys(PALETTES);
/** Names of the poses. */
export const poses: readonly string[] = Object.keys(POSES);
/** Names of the kinds of background. */
export const backgrounds: readonly string[] = Object.keys(BACKGROUNDS);

/** Place of each class's first sub-type among the sub-types of all. */
const FIRST = subtypes.map((_, at) => subtypes.slice(0, at).flat().length);

/** Height and width of an image. */
const SIZE = 32;
/** Width of an outline and depth of a texture, in object units and parts of one. */
const OUTLINE = 0.75, TEXTURE = 0.25;

function direction(random: Generator, length: number): [number, number] {
  const angle = random.uniform(0, 2 * PI);
  return [length * cos(angle), length * sin(angle)];
}

/** RGB, 0 … 255, of a hue in turns, a saturation and a lightness. */
function rgb(hue: number, saturation: number, lightness: number): number[] {
  const chroma = saturation * min(lightness, 1 - lightness);
  return [0, 8, 4].map((offset) => {
    const k = (offset + 12 * (hue + 1)) % 12;
    return 255 * (lightness - chroma * max(-1, min(k - 3, 9 - k, 1)));
  });
}

/**
 * Draws one image. Position, size, exact pose and tint, light and noise are
 * random; everything else is in the factors.
 *
 * @param factors What to draw.
 * @param random Where the randomness comes from.
 * @returns RGB bytes, `[32, 32, 3]`.
 * @example
 * ```ts
 * import { generator } from "../base/random.ts";
 * import { classes, draw } from "./generated.ts";
 * const boat = { class: classes.indexOf("boat"), subtype: 0, colour: 5, pose: 0, background: 2 };
 * if (draw(boat, generator(1)).length !== 32 * 32 * 3) throw new Error("wrong size");
 * ```
 */
export function draw(factors: Factors, random: Generator): Uint8Array {
  const kind = KINDS[factors.class];
  const canvas = new Float32Array(SIZE * SIZE * 3);
  const background = Object.values(BACKGROUNDS)[factors.background];
  paintBackground(canvas, background(random), random);
  const paints = mixPaints(Object.values(PALETTES)[factors.colour], random);
  const place = placement(Object.values(POSES)[factors.pose], random);
  for (const part of Object.values(kind.subtypes)[factors.subtype]) {
    paintPart(canvas, place, part, paints, kind.texture);
  }
  return develop(canvas, random);
}

function paintBackground(canvas: Float32Array, mixture: Shape, random: Generator): void {
  const tint = () => rgb(random.uniform(), random.uniform(0.1, 0.7), random.uniform(0.15, 0.85));
  const one = tint(), other = tint();
  for (let pixel = 0; pixel < SIZE * SIZE; pixel++) {
    const share = mixture(pixel % SIZE / 16 - 1, floor(pixel / SIZE) / 16 - 1);
    for (let c = 0; c < 3; c++) canvas[3 * pixel + c] = one[c] + share * (other[c] - one[c]);
  }
}

function mixPaints(
  [hue, saturation, lightness, trimHue]: readonly number[],
  random: Generator,
): Record<Paint, number[]> {
  const tint = hue + random.uniform(-0.02, 0.02);
  return {
    main: rgb(tint, saturation, lightness + random.uniform(-0.06, 0.06)),
    trim: rgb(trimHue, 0.6, random.uniform(0.6, 0.75)),
    ink: rgb(tint, 0.4, random.uniform(0.05, 0.15)),
    glow: rgb(trimHue, 0.4, random.uniform(0.88, 0.96)),
  };
}

/** Where each pixel lies in the object's coordinates. */
interface Placement {
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** Pixels an object unit. */
  readonly scale: number;
}

function placement([turn, squeeze, shear]: readonly number[], random: Generator): Placement {
  const angle = turn + random.uniform(-0.15, 0.15);
  const c = cos(angle), s = sin(angle);
  const aspect = squeeze * random.uniform(0.9, 1.1);
  const scale = random.uniform(1.1, 1.5);
  const cx = 15.5 + random.uniform(-2.5, 2.5), cy = 15.5 + random.uniform(-2.5, 2.5);
  const x = new Float64Array(SIZE * SIZE), y = new Float64Array(SIZE * SIZE);
  for (let pixel = 0; pixel < x.length; pixel++) {
    const u = (pixel % SIZE - cx) / scale, v = (floor(pixel / SIZE) - cy) / scale;
    y[pixel] = v * c - u * s;
    x[pixel] = (u * c + v * s - shear * y[pixel]) / aspect;
  }
  return { x, y, scale };
}

function paintPart(
  canvas: Float32Array,
  { x, y, scale }: Placement,
  { paint, shape }: Part,
  paints: Record<Paint, number[]>,
  texture: Shape,
): void {
  const inside = paints[paint], outline = paints.ink;
  const rim = paint === "main" || paint === "trim" ? OUTLINE * scale : -1;
  for (let pixel = 0; pixel < x.length; pixel++) {
    const distance = scale * shape(x[pixel], y[pixel]);
    if (distance >= 0.5) continue;
    const cover = min(0.5 - distance, 1);
    const fill = clamp(0.5 - distance - rim, 0, 1);
    const shade = paint === "main" ? 1 + TEXTURE * texture(x[pixel], y[pixel]) : 1;
    for (let c = 0; c < 3; c++) {
      const value = outline[c] + fill * (shade * inside[c] - outline[c]);
      canvas[3 * pixel + c] += cover * (value - canvas[3 * pixel + c]);
    }
  }
}

/** Lights the canvas from one side, adds noise and rounds to bytes. */
function develop(canvas: Float32Array, random: Generator): Uint8Array {
  const [u, v] = direction(random, random.uniform(0, 0.25));
  const gain = random.uniform(0.75, 1.2), noise = random.uniform(5, 25);
  let state = random.integer(2 ** 32) | 1;
  const image = new Uint8ClampedArray(canvas.length);
  for (let index = 0; index < image.length; index++) {
    const pixel = floor(index / 3);
    const x = pixel % SIZE / 16 - 1, y = floor(pixel / SIZE) / 16 - 1;
    // xorshift32: a call of the generator a byte would take most of the time.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const grain = ((state & 255) + (state >> 8 & 255)) / 255 - 1;
    image[index] = gain * (1 + u * x + v * y) * canvas[index] + noise * grain;
  }
  return new Uint8Array(image.buffer);
}

/** What to draw. */
export interface GenerateOptions {
  readonly seed: number;
  /** Number of training images. */
  readonly train: number;
  /** Number of test images. */
  readonly test: number;
  /** Names of the classes to draw; absent: all ten. */
  readonly kinds?: readonly string[];
  /** Only the first sub-type of each class, before the plainest background: easy to learn. */
  readonly plain?: boolean;
}

/**
 * Generates the data set. An image depends on the seed, its split and its
 * position alone, not on how many there are; of ten classes, any ten images from a multiple of
 * ten on have one of each.
 *
 * @param options Seed and number of images of each split.
 * @returns The data set, with sub-type, colour, pose and background of every image as levels.
 * @throws {UsageError} A count that is not a whole number from 0 to a million, or a class that is none.
 * @example
 * ```ts
 * import { generate } from "./generated.ts";
 * import { subtypes } from "./generated.ts";
 * const { train, levels } = generate({ seed: 1, train: 20, test: 10 });
 * const { labels: [label], levels: { subtype: [subtype] } } = train as Required<typeof train>;
 * const name = levels!.subtype[subtype];
 * if (!subtypes[label].includes(name)) throw new Error(`no sub-type of class ${label}: ${name}`);
 * ```
 */
export function generate(options: GenerateOptions): Dataset {
  const { kinds = classes } = options, strange = kinds.find((name) => !classes.includes(name));
  if (strange !== undefined) throw new UsageError(`generate: kinds: ${suggest(strange, classes)}`);
  const [train, test] = (["train", "test"] as const).map((split) => generateSplit(options, kinds, split));
  return {
    name: "generated",
    copy: "generated",
    fingerprint: imageFingerprint({ train, test }),
    classes: kinds,
    levels: { subtype: subtypes.flat(), colour: colours, pose: poses, background: backgrounds },
    train,
    test,
  };
}

/** Images of a split. */
const MOST = 1_000_000;

function generateSplit(
  options: GenerateOptions,
  kinds: readonly string[],
  split: "train" | "test",
): ImageSet {
  const { seed, [split]: count } = options;
  if (!Number.isSafeInteger(count) || count < 0 || count > MOST) {
    throw new UsageError(
      `generate: ${split} is ${count}; expected a whole number of images, from 0 to ${MOST} (3 GB).`,
    );
  }
  const images = new Uint8Array(count * SIZE * SIZE * 3), factors: Factors[] = [];
  for (let index = 0; index < count; index++) {
    const random = generator(seed, split, index);
    factors.push(drawFactors(options, kinds, split, index, random));
    images.set(draw(factors[index], random), index * SIZE * SIZE * 3);
  }
  const known = (of: (factors: Factors) => number) => Uint8Array.from(factors, of);
  const levels = {
    subtype: known((image) => FIRST[image.class] + image.subtype),
    ...{ colour: known(({ colour }) => colour), pose: known(({ pose }) => pose) },
    background: known(({ background }) => background),
  };
  return {
    images,
    labels: known((image) => kinds.indexOf(classes[image.class])),
    levels,
    height: SIZE,
    width: SIZE,
  };
}

function drawFactors(
  { seed, plain = false }: GenerateOptions,
  kinds: readonly string[],
  split: string,
  index: number,
  random: Generator,
): Factors {
  const order = permutation(kinds.length, generator(seed, split, "classes", floor(index / kinds.length)));
  const label = classes.indexOf(kinds[order[index % kinds.length]]);
  return {
    class: label,
    subtype: plain ? 0 : random.integer(subtypes[label].length),
    colour: random.integer(colours.length),
    pose: random.integer(poses.length),
    background: plain ? 0 : random.integer(backgrounds.length),
  };
}

const size = z.int().nonnegative();

/** Images that are drawn when they are needed. */
export const generated: DatasetKind<GenerateOptions> = {
  title: "Generated images",
  options: z.strictObject({
    seed: size.default(0).describe("seed that they are drawn from"),
    train: size.describe("training images"),
    test: size.describe("test images"),
    kinds: z.array(z.enum(KINDS.map(({ name }) => name))).min(2).optional().describe(
      "classes to draw; absent: all ten",
    ),
    plain: z.boolean().optional().describe("one sub-type of each class, before plain backgrounds"),
  }),
  sized: (sizes) => sizes,
  // Colour alone tells an image from the others, and a small crop has no shape: what is learnt from a photograph's
  // views is colour. Chosen on held-out images, by experiments/sweeps/views-generated.json.
  hiding: {
    cropScale: [0.6, 1],
    jitter: { probability: 0.8, brightness: 0.6, contrast: 0.6, saturation: 0.6, hue: 0.2 },
    greyscale: 0.5,
  },
  load: generate,
};
