import assert from "node:assert/strict";
import { generator } from "../../../lib/base/random.ts";
import { type Attribute, DataType, type Engine, type Metadata } from "../../../lib/compute/engine.ts";
import { onnxruntime } from "../../../lib/compute/onnxruntime/engine.ts";
import { lowered } from "../../../lib/compute/onnxruntime/lowering.ts";
import { tensorflow } from "../../../lib/compute/tensorflow/engine.ts";

const engines = [await tensorflow(2), await onnxruntime(2)] as const;
const { float32, int32, bool, complex64, uint8 } = DataType;

/** A tensor to give to an op. */
interface Given {
  readonly shape: readonly number[];
  readonly dtype: number;
  readonly values: readonly number[];
}

const size = (shape: readonly number[]) => shape.reduce((size, dim) => size * dim, 1);
/** Outputs of ops of which not all count. */
const OUTPUTS: Readonly<Record<string, number>> = { FusedBatchNormV3: 6, FusedBatchNormGradV3: 5 };

let seed = 0;

/** Random numbers from `low` to `high`. */
function random(shape: readonly number[], low = -2, high = 2, dtype: number = float32): Given {
  const draw = generator("lowering", seed++);
  const count = size(shape) * (dtype === complex64 ? 2 : 1);
  return { shape, dtype, values: Array.from({ length: count }, () => low + (high - low) * draw.uniform()) };
}
const whole = (shape: readonly number[], below: number): Given => {
  const { values } = random(shape, 0, below);
  return { shape, dtype: int32, values: values.map(Math.floor) };
};
const flags = (shape: readonly number[]): Given => ({ ...whole(shape, 2), dtype: bool });
const list = (...values: number[]): Given => ({ shape: [values.length], dtype: int32, values });
const scalar = (value: number, dtype: number = int32): Given => ({ shape: [], dtype, values: [value] });
const empty = (shape: readonly number[], dtype: number = float32): Given => ({ shape, dtype, values: [] });

type Value = number | boolean | string | readonly number[] | { readonly type: number };
const T = { type: float32 }, I = { type: int32 };

/** A call: inputs, attributes, and which outputs count. */
interface Case {
  readonly x: readonly Given[];
  readonly attributes: Readonly<Record<string, Value>>;
  readonly outputs: number;
  /** Relative 2-norm of the difference that is allowed. */
  readonly tolerance: number;
}
const call = (
  x: readonly Given[],
  attributes: Readonly<Record<string, Value>> = { T },
  outputs = 1,
  tolerance = 1e-5,
): Case => ({ x, attributes, outputs, tolerance });

const SHAPES = [[], [1], [7], [3, 5], [2, 3, 5, 4], [2, 0, 3]];
const unary = (low = -2, high = 2) => SHAPES.map((shape) => call([random(shape, low, high)]));
const PAIRS: [number[], number[]][] = [
  [[], []],
  [[3, 5], [3, 5]],
  [[3, 5], [5]],
  [[3, 1], [1, 5]],
  [[2, 3, 4, 6], [6]],
  [[2, 3, 4, 6], []],
  [[0, 5], [1, 5]],
];
const binary = (low = -2, high = 2, attributes: Record<string, Value> = { T }) =>
  PAIRS.map(([a, b]) => call([random(a, low, high), random(b, low, high)], attributes));
const compared = [
  ...binary(),
  ...PAIRS.map(([a, b]) => call([whole(a, 3), whole(b, 3)], { T: I })),
];
const logical = PAIRS.map(([a, b]) => call([flags(a), flags(b)], {}));
const reductions = (attributes: Record<string, Value> = { T, Tidx: I }, low = -2, high = 2) =>
  [false, true].flatMap((keep_dims) =>
    ([
      [[3, 5], [0]],
      [[3, 5], [1]],
      [[3, 5], [0, 1]],
      [[3, 5], [-1]],
      [[2, 3, 4, 6], [1, 2]],
      [[2, 3, 4, 6], [0, 1, 2]],
      [[2, 3, 4, 6], [1]],
      [[2, 3, 4, 6], [3]],
      [[3, 5], []],
    ] as [number[], number[]][]).map(([shape, axes]) =>
      call([random(shape, low, high), list(...axes)], { ...attributes, keep_dims })
    )
  );
