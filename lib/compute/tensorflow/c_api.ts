/**
 * The part of TensorFlow's C API that this project calls, opened with
 * `Deno.dlopen`. Any TensorFlow from about 2.11 on has these symbols, CPU or
 * GPU, in the official C library or in Python's wheel.
 *
 * @module
 */
import { ComputeError, EnvironmentError } from "../../base/errors.ts";
import { cString, holding, keepLoaded, text } from "../native.ts";
import type { Library } from "./library.ts";

const p = "pointer", b = "buffer", i32 = "i32", i64 = "i64", size = "usize";
/** `TF_Output`: an operation and the index of one of its outputs, by value. */
const output = { struct: [p, i32] } as const;

const symbols = {
  TF_Version: { parameters: [], result: p },
  TF_NewStatus: { parameters: [], result: p },
  TF_DeleteStatus: { parameters: [p], result: "void" },
  TF_GetCode: { parameters: [p], result: i32 },
  TF_Message: { parameters: [p], result: p },
  // Tensors in host memory.
  TF_AllocateTensor: { parameters: [i32, b, i32, size], result: p },
  TF_DeleteTensor: { parameters: [p], result: "void" },
  TF_TensorData: { parameters: [p], result: p },
  TF_TensorByteSize: { parameters: [p], result: size },
  TF_StringInit: { parameters: [p], result: "void" },
  TF_StringCopy: { parameters: [p, b, size], result: "void" },
  TF_StringGetDataPointer: { parameters: [p], result: p },
  TF_StringGetSize: { parameters: [p], result: size },
  TF_StringDealloc: { parameters: [p], result: "void" },
  // Eager execution.
  TFE_NewContextOptions: { parameters: [], result: p },
  TFE_ContextOptionsSetConfig: { parameters: [p, b, size, p], result: "void" },
  TFE_NewContext: { parameters: [p, p], result: p },
  TFE_ContextListDevices: { parameters: [p, p], result: p },
  TF_DeviceListCount: { parameters: [p], result: i32 },
  TF_DeviceListName: { parameters: [p, i32, p], result: p },
  TF_DeviceListType: { parameters: [p, i32, p], result: p },
  TFE_NewTensorHandle: { parameters: [p, p], result: p },
  TFE_DeleteTensorHandle: { parameters: [p], result: "void" },
  TFE_TensorHandleDataType: { parameters: [p], result: i32 },
  TFE_TensorHandleNumDims: { parameters: [p, p], result: i32 },
  TFE_TensorHandleDim: { parameters: [p, i32, p], result: i64 },
  TFE_TensorHandleResolve: { parameters: [p, p], result: p },
  TFE_TensorHandleCopyToDevice: { parameters: [p, p, b, p], result: p },
  TFE_TensorHandleCopySharingTensor: { parameters: [p, p], result: p },
  TFE_NewOp: { parameters: [p, b, p], result: p },
  TFE_DeleteOp: { parameters: [p], result: "void" },
  TFE_OpSetDevice: { parameters: [p, b, p], result: "void" },
  TFE_OpAddInput: { parameters: [p, p, p], result: "void" },
  TFE_OpSetAttrString: { parameters: [p, b, b, size], result: "void" },
  TFE_OpSetAttrInt: { parameters: [p, b, i64], result: "void" },
  TFE_OpSetAttrIntList: { parameters: [p, b, b, i32], result: "void" },
  TFE_OpSetAttrFloat: { parameters: [p, b, "f32"], result: "void" },
  TFE_OpSetAttrFloatList: { parameters: [p, b, b, i32], result: "void" },
  TFE_OpSetAttrBool: { parameters: [p, b, "u8"], result: "void" },
  TFE_OpSetAttrBoolList: { parameters: [p, b, b, i32], result: "void" },
  TFE_OpSetAttrType: { parameters: [p, b, i32], result: "void" },
  TFE_OpSetAttrShape: { parameters: [p, b, b, i32, p], result: "void" },
  TFE_Execute: { parameters: [p, b, b, p], result: "void" },
  /** The same call on a thread of its own, for work that takes longer than a frame. */
  TFE_ExecuteInBackground: {
    name: "TFE_Execute",
    parameters: [p, b, b, p],
    result: "void",
    nonblocking: true,
  },
  TFE_ContextAddFunction: { parameters: [p, p, p], result: "void" },
  TFE_ContextRemoveFunction: { parameters: [p, b, p], result: "void" },
  // Computing together with other processes; experimental, and needed for that alone.
  TFE_EnableCollectiveOps: { parameters: [p, b, size, p], result: "void", optional: true },
  // Graphs.
  TF_GetAllOpList: { parameters: [], result: p },
  TF_NewGraph: { parameters: [], result: p },
  TF_DeleteGraph: { parameters: [p], result: "void" },
  TF_NewOperation: { parameters: [p, b, b], result: p },
  TF_AddInput: { parameters: [p, output], result: "void" },
  TF_AddInputList: { parameters: [p, b, i32], result: "void" },
  TF_SetAttrString: { parameters: [p, b, b, size], result: "void" },
  TF_SetAttrInt: { parameters: [p, b, i64], result: "void" },
  TF_SetAttrIntList: { parameters: [p, b, b, i32], result: "void" },
  TF_SetAttrFloat: { parameters: [p, b, "f32"], result: "void" },
  TF_SetAttrFloatList: { parameters: [p, b, b, i32], result: "void" },
  TF_SetAttrBool: { parameters: [p, b, "u8"], result: "void" },
  TF_SetAttrBoolList: { parameters: [p, b, b, i32], result: "void" },
  TF_SetAttrType: { parameters: [p, b, i32], result: "void" },
  TF_SetAttrShape: { parameters: [p, b, b, i32], result: "void" },
  TF_SetAttrTensor: { parameters: [p, b, p, p], result: "void" },
  TF_FinishOperation: { parameters: [p, p], result: p },
  TF_OperationNumOutputs: { parameters: [p], result: i32 },
  TF_OperationOutputType: { parameters: [output], result: i32 },
  TF_GraphGetTensorNumDims: { parameters: [p, output, p], result: i32 },
  TF_GraphGetTensorShape: { parameters: [p, output, b, i32, p], result: "void" },
  TF_GraphToFunction: {
    parameters: [p, b, "u8", i32, p, i32, b, i32, b, p, p, p, p],
    result: p,
  },
  TF_DeleteFunction: { parameters: [p], result: "void" },
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * Demands all symbols that this project calls.
 *
 * @param path The library, for the message.
 * @param has Whether it has a symbol, by its key here and its name there.
 * @throws {EnvironmentError} Some are missing.
 */
export function demandSymbols(path: string, has: (key: string, name: string) => boolean): void {
  const missing = Object.entries(symbols).filter(([key, symbol]) =>
    !("optional" in symbol) && !has(key, "name" in symbol ? symbol.name : key)
  );
  if (missing.length === 0) return;
  const names = missing.slice(0, 3).map(([key]) => key).join(", ");
  throw new EnvironmentError(`${path} has no ${names}: TensorFlow 2.11 or newer is needed`);
}

type Symbols = Deno.StaticForeignLibraryInterface<typeof symbols>;

/** The C API, with a status object to hand to its calls. */
export interface CApi extends Symbols {
  /** One `TF_Status` for all calls that return at once. */
  readonly status: Deno.PointerValue;
  /** Throws a {@link ComputeError} if the last call with a status (by default the common one) failed. */
  check(what: string, status?: Deno.PointerValue): void;
}

/** The system's own library, where it is one of Unix. */
const LIBC: Readonly<Record<string, string>> = { linux: "libc.so.6", darwin: "libSystem.dylib" };

const SIGTERM = 15, SIGACTION_BYTES = 256;

/**
 * Runs something that may take SIGTERM to itself, and gives it back to whom it belonged. TensorFlow's watch over
 * other processes does that, and Deno would never hear of the signal again.
 *
 * @param action What to run.
 * @returns Its result.
 */
export function keepingSigterm<T>(action: () => T): T {
  const name = LIBC[Deno.build.os];
  if (!name) return action();
  const libc = Deno.dlopen(name, { sigaction: { parameters: [i32, b, b], result: i32 } });
  const before = new Uint8Array(SIGACTION_BYTES);
  libc.symbols.sigaction(SIGTERM, null, before);
  try {
    return action();
  } finally {
    libc.symbols.sigaction(SIGTERM, before, null);
    libc.close();
  }
}

/**
 * Runs something with the process's standard error closed off. TensorFlow
 * writes a few lines while it loads, before any of its own settings count.
 * With `TF_CPP_MIN_LOG_LEVEL` set by the user, nothing is hidden.
 *
 * @param action What to run.
 * @returns Its result.
 */
export function withoutLogLines<T>(action: () => T): T {
  const name = LIBC[Deno.build.os];
  if (!name || Deno.env.has("TF_CPP_MIN_LOG_LEVEL")) return action();
  const libc = Deno.dlopen(name, {
    open: { parameters: [b, i32], result: i32 },
    dup: { parameters: [i32], result: i32 },
    dup2: { parameters: [i32, i32], result: i32 },
    close: { parameters: [i32], result: i32 },
  });
  const { open, dup, dup2, close } = libc.symbols;
  const kept = dup(2), nowhere = open(cString("/dev/null"), 1);
  dup2(nowhere, 2);
  try {
    return action();
  } finally {
    dup2(kept, 2);
    close(kept);
    close(nowhere);
    libc.close();
  }
}

/**
 * Opens libtensorflow.
 *
 * @param library Where it lies; the wheel splits the C API over two files.
 * @returns The C API.
 * @throws {EnvironmentError} The file cannot be loaded or lacks a symbol.
 */
export function openLibrary(library: Library): CApi {
  const files = [library.framework, library.path].filter((file) => file !== undefined);
  const found: Record<string, unknown> = {};
  for (const file of files) {
    try {
      const optional = Object.fromEntries(
        Object.entries(symbols).map(([name, symbol]) => [name, { ...symbol, optional: true }]),
      ) as Deno.ForeignLibraryInterface;
      const opened = Deno.dlopen(file, optional).symbols as Record<string, unknown>;
      keepLoaded(file);
      // A later file wins: a missing symbol that is called in the background still looks present.
      for (const name of Object.keys(symbols)) found[name] = opened[name] ?? found[name];
    } catch (error) {
      throw new EnvironmentError(`${file} cannot be loaded: ${(error as Error).message}`);
    }
  }
  demandSymbols(library.path, (key) => Boolean(found[key]));
  for (const [name, symbol] of Object.entries(symbols)) {
    if ("nonblocking" in symbol) found[name] = holding(found[name] as never);
  }
  const api = found as unknown as Symbols;
  const status = api.TF_NewStatus();
  return {
    ...api,
    status,
    check(what, used = status) {
      if (api.TF_GetCode(used) === 0) return;
      throw new ComputeError(`TensorFlow refused ${what}: ${text(api.TF_Message(used))}`);
    },
  };
}
