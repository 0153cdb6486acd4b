/**
 * What TensorFlow's ops take and give, as values of an ONNX graph. Pictures lie as
 * `[batch, height, width, channels]` for TensorFlow and as `[batch, channels, height,
 * width]` for ONNX's convolutions: they are turned round only where somebody asks for
 * the other layout, and once.
 *
 * @module
 */
import { DataType } from "../engine.ts";
import { type Graph, sizeOf, type Value } from "./graph.ts";
import { ElementType } from "./model.ts";

/** How a picture's axes lie in memory. */
export type Layout = "channelsLast" | "channelsFirst";

/** For each axis of the one layout, which axis of the other it is. */
const FROM_LAST = [0, 3, 1, 2], FROM_FIRST = [0, 2, 3, 1];

/** ONNX's element type for each of TensorFlow's. A complex number is two floats along a last axis of its own. */
export const ELEMENT_TYPE: Readonly<Record<number, number>> = {
  [DataType.float32]: ElementType.float,
  [DataType.int32]: ElementType.int32,
  [DataType.uint8]: ElementType.uint8,
  [DataType.complex64]: ElementType.float,
  [DataType.int64]: ElementType.int64,
  [DataType.bool]: ElementType.bool,
};

/** The shape that ONNX Runtime sees of a tensor. */
export const fullShape = (shape: readonly number[], dtype: number): readonly number[] =>
  dtype === DataType.complex64 ? [...shape, 2] : shape;

/** Zeros around a picture: top, left, bottom, right. */
export type Padding = readonly [top: number, left: number, bottom: number, right: number];

/** A tensor while a graph is made. */
export class Tensor {
  readonly #graph: Graph;
  readonly #values: Partial<Record<Layout, Value>> = {};
  readonly #make?: (layout: Layout) => Value;
  /** The layout that it has or would best be made in. */
  readonly layout: Layout;

  /**
   * @param graph The graph.
   * @param shape TensorFlow's shape.
   * @param dtype TensorFlow's element type.
   * @param from Its value, or how to make it when it is asked for.
   * @param layout The value's layout, or the one that it is best made in.
   * @param elements Its elements, if they are known.
   * @param padded The picture that it is with zeros around it, which a convolution need not write out.
   */
  constructor(
    graph: Graph,
    readonly shape: readonly number[],
    readonly dtype: number,
    from: Value | ((layout: Layout) => Value),
    layout: Layout = "channelsLast",
    readonly elements?: () => ArrayLike<number | bigint>,
    readonly padded?: { readonly of: Tensor; readonly padding: Padding },
  ) {
    this.#graph = graph;
    this.layout = layout;
    if (typeof from === "function") this.#make = from;
    else this.#values[layout] = from;
  }

  /** Whether it is a picture whose channels come first. */
  get channelsFirst(): boolean {
    return this.layout === "channelsFirst";
  }

  /** As TensorFlow has it. */
  get value(): Value {
    return this.in("channelsLast");
  }

  /** Its value in a layout. */
  in(layout: Layout): Value {
    const known = this.#values[layout];
    if (known) return known;
    if (this.#make) return this.#values[layout] = this.#make(layout);
    const from = this.#values[this.layout]!;
    return this.#values[layout] = this.#graph.transpose(
      from,
      layout === "channelsFirst" ? FROM_LAST : FROM_FIRST,
    );
  }

  /** A picture's value with the channels first; of fewer axes, as it is broadcast against one. */
  get image(): Value {
    if (this.shape.length === 4) return this.in("channelsFirst");
    if (sizeOf(this.shape) === 1) return this.#graph.reshape(this.value, []);
    const missing = Array<number>(4 - this.shape.length).fill(1);
    return this.#graph.transpose(this.#graph.reshape(this.value, [...missing, ...this.shape]), FROM_LAST);
  }
}

/** The axes of a picture with channels first that are these axes of one with channels last. */
export const imageAxes = (axes: readonly number[]): number[] => axes.map((axis) => FROM_FIRST[axis]);

/** A list in the order of the axes with channels first, from one in the order with channels last. */
export const imageOrder = <T>(list: readonly T[]): T[] => FROM_LAST.map((axis) => list[axis]);
