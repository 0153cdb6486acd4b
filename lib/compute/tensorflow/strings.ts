/**
 * Tensors of strings.
 *
 * @module
 */
import { ComputeError } from "../../base/errors.ts";
import type { Binding } from "./binding.ts";
import type { CApi } from "./c_api.ts";

/** Bytes of a `TF_TString`, which holds a short string itself and points to a long one. */
const STRING_BYTES = 24;

/**
 * Copies strings into a new tensor.
 *
 * @param binding TensorFlow.
 * @param shape The tensor's shape.
 * @param values The bytes of each string.
 * @returns The tensor's handle.
 * @throws {ComputeError} There are not as many strings as the shape needs.
 */
export function newStrings(
  binding: Binding,
  shape: readonly number[],
  values: readonly Uint8Array[],
): Deno.PointerValue {
  const { api } = binding;
  const count = shape.reduce((size, dim) => size * dim, 1);
  if (count !== values.length) {
    throw new ComputeError(`A tensor of shape [${shape}] needs ${count} strings, not ${values.length}.`);
  }
  const dims = BigInt64Array.from(shape, BigInt);
  const host = api.TF_AllocateTensor(binding.TF_STRING, dims, dims.length, BigInt(STRING_BYTES * count));
  const strings = pointers(api, host, count);
  strings.forEach((string, at) => {
    api.TF_StringInit(string);
    api.TF_StringCopy(string, Uint8Array.from(values[at]), BigInt(values[at].length));
  });
  const shared = api.TFE_NewTensorHandle(host, api.status);
  try {
    api.check("a new tensor");
    // TensorFlow frees the strings of its own tensors, but not of those that were allocated for it.
    const op = binding.prepare("DeepCopy", [], [shared]);
    const copy = new BigUint64Array(1);
    api.TFE_Execute(op, copy, Int32Array.of(1), api.status);
    api.TFE_DeleteOp(op);
    api.check("a new tensor");
    return Deno.UnsafePointer.create(copy[0]);
  } finally {
    if (shared) api.TFE_DeleteTensorHandle(shared);
    strings.forEach((string) => api.TF_StringDealloc(string));
    api.TF_DeleteTensor(host);
  }
}

/**
 * Copies a tensor's strings out.
 *
 * @param api The C API.
 * @param host The tensor, in host memory.
 * @returns The bytes of each string.
 */
export function readStrings(api: CApi, host: Deno.PointerValue): Uint8Array[] {
  const count = Number(api.TF_TensorByteSize(host)) / STRING_BYTES;
  return pointers(api, host, count).map((string) => {
    const length = Number(api.TF_StringGetSize(string));
    if (length === 0) return new Uint8Array();
    return new Uint8Array(
      Deno.UnsafePointerView.getArrayBuffer(api.TF_StringGetDataPointer(string)!, length).slice(0),
    );
  });
}

function pointers(api: CApi, host: Deno.PointerValue, count: number): Deno.PointerValue[] {
  const start = api.TF_TensorData(host);
  return Array.from({ length: count }, (_, at) => Deno.UnsafePointer.offset(start!, at * STRING_BYTES));
}
