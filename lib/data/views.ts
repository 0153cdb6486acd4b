/**
 * Augmented views of an image, with torchvision's meaning of every parameter
 * (transforms v2 on float images).
 *
 * @module
 */
import { z } from "zod";
import type { Generator } from "../base/random.ts";
import { permutation } from "../base/random.ts";

/** How views are made. The transforms are applied in this order. */
export interface ViewOptions {
  /** Height and width of a view in pixels. */
  readonly size: number;
  /** Area of the crop as a part of the image's. */
  readonly cropScale: readonly [number, number];
  /** Its width as a part of its height; 3/4 to 4/3 if absent. */
  readonly cropRatio?: readonly [number, number];
  /** Probability of a horizontal flip. */
  readonly flip: number;
  /** Colour jitter: its probability, and how far each operation goes. */
  readonly jitter: {
    readonly probability: number;
    readonly brightness: number;
    readonly contrast: number;
    readonly saturation: number;
    readonly hue: number;
  };
  /** Probability of a grey view. */
  readonly greyscale: number;
  /** Probability of a Gaussian blur. */
  readonly blur: number;
  /** Its deviation in pixels; 0.1 to 2 if absent. */
  readonly blurDeviation?: readonly [number, number];
  /** Pixels of its kernel along an axis, an odd number; 3 if absent. */
  readonly blurKernel?: number;
  /** Probability that bright pixels are inverted. */
  readonly solarise: number;
  /** Value from which on a pixel is bright; 0.5 if absent. */
  readonly solariseThreshold?: number;
  /** What is different in the second view of each image. */
  readonly second?: Partial<Omit<ViewOptions, "size" | "second">>;
}

/**
 * How one view of several is made.
 *
 * @param options How views are made.
 * @param number Which view, from 0; every second one is a second view.
 * @returns How this one is.
 */
export function viewOf({ second, ...options }: ViewOptions, number: number): ViewOptions {
  return number % 2 === 1 ? { ...options, ...second } : options;
}

const probability = z.number().min(0).max(1), strength = z.number().nonnegative();
const area = z.number().positive().max(1);

const jitter = z.strictObject({
  probability,
  brightness: strength.default(0.4),
  contrast: strength.default(0.4),
  saturation: strength.default(0.4),
  hue: z.number().min(0).max(0.5).default(0.1),
}).describe("colour jitter: its probability, and how far each operation goes");
const scale = z.tuple([area, area]).describe("area of the crop as a part of the image's"),
  flip = probability.describe("probability of a horizontal flip"),
  greyscale = probability.describe("probability of a grey view"),
  blurred = probability.describe("probability of a Gaussian blur"),
  solarised = probability.describe("probability that bright pixels are inverted"),
  positive = z.number().positive();
const details = {
  cropRatio: z.tuple([positive, positive]).optional()
    .describe("width of the crop as a part of its height; 3/4 to 4/3 if absent"),
  blurDeviation: z.tuple([positive, positive]).optional()
    .describe("deviation of the blur in pixels; 0.1 to 2 if absent"),
  blurKernel: z.int().min(3).refine((size) => size % 2 === 1, "expected an odd number").optional()
    .describe("pixels of the blur's kernel along an axis, an odd number; 3 if absent"),
  solariseThreshold: probability.optional().describe("value from which on a pixel is bright; 0.5 if absent"),
};

/** {@link ViewOptions} in a spec. */
export const viewSchema: z.ZodType<ViewOptions> = z.strictObject({
  size: z.int().positive().default(32).describe("height and width of a view in pixels"),
  cropScale: scale.default([0.3, 1]),
  flip: flip.default(0.5),
  jitter,
  greyscale: greyscale.default(0.2),
  blur: blurred.default(0),
  solarise: solarised.default(0),
  ...details,
  second: z.strictObject({
    cropScale: scale.optional(),
    flip: flip.optional(),
    jitter: jitter.optional(),
    greyscale: greyscale.optional(),
    blur: blurred.optional(),
    solarise: solarised.optional(),
    ...details,
  }).optional().describe("what is different in the second view of each image"),
});

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
 * @param options How.
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
  options: ViewOptions,
  random: Generator,
  out: Float32Array,
  offset = 0,
): void {
  const view = out.subarray(offset, offset + options.size ** 2 * 3);
  const box = randomBox(height, width, options.cropScale, random, options.cropRatio);
  crop(image, width, box, random.uniform() < options.flip, options.size, view);
  const { jitter } = options;
  if (random.uniform() < jitter.probability) {
    const factor = (strength: number) => random.uniform(Math.max(0, 1 - strength), 1 + strength);
    for (const operation of permutation(4, random)) {
      if (operation === 0) brightness(view, factor(jitter.brightness));
      else if (operation === 1) contrast(view, factor(jitter.contrast));
      else if (operation === 2) saturation(view, factor(jitter.saturation));
      else hue(view, random.uniform(-jitter.hue, jitter.hue));
    }
  }
  if (random.uniform() < options.greyscale) saturation(view, 0);
  const { blurDeviation = [0.1, 2], blurKernel } = options;
  if (random.uniform() < options.blur) blur(view, options.size, random.uniform(...blurDeviation), blurKernel);
  if (random.uniform() < options.solarise) solarise(view, options.solariseThreshold);
}

