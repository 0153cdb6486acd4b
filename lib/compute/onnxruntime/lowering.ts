/**
 * TensorFlow's ops in terms of ONNX's: one entry an op. Whoever makes the project
 * record an op that it has not recorded before adds its entry here;
 * `tests/compute/onnxruntime/lowering_test.ts` compares each with TensorFlow.
 *
 * @module
 */
import { ComputeError } from "../../base/errors.ts";
import { type Attribute, DataType } from "../engine.ts";
import { broadcast, type Graph, sizeOf, type Value } from "./graph.ts";
import { ElementType } from "./model.ts";
import {
  ELEMENT_TYPE,
  fullShape,
  imageAxes,
  imageOrder,
  type Layout,
  type Padding,
  Tensor,
} from "./tensor.ts";

// deno-lint-ignore no-explicit-any
type Attributes = Readonly<Record<string, any>>;

/** What an entry works with. */
interface Call {
  readonly graph: Graph;
  /** The op's inputs. */
  readonly x: readonly Tensor[];
  /** The op's attributes by name. */
  readonly attributes: Attributes;
}

type Lowering = (call: Call) => Tensor | Tensor[];

/**
 * Adds an op to a graph.
 *
 * @param graph The graph.
 * @param op TensorFlow's name.
 * @param attributes Its attributes.
 * @param x Its inputs.
 * @returns Its outputs.
 * @throws {ComputeError} There is no entry for the op, or not for what it is to do here.
 */
export function lower(
  graph: Graph,
  op: string,
  attributes: readonly Attribute[],
  x: readonly Tensor[],
): Tensor[] {
  const entry = Object.hasOwn(LOWERINGS, op) ? LOWERINGS[op] : undefined;
  if (!entry) throw unknown(op);
  const outputs = entry({
    graph,
    x,
    attributes: Object.fromEntries(attributes.map(({ name, value }) => [name, value])),
  });
  // What has no elements needs no nodes.
  return [outputs].flat().map((output) => sizeOf(output.shape) > 0 ? output : filled(graph, output, 0));
}

const unknown = (what: string) =>
  new ComputeError(
    `ONNX Runtime cannot compute TensorFlow's op ${what} here: it has no entry in ` +
      "lib/compute/onnxruntime/lowering.ts. Write one, or compute on TensorFlow: SJEA_ENGINE=tensorflow.",
  );

/** The names of the ops that have an entry. */
export const lowered = (): string[] => Object.keys(LOWERINGS);

/** The elements of a tensor that the graph depends on: shapes, axes and the like. */
function elements(x: Tensor): number[] {
  if (x.elements) return Array.from(x.elements(), Number);
  throw new ComputeError(
    "A compiled step needs known shapes, but a shape, an axis or a count follows from a tensor that has no " +
      "value while it is recorded. Compute it outside of the step.",
  );
}

/** A tensor like another one, with the same number everywhere. */
function filled(
  graph: Graph,
  { shape, dtype }: { shape: readonly number[]; dtype: number },
  value: number,
): Tensor {
  const type = ELEMENT_TYPE[dtype], full = fullShape(shape, dtype);
  const one = type === ElementType.float
    ? Float32Array.of(value)
    : type === ElementType.int64
    ? BigInt64Array.of(BigInt(value))
    : type === ElementType.int32
    ? Int32Array.of(value)
    : Uint8Array.of(value);
  const made = sizeOf(full) === 0
    ? graph.constant(type, full, one.subarray(1))
    : graph.node("Expand", [graph.constant(type, [], one), graph.integers(full)], full);
  return plain(graph, made, dtype, shape);
}

/** The layout in which ops of several tensors work: a picture's, if one has its channels first. */
const layoutOf = (tensors: readonly Tensor[]): Layout =>
  tensors.some(({ channelsFirst }) => channelsFirst) ? "channelsFirst" : "channelsLast";

const inLayout = (x: Tensor, layout: Layout): Value => layout === "channelsFirst" ? x.image : x.value;

/** An op of ONNX on tensors that are broadcast; `dtype` is its result's, by default the first one's. */
const elementwise = (op: string, dtype?: number): Lowering => ({ graph, x }) => {
  const layout = layoutOf(x), shape = broadcast(...x.map(({ shape }) => shape));
  const type = dtype === undefined ? undefined : ELEMENT_TYPE[dtype];
  if (shape.includes(0)) return filled(graph, { shape, dtype: dtype ?? x[0].dtype }, 0);
  const value = graph.elementwise(op, x.map((x) => inLayout(x, layout)), type);
  return new Tensor(graph, shape, dtype ?? x[0].dtype, value, layout);
};

/** An elementwise function of one tensor, given by the nodes that compute it. */
const map = (nodes: (graph: Graph, x: Value) => Value, dtype?: number): Lowering => ({ graph, x: [x] }) => {
  const layout = x.layout;
  if (x.shape.includes(0)) return filled(graph, { shape: x.shape, dtype: dtype ?? x.dtype }, 0);
  return new Tensor(graph, x.shape, dtype ?? x.dtype, nodes(graph, x.in(layout)), layout);
};

/** An op of ONNX on one tensor. */
const unary = (op: string, dtype?: number): Lowering =>
  map((graph, x) => graph.unary(op, x, {}, dtype === undefined ? undefined : ELEMENT_TYPE[dtype]), dtype);

/** A tensor as TensorFlow has it. */
const plain = (graph: Graph, value: Value, dtype: number, shape: readonly number[] = value.shape): Tensor =>
  new Tensor(graph, shape, dtype, value);

