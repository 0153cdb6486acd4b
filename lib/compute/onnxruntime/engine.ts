/**
 * ONNX Runtime as an engine: what is recorded becomes one ONNX model, op by op.
 *
 * @module
 */
import type { Attribute, Engine, Metadata, Precision, Program, Recording } from "../engine.ts";
import { variableUsed } from "../engine.ts";
import { type Held, OnnxBinding, type Outputs } from "./binding.ts";
import { openOnnxRuntime } from "./c_api.ts";
import { Graph, sizeOf } from "./graph.ts";
import { findOnnxRuntime } from "./library.ts";
import { lower } from "./lowering.ts";
import { ELEMENT_TYPE, fullShape, Tensor } from "./tensor.ts";

/** Captured tensors up to this many elements are part of the model; ONNX Runtime then prepares weights once. */
const CONSTANT_ELEMENTS = 2 ** 24;

/** From this many elements on, a constant is something that it pays to prepare for. */
const LARGE_CONSTANT = 4096;

/**
 * Opens ONNX Runtime.
 *
 * @param threads Threads that it may use.
 * @returns The engine.
 * @throws {EnvironmentError} It is not there and cannot be fetched, or not for this platform.
 */
export async function onnxruntime(threads: number): Promise<Engine> {
  const library = await findOnnxRuntime();
  const runtime = openOnnxRuntime(library.path, threads);
  const binding = new OnnxBinding(runtime);
  return {
    name: "onnxruntime",
    version: runtime.version,
    library,
    device: "CPU:0",
    precisions: ["float32"],
    binding,
    record: (name, precision, variableOf) =>
      new OnnxRecording(binding, name, precision, threads > 1, variableOf),
  };
}

/** A graph while it is recorded. */
class OnnxRecording implements Recording {
  readonly #graph = new Graph();
  readonly #tensors = new Map<number, Tensor>();
  /** Tensors met while recording, which are held until the graph is closed. */
  readonly #captured = new Map<number, Held>();
  /** Those that are too large to be constants, in the order of the inputs they became. */
  readonly #captures: Held[] = [];
  readonly #binding: OnnxBinding;
  readonly #name: string;
  readonly #variableOf?: (id: number) => string | undefined;
  #constant = false;

  constructor(
    binding: OnnxBinding,
    name: string,
    readonly precision: Precision,
    /** Whether there are threads for several lanes. */
    readonly lanes: boolean,
    variableOf?: (id: number) => string | undefined,
  ) {
    this.#binding = binding;
    this.#name = name;
    this.#variableOf = variableOf;
  }

  owns(id: number): boolean {
    return this.#tensors.has(id) && !this.#captured.has(id);
  }

  input(shape: readonly number[], dtype: number, lane?: number): Metadata {
    const value = this.#graph.input(
      ELEMENT_TYPE[dtype],
      fullShape(shape, dtype),
      this.lanes ? lane : undefined,
    );
    return this.#remember(new Tensor(this.#graph, shape, dtype, value));
  }

  execute(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    outputs: number,
  ): Metadata[] {
    const tensors = inputs.map((id) => this.#tensors.get(id) ?? this.#capture(id));
    return lower(this.#graph, op, attributes, tensors).slice(0, outputs).map((result) =>
      this.#remember(result)
    );
  }

  make(outputs: readonly number[]): Program {
    const results = outputs.map((id) => this.#tensors.get(id) ?? this.#capture(id));
    const made = this.#binding.make(this.#graph, results, { name: this.#name, constants: this.#constant });
    this.#captures.forEach((held) => held.users++);
    return new OnnxProgram(this.#binding, made, this.#captures);
  }

  close(): void {
    this.#captured.forEach((held) => this.#binding.letGo(held));
  }

  #remember(tensor: Tensor): Metadata {
    const id = this.#binding.newId();
    this.#tensors.set(id, tensor);
    return { id, shape: [...tensor.shape], dtype: tensor.dtype };
  }

  #capture(id: number): Tensor {
    const held = this.#binding.held(id), { shape, dtype } = held, size = sizeOf(shape);
    const variable = this.#variableOf?.(id);
    if (variable !== undefined) throw variableUsed(variable);
    const type = ELEMENT_TYPE[dtype], full = fullShape(shape, dtype);
    const small = size <= CONSTANT_ELEMENTS;
    if (small && size >= LARGE_CONSTANT) this.#constant = true;
    const elements = small ? this.#binding.view(held) : undefined;
    const value = elements ? this.#graph.constant(type, full, elements) : this.#graph.input(type, full);
    if (!elements) this.#captures.push(held);
    const tensor = new Tensor(this.#graph, shape, dtype, value, "channelsLast", elements && (() => elements));
    this.#tensors.set(id, tensor);
    held.users++;
    this.#captured.set(id, held);
    return tensor;
  }
}

/** Sessions with the tensors that they always get. */
class OnnxProgram implements Program {
  readonly #binding: OnnxBinding;
  readonly #outputs: Outputs;
  readonly #captures: readonly Held[];

  constructor(binding: OnnxBinding, outputs: Outputs, captures: readonly Held[]) {
    this.#binding = binding;
    this.#outputs = outputs;
    this.#captures = captures;
  }

  async run(inputs: readonly number[]): Promise<Metadata[]> {
    const { sessions, described } = this.#outputs;
    const held = inputs.map((id) => this.#binding.held(id));
    held.forEach((input) => input.users++);
    try {
      const values = await sessions?.run([...held, ...this.#captures].map(({ value }) => value)) ?? [];
      return this.#binding.results(described, values);
    } finally {
      held.forEach((input) => this.#binding.letGo(input));
    }
  }

  free(): void {
    this.#outputs.sessions?.free();
    this.#captures.forEach((held) => this.#binding.letGo(held));
  }
}