const places = [[[3, 5], 0], [[3, 5], 1], [[2, 3, 4], -1]].map(([shape, axis]) =>
  call([random(shape as number[]), scalar(axis as number)], { T, Tidx: I, output_type: I })
);

/** Sizes of convolutions: picture, kernel, stride, padding. */
const CONVOLUTIONS: [number[], number[], number, string][] = [
  [[2, 8, 8, 3], [3, 3, 3, 5], 1, "SAME"],
  [[2, 7, 5, 3], [3, 3, 3, 4], 1, "SAME"],
  [[3, 16, 16, 4], [3, 3, 4, 4], 1, "SAME"],
  [[2, 9, 9, 3], [3, 3, 3, 4], 2, "VALID"],
  [[2, 10, 8, 3], [3, 3, 3, 4], 2, "VALID"],
  [[2, 8, 7, 3], [3, 3, 3, 4], 2, "SAME"],
  [[2, 6, 6, 3], [1, 1, 3, 5], 1, "SAME"],
  [[2, 6, 6, 3], [1, 1, 3, 5], 2, "VALID"],
  [[2, 13, 13, 3], [7, 7, 3, 4], 2, "VALID"],
  [[1, 6, 6, 2], [5, 5, 2, 3], 1, "SAME"],
  [[0, 6, 6, 2], [3, 3, 2, 3], 1, "SAME"],
];
const convolutions = (op: "y" | "dx" | "dw") =>
  CONVOLUTIONS.map(([shape, kernel, stride, padding]) => {
    const attributes = { T, strides: [1, stride, stride, 1], padding, data_format: "NHWC" };
    const out = shape.slice(1, 3).map((size, axis) =>
      padding === "SAME" ? Math.ceil(size / stride) : Math.floor((size - kernel[axis]) / stride) + 1
    );
    const dy = random([shape[0], ...out, kernel[3]]);
    return call(
      {
        y: [random(shape), random(kernel)],
        dx: [list(...shape), random(kernel), dy],
        dw: [random(shape), list(...kernel), dy],
      }[op],
      attributes,
    );
  });
const POOLS = [[2, 1, "VALID"], [3, 2, "VALID"], [3, 2, "SAME"], [2, 2, "VALID"]] as const;
const pool = (size: number, stride: number, padding: string) => ({
  T,
  ksize: [1, size, size, 1],
  strides: [1, stride, stride, 1],
  padding,
});
const norm = (is_training: boolean) => ({ T, U: T, epsilon: 1e-5, data_format: "NHWC", is_training });
const masks = { begin_mask: 0, end_mask: 0, ellipsis_mask: 0, new_axis_mask: 0, shrink_axis_mask: 0 };
const products = [
  call([random([4, 5]), random([5, 3])], { T, adj_x: false, adj_y: false }),
  call([random([5, 4]), random([5, 3])], { T, adj_x: true, adj_y: false }),
  call([random([2, 4, 5]), random([2, 3, 5])], { T, adj_x: false, adj_y: true }),
  call([random([2, 5, 4]), random([2, 3, 5])], { T, adj_x: true, adj_y: true }),
  call([random([1, 4, 5]), random([3, 5, 2])], { T, adj_x: false, adj_y: false }),
  call([random([4, 0]), random([0, 3])], { T, adj_x: false, adj_y: false }),
];
const real = (n: number) => call([random([n, n]), list(n, n)], { Treal: T, Tcomplex: { type: complex64 } });
const selections = [
  call([flags([3, 5]), random([3, 5]), random([3, 5])]),
  call([flags([4]), random([4]), random([4])]),
  call([flags([3, 5]), flags([3, 5]), flags([3, 5])], { T: { type: bool } }),
];