/** A reduction along axes; `empty` is what it makes of no elements. */
const reduction = (op: string, empty: number): Lowering => ({ graph, x: [x, along], attributes }) => {
  const rank = x.shape.length, keep = Boolean(attributes.keep_dims);
  const axes = elements(along).map((axis) => axis < 0 ? axis + rank : axis);
  const shape = x.shape.flatMap((size, axis) => axes.includes(axis) ? keep ? [1] : [] : [size]);
  if (x.shape.includes(0)) return filled(graph, { shape, dtype: x.dtype }, empty);
  // The rest of a picture's axes must come out in TensorFlow's order.
  const rest = imageOrder([0, 1, 2, 3]).filter((axis) => !axes.includes(axis));
  const ordered = rest.every((axis, at) => at === 0 || axis > rest[at - 1]);
  if (!x.channelsFirst || !keep && !ordered) {
    return plain(graph, graph.reduce(op, x.value, axes, keep), x.dtype);
  }
  const value = graph.reduce(op, x.image, imageAxes(axes), keep);
  return new Tensor(graph, shape, x.dtype, value, keep ? "channelsFirst" : "channelsLast");
};

/** A reduction of booleans, which ONNX has for numbers only. */
const logical = (op: string, empty: number): Lowering => ({ graph, x: [x, along], attributes }) => {
  const numbers = plain(graph, graph.cast(x.value, ElementType.int32), DataType.int32);
  const found = [reduction(op, empty)({ graph, x: [numbers, along], attributes })].flat()[0];
  return plain(graph, graph.cast(found.value, ElementType.bool), DataType.bool);
};

/** The place of the smallest or largest element along an axis. */
const place = (op: string): Lowering => ({ graph, x: [x, along] }) => {
  const [given] = elements(along), axis = given < 0 ? given + x.shape.length : given;
  const shape = x.shape.filter((_, at) => at !== axis);
  if (shape.includes(0)) return filled(graph, { shape, dtype: DataType.int32 }, 0);
  const found = graph.node(op, [x.value], shape, { axis, keepdims: 0 }, ElementType.int64);
  return plain(graph, graph.cast(found, ElementType.int32), DataType.int32);
};

/** Another shape for the same elements. */
function reshaped(graph: Graph, x: Tensor, shape: readonly number[]): Tensor {
  if (String(shape) === String(x.shape)) return x;
  return plain(graph, graph.reshape(x.value, fullShape(shape, x.dtype)), x.dtype, shape);
}

/** Zeros around the picture that a convolution or pooling of some kernel sees. */
function paddingOf(attributes: Attributes, size: readonly number[], kernel: readonly number[]): Padding {
  if (attributes.data_format && attributes.data_format !== "NHWC") {
    throw unknown(`in ${attributes.data_format}`);
  }
  const strides: number[] = attributes.strides.slice(1, 3);
  if (attributes.padding === "EXPLICIT") {
    const [, , top, bottom, left, right] = attributes.explicit_paddings as number[];
    return [top, left, bottom, right];
  }
  if (attributes.padding === "VALID") return [0, 0, 0, 0];
  const [vertical, horizontal] = size.map((size, axis) =>
    Math.max((Math.ceil(size / strides[axis]) - 1) * strides[axis] + kernel[axis] - size, 0)
  );
  return [vertical >> 1, horizontal >> 1, vertical - (vertical >> 1), horizontal - (horizontal >> 1)];
}

/** The pixels of the result along each axis. */
const outputSize = (
  size: readonly number[],
  kernel: readonly number[],
  strides: readonly number[],
  padding: Padding,
) =>
  size.map((size, axis) =>
    Math.max(Math.floor((size + padding[axis] + padding[axis + 2] - kernel[axis]) / strides[axis]) + 1, 0)
  );

/** A convolution's kernel as ONNX has it: `[channels out, channels in, height, width]`. */
const outputsFirst = (graph: Graph, weight: Tensor) => graph.transpose(weight.value, [3, 2, 0, 1]);

const undilated = (attributes: Attributes, op: string) => {
  if (attributes.dilations?.some((dilation: number) => dilation !== 1)) throw unknown(`${op} with dilations`);
};

const conv2d: Lowering = ({ graph, x: [x, weight], attributes }) => {
  const [kernel, filters] = [weight.shape.slice(0, 2), weight.shape[3]];
  const strides: number[] = attributes.strides.slice(1, 3),
    dilations = attributes.dilations?.slice(1, 3) ?? [1, 1];
  const wide = kernel.map((size, axis) => (size - 1) * dilations[axis] + 1);
  // Zeros that were put around the picture before are a matter of the convolution itself.
  const { of, padding: before } = attributes.padding === "VALID" && x.padded
    ? x.padded
    : { of: x, padding: [0, 0, 0, 0] };
  const own = paddingOf(attributes, of.shape.slice(1, 3), wide);
  const padding = own.map((count, side) => count + before[side]) as unknown as Padding;
  const size = outputSize(of.shape.slice(1, 3), wide, strides, padding);
  const shape = [x.shape[0], ...size, filters];
  if (shape.includes(0)) return filled(graph, { shape, dtype: x.dtype }, 0);
  const convolution = { kernel_shape: kernel, strides, dilations, pads: padding };
  const value = graph.node("Conv", [of.image, outputsFirst(graph, weight)], imageOrder(shape), convolution);
  return new Tensor(graph, shape, x.dtype, value, "channelsFirst");
};

const inputGradient: Lowering = ({ graph, x: [sizes, weight, dy], attributes }) => {
  undilated(attributes, "Conv2DBackpropInput");
  const shape = elements(sizes),
    kernel = weight.shape.slice(0, 2),
    strides: number[] = attributes.strides.slice(1, 3);
  if (dy.shape.includes(0)) return filled(graph, { shape, dtype: dy.dtype }, 0);
  const padding = paddingOf(attributes, shape.slice(1, 3), kernel);
  const [top, left, bottom, right] = padding;
  if (strides.every((stride) => stride === 1)) {
    // A convolution with the kernel turned round.
    const turned = graph.transpose(
      kernel.some((size) => size > 1) ? graph.reverse(weight.value, [0, 1]) : weight.value,
      [
        2,
        3,
        0,
        1,
      ],
    );
    const [high, wide] = kernel.map((size) => size - 1);
    const pads = [high - top, wide - left, high - bottom, wide - right];
    const value = graph.node("Conv", [dy.image, turned], imageOrder(shape), { kernel_shape: kernel, pads });
    return new Tensor(graph, shape, dy.dtype, value, "channelsFirst");
  }
  // Pixels beyond the last stride got no kernel: zeros at the end.
  const beyond = kernel.map((size, axis) =>
    shape[axis + 1] - ((dy.shape[axis + 1] - 1) * strides[axis] + size - padding[axis])
  );
  const value = graph.node("ConvTranspose", [dy.image, outputsFirst(graph, weight)], imageOrder(shape), {
    kernel_shape: kernel,
    strides,
    pads: [top, left, ...beyond.map((count) => Math.max(-count, 0))],
    output_padding: beyond.map((count) => Math.max(count, 0)),
  });
  return new Tensor(graph, shape, dy.dtype, value, "channelsFirst");
};

