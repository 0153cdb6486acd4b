/**
 * Augmented views of an image, with torchvision's meaning of every parameter
 * (transforms v2 on float images).
 *
 * @module
 */
import { z } from "zod";
import { type Generator, generator, permutation } from "../base/random.ts";
import { imageOf, type ImageSet } from "./dataset.ts";

/** Colour jitter: its probability, and how far each operation goes. */
export interface Jitter {
  /** How often it happens at all. */
  readonly probability: number;
  /** The factor of the brightness is uniform in 1 ± this, and not below 0. */
  readonly brightness: number;
  /** The same of the contrast. */
  readonly contrast: number;
  /** The same of the saturation. */
  readonly saturation: number;
  /** The hue turns by up to this part of the circle, to either side. */
  readonly hue: number;
}

/** How a view is made. The transforms are applied in this order. */
export interface Transforms {
  /** Height and width of a view in pixels. */
  readonly size: number;
  /** Area of the crop as a part of the image's. */
  readonly cropScale: readonly [number, number];
  /** Width of the crop over its height; 3/4 to 4/3 if absent. */
  readonly cropRatio?: readonly [number, number];
  /** Probability of a horizontal flip. */
  readonly flip: number;
  /** Colour jitter, its four operations in random order. */
  readonly jitter: Jitter;
  /** Probability of a grey view. */
  readonly greyscale: number;
  /** Probability of a Gaussian blur. */
  readonly blur: number;
  /** Height and width of its kernel in pixels, odd; 3 if absent. */
  readonly blurKernel?: number;
  /** Its deviation (σ) in pixels; 0.1 to 2 if absent. */
  readonly blurDeviation?: readonly [number, number];
  /** Probability that bright values are inverted. */
  readonly solarise: number;
  /** The least value that is bright, in 0..1; 0.5 if absent. */
  readonly solariseThreshold?: number;
}

/** Fields in which views differ from the first one, but for some. */
export type DifferingTransforms<Field extends keyof Transforms> =
  & Partial<Omit<Transforms, Field | "jitter">>
  & { readonly jitter?: Partial<Jitter> };

/** How the views of an image are made. */
export interface ViewOptions extends Transforms {
  /** How many views of this size there are; 2 if absent. Of more, the first and the second one's fields take turns. */
  readonly number?: number;
  /** Fields in which the second view differs from the first. */
  readonly second?: DifferingTransforms<"size">;
  /** Views of full size are smaller at first: cheaper steps while there is most to learn (progressive resizing). */
  readonly early?: {
    /** Their height and width in pixels then. */
    readonly size: number;
    /** Part of a training's steps for which they are. */
    readonly part: number;
  };
  /** Views besides, of smaller parts (Caron et al. 2020's multi-crop): their fields, where they differ from the first one's. */
  readonly local?: DifferingTransforms<"size" | "cropScale"> & Pick<Transforms, "size" | "cropScale"> & {
    readonly number: number;
  };
}

/** What hides from the views of an image what does not matter in it. */
export type Hiding = Pick<Transforms, "cropScale" | "jitter" | "greyscale">;

