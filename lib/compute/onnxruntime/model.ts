/**
 * Writes ONNX models, which are protocol buffers (onnx.proto3, IR version 9).
 *
 * @module
 */
import { field, fixed32, join, number, type Part, text } from "../../base/protobuf.ts";

/** ONNX's numbers for the element types in use. */
export const ElementType = { float: 1, uint8: 2, int32: 6, int64: 7, bool: 9 } as const;

/** An attribute of a node; a float is written as `{ float }`, since a whole one looks like an integer. */
export type NodeAttribute = number | string | readonly number[] | { readonly float: number };

/** A node of a graph. */
export interface ModelNode {
  readonly op: string;
  /** The operator set it belongs to; the standard one has no name. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, NodeAttribute>>;
}

/** An input or output of a graph. */
export interface ModelValue {
  readonly name: string;
  readonly type: number;
  readonly shape: readonly number[];
}

/** A tensor that is part of a model. */
export interface ModelConstant extends ModelValue {
  /** Its elements in memory order. */
  readonly bytes: Uint8Array;
}

/** A graph with all it needs. */
export interface Model {
  readonly nodes: readonly ModelNode[];
  readonly inputs: readonly ModelValue[];
  readonly outputs: readonly ModelValue[];
  readonly constants: readonly ModelConstant[];
}

/** The operator sets that models refer to, each with its version. */
const OPERATOR_SETS = { "": 20, "com.microsoft": 1 };

const IR_VERSION = 9;

/**
 * A model as ONNX Runtime reads it.
 *
 * @param model The graph.
 * @returns A serialized `ModelProto`.
 */
export function encode(model: Model): Uint8Array<ArrayBuffer> {
  const graph = [
    ...model.nodes.map((node) => field(1, nodeProto(node))),
    text(2, "graph"),
    ...model.constants.map((constant) => field(5, tensorProto(constant))),
    ...model.inputs.map((value) => field(11, valueProto(value))),
    ...model.outputs.map((value) => field(12, valueProto(value))),
  ];
  const sets = Object.entries(OPERATOR_SETS)
    .map(([domain, version]) => field(8, [text(1, domain), number(2, version)]));
  return join([number(1, IR_VERSION), field(7, graph), ...sets]);
}

function nodeProto({ op, domain, inputs, outputs, attributes }: ModelNode): Part {
  return [
    inputs.map((name) => text(1, name)),
    outputs.map((name) => text(2, name)),
    text(4, op),
    Object.entries(attributes).map(([name, value]) => field(5, attributeProto(name, value))),
    text(7, domain),
  ];
}

/** `AttributeProto`; its type is FLOAT (1), INT (2), STRING (3) or INTS (7). */
function attributeProto(name: string, value: NodeAttribute): Part {
  const named = text(1, name);
  if (typeof value === "number") return [named, number(3, value), number(20, 2)];
  if (typeof value === "string") return [named, text(4, value), number(20, 3)];
  if ("float" in value) {
    return [named, fixed32(2, value.float), number(20, 1)];
  }
  return [named, value.map((item) => number(8, item)), number(20, 7)];
}

function tensorProto({ name, type, shape, bytes }: ModelConstant): Part {
  return [shape.map((size) => number(1, size)), number(2, type), text(8, name), field(9, bytes)];
}

function valueProto({ name, type, shape }: ModelValue): Part {
  const dims = shape.map((size) => field(1, number(1, size)));
  return [text(1, name), field(2, field(1, [number(1, type), field(2, dims)]))];
}
