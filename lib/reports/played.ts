/**
 * What the playground does with a picture, in a browser as here: changes it, represents it, finds what is near.
 *
 * @module
 */
import { tf } from "../compute/tf.ts";
import { normalise } from "../data/normalise.ts";
import { blur, brightness, contrast, crop, hue, saturation } from "../data/views.ts";
import { type Network, pass } from "../model/layers.ts";
import { stack, type StackConfig } from "../model/stack.ts";
import { unpack } from "./packed.ts";
import type { PackedTensor, Playground } from "./playground.ts";

/** How a picture is changed, by the operations of the views that a training learns from, in their order. */
export interface Change {
  /** Side of the crop as a part of the picture's, above 0. */
  readonly crop: number;
  /** Where in the room that the crop leaves it lies, 0 to 1 from the left. */
  readonly across: number;
  /** The same from the top. */
  readonly down: number;
  readonly flip: boolean;
  /** Factors, from 0 on; 1 changes nothing. */
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
  /** Part of the circle, −0.5 to 0.5. */
  readonly hue: number;
  readonly grey: boolean;
  /** σ in pixels; 0 is none. */
  readonly blur: number;
}

/** The change that leaves a picture as it is. */
export const UNCHANGED: Change = {
  ...{ crop: 1, across: 0.5, down: 0.5, flip: false, brightness: 1, contrast: 1, saturation: 1, hue: 0 },
  ...{ grey: false, blur: 0 },
};

/**
 * Changes a picture.
 *
 * @param picture RGB bytes, `[side, side, 3]`.
 * @param side Its height and width.
 * @param change How.
 * @returns `[side, side, 3]`, values in 0..1.
 */
export function changed(picture: Uint8Array, side: number, change: Change): Float32Array {
  const view = new Float32Array(picture.length), cut = Math.max(1, Math.round(side * change.crop));
  const [top, left] = [change.down, change.across].map((part) => Math.round((side - cut) * part));
  crop(picture, side, { top, left, height: cut, width: cut }, change.flip, side, view);
  brightness(view, change.brightness);
  contrast(view, change.contrast);
  saturation(view, change.grey ? 0 : change.saturation);
  hue(view, change.hue);
  // Of a kernel that is cut off at three deviations nothing is missed.
  if (change.blur > 0) blur(view, side, change.blur, 2 * Math.ceil(3 * change.blur) + 1);
  return view;
}

/**
 * The network of a page.
 *
 * @param network As it is stored.
 * @returns Its tensors.
 */
export function openNetwork({ parameters, statistics }: Playground["network"]): Network {
  const open = (packed: Readonly<Record<string, PackedTensor>>) =>
    Object.fromEntries(
      Object.entries(packed).map(([name, { shape, values }]) => [
        name,
        tf.tensor(unpack(values) as Float32Array, [...shape]),
      ]),
    );
  return { parameters: open(parameters), statistics: open(statistics) };
}

/**
 * Represents a picture by each stack.
 *
 * @param network The encoders.
 * @param config What stack they form.
 * @param view `[side, side, 3]`, values in 0..1.
 * @param side Its height and width.
 * @returns A representation a level, lowest first.
 */
export async function represent(
  network: Network,
  config: StackConfig,
  view: Float32Array,
  side: number,
): Promise<Float32Array[]> {
  const levels = tf.tidy(() => {
    const images = normalise(tf.tensor4d(view, [1, side, side, 3]));
    return stack(pass(network, false), images, config).map(({ representation }) => representation);
  });
  const found = await Promise.all(levels.map((x) => x.data<"float32">()));
  tf.dispose(levels);
  return found;
}

/** Cosine of two vectors. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let product = 0, one = 0, other = 0;
  for (let at = 0; at < a.length; at++) {
    product += a[at] * b[at];
    one += a[at] ** 2;
    other += b[at] ** 2;
  }
  return product / (Math.sqrt(one * other) || 1);
}

/**
 * Cosines of a representation and those of all images.
 *
 * @param x `[features]`.
 * @param directions Of the images, `[count, features]`.
 * @returns `[count]`.
 */
export function similarities(x: Float32Array, directions: Float32Array): Float32Array {
  const features = x.length;
  return Float32Array.from(
    { length: directions.length / features },
    (_, at) => cosine(x, directions.subarray(at * features, (at + 1) * features)),
  );
}

/**
 * The images that are nearest, nearest first.
 *
 * @param cosines Of all images.
 * @param k How many.
 * @param except An image that is left out.
 * @returns Their positions.
 */
export function nearest(cosines: Float32Array, k: number, except?: number): number[] {
  return [...cosines.keys()].filter((at) => at !== except).sort((a, b) => cosines[b] - cosines[a]).slice(
    0,
    k,
  );
}

/** Images that place a picture, and how near they are. */
export interface Anchors {
  /** Their positions. */
  readonly images: readonly number[];
  /** Their cosines with the picture. */
  readonly cosines: readonly number[];
}

/** Keeps an image that is the picture itself from a weight without end. */
const SAME = 1e-6;

/**
 * Where a picture is drawn on a map that has no place for it: Shepard's mean of the places of those that are
 * nearest, each weighted by 1 / d², d² = 2 (1 − cosine) (Shepard 1968, https://doi.org/10.1145/800186.810616).
 *
 * @param anchors Those that are nearest.
 * @param points Places of all images, `[count · 2]`.
 * @returns x and y.
 * @example
 * ```ts
 * import { placeOf } from "./played.ts";
 * const [x, y] = placeOf({ images: [0, 2], cosines: [0.5, 0.5] }, Uint16Array.of(0, 2, 9, 9, 4, 6));
 * if (x !== 2 || y !== 4) throw new Error("not in the middle");
 * ```
 */
export function placeOf({ images, cosines }: Anchors, points: ArrayLike<number>): [x: number, y: number] {
  let x = 0, y = 0, sum = 0;
  images.forEach((image, at) => {
    const weight = 1 / (Math.max(0, 1 - cosines[at]) + SAME);
    x += weight * points[2 * image];
    y += weight * points[2 * image + 1];
    sum += weight;
  });
  return [x / sum, y / sum];
}
