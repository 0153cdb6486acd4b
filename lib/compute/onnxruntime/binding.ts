/**
 * The small object that TensorFlow.js's native kernels stand on (`TFJSBinding`),
 * over ONNX Runtime: an op that runs at once is a model of one op, made at the first
 * call with its shapes and kept.
 *
 * @module
 */
import { ComputeError } from "../../base/errors.ts";
import { DataType, ELEMENT_BYTES, NativeConstants, recordedValue } from "../engine.ts";
import type { Attribute, Metadata, NativeBinding, Recorder } from "../engine.ts";
import type { OnnxRuntime, SessionUse } from "./c_api.ts";
import { Graph, sizeOf, type Value } from "./graph.ts";
import { lower } from "./lowering.ts";
import { Sessions } from "./sessions.ts";
import { ELEMENT_TYPE, fullShape, Tensor } from "./tensor.ts";

/** A tensor with elements. */
export interface Held {
  readonly shape: readonly number[];
  readonly dtype: number;
  readonly value: Deno.PointerObject;
  /** The memory of a tensor that was made of given elements; it must live as long as the value. */
  readonly memory?: ArrayBuffer;
  /** Its id and its running calls: it is freed with the last one. */
  users: number;
}

/** What sessions give, and what of its outputs needs none: those without elements. */
export interface Outputs {
  readonly sessions?: Sessions;
  readonly described: readonly { readonly shape: readonly number[]; readonly dtype: number }[];
}

/** Models of one op that are kept. */
const KEPT_OPS = 2000;

/** Memory that a tensor takes. */
const bytesOfTensor = (shape: readonly number[], dtype: number): number => {
  const bytes = ELEMENT_BYTES[dtype];
  if (bytes === undefined) {
    throw new ComputeError(`ONNX Runtime has no tensors of TensorFlow's type ${dtype} here.`);
  }
  return sizeOf(shape) * bytes;
};

/** `TFJSBinding` over ONNX Runtime. */
export class OnnxBinding extends NativeConstants implements NativeBinding {
  recorder?: Recorder;
  readonly #held = new Map<number, Held>();
  readonly #ops = new Map<string, Outputs>();
  /** Which inputs of an op decide what its model looks like, as far as it was met. */
  readonly #decisive = new Map<string, Set<number>>();
  #nextId = 0;

  constructor(readonly runtime: OnnxRuntime) {
    super();
  }

  isUsingGpuDevice(): boolean {
    return false;
  }

  getNumOfTensors(): number {
    return this.#held.size;
  }

  newId(): number {
    return this.#nextId++;
  }

  createTensor(shape: readonly number[], dtype: number, values: ArrayBufferView | Uint8Array[]): number {
    if (!ArrayBuffer.isView(values)) throw new ComputeError("ONNX Runtime has no tensors of strings here.");
    const bytes = bytesOfTensor(shape, dtype);
    if (bytes !== values.byteLength) {
      throw new ComputeError(`A tensor of shape [${shape}] needs ${bytes} bytes, not ${values.byteLength}.`);
    }
    const memory = new ArrayBuffer(bytes);
    new Uint8Array(memory).set(new Uint8Array(values.buffer, values.byteOffset, bytes));
    const value = this.runtime.value(ELEMENT_TYPE[dtype], fullShape(shape, dtype), memory);
    return this.#adopt({ shape: [...shape], dtype, value, memory, users: 1 });
  }