/** What the entries are given. */
const CASES: Readonly<Record<string, readonly Case[]>> = {
  Abs: unary(),
  Acos: unary(-1, 1),
  Acosh: unary(1, 3),
  Add: binary(),
  AddN: [call([random([3, 5]), random([3, 5]), random([3, 5])], { T, N: 3 })],
  AddV2: [...binary(), ...PAIRS.map(([a, b]) => call([whole(a, 9), whole(b, 9)], { T: I }))],
  All: [
    call([flags([3, 5]), list(1)], { Tidx: I, keep_dims: false }),
    call([flags([2]), list(0)], { keep_dims: true }),
  ],
  Any: [
    call([flags([3, 5]), list(1)], { Tidx: I, keep_dims: false }),
    call([flags([2]), list(0)], { keep_dims: true }),
  ],
  ArgMax: places,
  ArgMin: places,
  Asin: unary(-1, 1),
  Asinh: unary(),
  Atan: unary(),
  Atanh: unary(-0.9, 0.9),
  AvgPool: [call([random([2, 8, 8, 3])], pool(2, 2, "VALID"))],
  BatchMatMulV2: products,
  BatchMatMulV3: products.map((product) => ({
    ...product,
    attributes: { ...product.attributes, Ta: T, Tb: T, Tout: T },
  })),
  Bitcast: [call([random([3, 5])], { T, type: T })],
  BroadcastTo: [call([random([1, 5]), list(3, 5)], { T, Tidx: I })],
  Cast: [
    call([random([3, 5])], { SrcT: T, DstT: I }),
    call([whole([3, 5], 9)], { SrcT: I, DstT: T }),
    call([whole([3, 5], 2)], { SrcT: I, DstT: { type: bool } }),
    call([flags([3, 5])], { SrcT: { type: bool }, DstT: T }),
    call([{ ...whole([3, 5], 9), dtype: uint8 }], { SrcT: { type: uint8 }, DstT: T }),
  ],
  Ceil: unary(),
  Complex: [call([random([3, 5]), random([3, 5])], { T, Tout: { type: complex64 } })],
  ConcatV2: [
    call([random([3, 5]), random([3, 2]), scalar(1)], { T, Tidx: I, N: 2 }),
    call([random([2, 3, 4, 5]), random([2, 3, 4, 1]), scalar(-1)], { T, Tidx: I, N: 2 }),
    call([empty([0, 5]), random([3, 5]), scalar(0)], { T, Tidx: I, N: 2 }),
  ],
  Conv2D: convolutions("y"),
  Conv2DBackpropFilter: convolutions("dw"),
  Conv2DBackpropInput: convolutions("dx"),
  Cos: unary(),
  Cosh: unary(),
  Cumsum: [
    call([random([3, 5]), scalar(1)], { T, Tidx: I, exclusive: false, reverse: false }),
    call([random([3, 5]), scalar(0)], { T, Tidx: I, exclusive: true, reverse: true }),
  ],
  Elu: unary(),
  Equal: compared,
  Erf: unary(),
  Exp: unary(),
  ExpandDims: [0, 1, -1].map((axis) => call([random([3, 5]), scalar(axis)], { T, Tdim: I })),
  Expm1: [...unary(), ...unary(-1e-3, 1e-3)],
  Fill: [
    call([list(3, 5), scalar(2.5, float32)], { T, index_type: I }),
    call([list(0, 5), scalar(1)], { T: I }),
  ],
  Floor: unary(),
  FloorDiv: [...binary(1, 9), ...PAIRS.map(([a, b]) => call([random(a, -9, 9), random(b, 1, 3)]))],
  FusedBatchNormV3: [
    ...[[4, 5, 3, 6], [16, 2, 2, 3]].map((shape) =>
      call(
        [
          random(shape),
          ...[[0.5, 2], [-1, 1]].map(([low, high]) => random([shape[3]], low, high)),
          empty([0]),
          empty([0]),
        ],
        norm(true),
        3,
      )
    ),
    call(
      [
        random([4, 5, 3, 6]),
        ...[[0.5, 2], [-1, 1], [-1, 1], [0.5, 2]].map(([low, high]) => random([6], low, high)),
      ],
      norm(false),
      1,
    ),
  ],
  GatherV2: [
    call([random([6, 5]), whole([4], 6), scalar(0)], { Tparams: T, Tindices: I, Taxis: I }),
    call([random([3, 5]), whole([4], 5), scalar(1)], { Tparams: T, Tindices: I, Taxis: I }),
  ],
  Greater: compared,
  GreaterEqual: compared,
  Identity: [call([random([3, 5])])],
  Imag: [call([random([3, 5], -2, 2, complex64)], { T: { type: complex64 }, Tout: T })],
  IsFinite: [call([{ shape: [4], dtype: float32, values: [1, NaN, Infinity, -Infinity] }])],
  IsInf: [call([{ shape: [4], dtype: float32, values: [1, NaN, Infinity, -Infinity] }])],
  IsNan: [call([{ shape: [4], dtype: float32, values: [1, NaN, Infinity, -Infinity] }])],
  LeakyRelu: SHAPES.map((shape) => call([random(shape)], { T, alpha: 0.3 })),
  Less: compared,
  LessEqual: compared,
  Log: unary(0.1, 3),
  Log1p: unary(-0.5, 3),
  LogicalAnd: logical,
  LogicalNot: [call([flags([3, 5])], {})],
  LogicalOr: logical,
  LogSoftmax: [call([random([3, 5])])],
  Max: reductions(),
  Maximum: binary(),
  MaxPool: POOLS.map(([size, stride, padding]) => call([random([2, 9, 8, 3])], pool(size, stride, padding))),
  MaxPoolGrad: POOLS.map(([kernel, stride, padding]) => {
    // Whole numbers, so that some are the maximum twice.
    const x = { ...whole([2, 9, 8, 3], 4), dtype: float32 };
    const attributes = pool(kernel, stride, padding), [y] = run(engines[0], "MaxPool", call([x], attributes));
    const given = { shape: y.shape, dtype: float32, values: Array.from(y.values) };
    return call([x, given, random(y.shape)], attributes);
  }),
  Mean: reductions(),
  Min: reductions(),
  Minimum: binary(),
  Mul: [
    ...binary(),
    call([random([3, 5], -2, 2, complex64), random([3, 5], -2, 2, complex64)], { T: { type: complex64 } }),
  ],
  Neg: unary(),
  NotEqual: compared,
  OneHot: [
    call([whole([7], 5), scalar(5), scalar(1, float32), scalar(0, float32)], { T, TI: I, axis: -1 }),
    call([list(-1, 0, 9), scalar(3), scalar(2), scalar(1)], { T: I, TI: I, axis: -1 }),
  ],
  OnesLike: [call([random([3, 5])]), call([whole([3], 2)], { T: I })],
  Pack: [0, 1, -1].map((axis) => call([random([3, 5]), random([3, 5])], { T, N: 2, axis })),
  PadV2: [
    call([random([3, 5]), { ...list(1, 0, 2, 3), shape: [2, 2] }, scalar(0.5, float32)], { T, Tpaddings: I }),
    call(
      [random([2, 3, 4, 5]), { ...list(0, 0, 1, 1, 2, 1, 0, 0), shape: [4, 2] }, scalar(0, float32)],
      { T, Tpaddings: I },
    ),
  ],
  Pow: binary(0.5, 2),
  Prod: reductions(),
  Range: [call([scalar(1), scalar(9), scalar(3)], { Tidx: I })],
  Real: [call([random([3, 5], -2, 2, complex64)], { T: { type: complex64 }, Tout: T })],
  RealDiv: binary(0.5, 2),
  Reciprocal: unary(0.5, 2),
  Relu: unary(),
  Relu6: unary(-4, 12),
  ReluGrad: SHAPES.map((shape) => call([random(shape), random(shape)])),
  Reshape: [
    call([random([3, 4]), list(2, -1)], { T, Tshape: I }),
    call([empty([0, 4]), list(2, 0)], { T, Tshape: I }),
  ],
  ReverseV2: [
    call([random([3, 4]), list(0)], { T, Tidx: I }),
    call([random([3, 4]), list(0, 1)], { T, Tidx: I }),
  ],
  RFFT2D: [real(8), real(20), real(24)],
  Round: unary(-4, 4),
  Rsqrt: unary(0.5, 4),
  Select: selections,
  SelectV2: [...selections, call([flags([5]), random([3, 5]), random([1])])],
  Selu: unary(),
  Sigmoid: unary(),
  Sign: unary(),
  Sin: unary(),
  Sinh: unary(),
  Slice: [
    call([random([4, 5]), list(1, 2), list(2, -1)], { T, Index: I }),
    call([random([2, 3, 4, 5]), list(0, 1, 1, 0), list(2, 2, 2, 5)], { T, Index: I }),
    call([random([4, 5]), list(1, 2), list(0, 2)], { T, Index: I }),
  ],
  Softmax: [call([random([3, 5])])],
  Softplus: unary(),
  SplitV: [call([random([5, 4]), list(2, 3), scalar(0)], { T, Tlen: I, num_split: 2 }, 2)],
  Sqrt: unary(0, 4),
  Square: unary(),
  SquaredDifference: binary(),
  Squeeze: [
    call([random([3, 1, 5, 1])], { T, squeeze_dims: [1] }),
    call([random([1, 3, 1])], { T, squeeze_dims: [] }),
  ],
  StridedSlice: [
    call([random([2, 7, 8, 3]), list(0, 0, 0, 0), list(2, 7, 8, 3), list(1, 2, 2, 1)], {
      T,
      Index: I,
      ...masks,
    }),
    call([random([7, 8]), list(1, -5), list(6, 8), list(2, 3)], { T, Index: I, ...masks, end_mask: 1 }),
  ],
  Sub: binary(),
  Sum: [...reductions(), call([empty([0, 3]), list(0)], { T, Tidx: I, keep_dims: false })],
  Tan: unary(-1, 1),
  Tanh: unary(),
  Tile: [
    call([random([2, 3]), list(2, 3)], { T, Tmultiples: I }),
    call([flags([2, 3]), list(1, 2)], { T: { type: bool } }),
  ],
  TopKV2: [call([random([3, 9]), scalar(4)], { T, sorted: true }, 2)],
  Transpose: [
    call([random([3, 4]), list(1, 0)], { T, Tperm: I }),
    call([random([2, 1, 4, 3]), list(3, 1, 0, 2)], { T, Tperm: I }),
    call([random([1, 4, 1, 3]), list(2, 1, 3, 0)], { T, Tperm: I }),
  ],
  Unpack: [
    call([random([2, 3])], { T, num: 2, axis: 0 }, 2),
    call([random([2, 3])], { T, num: 3, axis: 1 }, 3),
  ],
  ZerosLike: [call([random([3, 5])])],
};

