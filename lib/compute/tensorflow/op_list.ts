/**
 * Which input arguments each op has, read from TensorFlow's own list of ops
 * (a serialized `OpList` protocol buffer).
 *
 * @module
 */
import type { CApi } from "./c_api.ts";

/** One argument of an op. */
export interface OpArgument {
  /** Whether it is a list of tensors. */
  readonly list: boolean;
  /** The attributes that follow from it: its element type, and its length if it is a list. */
  readonly attributes: readonly string[];
}

/**
 * The input arguments of every op.
 *
 * @param api The C API.
 * @returns Arguments by op name.
 */
export function inputArguments(api: CApi): Map<string, OpArgument[]> {
  // TF_Buffer: { const void* data; size_t length; … }
  const buffer = new Deno.UnsafePointerView(api.TF_GetAllOpList()!);
  const bytes = new Uint8Array(
    Deno.UnsafePointerView.getArrayBuffer(
      buffer.getPointer(0)!,
      Number(buffer.getBigUint64(8)),
    ),
  );
  const ops = new Map<string, OpArgument[]>();
  for (const [, op] of fields(bytes)) {
    let name = "";
    const inputs: OpArgument[] = [];
    for (const [field, value] of fields(op)) {
      if (field === 1) name = decode(value);
      if (field === 2) inputs.push(argument(value));
    }
    ops.set(name, inputs);
  }
  return ops;
}

function argument(bytes: Uint8Array): OpArgument {
  // type_attr (4), number_attr (5) and type_list_attr (6)
  const found = [...fields(bytes)].filter(([field]) => field >= 4 && field <= 6);
  return { list: found.some(([field]) => field > 4), attributes: found.map(([, value]) => decode(value)) };
}

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** The length-delimited fields of a protocol buffer message; numbers are skipped. */
function* fields(bytes: Uint8Array): Generator<[number, Uint8Array]> {
  let at = 0;
  const varint = () => {
    let value = 0, shift = 1, byte: number;
    do {
      byte = bytes[at++];
      value += (byte & 0x7f) * shift;
      shift *= 128;
    } while (byte & 0x80);
    return value;
  };
  while (at < bytes.length) {
    const key = varint();
    switch (key & 7) {
      case 0:
        varint();
        break;
      case 1:
        at += 8;
        break;
      case 5:
        at += 4;
        break;
      default: {
        const length = varint();
        yield [key >>> 3, bytes.subarray(at, at += length)];
      }
    }
  }
}