/**
 * A random crop: its area uniform in `scale` times the image's, its aspect
 * ratio log-uniform in `ratio`; the largest central crop after ten misses.
 *
 * @param height Height of the image.
 * @param width Width of the image.
 * @param scale Smallest and largest part of the area.
 * @param random Where the randomness comes from.
 * @param ratio Smallest and largest width as a part of the height.
 * @returns The rectangle.
 */
export function randomBox(
  height: number,
  width: number,
  scale: readonly [number, number],
  random: Generator,
  ratio: readonly [number, number] = [3 / 4, 4 / 3],
): Box {
  const [low, high] = ratio.map(Math.log);
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = height * width * random.uniform(...scale);
    const aspect = Math.exp(random.uniform(low, high));
    const [h, w] = [Math.round(Math.sqrt(area / aspect)), Math.round(Math.sqrt(area * aspect))];
    if (h < 1 || w < 1 || h > height || w > width) continue;
    return { top: random.integer(height - h + 1), left: random.integer(width - w + 1), height: h, width: w };
  }
  const h = Math.min(height, Math.round(width / ratio[0])),
    w = Math.min(width, Math.round(height * ratio[1]));
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

/** Blurs with a Gaussian kernel of so many pixels, mirrored at the edges, in place. */
export function blur(view: Float32Array, size: number, deviation: number, kernel = 3): void {
  const reach = (kernel - 1) / 2;
  if (reach >= size) throw new RangeError(`A blur of ${kernel} pixels does not fit views of ${size}.`);
  if (rows.length < view.length) rows = new Float32Array(view.length);
  if (reach === 1) {
    const beside = 1 / (2 + Math.exp(0.5 / deviation ** 2));
    blurAlong(view, rows, size, 3, size * 3, beside);
    blurAlong(rows, view, size, size * 3, 3, beside);
    return;
  }
  const gauss = Float64Array.from(
    { length: kernel },
    (_, at) => Math.exp(-0.5 * ((at - reach) / deviation) ** 2),
  );
  const sum = gauss.reduce((a, b) => a + b), weights = gauss.map((value) => value / sum);
  convolveAlong(view, rows, size, 3, size * 3, weights);
  convolveAlong(rows, view, size, size * 3, 3, weights);
}

/** The same as `blurAlong` by any odd number of weights. */
function convolveAlong(
  from: Float32Array,
  to: Float32Array,
  size: number,
  step: number,
  across: number,
  weights: Float64Array,
): void {
  const reach = (weights.length - 1) / 2, last = size - 1;
  for (let line = 0; line < size; line++) {
    for (let place = 0; place < size; place++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let tap = 0; tap < weights.length; tap++) {
          const there = Math.abs(place + tap - reach), mirrored = there > last ? 2 * last - there : there;
          sum += weights[tap] * from[line * across + mirrored * step + channel];
        }
        to[line * across + place * step + channel] = sum;
      }
    }
  }
}

/** Blurs along one axis, whose places are `step` apart and whose lines `across`. */
function blurAlong(
  from: Float32Array,
  to: Float32Array,
  size: number,
  step: number,
  across: number,
  beside: number,
): void {
  const centre = 1 - 2 * beside;
  for (let line = 0; line < size; line++) {
    for (let place = 0; place < size; place++) {
      const at = line * across + place * step;
      const before = place > 0 ? at - step : at + step, after = place < size - 1 ? at + step : at - step;
      for (let channel = 0; channel < 3; channel++) {
        to[at + channel] = centre * from[at + channel] +
          beside * (from[before + channel] + from[after + channel]);
      }
    }
  }
}

/** Inverts the values from a threshold on, in place. */
export function solarise(view: Float32Array, threshold = 0.5): void {
  for (let at = 0; at < view.length; at++) if (view[at] >= threshold) view[at] = 1 - view[at];
}