/** From so many pixels on, a map's filter gradient is one product a picture, and below that one in all. */
const LARGE_MAP = 256;

/** Sums over pixels of x, shifted by each tap of the kernel, times dy: matrix products. */
const filterGradient: Lowering = ({ graph, x: [x, sizes, dy], attributes }) => {
  undilated(attributes, "Conv2DBackpropFilter");
  const shape = elements(sizes), [high, wide, channels, filters] = shape;
  const strides: number[] = attributes.strides.slice(1, 3);
  const [batch, height, width] = dy.shape, pixels = height * width;
  if (x.shape.includes(0) || dy.shape.includes(0)) return filled(graph, { shape, dtype: dy.dtype }, 0);
  const [top, left, bottom, right] = paddingOf(attributes, x.shape.slice(1, 3), [high, wide]);
  const same = top === 1 && left === 1 && bottom === 1 && right === 1;
  if (high === 3 && wide === 3 && strides.every((stride) => stride === 1) && same) {
    // Shifts of x along one axis and of dy along the other, three of each, give all nine taps.
    const shifts = (image: Value, down: boolean, channelAxis: number) =>
      graph.concat(
        [1, 0, -1].map((shift) => {
          const [y, x] = down ? [-shift, 0] : [0, shift];
          return graph.pad(image, [0, 0, y, x], [0, 0, -y, -x]);
        }),
        channelAxis,
      );
    let product: Value;
    if (pixels >= LARGE_MAP) {
      const columns = graph.reshape(shifts(x.image, false, 1), [batch, 3 * channels, pixels]);
      const rows = graph.reshape(shifts(dy.image, true, 1), [batch, 3 * filters, pixels]);
      product = graph.reduce("ReduceSum", graph.matMul(columns, rows, false, true), [0]);
    } else {
      const byChannel = (image: Value) => graph.transpose(image, [1, 0, 2, 3]);
      const columns = graph.reshape(shifts(byChannel(x.image), false, 0), [3 * channels, batch * pixels]);
      const rows = graph.reshape(shifts(byChannel(dy.image), true, 0), [3 * filters, batch * pixels]);
      product = graph.matMul(columns, rows, false, true);
    }
    return plain(
      graph,
      graph.transpose(graph.reshape(product, [3, channels, 3, filters]), [2, 0, 1, 3]),
      x.dtype,
    );
  }
  // One copy of x for each tap.
  const padded = graph.pad(
    graph.transpose(x.image, [1, 0, 2, 3]),
    [0, 0, top, left],
    [0, 0, Math.max(bottom, 0), Math.max(right, 0)],
  );
  const taps: Value[] = [];
  for (let row = 0; row < high; row++) {
    for (let column = 0; column < wide; column++) {
      const end = [row + (height - 1) * strides[0] + 1, column + (width - 1) * strides[1] + 1];
      taps.push(graph.slice(padded, [2, 3], [row, column], end, strides));
    }
  }
  const columns = graph.reshape(graph.concat(taps, 0), [taps.length * channels, batch * pixels]);
  const rows = graph.reshape(graph.transpose(dy.image, [1, 0, 2, 3]), [filters, batch * pixels]);
  return plain(graph, graph.reshape(graph.matMul(columns, rows, false, true), shape), x.dtype);
};

/** A list of channels as it is broadcast against a picture with its channels first. */
const channelwise = (graph: Graph, x: Tensor) => graph.reshape(x.value, [1, x.shape[0], 1, 1]);

const batchNorm: Lowering = ({ graph, x: [x, scale, offset, mean, variance], attributes }) => {
  const channels = x.shape[3], count = sizeOf(x.shape) / channels, { epsilon } = attributes;
  const result = (value: Value) => new Tensor(graph, x.shape, x.dtype, value, "channelsFirst");
  const list = (value: Value) => plain(graph, graph.reshape(value, [channels]), x.dtype);
  const none = filled(graph, { shape: [0], dtype: x.dtype }, 0);
  if (!attributes.is_training) {
    const inputs = [x.image, ...[scale, offset, mean, variance].map(({ value }) => value)];
    const y = x.shape.includes(0) ? x.image : graph.node("BatchNormalization", inputs, x.image.shape, {
      epsilon: { float: epsilon },
    });
    return [result(y), mean, variance, mean, variance, none];
  }
  const image = x.image,
    perChannel = (x: Value) =>
      graph.multiply(graph.reduce("ReduceSum", x, [0, 2, 3], true), graph.float(1 / count));
  const average = perChannel(image), square = perChannel(graph.multiply(image, image));
  const spread = graph.elementwise("Max", [
    graph.elementwise("Sub", [square, graph.multiply(average, average)]),
    graph.float(0),
  ]);
  const inverse = graph.unary("Reciprocal", graph.unary("Sqrt", graph.add(spread, graph.float(epsilon))));
  const factor = graph.multiply(inverse, channelwise(graph, scale));
  const shift = graph.elementwise("Sub", [channelwise(graph, offset), graph.multiply(average, factor)]);
  return [
    result(graph.add(graph.multiply(image, factor), shift)),
    list(average),
    list(graph.multiply(spread, graph.float(count / Math.max(count - 1, 1)))),
    list(average),
    list(inverse),
    none,
  ];
};

