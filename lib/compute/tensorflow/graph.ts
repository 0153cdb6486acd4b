/**
 * Records TensorFlow.js ops into a TensorFlow graph and turns it into one
 * function, which TensorFlow optimises as a whole.
 *
 * @module
 */
import { ComputeError } from "../../base/errors.ts";
import type { Attribute, Metadata, Precision, Program, Recording } from "../engine.ts";
import { refusal, variableUsed } from "../engine.ts";
import { cString } from "../native.ts";
import { type Binding, knownType } from "./binding.ts";
import { inputArguments, type OpArgument } from "./op_list.ts";

/** One output of a graph node. */
interface Node {
  readonly operation: Deno.PointerValue;
  readonly index: number;
}

/** Eager tensors up to this many elements are written into the graph as constants. */
const CONSTANT_ELEMENTS = 4096;

/** Ops with results of unknown shape, and the one op that may take those: its own gradient. */
const RESERVED: Record<string, string> = { FusedBatchNormV3: "FusedBatchNormGradV3" };

/** A graph under construction. */
export class GraphRecorder implements Recording {
  readonly #graph: Deno.PointerValue;
  readonly #nodes = new Map<number, Node>();
  /** The node that stands for an eager tensor met while recording. */
  readonly #captured = new Map<number, Node>();
  /** The op that may take a tensor whose shape is unknown. */
  readonly #reserved = new Map<number, string>();
  readonly #inputs: Node[] = [];
  /** Handles of the captured tensors that are too large to be constants, in input order. */
  readonly captures: Deno.PointerValue[] = [];
  readonly #binding: Binding;
  readonly #arguments: Map<string, OpArgument[]>;
  readonly #variableOf?: (id: number) => string | undefined;
  #names = 0;
  #finished = false;

  /**
   * @param binding TensorFlow.
   * @param name Name of the function that it becomes.
   * @param precision Arithmetic that the graph will run in.
   * @param variableOf The name of the variable whose value a tensor is, if it is one's: that is refused.
   */
  constructor(
    binding: Binding,
    readonly name: string,
    readonly precision: Precision,
    variableOf?: (id: number) => string | undefined,
  ) {
    this.#binding = binding;
    this.#variableOf = variableOf;
    this.#arguments = ops.get(binding) ?? inputArguments(binding.api);
    ops.set(binding, this.#arguments);
    this.#graph = binding.api.TF_NewGraph();
  }

  owns(id: number): boolean {
    return this.#nodes.has(id);
  }

  /** A function input of known shape and type. */
  input(shape: readonly number[], dtype: number): Metadata {
    return this.#remember(this.#placeholder(shape, dtype), "an input");
  }

  execute(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    outputs: number,
  ): Metadata[] {
    const { api } = this.#binding;
    const nodes = inputs.map((id) => {
      const user = this.#reserved.get(id) ?? op;
      if (user === op) return this.#nodes.get(id) ?? this.#capture(id);
      throw new ComputeError(`${op} cannot take a result of unknown shape that is meant for ${user}.`);
    });
    const known = this.#arguments.get(op) ?? [];
    const operation = this.#add(op, `${op} while recording`, (description) => {
      if (known.some(({ list }) => list)) this.#addLists(op, description, known, nodes);
      else nodes.forEach((node) => api.TF_AddInput(description, struct(node)));
      for (const attribute of attributes) {
        // It follows from the inputs, whatever the kernel states.
        if (known.some((argument) => argument.attributes.includes(attribute.name))) continue;
        this.#binding.setAttribute("TF_", description, attribute);
      }
    });
    const length = Math.min(outputs, api.TF_OperationNumOutputs(operation));
    return Array.from({ length }, (_, index) => this.#remember({ operation, index }, op));
  }