/** Ops that take what another op gave: each engine goes its own way from there. */
const FOLLOWING: Readonly<Record<string, (engine: Engine) => Result[]>> = {
  FusedBatchNormGradV3: (engine) => {
    const shape = [4, 5, 3, 6], channels = [6];
    const [x, dy, scale, offset] = [shape, shape, channels, channels].map((shape) => random(shape));
    const none = empty([0]), forward = call([x, scale, offset, none, none], norm(true));
    const [, , , ...reserved] = run(engine, "FusedBatchNormV3", forward);
    return run(engine, "FusedBatchNormGradV3", call([dy, x, scale, ...reserved.map(given)], norm(true)))
      .slice(0, 3);
  },
  IRFFT2D: (engine) => {
    const types = { Treal: T, Tcomplex: { type: complex64 } };
    return [8, 20, 64].flatMap((n) => {
      const [spectrum] = run(engine, "RFFT2D", call([random([n, n]), list(n, n)], types));
      return run(engine, "IRFFT2D", call([given(spectrum), list(n, n)], types));
    });
  },
};

/** A result as an input. */
const given = ({ shape, dtype, values }: Result): Given => ({ shape, dtype, values: Array.from(values) });

interface Result {
  readonly shape: readonly number[];
  readonly dtype: number;
  readonly values: ArrayLike<number>;
}