/** dx = k·dy + b·x + c, with one number a channel each; takes what {@link batchNorm} gives for it. */
const batchNormGradient: Lowering = ({ graph, x: [slope, x, scale, average, deviation], attributes }) => {
  if (!attributes.is_training) throw unknown("FusedBatchNormGradV3 of given statistics");
  const channels = x.shape[3], count = sizeOf(x.shape) / channels;
  const image = x.image, dy = slope.image;
  const mean = channelwise(graph, average), inverse = channelwise(graph, deviation);
  const sum = graph.reduce("ReduceSum", dy, [0, 2, 3], true);
  const products = graph.reduce("ReduceSum", graph.multiply(dy, image), [0, 2, 3], true);
  const centred = graph.elementwise("Sub", [products, graph.multiply(mean, sum)]);
  const k = graph.multiply(channelwise(graph, scale), inverse);
  const each = graph.float(-1 / count);
  const b = graph.multiply(
    graph.multiply(graph.multiply(inverse, inverse), graph.multiply(centred, each)),
    k,
  );
  const c = graph.elementwise("Sub", [graph.multiply(graph.multiply(sum, k), each), graph.multiply(mean, b)]);
  const dx = graph.add(graph.add(graph.multiply(dy, k), c), graph.multiply(image, b));
  const list = (value: Value) => plain(graph, graph.reshape(value, [channels]), x.dtype);
  const none = filled(graph, { shape: [0], dtype: x.dtype }, 0);
  return [
    new Tensor(graph, x.shape, x.dtype, dx, "channelsFirst"),
    list(graph.multiply(centred, inverse)),
    list(sum),
    none,
    none,
  ];
};

/** What a pooling of a picture sees, and the pixels that it gives. */
function windowsOf(x: Tensor, attributes: Attributes) {
  const kernel: number[] = attributes.ksize.slice(1, 3), strides: number[] = attributes.strides.slice(1, 3);
  const picture = x.shape.slice(1, 3), padding = paddingOf(attributes, picture, kernel);
  return { kernel, strides, padding, size: outputSize(picture, kernel, strides, padding) };
}

const pooling = (op: string): Lowering => ({ graph, x: [x], attributes }) => {
  const { kernel, strides, padding, size } = windowsOf(x, attributes);
  const shape = [x.shape[0], ...size, x.shape[3]];
  if (shape.includes(0)) return filled(graph, { shape, dtype: x.dtype }, 0);
  const value = graph.node(op, [x.image], imageOrder(shape), {
    kernel_shape: kernel,
    strides,
    pads: padding,
  });
  return new Tensor(graph, shape, x.dtype, value, "channelsFirst");
};

/** dy goes to the first of the pixels that have the maximum. */
const maxPoolGradient: Lowering = ({ graph, x: [x, y, slope], attributes }) => {
  const { kernel, strides, padding: [top, left, bottom, right], size: [height, width] } = windowsOf(
    x,
    attributes,
  );
  if (x.shape.includes(0) || slope.shape.includes(0)) return filled(graph, x, 0);
  const [, high, wide] = x.shape, full = [high + top + bottom, wide + left + right];
  const image = graph.pad(x.image, [0, 0, top, left], [0, 0, bottom, right], graph.float(-Infinity));
  let seen: Value | undefined, sum: Value | undefined;
  for (let row = 0; row < kernel[0]; row++) {
    for (let column = 0; column < kernel[1]; column++) {
      const end = [row + (height - 1) * strides[0] + 1, column + (width - 1) * strides[1] + 1];
      const tap = graph.slice(image, [2, 3], [row, column], end, strides);
      const largest = graph.elementwise("Equal", [tap, y.image], ElementType.bool);
      const first = seen ? graph.elementwise("And", [largest, graph.unary("Not", seen)]) : largest;
      seen = seen ? graph.elementwise("Or", [seen, largest]) : largest;
      const part = graph.multiply(graph.cast(first, ElementType.float), slope.image);
      const spread = spreadOut(graph, part, [0, 0, row, column], [1, 1, ...strides], [
        ...part.shape.slice(0, 2),
        ...full,
      ]);
      sum = sum ? graph.add(sum, spread) : spread;
    }
  }
  const dx = graph.slice(sum!, [2, 3], [top, left], [top + high, left + wide]);
  return new Tensor(graph, x.shape, x.dtype, dx, "channelsFirst");
};

/** Elements put at every `stride`-th place from `begin` on in zeros of a shape. */
function spreadOut(
  graph: Graph,
  x: Value,
  begin: readonly number[],
  strides: readonly number[],
  shape: readonly number[],
): Value {
  const between = x.shape.flatMap((size) => [size, 1]);
  const zeros = strides.flatMap((stride) => [0, stride - 1]);
  const apart = graph.reshape(
    graph.pad(graph.reshape(x, between), zeros.map(() => 0), zeros),
    x.shape.map((size, axis) => size * strides[axis]),
  );
  return graph.pad(apart, begin, shape.map((size, axis) => size - begin[axis] - apart.shape[axis]));
}

/** Begin, end and strides of a strided slice of every axis. */
function stridesOf(
  attributes: Attributes,
  begin: Tensor,
  end: Tensor,
  strides: Tensor,
  shape: readonly number[],
) {
  const mask = ["ellipsis_mask", "new_axis_mask", "shrink_axis_mask"].find((mask) => attributes[mask]);
  const steps = elements(strides);
  if (mask || steps.some((step) => step < 1) || steps.length < shape.length) {
    throw unknown(`StridedSlice with ${mask ?? "negative steps or some of the axes"}`);
  }
  const within = (position: number, size: number) =>
    Math.min(Math.max(position < 0 ? position + size : position, 0), size);
  const masked = (mask: string, axis: number) => (attributes[mask] >> axis & 1) === 1;
  return {
    steps,
    from: elements(begin).map((at, axis) => masked("begin_mask", axis) ? 0 : within(at, shape[axis])),
    to: elements(end).map((at, axis) => masked("end_mask", axis) ? shape[axis] : within(at, shape[axis])),
  };
}

