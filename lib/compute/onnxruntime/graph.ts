/**
 * ONNX graphs under construction: nodes that know the shapes of their results.
 * The same node is never made twice, and what no output needs is left out.
 *
 * @module
 */
import { bytesOf } from "../../base/protobuf.ts";
import { ElementType, encode, type Model, type ModelConstant, type ModelNode } from "./model.ts";
import type { ModelValue, NodeAttribute } from "./model.ts";

/** A tensor in the graph. */
export type Value = ModelValue;

type Attributes = Readonly<Record<string, NodeAttribute>>;

/** Constants up to this many bytes are looked up before another one is made. */
const SHARED_BYTES = 1024;

/** Elements of a shape. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, dim) => size * dim, 1);

/**
 * The shape that two or more shapes are broadcast to.
 *
 * @param shapes Shapes that fit each other.
 * @returns Their common shape.
 * @throws {RangeError} They do not fit.
 */
export function broadcast(...shapes: (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1).filter((size) => size !== 1);
    if (new Set(sizes).size > 1) throw new RangeError(`Shapes [${shapes.join("] and [")}] do not fit.`);
    return sizes[0] ?? 1;
  });
}

/** A graph under construction. */
export class Graph {
  readonly #inputs: Value[] = [];
  readonly #nodes: ModelNode[] = [];
  readonly #constants = new Map<string, ModelConstant>();
  /** All inputs and results of nodes by name. */
  readonly #values = new Map<string, Value>();
  /** The lane of each input that begins one. */
  readonly #lanes = new Map<string, number>();
  /** Nodes and constants made so far, by all that makes them what they are. */
  readonly #known = new Map<string, readonly Value[]>();
  /** Where a reshaped value comes from. */
  readonly #reshaped = new Map<Value, Value>();
  #names = 0;

  /** An input of the graph, with which a lane may begin: see {@link Graph.stages}. */
  input(type: number, shape: readonly number[], lane?: number): Value {
    const value = this.#value(type, shape);
    this.#inputs.push(value);
    if (lane !== undefined) this.#lanes.set(value.name, lane);
    return value;
  }

