/**
 * The safetensors format: named tensors in one file, which Python, Rust and
 * others read (https://github.com/huggingface/safetensors).
 *
 * @module
 */
import { z } from "zod";
import { DataError } from "./errors.ts";
import { fileKind } from "./file_kind.ts";

/** A tensor in host memory. */
export interface HostTensor {
  /** Lengths of its axes. */
  readonly shape: readonly number[];
  /** Its numbers, row by row. */
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/** A tensor in a file; nobody has to be able to read one that is not needed. */
export interface StoredTensor {
  /** Lengths of its axes. */
  readonly shape: readonly number[];
  /**
   * Reads it: numbers of 16 bits as 32 bits, integers of 64 bits, PyTorch's default, as 32 bits if they fit.
   *
   * @throws {DataError} It cannot be represented here.
   */
  read(): HostTensor;
}

/** Integers of 64 bits, which are written only: TensorFlow.js has none, so that they are read as 32 bits. */
export interface LongTensor {
  /** Lengths of its axes. */
  readonly shape: readonly number[];
  /** Its numbers, row by row. */
  readonly data: BigInt64Array;
}

/** Numbers in half precision, which are written only: they are read as float32. */
export interface HalfTensor {
  /** Lengths of its axes. */
  readonly shape: readonly number[];
  /** Its numbers, row by row. */
  readonly data: Float16Array;
}

/** Types that are written. */
const TYPES = {
  F32: Float32Array,
  F16: Float16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  U8: Uint8Array,
} as const;
type TypeName = keyof typeof TYPES;

/** Types that are read: bytes of an element, and how elements become numbers. */
const READERS: Readonly<
  Record<string, { size: number; read: (bytes: ArrayBuffer, name: string) => HostTensor["data"] }>
> = {
  F32: { size: 4, read: (bytes) => new Float32Array(bytes) },
  F16: { size: 2, read: (bytes) => Float32Array.from(new Float16Array(bytes)) },
  // The upper half of a float32.
  BF16: {
    size: 2,
    read: (bytes) => new Float32Array(Uint32Array.from(new Uint16Array(bytes), (bits) => bits << 16).buffer),
  },
  I64: { size: 8, read: (bytes, name) => narrow(new BigInt64Array(bytes), name) },
  I32: { size: 4, read: (bytes) => new Int32Array(bytes) },
  U8: { size: 1, read: (bytes) => new Uint8Array(bytes) },
};

/** Longest header that is read; the format's own limit. */
const LONGEST_HEADER = 100_000_000;

const entrySchema = z.strictObject({
  dtype: z.string(),
  shape: z.array(z.int().nonnegative()),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});
const headerSchema = z.object({ __metadata__: z.record(z.string(), z.string()).nullish() }).catchall(
  entrySchema,
);

/**
 * Writes tensors.
 *
 * @param tensors Tensors by name.
 * @param metadata Any texts to keep with them.
 * @returns The file's bytes.
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, HostTensor | LongTensor | HalfTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  // Widest elements first, so that every tensor is aligned.
  const entries = Object.entries(tensors).sort(([, a], [, b]) =>
    b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT
  );
  let end = 0;
  for (const [name, { shape, data }] of entries) {
    const dtype = (Object.keys(TYPES) as TypeName[]).find((name) => data instanceof TYPES[name]);
    header[name] = { dtype, shape, data_offsets: [end, end += data.byteLength] };
  }
  const text = JSON.stringify(header);
  const json = new TextEncoder().encode(
    text + " ".repeat(7 - (new TextEncoder().encode(text).length + 7) % 8),
  );
  const bytes = new Uint8Array(8 + json.length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  let at = 8 + json.length;
  for (const [, { data }] of entries) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/**
 * Opens a file. Every length and offset is checked before it is used; types only when a tensor is read.
 *
 * @param bytes The file's bytes.
 * @param file Its name, for messages.
 * @returns Tensors, not read yet, and metadata.
 * @throws {DataError} The file is damaged or of another kind.
 * @example
 * ```ts
 * import { encodeSafetensors, openSafetensors } from "./safetensors.ts";
 * const bytes = encodeSafetensors({ x: { shape: [2], data: Float32Array.of(1, 2) } });
 * if (openSafetensors(bytes, "x").tensors.x.read().data[1] !== 2) throw new Error("not the same");
 * ```
 */
export function openSafetensors(
  bytes: Uint8Array,
  file: string,
): { tensors: Record<string, StoredTensor>; metadata: Record<string, string> } {
  const refuse = (what: string): never => {
    throw new DataError(`${file} is not a whole safetensors file: ${what}. Delete it and make it again.`);
  };
  /** For what cannot be a header: perhaps it was never meant to be one. */
  const refuseHeader = (what: string): never => {
    const kind = fileKind(bytes);
    if (kind) throw new DataError(`${file} is ${kind.what}, no safetensors file. ${kind.advice}`);
    return refuse(what);
  };
  if (bytes.length < 8) refuseHeader(`it has ${bytes.length} bytes, fewer than the 8 of a header's length`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const room = Math.min(bytes.length - 8, LONGEST_HEADER);
  if (length > room) {
    refuseHeader(`its header is given as ${length} bytes, where there can be ${room} at most`);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length)));
  } catch {
    refuseHeader("its header is no JSON");
  }
  const result = headerSchema.safeParse(parsed);
  if (!result.success) {
    const { path, message } = result.error.issues[0];
    refuse(`its header's ${path.map(String).join(".") || "form"} is wrong (${message})`);
  }
  const { __metadata__: metadata, ...entries } = result.data!;
  const body = bytes.subarray(8 + length);
  const tensors: Record<string, StoredTensor> = {};
  let before = 0;
  const inOrder = Object.entries(entries).sort(([, a], [, b]) =>
    a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1]
  );
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of inOrder) {
    const reader = Object.hasOwn(READERS, dtype) ? READERS[dtype] : undefined;
    if (from !== before || to < from || to > body.length) {
      refuse(`${name} lies at ${from}–${to} of ${body.length} bytes, not right after the tensor before it`);
    }
    const size = reader ? shape.reduce((product, dim) => product * dim, reader.size) : to - from;
    if (size !== to - from) refuse(`${name} of shape [${shape}] needs ${size} bytes, not ${to - from}`);
    before = to;
    tensors[name] = {
      shape,
      read() {
        // A copy, because the header's length need not align the data.
        if (reader) return { shape, data: reader.read(body.slice(from, to).buffer, `${file}: ${name}`) };
        throw new DataError(
          `${file}: ${name} is of type ${dtype}, which cannot be read. Types: ${
            Object.keys(READERS).join(", ")
          }. ` + "In PyTorch, x.float() makes an F32 of any tensor.",
        );
      },
    };
  }
  if (before !== body.length) refuse(`${body.length - before} bytes follow its last tensor`);
  return { tensors, metadata: metadata ?? {} };
}

/**
 * Reads all tensors of a file.
 *
 * @param bytes The file's bytes.
 * @param file Its name, for messages.
 * @returns Tensors and metadata.
 * @throws {DataError} The file is damaged, of another kind, or holds what cannot be represented here.
 * @example
 * ```ts
 * import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";
 * const bytes = encodeSafetensors({ x: { shape: [2], data: Float32Array.of(1, 2) } });
 * if (decodeSafetensors(bytes, "x").tensors.x.data[1] !== 2) throw new Error("not the same");
 * ```
 */
export function decodeSafetensors(
  bytes: Uint8Array,
  file: string,
): { tensors: Record<string, HostTensor>; metadata: Record<string, string> } {
  const { tensors, metadata } = openSafetensors(bytes, file);
  const read = Object.entries(tensors).map(([name, tensor]) => [name, tensor.read()] as const);
  return { tensors: Object.fromEntries(read), metadata };
}

function narrow(long: BigInt64Array, name: string): Int32Array {
  const data = Int32Array.from(long, Number);
  const at = data.findIndex((value, at) => BigInt(value) !== long[at]);
  if (at < 0) return data;
  throw new DataError(`${name} holds ${long[at]}, more than 32 bits. Leave it out or store it as floats.`);
}