/** A slice along all axes. */
function sliced(
  graph: Graph,
  x: Tensor,
  from: readonly number[],
  to: readonly number[],
  steps?: readonly number[],
) {
  const axes = x.shape.map((_, axis) => axis);
  const shape = x.shape.map((_, axis) =>
    Math.max(Math.ceil((to[axis] - from[axis]) / (steps?.[axis] ?? 1)), 0)
  );
  if (shape.includes(0)) return filled(graph, { shape, dtype: x.dtype }, 0);
  if (!x.channelsFirst) {
    return plain(graph, graph.slice(x.value, axes, from, to, steps), x.dtype, shape);
  }
  const [first, last] = [from, to].map(imageOrder);
  const value = graph.slice(x.image, axes, first, last, steps && imageOrder(steps));
  return new Tensor(graph, shape, x.dtype, value, "channelsFirst");
}

const concatenation: Lowering = ({ graph, x }) => {
  const [given] = elements(x.at(-1)!), parts = x.slice(0, -1).filter(({ shape }) => !shape.includes(0));
  if (parts.length === 0) {
    const shapes = x.slice(0, -1).map(({ shape }) => shape);
    const axis = given < 0 ? given + shapes[0].length : given, shape = [...shapes[0]];
    shape[axis] = shapes.reduce((sum, shape) => sum + shape[axis], 0);
    return filled(graph, { shape, dtype: x[0].dtype }, 0);
  }
  const { shape, dtype } = parts[0],
    axis = given < 0 ? given + shape.length : given,
    layout = layoutOf(parts);
  const along = layout === "channelsFirst" ? imageAxes([axis])[0] : axis;
  const value = graph.concat(parts.map((part) => inLayout(part, layout)), along);
  const result = [...shape];
  result[axis] = parts.reduce((sum, part) => sum + part.shape[axis], 0);
  return new Tensor(graph, result, dtype, value, layout);
};

const padding: Lowering = ({ graph, x: [x, around, fill] }) => {
  const counts = elements(around);
  const [before, after] = [0, 1].map((side) => counts.filter((_, at) => at % 2 === side));
  const shape = x.shape.map((size, axis) => before[axis] + size + after[axis]);
  if (x.shape.includes(0)) {
    const zeros = plain(
      graph,
      graph.node("Expand", [graph.reshape(fill.value, []), graph.integers(shape)], shape),
      x.dtype,
    );
    return shape.includes(0) ? filled(graph, { shape, dtype: x.dtype }, 0) : zeros;
  }
  const value = fill && graph.reshape(fill.value, []);
  const make = (layout: Layout) => {
    const [first, last] = layout === "channelsFirst" ? [before, after].map(imageOrder) : [before, after];
    return graph.pad(inLayout(x, layout), first, last, value);
  };
  const image = shape.length === 4 &&
    [before[0], after[0], before[3], after[3]].every((count) => count === 0);
  const zero = !fill || fill.elements !== undefined && elements(fill)[0] === 0;
  const padded = image && zero
    ? { of: x, padding: [before[1], before[2], after[1], after[2]] as const }
    : undefined;
  return new Tensor(graph, shape, x.dtype, make, x.layout, undefined, padded);
};

const product: Lowering = ({ graph, x: [a, b], attributes }) => {
  const [transA, transB] = [Boolean(attributes.adj_x), Boolean(attributes.adj_y)];
  const rows = a.shape.at(transA ? -1 : -2)!, columns = b.shape.at(transB ? -2 : -1)!;
  const shape = [...broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2)), rows, columns];
  if ([...a.shape, ...b.shape].includes(0)) return filled(graph, { shape, dtype: a.dtype }, 0);
  return plain(graph, graph.matMul(a.value, b.value, transA, transB), a.dtype);
};

const select: Lowering = ({ graph, x: [flags, yes, no] }) => {
  const shape = broadcast(flags.shape, yes.shape, no.shape);
  if (shape.includes(0)) return filled(graph, { shape, dtype: yes.dtype }, 0);
  const layout = layoutOf([flags, yes, no]);
  const chosen = [yes, no].map((x) => inLayout(x, layout));
  const boolean = yes.dtype === DataType.bool;
  const [one, other] = boolean ? chosen.map((value) => graph.cast(value, ElementType.uint8)) : chosen;
  const value = graph.elementwise("Where", [inLayout(flags, layout), one, other], one.type);
  return new Tensor(graph, shape, yes.dtype, boolean ? graph.cast(value, ElementType.bool) : value, layout);
};

/** Through numbers, for ops that ONNX has not for booleans. */
function throughNumbers(graph: Graph, x: Tensor, make: (value: Value) => Value): Value {
  if (x.dtype !== DataType.bool) return make(x.value);
  return graph.cast(make(graph.cast(x.value, ElementType.uint8)), ElementType.bool);
}

/** A matrix whose elements are a function of `2π row column / period`, of row and of column. */
function waves(
  graph: Graph,
  shape: readonly [rows: number, columns: number],
  period: number,
  wave: (phase: number, row: number, column: number) => number,
): Value {
  const [rows, columns] = shape, values = new Float32Array(rows * columns);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, at++) {
      // A whole number of turns less, for the precision of the rest.
      values[at] = wave(2 * Math.PI * (row * column % period) / period, row, column);
    }
  }
  return graph.constant(ElementType.float, shape, values);
}

/** The Fourier transform down each column of complex numbers, real parts left and imaginary parts right. */
function downColumns(graph: Graph, x: Value, inverse: boolean): { re: Value; im: Value } {
  const [height, both] = x.shape, width = both / 2;
  const [even, odd] = [Math.cos, Math.sin].map((wave) => {
    const product = graph.matMul(waves(graph, [height, height], height, (phase) => wave(phase)), x);
    return [0, width].map((from) => graph.slice(product, [1], [from], [from + width]));
  });
  const [plus, minus] = inverse ? ["Sub", "Add"] : ["Add", "Sub"];
  return {
    re: graph.elementwise(plus, [even[0], odd[1]]),
    im: graph.elementwise(minus, [even[1], odd[0]]),
  };
}