  /** A tensor of given elements, which must not change. */
  constant(type: number, shape: readonly number[], values: ArrayBufferView): Value {
    const bytes = bytesOf(values);
    const key = bytes.length <= SHARED_BYTES ? `${type} ${shape} ${bytes}` : undefined;
    const known = key && this.#known.get(key)?.[0];
    if (known) return known;
    const constant = { name: this.#name(), type, shape, bytes };
    this.#constants.set(constant.name, constant);
    if (key) this.#known.set(key, [constant]);
    return constant;
  }

  /** A list of whole numbers, as ONNX's ops take shapes and axes. */
  integers(values: readonly number[]): Value {
    return this.constant(ElementType.int64, [values.length], BigInt64Array.from(values, BigInt));
  }

  /** A float of shape []. */
  float(value: number): Value {
    return this.constant(ElementType.float, [], Float32Array.of(value));
  }

  /**
   * A node.
   *
   * @param op Its name; `domain:name` where it is not of the standard set.
   * @param inputs Its inputs; `undefined` for one that is left out.
   * @param outputs Type (by default the first input's) and shape of each output.
   * @param attributes Its attributes.
   * @returns Its outputs.
   */
  nodes(
    op: string,
    inputs: readonly (Value | undefined)[],
    outputs: readonly { readonly type?: number; readonly shape: readonly number[] }[],
    attributes: Attributes = {},
  ): readonly Value[] {
    const names = inputs.map((input) => input?.name ?? "");
    const key = `${op}(${names})${JSON.stringify(attributes)}${JSON.stringify(outputs)}`;
    const known = this.#known.get(key);
    if (known) return known;
    const made = outputs.map(({ type, shape }) => this.#value(type ?? inputs[0]!.type, shape));
    const [domain, name] = op.includes(":") ? op.split(":") : ["", op];
    this.#nodes.push({ op: name, domain, inputs: names, outputs: made.map(({ name }) => name), attributes });
    this.#known.set(key, made);
    return made;
  }

  /** A node with one output. */
  node(
    op: string,
    inputs: readonly (Value | undefined)[],
    shape: readonly number[],
    attributes: Attributes = {},
    type?: number,
  ): Value {
    return this.nodes(op, inputs, [{ type, shape }], attributes)[0];
  }

  /** A node of one input that leaves the shape as it is. */
  unary(op: string, x: Value, attributes: Attributes = {}, type?: number): Value {
    return this.node(op, [x], x.shape, attributes, type);
  }

  /** A node of operands that are broadcast. */
  elementwise(op: string, operands: readonly Value[], type?: number): Value {
    return this.node(op, operands, broadcast(...operands.map(({ shape }) => shape)), {}, type);
  }

  add(a: Value, b: Value): Value {
    return this.elementwise("Add", [a, b]);
  }

  multiply(a: Value, b: Value): Value {
    return this.elementwise("Mul", [a, b]);
  }

  cast(x: Value, type: number): Value {
    return x.type === type ? x : this.unary("Cast", x, { to: type }, type);
  }

  reshape(x: Value, shape: readonly number[]): Value {
    const from = this.#reshaped.get(x) ?? x;
    if (String(from.shape) === String(shape)) return from;
    const reshaped = this.node("Reshape", [from, this.integers(shape)], shape);
    this.#reshaped.set(reshaped, from);
    return reshaped;
  }

  transpose(x: Value, perm: readonly number[]): Value {
    if (perm.every((axis, at) => axis === at)) return x;
    const shape = perm.map((axis) => x.shape[axis]);
    // Where only axes of size 1 move, the elements stay where they are.
    const moved = perm.filter((axis) => x.shape[axis] !== 1);
    if (moved.every((axis, at) => at === 0 || axis > moved[at - 1])) return this.reshape(x, shape);
    return this.node("Transpose", [x], shape, { perm });
  }

  /** Elements from `begin` to before `end` along some axes, every `step`-th. */
  slice(
    x: Value,
    axes: readonly number[],
    begin: readonly number[],
    end: readonly number[],
    step: readonly number[] = axes.map(() => 1),
  ): Value {
    const shape = [...x.shape];
    axes.forEach((axis, at) => shape[axis] = Math.max(Math.ceil((end[at] - begin[at]) / step[at]), 0));
    if (String(shape) === String(x.shape) && step.every((step) => step === 1)) return x;
    const lists = [begin, end, axes, step].map((list) => this.integers(list));
    return this.node("Slice", [x, ...lists], shape);
  }

  /** The elements in opposite order along some axes. */
  reverse(x: Value, axes: readonly number[]): Value {
    // Far enough before the first element.
    const lists = [axes.map(() => -1), axes.map(() => -(2 ** 31)), axes, axes.map(() => -1)];
    return this.node("Slice", [x, ...lists.map((list) => this.integers(list))], x.shape);
  }

  concat(values: readonly Value[], axis: number): Value {
    if (values.length === 1) return values[0];
    const shape = [...values[0].shape];
    shape[axis] = values.reduce((sum, value) => sum + value.shape[axis], 0);
    return this.node("Concat", values, shape, { axis });
  }

  /** Elements added around, or where a number is negative taken away. */
  pad(x: Value, before: readonly number[], after: readonly number[], value?: Value): Value {
    if ([...before, ...after].every((count) => count === 0)) return x;
    const shape = x.shape.map((size, axis) => before[axis] + size + after[axis]);
    return this.node("Pad", [x, this.integers([...before, ...after]), value], shape);
  }

  /** Sum, mean, largest … along axes: `ReduceSum`, `ReduceMean`, `ReduceMax` … */
  reduce(op: string, x: Value, axes: readonly number[], keep = false): Value {
    if (axes.length === 0) return x;
    const shape = x.shape.flatMap((size, axis) => axes.includes(axis) ? keep ? [1] : [] : [size]);
    return this.node(op, [x, this.integers(axes)], shape, { keepdims: keep ? 1 : 0 });
  }

  /** The product of the last two axes' matrices, each of them transposed first if wished. */
  matMul(a: Value, b: Value, transA = false, transB = false): Value {
    const [rows, columns] = [a.shape.at(transA ? -1 : -2)!, b.shape.at(transB ? -2 : -1)!];
    const shape = [...broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2)), rows, columns];
    if (!transA && !transB) return this.node("MatMul", [a, b], shape);
    const attributes = { transA: Number(transA), transB: Number(transB) };
    return this.node("com.microsoft:FusedMatMul", [a, b], shape, attributes);
  }

