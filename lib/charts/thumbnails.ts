/**
 * Small images inside charts: palette PNGs as data URIs.
 *
 * @module
 */
import { encode, type ImageData } from "fast-png";
import { demandLength, demandSome } from "./check.ts";
import { quantise } from "./quantise.ts";

/** What every data URI of this file begins with. */
export const PNG_URI = "data:image/png;base64,";

/**
 * A small image for tooltips and grids, in 16 colours. Each pixel is drawn twice as wide and high, because
 * tooltips show images at their own size.
 *
 * @param rgb Its RGB bytes, `[size, size, 3]`.
 * @param size Its side in pixels.
 * @returns A data URI; 0.85 kB for a photograph of 32 × 32 pixels.
 * @throws {RangeError} The bytes are not those of such an image.
 * @example
 * ```ts
 * import { thumbnail } from "./thumbnails.ts";
 * const uri = thumbnail(new Uint8Array(32 * 32 * 3), 32);
 * if (!uri.startsWith("data:image/png;base64,")) throw new Error(uri);
 * ```
 */
export function thumbnail(rgb: Uint8Array, size: number): string {
  demandLength(rgb, size * size * 3, `Bytes of a ${size} × ${size} RGB image`);
  const { palette, indices } = quantise(rgb, 16);
  const data = new Uint8Array(2 * size * size);
  for (let row = 0; row < size; row++) {
    // Two pixels of 4 bits are a byte.
    const line = indices.subarray(row * size, (row + 1) * size).map((index) => index * 0x11);
    data.set(line, 2 * row * size);
    data.set(line, (2 * row + 1) * size);
  }
  return toUri({ width: 2 * size, height: 2 * size, depth: 4, palette, data });
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
  return toUri({ width, height, depth: 8, palette, data });
}

/**
 * Width and height of a PNG, read from its header.
 *
 * @param uri A data URI of a PNG.
 * @returns Its size in pixels.
 * @throws {RangeError} It is no such URI.
 */
export function pngSize(uri: string): { width: number; height: number } {
  const header = new DataView(Uint8Array.fromBase64(pngBase64(uri).slice(0, 32)).buffer);
  return { width: header.getUint32(16), height: header.getUint32(20) };
}

/**
 * What of a PNG's data URI is its own.
 *
 * @param uri A data URI of a PNG.
 * @returns The file in base64.
 * @throws {RangeError} It is no such URI.
 */
export function pngBase64(uri: string): string {
  if (!uri.startsWith(PNG_URI)) throw new RangeError(`Expected ${PNG_URI}…, got ${uri.slice(0, 40)}.`);
  return uri.slice(PNG_URI.length);
}

/** White pixels between the images of a sheet. */
const GAP = 2;

function toUri(image: ImageData): string {
  return PNG_URI + encode({ ...image, channels: 1 }, { zlib: { level: 9 } }).toBase64();
}
