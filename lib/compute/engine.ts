/**
 * The seam between what is the project's own (TensorFlow.js's kernels, `compile`)
 * and the library that computes: TensorFlow, or ONNX Runtime where there is none.
 * Both take ops by TensorFlow's names. Whoever makes the project use an op that it
 * has not used before adds its entry to `onnxruntime/lowering.ts`.
 *
 * @module
 */
import { ComputeError } from "../base/errors.ts";

/** The engines, and what people call them. */
export const ENGINES = { tensorflow: "TensorFlow", onnxruntime: "ONNX Runtime" } as const;

/** The name of an engine. */
export type EngineName = keyof typeof ENGINES;

/**
 * The engine that something was computed with, for people.
 *
 * @param versions The version of the one engine that was used.
 * @returns Such as `TensorFlow 2.21.0`.
 */
export function engineTitle(versions: { readonly [Name in EngineName]?: string }): string {
  const names = Object.keys(ENGINES) as EngineName[];
  return names.filter((name) => versions[name]).map((name) => `${ENGINES[name]} ${versions[name]}`).join(
    ", ",
  );
}

/** TensorFlow's numbers for the element types in use. */
export const DataType = {
  float32: 1,
  int32: 3,
  uint8: 4,
  string: 7,
  complex64: 8,
  int64: 9,
  bool: 10,
  resource: 20,
} as const;

/** Bytes of an element of each type that a tensor can be made of. */
export const ELEMENT_BYTES: Readonly<Record<number, number>> = {
  [DataType.float32]: 4,
  [DataType.int32]: 4,
  [DataType.uint8]: 1,
  [DataType.complex64]: 8,
  [DataType.int64]: 8,
  [DataType.bool]: 1,
};

/** The kinds of attributes, as TensorFlow.js's kernels number them. */
export const AttributeType = { string: 0, int: 1, float: 2, bool: 3, type: 4, shape: 5 } as const;

/** An op's attribute, as TensorFlow.js's kernels give it. */
export interface Attribute {
  readonly name: string;
  readonly type: number;
  // deno-lint-ignore no-explicit-any
  readonly value: any;
}

/** What TensorFlow.js wants to know of an op's result. */
export interface Metadata {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** Arithmetic of a compiled function: float32, or bfloat16 where the engine holds it to be safe. */
export type Precision = "float32" | "bfloat16";

/** Takes ops instead of the engine while a graph is recorded. */
export interface Recorder {
  /** Arithmetic that the graph will run in. */
  readonly precision: Precision;
  execute(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    outputs: number,
  ): Metadata[];
  /** Whether a tensor id belongs to the graph, so that it has no value yet. */
  owns(id: number): boolean;
}

/** What TensorFlow.js's kernels call (`TFJSBinding`). */
export interface NativeBinding extends NativeConstants {
  /** Set while a graph is recorded. */
  recorder?: Recorder;
  isUsingGpuDevice(): boolean;
  getNumOfTensors(): number;
  /** Copies values into a new tensor. */
  createTensor(shape: readonly number[], dtype: number, values: ArrayBufferView | Uint8Array[]): number;
  deleteTensor(id: number): void;
  /** Copies a tensor's values out. */
  tensorDataSync(id: number): Float32Array | Int32Array | Uint8Array | BigInt64Array | Uint8Array[];
  /** Runs an op now, or records it. */
  executeOp(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    outputs: number,
  ): Metadata[];
  /** What is known of a tensor that has a value. */
  metadata(id: number): Metadata;
}

/** The constants that TensorFlow.js asks a binding for. */
export abstract class NativeConstants {
  readonly TF_FLOAT = DataType.float32;
  readonly TF_INT32 = DataType.int32;
  readonly TF_INT64 = DataType.int64;
  readonly TF_BOOL = DataType.bool;
  readonly TF_COMPLEX64 = DataType.complex64;
  readonly TF_STRING = DataType.string;
  readonly TF_RESOURCE = DataType.resource;
  readonly TF_UINT8 = DataType.uint8;
  readonly TF_ATTR_STRING = AttributeType.string;
  readonly TF_ATTR_INT = AttributeType.int;
  readonly TF_ATTR_FLOAT = AttributeType.float;
  readonly TF_ATTR_BOOL = AttributeType.bool;
  readonly TF_ATTR_TYPE = AttributeType.type;
  readonly TF_ATTR_SHAPE = AttributeType.shape;
}

/** A library file, and how it came here. */
export interface LibraryFile {
  /** The file. */
  readonly path: string;
  /** Who brought it. */
  readonly origin: string;
}

/** What computes. */
export interface Engine {
  readonly name: EngineName;
  readonly version: string;
  readonly library: LibraryFile;
  /** Kind and number of the device, such as `CPU:0`. */
  readonly device: string;
  /** Arithmetics that a compiled function can ask for. */
  readonly precisions: readonly Precision[];
  readonly binding: NativeBinding;
  /**
   * Begins a graph.
   *
   * @param name Name in the engine's messages.
   * @param precision Arithmetic that it will run in.
   * @param variableOf The name of the variable whose value a tensor is, if it is one's: that is refused.
   */
  record(name: string, precision: Precision, variableOf?: (id: number) => string | undefined): Recording;
}

/** A graph while it is recorded: ops reach it through the binding whose recorder it is. */
export interface Recording extends Recorder {
  /** A function input of known shape and type; what follows from inputs of different lanes may run side by side. */
  input(shape: readonly number[], dtype: number, lane?: number): Metadata;
  /** Makes what was recorded ready to run: a function from the inputs to some of the graph's tensors. */
  make(outputs: readonly number[]): Program;
  /** Frees the graph. A finished program lives on without it; of an unfinished one nothing stays. */
  close(): void;
}

/** A recorded graph that can run. */
export interface Program {
  /** Runs on other threads; the inputs may be deleted meanwhile. The outputs are the caller's to delete. */
  run(inputs: readonly number[]): Promise<Metadata[]>;
  /** Frees it. No call may run. */
  free(): void;
}

/** An error about what a compiled step cannot do, with the line that does it. */
export function refusal(message: string): ComputeError {
  return new ComputeError(`${message} It happened ${caller()}.`);
}

/** Which TensorFlow.js function was called on which line, read off the stack. */
function caller(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 100;
  const lines = new Error().stack?.split("\n").slice(1) ?? [];
  Error.stackTraceLimit = limit;
  const line = lines.find((line) => /:\d+:\d+/.test(line) && !/@tensorflow|\/lib\/compute\/|npm:/.test(line))
    ?.trim().replace(/^at /, "");
  const op = lines.findLast((line) => /__op\b/.test(line))?.match(/(\w+)__op\b/)?.[1];
  return `${op ? `in tf.${op} ` : ""}at ${line ?? "an unknown line"}`;
}

/** The error of reading a tensor that has no value yet. */
export function recordedValue(): ComputeError {
  return refusal(
    "A compiled step cannot read a tensor's value (data, dataSync, array, print) or branch on it: " +
      "while it is recorded there are no values. Return the tensor and read it outside.",
  );
}

/** The error of using a variable in a recording. */
export function variableUsed(name: string): ComputeError {
  return refusal(
    `A compiled step would keep the value that the tf.variable "${name}" has while it is ` +
      "recorded: pass it as an input.",
  );
}