  make(outputs: readonly number[]): Program {
    const { name } = this;
    const { api, context } = this.#binding;
    const nodes = outputs.map((id) => {
      // A function may return neither an input itself nor the same tensor twice.
      const [copy] = this.execute("Identity", [], [id], 1);
      return this.#nodes.get(copy.id)!;
    });
    const definition = api.TF_GraphToFunction(
      this.#graph,
      cString(name),
      0,
      -1,
      null,
      this.#inputs.length,
      structs(this.#inputs),
      nodes.length,
      structs(nodes),
      null,
      null,
      null,
      api.status,
    );
    api.check(`the graph of ${name}`);
    api.TFE_ContextAddFunction(context, definition, api.status);
    api.TF_DeleteFunction(definition);
    api.check(`the function ${name}`);
    this.#finished = true;
    return new TensorFlowProgram(this.#binding, this, this.captures, outputs.length);
  }

  close(): void {
    const { api } = this.#binding;
    api.TF_DeleteGraph(this.#graph);
    if (!this.#finished) this.captures.forEach((handle) => api.TFE_DeleteTensorHandle(handle));
  }

  /** Adds a node. */
  #add(op: string, what: string, describe: (description: Deno.PointerValue) => void): Deno.PointerValue {
    const { api } = this.#binding;
    const name = new TextEncoder().encode(`n${this.#names++}\0`);
    const description = api.TF_NewOperation(this.#graph, cString(op), name);
    let operation: Deno.PointerValue;
    try {
      describe(description);
    } finally {
      // Even if it is incomplete: nothing else frees a description.
      operation = api.TF_FinishOperation(description, api.status);
    }
    api.check(what);
    return operation;
  }

  /** Gives a node's output an id. */
  #remember(node: Node, op: string): Metadata {
    const { api } = this.#binding;
    const id = this.#binding.newId();
    const dtype = knownType(api.TF_OperationOutputType(struct(node)));
    const rank = api.TF_GraphGetTensorNumDims(this.#graph, struct(node), api.status);
    api.check("to infer a rank");
    const dims = new BigInt64Array(Math.max(rank, 0));
    if (rank > 0) {
      api.TF_GraphGetTensorShape(this.#graph, struct(node), dims, rank, api.status);
      api.check("to infer a shape");
    }
    let shape = Array.from(dims, Number);
    if (rank < 0 || shape.includes(-1)) {
      if (!RESERVED[op]) {
        throw refusal(
          `A compiled step needs known shapes, but the shape of what ${op} gives depends on the values: ` +
            `${rank < 0 ? "its rank is unknown" : `[${shape.map((size) => size < 0 ? "?" : size)}]`}. ` +
            "Run that op outside of the step and pass its result as an input.",
        );
      }
      this.#reserved.set(id, RESERVED[op]);
      shape = [-1]; // As TensorFlow says it.
    }
    this.#nodes.set(id, node);
    return { id, shape, dtype };
  }

  #placeholder(shape: readonly number[], dtype: number): Node {
    const { api } = this.#binding;
    const operation = this.#add("Placeholder", "an input of the graph", (description) => {
      api.TF_SetAttrType(description, cString("dtype"), dtype);
      api.TF_SetAttrShape(description, cString("shape"), BigInt64Array.from(shape, BigInt), shape.length);
    });
    const node = { operation, index: 0 };
    this.#inputs.push(node);
    return node;
  }

  #capture(id: number): Node {
    const known = this.#captured.get(id);
    if (known) return known;
    const { api } = this.#binding;
    const handle = this.#binding.handle(id);
    const variable = this.#variableOf?.(id);
    if (variable !== undefined) {
      throw variableUsed(variable);
    }
    const { shape, dtype } = this.#binding.describe(handle);
    const small = shape.reduce((size, dim) => size * dim, 1) <= CONSTANT_ELEMENTS;
    const node = small ? this.#constant(handle, dtype) : this.#placeholder(shape, dtype);
    if (!small) {
      const capture = api.TFE_TensorHandleCopySharingTensor(handle, api.status);
      api.check("a captured tensor");
      this.captures.push(capture);
    }
    this.#captured.set(id, node);
    return node;
  }

  #constant(handle: Deno.PointerValue, dtype: number): Node {
    const { api } = this.#binding;
    const host = api.TFE_TensorHandleResolve(handle, api.status);
    api.check("a constant of the graph");
    try {
      const operation = this.#add("Const", "a constant of the graph", (description) => {
        api.TF_SetAttrType(description, cString("dtype"), dtype);
        api.TF_SetAttrTensor(description, cString("value"), host, api.status);
        api.check("a constant of the graph");
      });
      return { operation, index: 0 };
    } finally {
      api.TF_DeleteTensor(host);
    }
  }

  #addLists(
    op: string,
    description: Deno.PointerValue,
    arguments_: readonly OpArgument[],
    nodes: readonly Node[],
  ) {
    const { api } = this.#binding;
    if (arguments_.filter((argument) => argument.list).length > 1) {
      throw new ComputeError(`${op} takes several lists of tensors; it cannot be recorded.`);
    }
    const listLength = nodes.length - arguments_.length + 1;
    let at = 0;
    for (const argument of arguments_) {
      if (!argument.list) {
        api.TF_AddInput(description, struct(nodes[at++]));
        continue;
      }
      api.TF_AddInputList(description, structs(nodes.slice(at, at + listLength)), listLength);
      at += listLength;
    }
  }
}

