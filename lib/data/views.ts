/**
 * Augmented views of an image, with torchvision's meaning of every parameter
 * (transforms v2 on float images).
 *
 * @module
 */
import type { Generator } from "../base/random.ts";
import { permutation } from "../base/random.ts";

/** How views are made. The transforms are applied in this order. */
export interface ViewOptions {
  /** Height and width of a view in pixels. */
  readonly size: number;
  /** Area of the crop as a part of the image's. */
  readonly cropScale: readonly [number, number];
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
  /** Probability of a Gaussian blur, deviation 0.1–2 pixels. */
  readonly blur: number;
  /** Probability that bright pixels (0.5 or more) are inverted. */
  readonly solarise: number;
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
 * @param options How.
 * @param random Where the randomness comes from.
 * @param view Where the view is written: `[size, size, 3]`, values in 0..1.
 */
export function augment(
  image: Uint8Array,
  height: number,
  width: number,
  options: ViewOptions,
  random: Generator,
  view: Float32Array,
): void {
  const box = randomBox(height, width, options.cropScale, random);
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
  if (random.uniform() < options.blur) blur(view, options.size, random.uniform(0.1, 2));
  if (random.uniform() < options.solarise) solarise(view);
}

/**
 * A random crop: its area uniform in `scale` times the image's, its aspect
 * ratio log-uniform in 3/4..4/3; the largest central crop after ten misses.
 *
 * @param height Height of the image.
 * @param width Width of the image.
 * @param scale Smallest and largest part of the area.
 * @param random Where the randomness comes from.
 * @returns The rectangle.
 */
export function randomBox(
  height: number,
  width: number,
  scale: readonly [number, number],
  random: Generator,
): Box {
  const [low, high] = [Math.log(3 / 4), Math.log(4 / 3)];
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = height * width * random.uniform(...scale);
    const ratio = Math.exp(random.uniform(low, high));
    const [h, w] = [Math.round(Math.sqrt(area / ratio)), Math.round(Math.sqrt(area * ratio))];
    if (h < 1 || w < 1 || h > height || w > width) continue;
    return { top: random.integer(height - h + 1), left: random.integer(width - w + 1), height: h, width: w };
  }
  const h = Math.min(height, Math.round(width * 4 / 3)), w = Math.min(width, Math.round(height * 4 / 3));
  return { top: (height - h) >> 1, left: (width - w) >> 1, height: h, width: w };
}

/** For each place along an axis of the view: the first pixel, how many, and their weights. */
interface Taps {
  readonly first: Int32Array;
  readonly count: number;
  readonly weights: Float32Array;
}

/**
 * Bilinear weights with half-pixel centres from `length` pixels to `size`;
 * when that shrinks, the triangle is as much wider (antialiasing).
 */
function taps(start: number, length: number, size: number, reverse: boolean): Taps {
  const scale = length / size, reach = Math.max(1, scale);
  const count = Math.min(length, 2 * Math.ceil(reach) + 1);
  const first = new Int32Array(size), weights = new Float32Array(size * count);
  for (let to = 0; to < size; to++) {
    const centre = (to + 0.5) * scale - 0.5;
    const from = Math.min(Math.max(0, Math.ceil(centre - reach)), length - count);
    const at = reverse ? size - 1 - to : to;
    first[at] = start + from;
    let sum = 0;
    for (let tap = 0; tap < count; tap++) {
      sum += weights[at * count + tap] = Math.max(0, 1 - Math.abs(from + tap - centre) / reach);
    }
    for (let tap = 0; tap < count; tap++) weights[at * count + tap] /= sum;
  }
  return { first, count, weights };
}

let rows = new Float32Array(0);

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
  const across = taps(box.left, box.width, size, mirror), down = taps(box.top, box.height, size, false);
  const stride = size * 3;
  if (rows.length < box.height * stride) rows = new Float32Array(box.height * stride);
  for (let y = 0; y < box.height; y++) {
    const line = (box.top + y) * width * 3;
    for (let x = 0, to = y * stride; x < size; x++, to += 3) {
      let r = 0, g = 0, b = 0;
      let from = line + across.first[x] * 3;
      for (let tap = x * across.count, end = tap + across.count; tap < end; tap++, from += 3) {
        const weight = across.weights[tap];
        r += weight * image[from];
        g += weight * image[from + 1];
        b += weight * image[from + 2];
      }
      rows[to] = r;
      rows[to + 1] = g;
      rows[to + 2] = b;
    }
  }
  for (let y = 0; y < size; y++) {
    const top = (down.first[y] - box.top) * stride, to = y * stride;
    for (let x = 0; x < stride; x++) {
      let sum = 0;
      for (let tap = 0, from = top + x; tap < down.count; tap++, from += stride) {
        sum += down.weights[y * down.count + tap] * rows[from];
      }
      view[to + x] = sum / 255;
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

/** Turns the hue by a part of the circle, in place: each pixel's largest and smallest channel stay what they are. */
export function hue(view: Float32Array, turn: number): void {
  for (let at = 0; at < view.length; at += 3) {
    const r = view[at], g = view[at + 1], b = view[at + 2];
    const high = Math.max(r, g, b), low = Math.min(r, g, b), range = high - low;
    if (range === 0) continue;
    const sixth = high === r ? (g - b) / range : high === g ? 2 + (b - r) / range : 4 + (r - g) / range;
    const angle = (sixth + 6 * turn + 12) % 6;
    view[at] = high - range * ramp(angle + 5);
    view[at + 1] = high - range * ramp(angle + 3);
    view[at + 2] = high - range * ramp(angle + 1);
  }
}

/** How far a channel is below the largest one, at a place on the colour circle of six parts. */
function ramp(place: number): number {
  const k = place % 6;
  return clamp(Math.min(k, 4 - k));
}

/** Blurs with a Gaussian kernel of three pixels, mirrored at the edges, in place. */
export function blur(view: Float32Array, size: number, deviation: number): void {
  const side = Math.exp(-0.5 / deviation ** 2), centre = 1 / (1 + 2 * side), beside = side * centre;
  const copy = new Float32Array(view.length);
  const pass = (from: Float32Array, to: Float32Array, step: number, across: number) => {
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
  };
  pass(view, copy, 3, size * 3);
  pass(copy, view, size * 3, 3);
}

/** Inverts the values from 0.5 on, in place. */
export function solarise(view: Float32Array): void {
  for (let at = 0; at < view.length; at++) if (view[at] >= 0.5) view[at] = 1 - view[at];
}
