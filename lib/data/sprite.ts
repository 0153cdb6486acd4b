/**
 * The images of a set as one picture.
 *
 * @module
 */
import { encode } from "fast-png";
import { imageOf, type ImageSet } from "./dataset.ts";
import { crop } from "./views.ts";

/** Many images as one. */
export interface Sprite {
  /** The picture, a PNG file. */
  readonly png: Uint8Array;
  /** Height and width of each image in it, in pixels. */
  readonly side: number;
}

/** Height and width of a picture that TensorBoard takes, in pixels. */
const LARGEST = 8192;

/**
 * The images of a set side by side, row by row, without gaps, as TensorBoard's embedding projector cuts them
 * out again. They keep their size, unless the picture would be over 8192 pixels wide: then they are shrunk.
 *
 * @param set Square images, at least one.
 * @returns The picture: as many columns as rows, or one more; what is left of its last row is black.
 * @example
 * ```ts
 * import { generate } from "./generated.ts";
 * import { sprite } from "./sprite.ts";
 * const { side } = sprite(generate({ seed: 0, train: 10, test: 0 }).train);
 * if (side !== 32) throw new Error(`${side}`);
 * ```
 */
export function sprite(set: ImageSet): Sprite {
  const { labels: { length: count }, height, width } = set;
  const columns = Math.ceil(Math.sqrt(count)), rows = Math.ceil(count / columns);
  const side = Math.min(height, Math.floor(LARGEST / columns)), line = side * 3;
  const data = new Uint8Array(rows * side * columns * line), image = new Float32Array(side * line);
  for (let at = 0; at < count; at++) {
    crop(imageOf(set, at), width, { top: 0, left: 0, height, width }, false, side, image);
    const first = Math.floor(at / columns) * side, left = (at % columns) * line;
    for (let row = 0; row < side; row++) {
      const to = (first + row) * columns * line + left;
      for (let x = 0; x < line; x++) data[to + x] = Math.round(image[row * line + x] * 255);
    }
  }
  return { png: encode({ width: columns * side, height: rows * side, channels: 3, data }), side };
}
