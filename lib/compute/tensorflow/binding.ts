/**
 * The small object that TensorFlow.js's native kernels stand on (`TFJSBinding`),
 * written over the C API instead of a compiled addon. Ops run at once, or are
 * recorded into a graph while {@link Binding.recorder} is set.
 *
 * @module
 */
import { ComputeError, EnvironmentError } from "../../base/errors.ts";
import { type CApi, keepingSigterm } from "./c_api.ts";
import { cString, text } from "../native.ts";
import { AttributeType, DataType, ELEMENT_BYTES, NativeConstants, recordedValue } from "../engine.ts";
import type { Attribute, Metadata, NativeBinding, Recorder } from "../engine.ts";
import { newStrings, readStrings } from "./strings.ts";

/** The attribute setters, which have the same form for eager ops (`TFE_Op`) and graph nodes (`TF_`). */
type Prefix = "TFE_Op" | "TF_";

/** `TFJSBinding` over the C API. */
export class Binding extends NativeConstants implements NativeBinding {
  /** Set while a graph is recorded. */
  recorder?: Recorder;
  readonly device: string;
  readonly version: string;
  readonly context: Deno.PointerValue;
  readonly #cpu: string = "";
  readonly #gpu: string = "";
  readonly #handles = new Map<number, Deno.PointerValue>();
  #nextId = 0;

  /**
   * @param api The C API.
   * @param config A serialized `ConfigProto` (threads, GPU memory).
   * @param server A serialized `ServerDef`, to compute together with other processes.
   * @throws {ComputeError} TensorFlow does not start.
   * @throws {EnvironmentError} It cannot compute together with others.
   */
  constructor(readonly api: CApi, config: Uint8Array<ArrayBuffer>, server?: Uint8Array<ArrayBuffer>) {
    super();
    const options = api.TFE_NewContextOptions();
    api.TFE_ContextOptionsSetConfig(options, config, BigInt(config.length), api.status);
    api.check("its configuration");
    this.context = api.TFE_NewContext(options, api.status);
    api.check("to start");
    if (server) this.#join(server);
    const devices = api.TFE_ContextListDevices(this.context, api.status);
    for (let index = 0; index < api.TF_DeviceListCount(devices); index++) {
      const name = text(api.TF_DeviceListName(devices, index, api.status));
      const type = text(api.TF_DeviceListType(devices, index, api.status));
      if (type === "CPU") this.#cpu ||= name;
      if (type === "GPU") this.#gpu ||= name;
    }
    this.device = this.#gpu || this.#cpu;
    this.version = text(api.TF_Version());
  }