/**
 * bfloat16 through oneDNN's automatic mixed precision (31), and one round of TensorFlow's optimiser (12) instead of
 * two, which makes the first call shorter by a third: `graph_options.rewrite_options` of a `ConfigProto`.
 */
const MIXED_PRECISION = Uint8Array.of(0x52, 0x07, 0x52, 0x05, 0x60, 0x01, 0xf8, 0x01, 0x01);

/** A function of TensorFlow's context. */
class TensorFlowProgram implements Program {
  readonly #binding: Binding;
  readonly #name: string;
  readonly #attributes: readonly Attribute[];
  /** Handles of the captured tensors that are too large to be constants, which follow the inputs. */
  readonly #captures: readonly Deno.PointerValue[];
  readonly #outputs: number;

  constructor(
    binding: Binding,
    { name, precision }: { readonly name: string; readonly precision: Precision },
    captures: readonly Deno.PointerValue[],
    outputs: number,
  ) {
    this.#binding = binding;
    this.#name = name;
    this.#captures = captures;
    this.#outputs = outputs;
    this.#attributes = precision === "bfloat16"
      ? [{ name: "config_proto", type: binding.TF_ATTR_STRING, value: MIXED_PRECISION }]
      : [];
  }

  async run(inputs: readonly number[]): Promise<Metadata[]> {
    const binding = this.#binding, { api } = binding;
    const handles = inputs.map((id) => binding.handle(id));
    const op = binding.prepare(this.#name, this.#attributes, [...handles, ...this.#captures]);
    const status = api.TF_NewStatus();
    try {
      const results = new BigUint64Array(this.#outputs), count = Int32Array.of(this.#outputs);
      await api.TFE_ExecuteInBackground(op, results, count, status);
      api.check(this.#name, status);
      return binding.results(results.subarray(0, count[0]));
    } finally {
      api.TF_DeleteStatus(status);
      api.TFE_DeleteOp(op);
    }
  }

  free(): void {
    const { api, context } = this.#binding;
    api.TFE_ContextRemoveFunction(context, new TextEncoder().encode(this.#name + "\0"), api.status);
    this.#captures.forEach((handle) => api.TFE_DeleteTensorHandle(handle));
  }
}

const ops = new WeakMap<Binding, Map<string, OpArgument[]>>();

/** A `TF_Output` to pass by value. */
function struct(node: Node): Uint8Array<ArrayBuffer> {
  return new Uint8Array(structs([node]).buffer);
}

/** An array of `TF_Output`. */
function structs(nodes: readonly Node[]): BigUint64Array<ArrayBuffer> {
  return BigUint64Array.from(
    nodes.flatMap((node) => [Deno.UnsafePointer.value(node.operation), BigInt(node.index)]),
  );
}
