/**
 * Small images inside charts, as data URIs.
 *
 * @module
 */
import { encode } from "fast-png";
import jpeg from "jpeg-js";
import { demandLength, demandSome } from "./check.ts";
import { quantise } from "./quantise.ts";

/** What every data URI of this file begins with. */
export const PNG_URI = "data:image/png;base64,";

/** How true a thumbnail is to its image, of 100: hues stay, and edges are hardly less sharp. */
const QUALITY = 50;

/**
 * A small image for tooltips and grids, a JPEG. All of one size begin with the same bytes.
 *
 * @param rgb Its RGB bytes, `[size, size, 3]`.
 * @param size Its side in pixels.
 * @returns A data URI; of a photograph of 32 × 32 pixels 1.2 kB, of which 0.35 kB are its own.
 * @throws {RangeError} The bytes are not those of such an image.
 * @example
 * ```ts
 * import { thumbnail } from "./thumbnails.ts";
 * const uri = thumbnail(new Uint8Array(32 * 32 * 3), 32);
 * if (!uri.startsWith("data:image/jpeg;base64,")) throw new Error(uri);
 * ```
 */
export function thumbnail(rgb: Uint8Array, size: number): string {
  demandLength(rgb, size * size * 3, `Bytes of a ${size} × ${size} RGB image`);
  const data = new Uint8Array(4 * size * size);
  for (let at = 0; at < size * size; at++) data.set(rgb.subarray(3 * at, 3 * at + 3), 4 * at);
  const { data: bytes } = jpeg.encode({ width: size, height: size, data }, QUALITY);
  return `data:image/jpeg;base64,${new Uint8Array(bytes).toBase64()}`;
}

/**
 * Demands the address of an image that holds the image.
 *
 * @param uri What should be one.
 * @throws {RangeError} It is no data URI of an image, or has letters that end an attribute or a text.
 */
export function demandDataUri(uri: string): void {
  if (!/^data:image\/[a-z]+;base64,[\w+/=]+$/.test(uri)) {
    throw new RangeError(`Expected data:image/…;base64,…, got ${uri.slice(0, 40)}.`);
  }
}

/**
 * Many small images as one, row by row with white gaps.
 *
 * @param images RGB bytes of each, `[size, size, 3]`.
 * @param size Their side in pixels.
 * @param columns Images a row.
 * @returns A data URI of 256 colours.
 * @throws {RangeError} There are no images, or the bytes are not those of such images.
 */
export function contactSheet(images: readonly Uint8Array[], size: number, columns: number): string {
  demandSome(images, "Images of a contact sheet");
  const step = size + GAP;
  const width = columns * step - GAP, height = Math.ceil(images.length / columns) * step - GAP;
  const sheet = new Uint8Array(width * height * 3).fill(255);
  images.forEach((image, at) => {
    demandLength(image, size * size * 3, `Bytes of a ${size} × ${size} RGB image`);
    const left = (at % columns) * step, top = Math.floor(at / columns) * step;
    for (let row = 0; row < size; row++) {
      sheet.set(
        image.subarray(row * size * 3, (row + 1) * size * 3),
        ((top + row) * width + left) * 3,
      );
    }
  });
  const { palette, indices: data } = quantise(sheet, 256);
  const png = encode({ width, height, depth: 8, channels: 1, palette, data }, { zlib: { level: 9 } });
  return PNG_URI + png.toBase64();
}

/**
 * Width and height of a PNG, read from its header.
 *
 * @param uri A data URI of a PNG.
 * @returns Its size in pixels.
 * @throws {RangeError} It is no such URI.
 */
export function pngSize(uri: string): { width: number; height: number } {
  if (!uri.startsWith(PNG_URI)) throw new RangeError(`Expected ${PNG_URI}…, got ${uri.slice(0, 40)}.`);
  const header = new DataView(Uint8Array.fromBase64(uri.slice(PNG_URI.length, PNG_URI.length + 32)).buffer);
  return { width: header.getUint32(16), height: header.getUint32(20) };
}

/** White pixels between the images of a sheet. */
const GAP = 2;