  /** Before any tensor exists, and before devices are asked for, whose names it changes. */
  #join(server: Uint8Array<ArrayBuffer>): void {
    const { api } = this;
    if (!api.TFE_EnableCollectiveOps) {
      throw new EnvironmentError(
        `TensorFlow ${
          text(api.TF_Version())
        } has no TFE_EnableCollectiveOps, which several processes need: ` +
          "use the one that pip install tensorflow installs.",
      );
    }
    const { TFE_EnableCollectiveOps: enable, status } = api;
    keepingSigterm(() => enable(this.context, server, BigInt(server.length), status));
    api.check("to work with other processes (is the port of this one in use?)");
  }

  isUsingGpuDevice(): boolean {
    return this.#gpu !== "";
  }

  getNumOfTensors(): number {
    return this.#handles.size;
  }

  /** Copies values into a new tensor. */
  createTensor(shape: readonly number[], dtype: number, values: ArrayBufferView | Uint8Array[]): number {
    if (!ArrayBuffer.isView(values)) return this.adopt(newStrings(this, shape, values));
    const bytes = shape.reduce((size, dim) => size * dim, ELEMENT_BYTES[dtype]);
    if (bytes !== values.byteLength) {
      throw new ComputeError(`A tensor of shape [${shape}] needs ${bytes} bytes, not ${values.byteLength}.`);
    }
    const host = this.#hostTensor(shape, dtype, values);
    let handle = this.api.TFE_NewTensorHandle(host, this.api.status);
    this.api.TF_DeleteTensor(host);
    this.api.check("a new tensor");
    // As TensorFlow's own kernels expect it: integers stay in host memory.
    if (this.#gpu && dtype !== DataType.int32 && dtype !== DataType.int64) {
      const copy = this.api.TFE_TensorHandleCopyToDevice(
        handle,
        this.context,
        cString(this.#gpu),
        this.api.status,
      );
      this.api.TFE_DeleteTensorHandle(handle);
      this.api.check("a copy to the GPU");
      handle = copy;
    }
    return this.adopt(handle);
  }

  #hostTensor(shape: readonly number[], dtype: number, values: ArrayBufferView): Deno.PointerValue {
    const host = this.api.TF_AllocateTensor(
      dtype,
      BigInt64Array.from(shape, BigInt),
      shape.length,
      BigInt(values.byteLength),
    );
    if (values.byteLength > 0) {
      const target = Deno.UnsafePointerView.getArrayBuffer(
        this.api.TF_TensorData(host)!,
        values.byteLength,
      );
      new Uint8Array(target).set(
        new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      );
    }
    return host;
  }

  /** Takes over a tensor handle and gives it an id. */
  adopt(handle: Deno.PointerValue): number {
    const id = this.newId();
    this.#handles.set(id, handle);
    return id;
  }

  newId(): number {
    return this.#nextId++;
  }

  /** The handle behind an id. */
  handle(id: number): Deno.PointerValue {
    const handle = this.#handles.get(id);
    if (handle === undefined) throw new ComputeError(`Tensor ${id} was disposed or never had a value.`);
    return handle;
  }

  metadata(id: number): Metadata {
    return { id, ...this.describe(this.handle(id)) };
  }

  deleteTensor(id: number): void {
    const handle = this.#handles.get(id);
    if (handle === undefined) return;
    this.api.TFE_DeleteTensorHandle(handle);
    this.#handles.delete(id);
  }

  /** Copies a tensor's values out. */
  tensorDataSync(id: number): Float32Array | Int32Array | Uint8Array | BigInt64Array | Uint8Array[] {
    if (this.recorder?.owns(id)) {
      throw recordedValue();
    }
    const { api } = this;
    const handle = this.handle(id);
    const host = api.TFE_TensorHandleResolve(handle, api.status);
    api.check("to hand out a tensor's values");
    const dtype = api.TFE_TensorHandleDataType(handle);
    if (dtype === DataType.string) {
      const strings = readStrings(api, host);
      api.TF_DeleteTensor(host);
      return strings;
    }
    const length = Number(api.TF_TensorByteSize(host));
    const copy = length > 0
      ? Deno.UnsafePointerView.getArrayBuffer(api.TF_TensorData(host)!, length).slice(0)
      : new ArrayBuffer(0);
    api.TF_DeleteTensor(host);
    switch (dtype) {
      case DataType.float32:
      case DataType.complex64:
        return new Float32Array(copy);
      case DataType.int32:
        return new Int32Array(copy);
      case DataType.int64:
        return new BigInt64Array(copy);
      case DataType.bool:
      case DataType.uint8:
        return new Uint8Array(copy);
      default:
        throw new ComputeError(`Values of TensorFlow's type ${dtype} cannot be read here.`);
    }
  }

  /** Runs an op now, or records it. */
  executeOp(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    outputs: number,
  ): Metadata[] {
    if (this.recorder) return this.recorder.execute(name, attributes, inputs, outputs);
    const { api } = this;
    const op = this.prepare(name, attributes, inputs.map((id) => this.handle(id)));
    try {
      const results = new BigUint64Array(outputs), count = Int32Array.of(outputs);
      api.TFE_Execute(op, results, count, api.status);
      api.check(name);
      return this.results(results.subarray(0, count[0]));
    } finally {
      api.TFE_DeleteOp(op);
    }
  }

  /** An eager op with its inputs and attributes, ready to run; the caller deletes it. */
  prepare(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly Deno.PointerValue[],
  ): Deno.PointerValue {
    const { api } = this;
    const op = api.TFE_NewOp(this.context, cString(name), api.status);
    api.check(name);
    try {
      if (this.#gpu && !inputs.some((input) => this.#isString(input))) {
        api.TFE_OpSetDevice(op, cString(this.#gpu), api.status);
        api.check(`${name} on ${this.#gpu}`);
      }
      for (const input of inputs) {
        api.TFE_OpAddInput(op, input, api.status);
        api.check(`the inputs of ${name}`);
      }
      // After the inputs: where a kernel states a type that its inputs do not have (mean of int32), theirs counts.
      for (const attribute of attributes) this.setAttribute("TFE_Op", op, attribute);
      return op;
    } catch (error) {
      api.TFE_DeleteOp(op);
      throw error;
    }
  }

  /** Strings stay in host memory. */
  #isString(handle: Deno.PointerValue): boolean {
    return this.api.TFE_TensorHandleDataType(handle) === DataType.string;
  }

  /** Adopts an op's outputs: all of them, or none if one cannot be used. */
  results(handles: BigUint64Array): Metadata[] {
    const ids = Array.from(handles, (address) => this.adopt(Deno.UnsafePointer.create(address)));
    try {
      return ids.map((id) => this.metadata(id));
    } catch (error) {
      ids.forEach((id) => this.deleteTensor(id));
      throw error;
    }
  }

  /** Shape and type of a tensor handle. */
  describe(handle: Deno.PointerValue): { shape: number[]; dtype: number } {
    const { api } = this;
    const rank = api.TFE_TensorHandleNumDims(handle, api.status);
    api.check("to describe a result");
    const shape = Array.from(
      { length: rank },
      (_, axis) => Number(api.TFE_TensorHandleDim(handle, axis, api.status)),
    );
    return { shape, dtype: knownType(api.TFE_TensorHandleDataType(handle)) };
  }

  /** Sets one attribute of an eager op or of a graph node. */
  setAttribute(prefix: Prefix, op: Deno.PointerValue, { name, type, value }: Attribute): void {
    const { api } = this;
    const key = cString(name);
    switch (type) {
      case AttributeType.string: {
        const bytes = value instanceof Uint8Array ? value : new TextEncoder().encode(value);
        api[`${prefix}SetAttrString`](op, key, bytes as Uint8Array<ArrayBuffer>, BigInt(bytes.length));
        break;
      }
      case AttributeType.int:
        if (Array.isArray(value)) {
          api[`${prefix}SetAttrIntList`](op, key, BigInt64Array.from(value, whole), value.length);
        } else api[`${prefix}SetAttrInt`](op, key, whole(value));
        break;
      case AttributeType.float:
        if (Array.isArray(value)) {
          api[`${prefix}SetAttrFloatList`](op, key, Float32Array.from(value), value.length);
        } else api[`${prefix}SetAttrFloat`](op, key, value);
        break;
      case AttributeType.bool:
        if (Array.isArray(value)) {
          api[`${prefix}SetAttrBoolList`](op, key, Uint8Array.from(value, Number), value.length);
        } else api[`${prefix}SetAttrBool`](op, key, value ? 1 : 0);
        break;
      case AttributeType.type:
        api[`${prefix}SetAttrType`](op, key, value);
        break;
      case AttributeType.shape: {
        const dims = BigInt64Array.from(value as number[], BigInt);
        if (prefix === "TF_") api.TF_SetAttrShape(op, key, dims, dims.length);
        else {
          api.TFE_OpSetAttrShape(op, key, dims, dims.length, api.status);
          api.check(`the shape ${name}`);
        }
        break;
      }
      default:
        throw new ComputeError(
          `Attribute ${name} has TensorFlow's type ${type}, which is not supported here.`,
        );
    }
  }
}

/** An integer attribute, cut off as TensorFlow.js's addon does: its kernels give fractions (a random seed) as well. */
const whole = (value: number) => BigInt(Math.trunc(value));

const KNOWN_TYPES = new Set<number>(Object.values(DataType));

/** The same element type, if TensorFlow.js has it. */
export function knownType(dtype: number): number {
  if (KNOWN_TYPES.has(dtype)) return dtype;
  throw new ComputeError(
    `TensorFlow.js has no tensors of TensorFlow's type ${dtype}, only ${Object.keys(DataType).join(", ")}.`,
  );
}
