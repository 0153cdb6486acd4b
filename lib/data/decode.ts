/**
 * Image files of whatever size as RGB bytes of one size, by libvips.
 *
 * @module
 */
import { DataError, EnvironmentError } from "../base/errors.ts";
import { fileKind } from "../base/file_kind.ts";

/** First bytes of what is read: JPEG, PNG, WebP, GIF. Libvips knows more, some of which names other files. */
// deno-lint-ignore no-control-regex -- first bytes are not meant for people.
const IMAGE = /^(\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF.{4}WEBP|GIF8[79]a)/s;

/** Loaded once, and by those alone that decode. */
let library: Promise<typeof import("sharp")["default"]> | undefined;

async function load(): Promise<typeof import("sharp")["default"]> {
  try {
    const { default: sharp } = await import("sharp");
    // No image is read twice; several are decoded at a time.
    sharp.cache(false);
    sharp.concurrency(1);
    return sharp;
  } catch (error) {
    throw new EnvironmentError(
      `Images are neither decoded nor packed here, for libvips does not load: ${(error as Error).message}`,
    );
  }
}

/**
 * Decodes an image: a PNG, JPEG, WebP or GIF, whatever its name says; of an animated one the first frame. It
 * is turned upright as its camera noted, laid on white where it is transparent, brought into sRGB, scaled
 * until its shorter side is `size` and cut to its middle. Threads of their own do it: twice as many at a
 * time as there are processors are the fastest.
 *
 * @param bytes The file.
 * @param size Height and width of what comes out, in pixels.
 * @param name What messages call it.
 * @returns RGB bytes, `[size, size, 3]`.
 * @throws {DataError} It is no such image, truncated, damaged or of more than 268 million pixels.
 * @throws {EnvironmentError} There is no libvips for this machine.
 * @example
 * ```ts
 * import { encode } from "fast-png";
 * import { decodeImage } from "./decode.ts";
 * const grey = encode({ width: 40, height: 20, channels: 1, data: new Uint8Array(800).fill(7) });
 * const image = await decodeImage(grey, 8, "grey.png");
 * if (image.length !== 8 * 8 * 3 || image[5] !== 7) throw new Error("grey is red, green and blue alike");
 * ```
 */
export async function decodeImage(bytes: Uint8Array, size: number, name: string): Promise<Uint8Array> {
  if (!IMAGE.test(String.fromCharCode(...bytes.subarray(0, 16)))) {
    const kind = fileKind(bytes);
    throw new DataError(
      `${name} is ${kind ? `${kind.what}, and no image` : "no PNG, JPEG, WebP or GIF"}. ${
        kind?.advice ?? "Convert it to one of these."
      }`,
    );
  }
  const sharp = await (library ??= load());
  try {
    return await sharp(bytes, { failOn: "error" }).autoOrient().flatten({ background: "white" })
      .resize(size, size, { fit: "cover" }).toColourspace("srgb").raw().toBuffer();
  } catch (error) {
    const [reason] = (error as Error).message.trim().split("\n");
    throw new DataError(
      `${name} cannot be decoded (${reason}). If it is damaged, fetch it or save it again.`,
    );
  }
}

/**
 * Packs a picture as WebP.
 *
 * @param png The picture, a PNG file.
 * @param options From 1 to 100 how true it is to the picture, or that nothing is lost.
 * @returns The WebP file.
 * @throws {EnvironmentError} There is no libvips for this machine.
 */
export async function encodeWebp(
  png: Uint8Array,
  options: { readonly quality: number } | { readonly lossless: true },
): Promise<Uint8Array> {
  const sharp = await (library ??= load());
  return await sharp(png).webp(options).toBuffer();
}