/** What does for photographs, in the released code. */
export const PHOTOGRAPHS: Hiding = {
  cropScale: [0.3, 1],
  jitter: { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
  greyscale: 0.2,
};

/** How many views of full size an image has, unless it is said. */
const FULL = 2;

/** What is taken of a field that is absent. Not filled into specs: their runs have ids without it. */
const ABSENT = {
  cropRatio: [3 / 4, 4 / 3],
  blurKernel: 3,
  blurDeviation: [0.1, 2],
  solariseThreshold: 0.5,
} as const;

const probability = z.number().min(0).max(1), strength = z.number().nonnegative();
const positive = z.number().positive(), turn = z.number().max(0.5).nonnegative();

const range = (bound: z.ZodNumber) =>
  z.tuple([bound, bound]).refine(([low, high]) => low <= high, "the first number is above the second");

const JITTER = "colour jitter: its probability, and how far each operation goes";
const jitter = { probability, brightness: strength, contrast: strength, saturation: strength, hue: turn };
const fields = {
  cropScale: range(positive.max(1)).describe("area of the crop as a part of the image's"),
  cropRatio: range(positive).describe("width of the crop over its height"),
  flip: probability.describe("probability of a horizontal flip"),
  greyscale: probability.describe("probability of a grey view"),
  blur: probability.describe("probability of a Gaussian blur"),
  blurKernel: z.int().positive().refine((side) => side % 2 === 1, "a kernel has an odd number of pixels")
    .describe("height and width of its kernel in pixels, odd"),
  blurDeviation: range(positive).describe("its deviation in pixels"),
  solarise: probability.describe("probability that bright values are inverted"),
  solariseThreshold: probability.describe("the least value that is bright, in 0 to 1"),
};
/** Editors are told what is taken where it is absent. */
const optional = <Field extends z.ZodType>(field: Field, absent: unknown) =>
  field.optional().meta({ default: absent });

const differing = z.strictObject({
  ...fields,
  jitter: z.strictObject(jitter).partial().describe(JITTER),
});

/** {@link ViewOptions} in a spec. */
export const viewSchema: z.ZodType<ViewOptions> = z.strictObject({
  size: z.int().positive().default(32).describe("height and width of a view in pixels"),
  cropScale: fields.cropScale.default([...PHOTOGRAPHS.cropScale]),
  cropRatio: optional(fields.cropRatio, ABSENT.cropRatio),
  flip: fields.flip.default(0.5),
  jitter: z.strictObject({
    probability,
    brightness: strength.default(PHOTOGRAPHS.jitter.brightness),
    contrast: strength.default(PHOTOGRAPHS.jitter.contrast),
    saturation: strength.default(PHOTOGRAPHS.jitter.saturation),
    hue: turn.default(PHOTOGRAPHS.jitter.hue),
  }).describe(JITTER),
  greyscale: fields.greyscale.default(PHOTOGRAPHS.greyscale),
  blur: fields.blur.default(0),
  blurKernel: optional(fields.blurKernel, ABSENT.blurKernel),
  blurDeviation: optional(fields.blurDeviation, ABSENT.blurDeviation),
  solarise: fields.solarise.default(0),
  solariseThreshold: optional(fields.solariseThreshold, ABSENT.solariseThreshold),
  number: optional(z.int().min(2).describe("how many views of this size an image has"), FULL),
  second: differing.partial().optional().describe("fields in which the second view differs from the first"),
  early: z.strictObject({
    size: z.int().positive().describe("their height and width in pixels"),
    part: z.number().gt(0).lt(1).describe("part of a training's steps, from the first on"),
  }).optional().describe("views of full size are smaller at first"),
  local: differing.partial().extend({
    number: z.int().positive().describe("how many there are"),
    size: z.int().positive().describe("their height and width in pixels"),
    cropScale: fields.cropScale,
  }).optional().describe("smaller views besides: fields in which they differ from the first"),
});

/**
 * How each view of an image is made.
 *
 * @param options The description of all.
 * @param done Part of a training's steps that is over, from 0 on; the end if absent.
 * @returns One entry a view: those of full size, then the local ones.
 */
export function viewsOf(
  { number = FULL, second, local, early, ...last }: ViewOptions,
  done = 1,
): Transforms[] {
  const first = early && done < early.part ? { ...last, size: early.size } : last;
  const other = (fields: DifferingTransforms<never>) => ({
    ...first,
    ...fields,
    jitter: { ...first.jitter, ...fields.jitter },
  });
  const full = Array.from({ length: number }, (_, at) => at % 2 === 0 ? first : other(second ?? {}));
  if (local === undefined) return full;
  const { number: count, ...fields } = local;
  return [...full, ...Array.from({ length: count }, () => other(fields))];
}

/** One of the views that a training learns from. */
export interface ViewKey {
  /** Seed of the run. */
  readonly seed: number;
  /** From 0. */
  readonly epoch: number;
  /** Position of the image in the set. */
  readonly index: number;
  /** Which of the image's views, from 0. */
  readonly number: number;
}

/**
 * Makes one of the views that a training learns from. It depends on its key alone.
 *
 * @param set The images.
 * @param key Which one.
 * @param views How each view of an image is made ({@link viewsOf}).
 * @param out Where the view is written: `[size, size, 3]`, values in 0..1.
 * @param offset Where in `out` it begins.
 */
export function drawView(
  set: ImageSet,
  key: ViewKey,
  views: readonly Transforms[],
  out: Float32Array,
  offset = 0,
): void {
  augment(imageOf(set, key.index), set.height, set.width, views[key.number], randomnessOf(key), out, offset);
}

/** All that is random in a view. */
const randomnessOf = ({ seed, epoch, index, number }: ViewKey) =>
  generator("view", seed, epoch, index, number);

/** Numbers that tell of a view where it was cropped. */
export const CROP = 5;

/**
 * Where one of the views that a training learns from is cropped.
 *
 * @param set The images.
 * @param key Which view.
 * @param views How each view of an image is made ({@link viewsOf}).
 * @returns {@link CROP} numbers from -1 to 1: of the crop's centre, down and across, 0 in the image's; of its height
 * and width, 1 the image's; and 1 where it is mirrored, else -1.
 */
export function cropOf(
  { height, width }: Pick<ImageSet, "height" | "width">,
  key: ViewKey,
  views: readonly Transforms[],
): number[] {
  const { box, mirror } = randomCrop(height, width, views[key.number], randomnessOf(key));
  return [
    2 * (box.top + box.height / 2) / height - 1,
    2 * (box.left + box.width / 2) / width - 1,
    2 * box.height / height - 1,
    2 * box.width / width - 1,
    mirror ? 1 : -1,
  ];
}

/** A rectangle of an image, in pixels. */
export interface Box {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/**
 * Makes one view.
 *
 * @param image RGB bytes, `[height, width, 3]`.
 * @param height Height of the image.
 * @param width Width of the image.
 * @param transforms How.
 * @param random Where the randomness comes from.
 * @param out Where the view is written: `[size, size, 3]`, values in 0..1.
 * @param offset Where in `out` it begins.
 * @example
 * ```ts
 * import { generator } from "../base/random.ts";
 * import { augment } from "./views.ts";
 * const jitter = { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 };
 * const options = { size: 4, cropScale: [0.3, 1], flip: 0.5, jitter, greyscale: 0.2, blur: 0, solarise: 0 } as const;
 * const view = new Float32Array(4 * 4 * 3);
 * augment(new Uint8Array(8 * 8 * 3).fill(255), 8, 8, options, generator("view", 0), view);
 * if (!view.every((value) => value > 0 && value <= 1)) throw new Error("not in 0..1");
 * ```
 */
export function augment(
  image: Uint8Array,
  height: number,
  width: number,
  transforms: Transforms,
  random: Generator,
  out: Float32Array,
  offset = 0,
): void {
  const how = { ...ABSENT, ...transforms }, { size, jitter } = how;
  const view = out.subarray(offset, offset + size ** 2 * 3);
  const { box, mirror } = randomCrop(height, width, how, random);
  crop(image, width, box, mirror, size, view);
  if (random.uniform() < jitter.probability) {
    const factor = (strength: number) => random.uniform(Math.max(0, 1 - strength), 1 + strength);
    for (const operation of permutation(4, random)) {
      if (operation === 0) brightness(view, factor(jitter.brightness));
      else if (operation === 1) contrast(view, factor(jitter.contrast));
      else if (operation === 2) saturation(view, factor(jitter.saturation));
      else hue(view, random.uniform(-jitter.hue, jitter.hue));
    }
  }
  if (random.uniform() < how.greyscale) saturation(view, 0);
  if (random.uniform() < how.blur) {
    blur(view, size, random.uniform(...how.blurDeviation), how.blurKernel);
  }
  if (random.uniform() < how.solarise) solarise(view, how.solariseThreshold);
}

/** What is drawn first of a view: what is cut out, and whether it is mirrored. */
function randomCrop(
  height: number,
  width: number,
  { cropScale, cropRatio = ABSENT.cropRatio, flip }: Transforms,
  random: Generator,
): { box: Box; mirror: boolean } {
  const box = randomBox(height, width, cropScale, cropRatio, random);
  return { box, mirror: random.uniform() < flip };
}

/**
 * A random crop: its area uniform in `scale` times the image's, its width over
 * its height log-uniform in `ratio`; the largest central crop after ten misses.
 *
 * @param height Height of the image.
 * @param width Width of the image.
 * @param scale Smallest and largest part of the area.
 * @param ratio Smallest and largest width over height.
 * @param random Where the randomness comes from.
 * @returns The rectangle.
 */
export function randomBox(
  height: number,
  width: number,
  scale: readonly [number, number],
  ratio: readonly [number, number],
  random: Generator,
): Box {
  const [narrowest, widest] = ratio, [low, high] = [Math.log(narrowest), Math.log(widest)];
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = height * width * random.uniform(...scale);
    const aspect = Math.exp(random.uniform(low, high));
    const [h, w] = [Math.round(Math.sqrt(area / aspect)), Math.round(Math.sqrt(area * aspect))];
    if (h < 1 || w < 1 || h > height || w > width) continue;
    return { top: random.integer(height - h + 1), left: random.integer(width - w + 1), height: h, width: w };
  }
  const h = Math.min(height, Math.round(width / narrowest)), w = Math.min(width, Math.round(height * widest));
  return { top: (height - h) >> 1, left: (width - w) >> 1, height: h, width: w };
}

/** For each place along an axis of the view: the first pixel it is made of, and the weights from there on. */
interface Taps {
  /** Weights a place: 2 when enlarging, more when shrinking, never more than there are pixels. */
  count: number;
  first: Int32Array;
  weights: Float32Array;
}

// Kept from view to view: allocating them would take as long as filling them.
const across: Taps = { count: 0, first: new Int32Array(0), weights: new Float32Array(0) };
const down: Taps = { ...across };
let rows = new Float32Array(0);

/**
 * Sets bilinear weights with half-pixel centres from `length` pixels to `size`;
 * when that shrinks, the triangle is as much wider (antialiasing).
 */
function setTaps(taps: Taps, length: number, size: number, reverse: boolean): void {
  const scale = length / size, reach = Math.max(1, scale);
  const count = taps.count = Math.min(length, 2 * Math.ceil(reach));
  if (taps.first.length < size) taps.first = new Int32Array(size);
  if (taps.weights.length < size * count) taps.weights = new Float32Array(size * count);
  const { first, weights } = taps;
  for (let to = 0; to < size; to++) {
    const centre = (to + 0.5) * scale - 0.5;
    const from = Math.min(Math.max(0, Math.ceil(centre - reach)), length - count);
    const at = reverse ? size - 1 - to : to;
    first[at] = from;
    let sum = 0;
    for (let tap = 0; tap < count; tap++) {
      sum += weights[at * count + tap] = Math.max(0, 1 - Math.abs(from + tap - centre) / reach);
    }
    for (let tap = 0; tap < count; tap++) weights[at * count + tap] /= sum;
  }
}

/**
 * Crops and resizes, and mirrors if asked to.
 *
 * @param image RGB bytes, `[…, width, 3]`.
 * @param width Width of the image.
 * @param box What to cut out.
 * @param mirror Whether left and right are exchanged.
 * @param size Height and width of the result.
 * @param view Where it is written, values in 0..1.
 */
export function crop(
  image: Uint8Array,
  width: number,
  box: Box,
  mirror: boolean,
  size: number,
  view: Float32Array,
): void {
  const length = box.height * size * 3;
  if (rows.length < length) rows = new Float32Array(length);
  setTaps(across, box.width, size, mirror);
  setTaps(down, box.height, size, false);
  resizeAcross(image, width, box, size);
  resizeDown(size, view);
}

/** From the box's pixels to `rows`, `[box.height, size, 3]`, values in 0..255. */
function resizeAcross(image: Uint8Array, width: number, box: Box, size: number): void {
  const { count, first, weights } = across;
  for (let y = 0, to = 0; y < box.height; y++) {
    const line = ((box.top + y) * width + box.left) * 3;
    for (let x = 0; x < size; x++, to += 3) {
      let from = line + first[x] * 3;
      if (count === 2) {
        const a = weights[2 * x], b = weights[2 * x + 1];
        rows[to] = a * image[from] + b * image[from + 3];
        rows[to + 1] = a * image[from + 1] + b * image[from + 4];
        rows[to + 2] = a * image[from + 2] + b * image[from + 5];
        continue;
      }
      let r = 0, g = 0, b = 0;
      for (let tap = x * count, end = tap + count; tap < end; tap++, from += 3) {
        const weight = weights[tap];
        r += weight * image[from];
        g += weight * image[from + 1];
        b += weight * image[from + 2];
      }
      rows[to] = r;
      rows[to + 1] = g;
      rows[to + 2] = b;
    }
  }
}

/** From `rows` to the view, `[size, size, 3]`, values in 0..1. */
function resizeDown(size: number, view: Float32Array): void {
  const { count, first, weights } = down;
  const stride = size * 3;
  for (let y = 0; y < size; y++) {
    const to = y * stride, from = first[y] * stride;
    const a = weights[y * count] / 255, b = count > 1 ? weights[y * count + 1] / 255 : 0;
    const next = count > 1 ? from + stride : from;
    for (let x = 0; x < stride; x++) view[to + x] = a * rows[from + x] + b * rows[next + x];
    for (let tap = 2; tap < count; tap++) {
      const weight = weights[y * count + tap] / 255, line = from + tap * stride;
      for (let x = 0; x < stride; x++) view[to + x] += weight * rows[line + x];
    }
  }
}

const clamp = (value: number) => value < 0 ? 0 : value > 1 ? 1 : value;

/** Luminance of an RGB pixel, as torchvision weighs it. */
const luminance = (r: number, g: number, b: number) => 0.2989 * r + 0.587 * g + 0.114 * b;

/** Multiplies all values by a factor, in place. */
export function brightness(view: Float32Array, factor: number): void {
  for (let at = 0; at < view.length; at++) view[at] = clamp(view[at] * factor);
}

/** Blends with the mean luminance, in place: 0 is flat grey, 1 the image. */
export function contrast(view: Float32Array, factor: number): void {
  let mean = 0;
  for (let at = 0; at < view.length; at += 3) mean += luminance(view[at], view[at + 1], view[at + 2]);
  const grey = (1 - factor) * mean * 3 / view.length;
  for (let at = 0; at < view.length; at++) view[at] = clamp(view[at] * factor + grey);
}

/** Blends with each pixel's luminance, in place: 0 is grey, 1 the image. */
export function saturation(view: Float32Array, factor: number): void {
  for (let at = 0; at < view.length; at += 3) {
    const [r, g, b] = [view[at], view[at + 1], view[at + 2]];
    const grey = (1 - factor) * luminance(r, g, b);
    view[at] = clamp(r * factor + grey);
    view[at + 1] = clamp(g * factor + grey);
    view[at + 2] = clamp(b * factor + grey);
  }
}

/**
 * Turns the hue by a part of the circle, -0.5 to 0.5, in place: each pixel's
 * largest and smallest value stay what they are.
 */
export function hue(view: Float32Array, turn: number): void {
  for (let at = 0; at < view.length; at += 3) {
    const r = view[at], g = view[at + 1], b = view[at + 2];
    const high = Math.max(r, g, b), low = Math.min(r, g, b), range = high - low;
    if (range === 0) continue;
    const sixth = high === r ? (g - b) / range : high === g ? 2 + (b - r) / range : 4 + (r - g) / range;
    let angle = sixth + 6 * turn;
    if (angle < 0) angle += 6;
    else if (angle >= 6) angle -= 6;
    view[at] = low + range * clamp(Math.abs(angle - 3) - 1);
    view[at + 1] = low + range * clamp(2 - Math.abs(angle - 2));
    view[at + 2] = low + range * clamp(2 - Math.abs(angle - 4));
  }
}

/**
 * Blurs with a Gaussian kernel, mirrored at the edges, in place.
 *
 * @param view `[size, size, 3]`.
 * @param size Height and width of the view.
 * @param deviation σ in pixels.
 * @param kernel Height and width of the kernel, odd.
 */
export function blur(view: Float32Array, size: number, deviation: number, kernel: number): void {
  const weights = gaussian(deviation, kernel >> 1), places = mirrored(size, kernel >> 1);
  if (rows.length < view.length) rows = new Float32Array(view.length);
  blurAlong(view, rows, size, 3, size * 3, weights, places);
  blurAlong(rows, view, size, size * 3, 3, weights, places);
}

/** Weights of a pixel and of those 1, 2, … `reach` beside it on one side; over both sides their sum is 1. */
function gaussian(deviation: number, reach: number): Float64Array {
  const weights = new Float64Array(reach + 1);
  let beside = 0;
  for (let at = 1; at <= reach; at++) {
    let sum = 0;
    // Over its own exponential, and each pair of sides at once: no sum is 0, however small the deviation.
    for (let other = 0; other <= reach; other++) {
      sum += (other > 0 ? 2 : 1) * Math.exp(0.5 * (at ** 2 - other ** 2) / deviation ** 2);
    }
    beside += weights[at] = 1 / sum;
  }
  weights[0] = 1 - 2 * beside;
  return weights;
}

/** Where the places −`reach` to `size` + `reach` − 1 are, if what is outside mirrors what is inside. */
function mirrored(size: number, reach: number): Int32Array {
  const period = Math.max(1, 2 * (size - 1));
  return Int32Array.from({ length: size + 2 * reach }, (_, at) => {
    const place = Math.abs(at - reach) % period;
    return Math.min(place, period - place);
  });
}

/** Blurs along one axis, whose places are `step` apart and whose lines `across`. */
function blurAlong(
  from: Float32Array,
  to: Float32Array,
  size: number,
  step: number,
  across: number,
  weights: Float64Array,
  places: Int32Array,
): void {
  const reach = weights.length - 1;
  for (let line = 0; line < size; line++) {
    for (let place = 0; place < size; place++) {
      const start = line * across, at = start + place * step;
      let r = weights[0] * from[at], g = weights[0] * from[at + 1], b = weights[0] * from[at + 2];
      for (let away = 1; away <= reach; away++) {
        const weight = weights[away];
        const before = start + places[place + reach - away] * step;
        const after = start + places[place + reach + away] * step;
        r += weight * (from[before] + from[after]);
        g += weight * (from[before + 1] + from[after + 1]);
        b += weight * (from[before + 2] + from[after + 2]);
      }
      to[at] = r;
      to[at + 1] = g;
      to[at + 2] = b;
    }
  }
}

/** Inverts the values from a threshold on, in place. */
export function solarise(view: Float32Array, threshold: number): void {
  for (let at = 0; at < view.length; at++) if (view[at] >= threshold) view[at] = 1 - view[at];
}