  #adopt(held: Held): number {
    const id = this.newId();
    this.#held.set(id, held);
    return id;
  }

  /** The tensor behind an id. */
  held(id: number): Held {
    const held = this.#held.get(id);
    if (!held) throw new ComputeError(`Tensor ${id} was disposed or never had a value.`);
    return held;
  }

  metadata(id: number): Metadata {
    const { shape, dtype } = this.held(id);
    return { id, shape: [...shape], dtype };
  }

  deleteTensor(id: number): void {
    const held = this.#held.get(id);
    if (!held) return;
    this.#held.delete(id);
    this.letGo(held);
  }

  /** One user less. */
  letGo(held: Held): void {
    if (--held.users === 0) this.runtime.release(held.value);
  }

  tensorDataSync(id: number): Float32Array | Int32Array | Uint8Array | BigInt64Array {
    if (this.recorder?.owns(id)) throw recordedValue();
    return this.elements(id);
  }

  /** A copy of a tensor's elements. */
  elements(id: number): Float32Array | Int32Array | Uint8Array | BigInt64Array {
    return this.view(this.held(id)).slice();
  }

  /** A tensor's elements where they lie, while somebody holds it. */
  view({ shape, dtype, value }: Held): Float32Array | Int32Array | Uint8Array | BigInt64Array {
    const bytes = bytesOfTensor(shape, dtype);
    const memory = bytes > 0 ? this.runtime.memory(value, bytes) : new ArrayBuffer(0);
    switch (dtype) {
      case DataType.float32:
      case DataType.complex64:
        return new Float32Array(memory);
      case DataType.int32:
        return new Int32Array(memory);
      case DataType.int64:
        return new BigInt64Array(memory);
      default:
        return new Uint8Array(memory);
    }
  }

  executeOp(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    outputs: number,
  ): Metadata[] {
    if (this.recorder) return this.recorder.execute(op, attributes, inputs, outputs);
    const held = inputs.map((id) => this.held(id));
    const made = this.#ops.get(this.#key(op, attributes, inputs)) ?? this.#makeOp(op, attributes, inputs);
    const { sessions, described } = made;
    const values = sessions?.runNow(held.map(({ value }) => value)) ?? [];
    return this.results(described, values).slice(0, outputs);
  }

  /** Adopts what sessions gave: all outputs, in order, with new tensors for those without elements. */
  results(described: Outputs["described"], values: readonly Deno.PointerObject[]): Metadata[] {
    let at = 0;
    return described.map(({ shape, dtype }) => {
      const id = sizeOf(shape) === 0
        ? this.createTensor(shape, dtype, new Uint8Array(0))
        : this.#adopt({ shape, dtype, value: values[at++], users: 1 });
      return { id, shape: [...shape], dtype };
    });
  }

  /** What tells the models of an op apart. */
  #key(op: string, attributes: readonly Attribute[], inputs: readonly number[]): string {
    const decisive = this.#decisive.get(op);
    const parts = inputs.map((id, at) => {
      const { shape, dtype } = this.held(id);
      return `${dtype}[${shape}]${decisive?.has(at) ? this.elements(id) : ""}`;
    });
    return `${op} ${parts.join()} ${attributes.map(({ name, value }) => `${name}=${value}`)}`;
  }

  #makeOp(op: string, attributes: readonly Attribute[], inputs: readonly number[]): Outputs {
    const graph = new Graph();
    const decisive = this.#decisive.get(op) ?? new Set();
    const tensors = inputs.map((id, at) => {
      const { shape, dtype } = this.held(id);
      const value = graph.input(ELEMENT_TYPE[dtype], fullShape(shape, dtype));
      return new Tensor(graph, shape, dtype, value, "channelsLast", () => {
        decisive.add(at);
        return this.elements(id);
      });
    });
    const results = lower(graph, op, attributes, tensors);
    this.#decisive.set(op, decisive);
    const made = this.make(graph, results, { name: op });
    if (this.#ops.size >= KEPT_OPS) {
      const [[oldest, { sessions }]] = this.#ops;
      this.#ops.delete(oldest);
      sessions?.free();
    }
    this.#ops.set(this.#key(op, attributes, inputs), made);
    return made;
  }

  /** Sessions for some tensors of a graph. */
  make(graph: Graph, results: readonly Tensor[], use: Omit<SessionUse, "lanes">): Outputs {
    const described = results.map(({ shape, dtype }) => ({ shape, dtype }));
    const values: Value[] = results.filter(({ shape }) => sizeOf(shape) > 0).map(({ value }) => value);
    if (values.length === 0) return { described };
    return { sessions: new Sessions(this.runtime, graph, values, use), described };
  }
}