/** Runs a call on an engine. */
function run({ binding }: Engine, op: string, { x, attributes, outputs }: Case): Result[] {
  const list = Object.entries(attributes).map(([name, value]): Attribute => {
    if (typeof value === "string") return { name, type: binding.TF_ATTR_STRING, value };
    if (typeof value === "boolean") return { name, type: binding.TF_ATTR_BOOL, value };
    if (typeof value === "object" && "type" in value) {
      return { name, type: binding.TF_ATTR_TYPE, value: value.type };
    }
    const float = ["epsilon", "alpha"].includes(name);
    return { name, type: float ? binding.TF_ATTR_FLOAT : binding.TF_ATTR_INT, value };
  });
  const ids = x.map(({ shape, dtype, values }) =>
    binding.createTensor(
      shape,
      dtype,
      dtype === int32
        ? Int32Array.from(values)
        : [bool, uint8].includes(dtype as never)
        ? Uint8Array.from(values)
        : Float32Array.from(values),
    )
  );
  const results = binding.executeOp(op, list, ids, OUTPUTS[op] ?? outputs).map(
    ({ id, shape, dtype }: Metadata) => {
      const values = binding.tensorDataSync(id) as Float32Array;
      binding.deleteTensor(id);
      return { shape, dtype, values };
    },
  );
  ids.forEach((id) => binding.deleteTensor(id));
  return results;
}

