/**
 * Writes protocol buffers, field by field.
 *
 * @module
 */

/** Bytes in nested lists, joined once at the end. */
export type Part = Uint8Array | readonly Part[];

/** A length-delimited field. */
export function field(key: number, part: Part): Part {
  return [varint(key << 3 | 2), varint(length(part)), part];
}

/** A field of text. */
export const text = (key: number, value: string): Part => field(key, new TextEncoder().encode(value));

/** A whole number. */
export const number = (key: number, value: number): Part => [varint(key << 3), varint(value)];

/** A float of 32 bits. */
export const fixed32 = (key: number, value: number): Part => [
  varint(key << 3 | 5),
  bytesOf(Float32Array.of(value)),
];

/** A float of 64 bits. */
export const fixed64 = (key: number, value: number): Part => [
  varint(key << 3 | 1),
  bytesOf(Float64Array.of(value)),
];

function length(part: Part): number {
  return part instanceof Uint8Array ? part.length : part.reduce((sum, inner) => sum + length(inner), 0);
}

/** A whole number, seven bits a byte, lowest first; a negative one as 64 bits in two's complement. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.of(...bytes, Number(rest));
}

/** All parts in a row. */
export function join(part: Part): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(length(part));
  let at = 0;
  const copy = (part: Part) => {
    if (!(part instanceof Uint8Array)) return part.forEach(copy);
    joined.set(part, at);
    at += part.length;
  };
  copy(part);
  return joined;
}

/** The bytes of an array's elements. */
export function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
