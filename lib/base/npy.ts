/**
 * Writes arrays as NumPy reads them (format 1.0 of `.npy`).
 *
 * @module
 */

/** Elements that are written, and NumPy's name for them. */
const TYPES = [[Float32Array, "<f4"], [Int32Array, "<i4"], [Uint8Array, "|u1"]] as const;

/** Bytes before the header's text. */
const PREFIX = 10;

/**
 * An array as a `.npy` file.
 *
 * @param data Its elements, row by row.
 * @param shape Its shape.
 * @returns The file's bytes.
 * @throws {RangeError} The shape has another number of elements.
 * @example
 * ```ts
 * import { encodeNpy } from "./npy.ts";
 * const bytes = encodeNpy(Float32Array.of(1, 2), [1, 2]);
 * if (bytes.length !== 128 + 8) throw new Error(`${bytes.length}`);
 * ```
 */
export function encodeNpy(
  data: Float32Array | Int32Array | Uint8Array,
  shape: readonly number[],
): Uint8Array<ArrayBuffer> {
  if (shape.reduce((size, dim) => size * dim, 1) !== data.length) {
    throw new RangeError(`${data.length} elements are no array of shape [${shape}].`);
  }
  const [, type] = TYPES.find(([kind]) => data instanceof kind)!;
  const tuple = shape.length === 1 ? `(${shape},)` : `(${shape.join(", ")})`;
  const header = `{'descr': '${type}', 'fortran_order': False, 'shape': ${tuple}, }`;
  // The elements begin at a multiple of 64 bytes.
  const length = Math.ceil((PREFIX + header.length + 1) / 64) * 64 - PREFIX;
  const bytes = new Uint8Array(PREFIX + length + data.byteLength);
  bytes.set([0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, length & 255, length >> 8]);
  bytes.set(new TextEncoder().encode(header.padEnd(length - 1) + "\n"), PREFIX);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), PREFIX + length);
  return bytes;
}