// As matrix products: ONNX Runtime's own DFT is slow, 45 ms in place of 4 for 320×320.
const realTransform: Lowering = ({ graph, x: [x, length] }) => {
  const [, width] = x.shape, half = (width >> 1) + 1;
  if (x.shape.length !== 2 || String(elements(length)) !== String(x.shape)) throw unknown("RFFT2D of a part");
  const [even, odd] = [Math.cos, (phase: number) => -Math.sin(phase)]
    .map((wave) => waves(graph, [width, half], width, wave));
  const rows = graph.matMul(x.value, graph.concat([even, odd], 1));
  const { re, im } = downColumns(graph, rows, false);
  return complex(graph, re, im);
};

const inverseRealTransform: Lowering = ({ graph, x: [x, length] }) => {
  const [height, width] = elements(length), half = (width >> 1) + 1;
  if (x.shape.length !== 2 || width % 2 || String(x.shape) !== String([height, half])) {
    throw unknown("IRFFT2D of a part");
  }
  const parts = [0, 1].map((index) => partOf(graph, x, index));
  const { re, im } = downColumns(graph, graph.concat(parts, 1), true);
  // What is not there is the conjugate of what is.
  const twice = (row: number) => (row === 0 || row === half - 1 ? 1 : 2) / (height * width);
  const [even, odd] = [Math.cos, (phase: number) => -Math.sin(phase)]
    .map((wave) => waves(graph, [half, width], width, (phase, row) => twice(row) * wave(phase)));
  const value = graph.matMul(graph.concat([re, im], 1), graph.concat([even, odd], 0));
  return plain(graph, value, DataType.float32);
};

/** Real (0) or imaginary (1) parts. */
function partOf(graph: Graph, x: Tensor, index: number): Value {
  const axis = x.shape.length;
  return graph.reshape(graph.slice(x.value, [axis], [index], [index + 1]), x.shape);
}

const part = (index: number): Lowering => ({ graph, x: [x] }) =>
  plain(graph, partOf(graph, x, index), DataType.float32);

const multiplication: Lowering = (call) => {
  const { graph, x: [a, b] } = call;
  if (a.dtype !== DataType.complex64) return elementwise("Mul")(call);
  const [[re, im], [otherRe, otherIm]] = [a, b].map((x) => [0, 1].map((index) => partOf(graph, x, index)));
  const minus = graph.elementwise("Sub", [graph.multiply(re, otherRe), graph.multiply(im, otherIm)]);
  const plus = graph.add(graph.multiply(re, otherIm), graph.multiply(im, otherRe));
  return complex(graph, minus, plus);
};

function complex(graph: Graph, re: Value, im: Value): Tensor {
  const parts = [re, im].map((value) => graph.reshape(value, [...value.shape, 1]));
  return plain(graph, graph.concat(parts, re.shape.length), DataType.complex64, re.shape);
}

const BOOL = DataType.bool;

/** eˣ − 1 without cancellation. */
const expm1 = (graph: Graph, x: Value) =>
  graph.multiply(
    graph.unary("Tanh", graph.multiply(x, graph.float(0.5))),
    graph.add(graph.unary("Exp", x), graph.float(1)),
  );

