/**
 * Records TensorFlow.js ops into a TensorFlow graph and turns it into one
 * function, which TensorFlow optimises as a whole.
 *
 * @module
 */
import { ComputeError } from "../base/errors.ts";
import type { Attribute, Binding, Metadata, Precision, Recorder } from "./binding.ts";
import { cString } from "./c_api.ts";
import { listInputOps, type OpArgument } from "./op_list.ts";

/** One output of a graph node. */
interface Node {
  readonly operation: Deno.PointerValue;
  readonly index: number;
}

/** Eager tensors up to this many elements are written into the graph as constants. */
const CONSTANT_ELEMENTS = 4096;

/** A graph under construction. */
export class GraphRecorder implements Recorder {
  readonly #graph: Deno.PointerValue;
  readonly #nodes = new Map<number, Node>();
  /** The node that stands for an eager tensor met while recording. */
  readonly #captured = new Map<number, Node>();
  readonly #inputs: Node[] = [];
  /** Handles of the captured tensors that are too large to be constants, in input order. */
  readonly captures: Deno.PointerValue[] = [];
  readonly #binding: Binding;
  readonly #lists: Map<string, OpArgument[]>;
  #names = 0;

  constructor(binding: Binding, readonly precision: Precision) {
    this.#binding = binding;
    this.#lists = lists.get(binding) ?? listInputOps(binding.api);
    lists.set(binding, this.#lists);
    this.#graph = binding.api.TF_NewGraph();
  }

  owns(id: number): boolean {
    return this.#nodes.has(id);
  }

  /** A function input of known shape and type. */
  input(shape: readonly number[], dtype: number): Metadata {
    return this.#remember(this.#placeholder(shape, dtype), 0);
  }

  execute(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    outputs: number,
  ): Metadata[] {
    const { api } = this.#binding;
    const description = api.TF_NewOperation(
      this.#graph,
      cString(op),
      new TextEncoder().encode(`n${this.#names++}\0`),
    );
    const nodes = inputs.map((id) => this.#nodes.get(id) ?? this.#capture(id));
    const list = this.#lists.get(op);
    if (list) this.#addLists(op, description, list, nodes);
    else nodes.forEach((node) => api.TF_AddInput(description, struct(node)));
    for (const attribute of attributes) {
      if (list?.some((argument) => argument.lengthAttribute === attribute.name)) continue;
      this.#binding.setAttribute("TF_", description, attribute);
    }
    const operation = api.TF_FinishOperation(description, api.status);
    api.check(`${op} while recording`);
    return Array.from({ length: outputs }, (_, index) => this.#remember(operation, index));
  }

  /** Closes the graph: a function from the inputs (then the captures) to some of its tensors. */
  finish(name: string, outputs: readonly number[]): void {
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
  }

  /** Frees the graph; a finished function lives on without it. */
  close(): void {
    this.#binding.api.TF_DeleteGraph(this.#graph);
  }

  #remember(operation: Deno.PointerValue, index: number): Metadata {
    const { api } = this.#binding;
    const node = { operation, index };
    const id = this.#binding.newId();
    this.#nodes.set(id, node);
    const rank = api.TF_GraphGetTensorNumDims(this.#graph, struct(node), api.status);
    api.check("to infer a rank");
    const dims = new BigInt64Array(Math.max(rank, 0));
    if (rank > 0) {
      api.TF_GraphGetTensorShape(this.#graph, struct(node), dims, rank, api.status);
      api.check("to infer a shape");
    }
    // An unknown shape (batch norm's reserve outputs) stays opaque: it is only handed on.
    return {
      id,
      shape: Array.from(dims, (size) => Math.max(Number(size), 0)),
      dtype: api.TF_OperationOutputType(struct(node)),
    };
  }

  #placeholder(shape: readonly number[], dtype: number): Deno.PointerValue {
    const { api } = this.#binding;
    const description = api.TF_NewOperation(
      this.#graph,
      cString("Placeholder"),
      new TextEncoder().encode(`n${this.#names++}\0`),
    );
    api.TF_SetAttrType(description, cString("dtype"), dtype);
    api.TF_SetAttrShape(description, cString("shape"), BigInt64Array.from(shape, BigInt), shape.length);
    const operation = api.TF_FinishOperation(description, api.status);
    api.check("an input of the graph");
    this.#inputs.push({ operation, index: 0 });
    return operation;
  }

  #capture(id: number): Node {
    const known = this.#captured.get(id);
    if (known) return known;
    const { api } = this.#binding;
    const handle = this.#binding.handle(id);
    const { shape, dtype } = this.#binding.describe(handle);
    let operation: Deno.PointerValue;
    if (shape.reduce((size, dim) => size * dim, 1) <= CONSTANT_ELEMENTS) {
      const host = api.TFE_TensorHandleResolve(handle, api.status);
      api.check("a constant of the graph");
      const description = api.TF_NewOperation(
        this.#graph,
        cString("Const"),
        new TextEncoder().encode(`n${this.#names++}\0`),
      );
      api.TF_SetAttrType(description, cString("dtype"), dtype);
      api.TF_SetAttrTensor(description, cString("value"), host, api.status);
      operation = api.TF_FinishOperation(description, api.status);
      api.TF_DeleteTensor(host);
      api.check("a constant of the graph");
    } else {
      operation = this.#placeholder(shape, dtype);
      this.captures.push(api.TFE_TensorHandleCopySharingTensor(handle, api.status));
      api.check("a captured tensor");
    }
    const node = { operation, index: 0 };
    this.#captured.set(id, node);
    return node;
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

const lists = new WeakMap<Binding, Map<string, OpArgument[]>>();

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