/** The 2-norm of the difference, relative to what was expected; infinite where one is finite and the other is not. */
function deviation(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0, norm = 0;
  for (let at = 0; at < expected.length; at++) {
    if (Object.is(found[at], expected[at])) continue;
    difference += (found[at] - expected[at]) ** 2;
    norm += expected[at] ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / norm);
}

/** Compares the first of what two engines gave. */
function compare(
  found: readonly Result[],
  expected: readonly Result[],
  outputs: number,
  tolerance: number,
  what: string,
) {
  for (let at = 0; at < outputs; at++) {
    assert.deepEqual([found[at].shape, found[at].dtype], [expected[at].shape, expected[at].dtype], what);
    assert.equal(found[at].values.length, expected[at].values.length, what);
    const away = deviation(found[at].values, expected[at].values);
    assert.ok(away < tolerance, `${what}: output ${at} is ${away} away`);
  }
}

for (const op of lowered()) {
  Deno.test(`${op} is TensorFlow's`, () => {
    const following = FOLLOWING[op];
    if (following) {
      const began = seed;
      const [expected, found] = engines.map((engine) => {
        seed = began;
        return following(engine);
      });
      return compare(found, expected, expected.length, 1e-5, op);
    }
    assert.ok(CASES[op], `${op} is not tested`);
    for (const given of CASES[op]) {
      const [expected, found] = engines.map((engine) => run(engine, op, given));
      const what = `${JSON.stringify(given.attributes)} of ${given.x.map(({ shape }) => `[${shape}]`)}`;
      compare(found, expected, given.outputs, given.tolerance, what);
    }
  });
}

Deno.test("an op without an entry is named", () => {
  const svd = call([random([3, 3])], { T, compute_uv: false });
  assert.throws(() => run(engines[1], "Svd", svd), {
    name: "ComputeError",
    message: "ONNX Runtime cannot compute TensorFlow's op Svd here: it has no entry in " +
      "lib/compute/onnxruntime/lowering.ts. Write one, or compute on TensorFlow: SJEA_ENGINE=tensorflow.",
  });
});