const LOWERINGS: Readonly<Record<string, Lowering>> = {
  // Elementwise, of one tensor.
  Abs: unary("Abs"),
  Acos: unary("Acos"),
  Acosh: unary("Acosh"),
  Asin: unary("Asin"),
  Asinh: unary("Asinh"),
  Atan: unary("Atan"),
  Atanh: unary("Atanh"),
  Ceil: unary("Ceil"),
  Cos: unary("Cos"),
  Cosh: unary("Cosh"),
  Elu: unary("Elu"),
  Erf: unary("Erf"),
  Exp: unary("Exp"),
  Expm1: map(expm1),
  Floor: unary("Floor"),
  IsFinite: map((graph, x) => {
    const odd = ["IsNaN", "IsInf"].map((op) => graph.unary(op, x, {}, ElementType.bool));
    return graph.unary("Not", graph.elementwise("Or", odd));
  }, BOOL),
  IsInf: unary("IsInf", BOOL),
  IsNan: unary("IsNaN", BOOL),
  Log: unary("Log"),
  Log1p: map((graph, x) => graph.unary("Log", graph.add(x, graph.float(1)))),
  LeakyRelu: ({ graph, x: [x], attributes: { alpha = 0.2 } }) =>
    map((graph, x) => graph.unary("LeakyRelu", x, { alpha: { float: alpha } }))({
      graph,
      x: [x],
      attributes: {},
    }),
  LogicalNot: unary("Not"),
  Neg: unary("Neg"),
  Reciprocal: unary("Reciprocal"),
  Relu: unary("Relu"),
  Relu6: map((graph, x) =>
    graph.elementwise("Min", [graph.unary("Relu", x), graph.cast(graph.float(6), x.type)])
  ),
  Round: unary("Round"),
  Rsqrt: map((graph, x) => graph.unary("Reciprocal", graph.unary("Sqrt", x))),
  Sigmoid: unary("Sigmoid"),
  Sign: unary("Sign"),
  Selu: unary("Selu"),
  Sin: unary("Sin"),
  Sinh: unary("Sinh"),
  Softplus: unary("Softplus"),
  Sqrt: unary("Sqrt"),
  Square: map((graph, x) => graph.multiply(x, x)),
  Tan: unary("Tan"),
  Tanh: unary("Tanh"),
  // Elementwise, of several.
  Add: elementwise("Add"),
  AddN: elementwise("Sum"),
  AddV2: elementwise("Add"),
  Equal: elementwise("Equal", BOOL),
  FloorDiv: (call) =>
    map((graph, x) => graph.unary("Floor", x))({ ...call, x: [elementwise("Div")(call)].flat() }),
  Greater: elementwise("Greater", BOOL),
  GreaterEqual: elementwise("GreaterOrEqual", BOOL),
  Less: elementwise("Less", BOOL),
  LessEqual: elementwise("LessOrEqual", BOOL),
  LogicalAnd: elementwise("And", BOOL),
  LogicalOr: elementwise("Or", BOOL),
  Maximum: elementwise("Max"),
  Minimum: elementwise("Min"),
  Mul: multiplication,
  NotEqual: (call) => unary("Not")({ ...call, x: [elementwise("Equal", BOOL)(call)].flat() }),
  Pow: elementwise("Pow"),
  RealDiv: elementwise("Div"),
  Select: ({ x: [condition, yes, no], ...call }) => {
    // A list of conditions, one for each row.
    const list = condition.shape.length === 1 && yes.shape.length > 1;
    const shape = [condition.shape[0], ...yes.shape.slice(1).map(() => 1)];
    return select({ ...call, x: [list ? reshaped(call.graph, condition, shape) : condition, yes, no] });
  },
  SelectV2: select,
  SquaredDifference: (call) => LOWERINGS.Square({ ...call, x: [elementwise("Sub")(call)].flat() }),
  Sub: elementwise("Sub"),
  // dy where y > 0: a line so steep that it is a step (ONNX's Sign has one thread, Where takes longer).
  ReluGrad: ({ graph, x: [slope, y] }) => {
    const layout = layoutOf([slope, y]);
    if (y.shape.includes(0)) return filled(graph, y, 0);
    const step = graph.unary("HardSigmoid", y.in(layout), { alpha: { float: 3e38 }, beta: { float: 0 } });
    return new Tensor(graph, y.shape, y.dtype, graph.multiply(slope.in(layout), step), layout);
  },
  // The same elements.
  Bitcast: ({ x: [x], attributes }) => {
    if (attributes.type !== x.dtype) throw unknown("Bitcast to another type");
    return x;
  },
  Cast: ({ graph, x: [x], attributes: { DstT } }) => {
    if (DstT === x.dtype) return x;
    if (!(DstT in ELEMENT_TYPE) || DstT === DataType.complex64) throw unknown(`Cast to type ${DstT}`);
    return new Tensor(graph, x.shape, DstT, graph.cast(x.in(x.layout), ELEMENT_TYPE[DstT]), x.layout);
  },
  ExpandDims: ({ graph, x: [x, along] }) => {
    const [axis] = elements(along), at = axis < 0 ? axis + x.shape.length + 1 : axis;
    return reshaped(graph, x, x.shape.toSpliced(at, 0, 1));
  },
  Identity: ({ x: [x] }) => x,
  Reshape: ({ graph, x: [x, to] }) => {
    const shape = elements(to), known = shape.reduce((size, dim) => dim < 0 ? size : size * dim, 1);
    return reshaped(graph, x, shape.map((dim) => dim < 0 ? sizeOf(x.shape) / known : dim));
  },
  Squeeze: ({ graph, x: [x], attributes: { squeeze_dims: axes } }) =>
    reshaped(
      graph,
      x,
      x.shape.filter((size, axis) =>
        axes?.length ? !axes.includes(axis) && !axes.includes(axis - x.shape.length) : size !== 1
      ),
    ),
  // Other places for the same elements.
  BroadcastTo: ({ graph, x: [x, to] }) => {
    const shape = elements(to);
    return plain(
      graph,
      throughNumbers(graph, x, (x) => graph.node("Expand", [x, graph.integers(shape)], shape)),
      x.dtype,
    );
  },
  ConcatV2: concatenation,
  GatherV2: ({ graph, x: [x, indices, along] }) => {
    const [axis] = elements(along), at = axis < 0 ? axis + x.shape.length : axis;
    const shape = x.shape.toSpliced(at, 1, ...indices.shape);
    return shape.includes(0)
      ? filled(graph, { shape, dtype: x.dtype }, 0)
      : plain(graph, graph.node("Gather", [x.value, indices.value], shape, { axis: at }), x.dtype);
  },
  Pack: ({ graph, x, attributes: { axis = 0 } }) => {
    const at = axis < 0 ? axis + x[0].shape.length + 1 : axis;
    const parts = x.map((x) => reshaped(graph, x, x.shape.toSpliced(at, 0, 1)));
    if (parts[0].shape.includes(0)) {
      return filled(graph, { shape: parts[0].shape.toSpliced(at, 1, x.length), dtype: x[0].dtype }, 0);
    }
    return plain(graph, graph.concat(parts.map(({ value }) => value), at), x[0].dtype);
  },
  PadV2: padding,
  ReverseV2: ({ graph, x: [x, along] }) => {
    const axes = elements(along).map((axis) => axis < 0 ? axis + x.shape.length : axis);
    if (x.shape.includes(0) || axes.length === 0) return x;
    return plain(graph, graph.reverse(x.value, axes), x.dtype);
  },
  Slice: ({ graph, x: [x, begin, size] }) => {
    const from = elements(begin);
    return sliced(
      graph,
      x,
      from,
      elements(size).map((size, axis) => size < 0 ? x.shape[axis] : from[axis] + size),
    );
  },
  SplitV: ({ graph, x: [x, sizes, along] }) => {
    const [given] = elements(along), axis = given < 0 ? given + x.shape.length : given;
    let at = 0;
    return elements(sizes).map((size) => {
      const from = x.shape.map((_, other) => other === axis ? at : 0);
      const to = x.shape.map((all, other) => other === axis ? at + size : all);
      at += size;
      return sliced(graph, x, from, to);
    });
  },
  StridedSlice: ({ graph, x: [x, begin, end, strides], attributes }) => {
    const { from, to, steps } = stridesOf(attributes, begin, end, strides, x.shape);
    return sliced(graph, x, from, to, steps);
  },
  Tile: ({ graph, x: [x, repeats] }) => {
    const times = elements(repeats), shape = x.shape.map((size, axis) => size * times[axis]);
    if (shape.includes(0)) return filled(graph, { shape, dtype: x.dtype }, 0);
    return plain(
      graph,
      throughNumbers(graph, x, (x) => graph.node("Tile", [x, graph.integers(times)], shape)),
      x.dtype,
    );
  },
  Transpose: ({ graph, x: [x, order] }) => {
    const perm = elements(order);
    if (x.shape.includes(0)) {
      return filled(graph, { shape: perm.map((axis) => x.shape[axis]), dtype: x.dtype }, 0);
    }
    return plain(graph, graph.transpose(x.value, perm), x.dtype);
  },
  Unpack: ({ graph, x: [x], attributes: { axis = 0 } }) => {
    const at = axis < 0 ? axis + x.shape.length : axis, shape = x.shape.toSpliced(at, 1);
    return Array.from({ length: x.shape[at] }, (_, index) => {
      const from = x.shape.map((_, axis) => axis === at ? index : 0);
      const to = x.shape.map((size, axis) => axis === at ? index + 1 : size);
      return reshaped(graph, sliced(graph, x, from, to), shape);
    });
  },
  // Given elements.
  Fill: ({ graph, x: [dims, value] }) => {
    const shape = elements(dims);
    if (shape.includes(0)) return filled(graph, { shape, dtype: value.dtype }, 0);
    return plain(
      graph,
      throughNumbers(graph, value, (value) => graph.node("Expand", [value, graph.integers(shape)], shape)),
      value.dtype,
    );
  },
  OnesLike: ({ graph, x: [x] }) => filled(graph, x, 1),
  ZerosLike: ({ graph, x: [x] }) => filled(graph, x, 0),
  OneHot: ({ graph, x: [indices, depth, on, off] }) => {
    const [count] = elements(depth), shape = [...indices.shape, count];
    if (shape.includes(0)) return filled(graph, { shape, dtype: on.dtype }, 0);
    // ONNX Runtime has it for floats.
    const values = graph.concat(
      [off, on].map(({ value }) => graph.reshape(graph.cast(value, ElementType.float), [1])),
      0,
    );
    const places = graph.cast(indices.value, ElementType.int64);
    // ONNX counts a negative place from the end; TensorFlow has no such place.
    const within = graph.elementwise("Where", [
      graph.elementwise(
        "Less",
        [places, graph.constant(ElementType.int64, [], BigInt64Array.of(0n))],
        ElementType.bool,
      ),
      graph.constant(ElementType.int64, [], BigInt64Array.of(BigInt(count))),
      places,
    ], ElementType.int64);
    const node = graph.node(
      "OneHot",
      [within, graph.integers([count]), values],
      shape,
      { axis: -1 },
      values.type,
    );
    return plain(graph, graph.cast(node, ELEMENT_TYPE[on.dtype]), on.dtype);
  },
  Range: ({ graph, x }) => {
    const [start, limit, step] = x.map((x) => elements(x)[0]);
    const shape = [Math.max(Math.ceil((limit - start) / step), 0)];
    return plain(graph, graph.node("Range", x.map(({ value }) => value), shape), x[0].dtype);
  },
  // Along axes.
  All: logical("ReduceMin", 1),
  Any: logical("ReduceMax", 0),
  ArgMax: place("ArgMax"),
  ArgMin: place("ArgMin"),
  Cumsum: ({ graph, x: [x, along], attributes: { exclusive, reverse } }) => {
    if (x.shape.includes(0)) return x;
    const attributes = { exclusive: Number(Boolean(exclusive)), reverse: Number(Boolean(reverse)) };
    return plain(
      graph,
      graph.node("CumSum", [x.value, graph.reshape(along.value, [])], x.shape, attributes),
      x.dtype,
    );
  },
  LogSoftmax: ({ graph, x: [x] }) => plain(graph, graph.unary("LogSoftmax", x.value, { axis: -1 }), x.dtype),
  Max: reduction("ReduceMax", -Infinity),
  Mean: reduction("ReduceMean", NaN),
  Min: reduction("ReduceMin", Infinity),
  Prod: reduction("ReduceProd", 1),
  Softmax: ({ graph, x: [x] }) => plain(graph, graph.unary("Softmax", x.value, { axis: -1 }), x.dtype),
  Sum: reduction("ReduceSum", 0),
  TopKV2: ({ graph, x: [x, count], attributes: { sorted = true } }) => {
    const [k] = elements(count), shape = [...x.shape.slice(0, -1), k];
    if (shape.includes(0)) {
      return [x.dtype, DataType.int32].map((dtype) => filled(graph, { shape, dtype }, 0));
    }
    const options = { axis: -1, largest: 1, sorted: Number(Boolean(sorted)) };
    const outputs = [{ shape }, { shape, type: ElementType.int64 }];
    const [values, places] = graph.nodes("TopK", [x.value, graph.integers([k])], outputs, options);
    return [
      plain(graph, values, x.dtype),
      plain(graph, graph.cast(places, ElementType.int32), DataType.int32),
    ];
  },
  // Matrix products, convolutions, pictures.
  AvgPool: pooling("AveragePool"),
  BatchMatMulV2: product,
  BatchMatMulV3: product,
  Conv2D: conv2d,
  Conv2DBackpropFilter: filterGradient,
  Conv2DBackpropInput: inputGradient,
  FusedBatchNormGradV3: batchNormGradient,
  FusedBatchNormV3: batchNorm,
  MaxPool: pooling("MaxPool"),
  MaxPoolGrad: maxPoolGradient,
  // Complex numbers.
  Complex: ({ graph, x: [re, im] }) => complex(graph, re.value, im.value),
  Imag: part(1),
  IRFFT2D: inverseRealTransform,
  Real: part(0),
  RFFT2D: realTransform,
};