  /**
   * The models that give some tensors, in stages: those of one stage do not need each other. There is one
   * model in all, unless inputs begin lanes. Then what follows from one lane is computed beside what follows
   * from the other ones, and what needs several in a stage of its own.
   *
   * @param outputs They may be inputs or constants, and the same tensor may be there twice.
   * @returns The stages, and the names of all inputs and outputs.
   */
  stages(outputs: readonly Value[]): { stages: Part[][]; inputs: string[]; outputs: string[] } {
    const named = outputs.map(({ type, shape }) => this.#value(type, shape));
    const copies = outputs.map(({ name }, at): ModelNode => ({
      op: "Identity",
      domain: "",
      inputs: [name],
      outputs: [named[at].name],
      attributes: {},
    }));
    const needed = new Set(named.map(({ name }) => name)), nodes: ModelNode[] = [];
    for (const node of [...this.#nodes, ...copies].reverse()) {
      if (!node.outputs.some((name) => needed.has(name))) continue;
      node.inputs.forEach((name) => needed.add(name));
      nodes.push(node);
    }
    const groups = grouped(nodes.reverse(), this.#lanes);
    const results = new Set(named.map(({ name }) => name)), all = groups.flat();
    const stages = groups.map((lanes) => lanes.map((group) => this.#part(group, all, results)));
    return { stages, inputs: this.#inputs.map(({ name }) => name), outputs: [...results] };
  }

  /** A model of some nodes. */
  #part(nodes: readonly ModelNode[], groups: readonly (readonly ModelNode[])[], results: Set<string>): Part {
    const made = new Set(nodes.flatMap(({ outputs }) => outputs));
    const used = new Set(nodes.flatMap(({ inputs }) => inputs));
    const elsewhere = new Set(
      groups.flatMap((group) => group === nodes ? [] : group.flatMap(({ inputs }) => inputs)),
    );
    const inputs = [...used].filter((name) => !made.has(name) && this.#values.has(name));
    const outputs = [...made].filter((name) => elsewhere.has(name) || results.has(name));
    const values = (names: readonly string[]) => names.map((name) => this.#values.get(name)!);
    const model: Model = {
      nodes,
      inputs: values(inputs),
      outputs: values(outputs),
      constants: [...used].flatMap((name) => this.#constants.get(name) ?? []),
    };
    return { bytes: encode(model), inputs, outputs };
  }

  #value(type: number, shape: readonly number[]): Value {
    const value = { name: this.#name(), type, shape };
    this.#values.set(value.name, value);
    return value;
  }

  #name(): string {
    return `v${this.#names++}`;
  }
}

/** A model, and the names of what it takes and gives. */
export interface Part {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/**
 * Groups nodes into stages. Every other stage has a group a lane: of what needs nothing that another lane has
 * made since the stage before. What is needed later only is computed later, in place of being kept until then.
 */
function grouped(nodes: readonly ModelNode[], lanes: ReadonlyMap<string, number>): ModelNode[][][] {
  // Stages in common are even, stages of lanes odd.
  const found = new Map<string, { stage: number; lane?: number }>();
  lanes.forEach((lane, name) => found.set(name, { stage: 1, lane }));
  for (const { inputs, outputs } of nodes) {
    const needs = inputs.flatMap((name) => found.get(name) ?? []);
    const [lane, ...others] = new Set(needs.flatMap(({ lane }) => lane ?? []));
    const alone = lane !== undefined && others.length === 0 ? lane : undefined;
    const odd = alone === undefined ? 0 : 1;
    const latest = Math.max(odd, ...needs.map(({ stage }) => stage));
    const place = { stage: latest + (latest % 2 ^ odd), lane: alone };
    outputs.forEach((name) => found.set(name, place));
  }
  const stages: ModelNode[][][] = [], users = new Map<string, number>();
  for (const node of nodes.toReversed()) {
    const { stage, lane = 0 } = found.get(node.outputs[0])!;
    const first = Math.min(...node.outputs.map((name) => users.get(name) ?? Infinity));
    const late = Number.isFinite(first) ? first - ((first - stage) % 2) : stage;
    node.inputs.forEach((name) => users.set(name, Math.min(users.get(name) ?? Infinity, late)));
    ((stages[late] ??= [])[lane] ??= []).push(node);
  }
  return stages.filter(Boolean).map((groups) => groups.filter(Boolean).map((nodes) => nodes.reverse()));
}
