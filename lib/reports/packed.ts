/**
 * Numbers in a page: arrays as text, and back.
 *
 * @module
 */

/** What is packed. */
type Numbers = Uint8Array | Uint16Array | Int32Array | Float16Array | Float32Array;

/** An array as text, with what reads it. */
export interface Packed {
  /** The array's constructor. */
  readonly type: string;
  /** Its bytes in base64. */
  readonly bytes: string;
}

/**
 * Packs an array.
 *
 * @param values The array.
 * @returns It as text.
 */
export const pack = (values: Numbers): Packed => ({
  type: values.constructor.name,
  bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength).toBase64(),
});

const TYPES = { Uint8Array, Uint16Array, Int32Array, Float16Array, Float32Array };

/**
 * Unpacks an array.
 *
 * @param packed It as text.
 * @returns The array.
 * @example
 * ```ts
 * import { pack, unpack } from "./packed.ts";
 * const [first, second] = unpack(pack(Uint16Array.of(7, 65535)));
 * if (first !== 7 || second !== 65535) throw new Error("not the same");
 * ```
 */
export function unpack({ type, bytes }: Packed): Numbers {
  return new TYPES[type as keyof typeof TYPES](Uint8Array.fromBase64(bytes).buffer);
}

/** Numbers of 16 bits: the largest. */
export const LARGEST = 65535;

/**
 * Points in a square that both axes share, of which the longer one fills it.
 *
 * @param points `[count · 2]`.
 * @returns The same in 0 to {@link LARGEST}.
 */
export function fitted(points: Float32Array): Uint16Array {
  const ends = [0, 1].map((axis) => {
    let low = Infinity, high = -Infinity;
    for (let at = axis; at < points.length; at += 2) {
      low = Math.min(low, points[at]);
      high = Math.max(high, points[at]);
    }
    return { middle: (low + high) / 2, length: high - low };
  });
  const length = Math.max(...ends.map((end) => end.length)) || 1;
  return Uint16Array.from(
    points,
    (value, at) => Math.round(LARGEST * (0.5 + (value - ends[at % 2].middle) / length)),
  );
}
