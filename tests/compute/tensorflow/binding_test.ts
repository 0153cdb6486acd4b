import assert from "node:assert/strict";
import v8 from "node:v8";
import vm from "node:vm";
import { ComputeError } from "../../../lib/base/errors.ts";
import { backend, start } from "../../../lib/compute/backend.ts";
import { DataType } from "../../../lib/compute/engine.ts";
import type { Binding } from "../../../lib/compute/tensorflow/binding.ts";
import { tf } from "../../../lib/compute/tf.ts";

const { gpu } = await start();
const binding = backend().binding as Binding;

const attribute = (name: string, value: number) => ({ name, type: binding.TF_ATTR_TYPE, value });
const float = attribute("T", DataType.float32);

/** The id of a new float tensor. */
const tensor = (shape: number[], ...values: number[]) =>
  binding.createTensor(shape, DataType.float32, Float32Array.from(values));

Deno.test("values of every type come back as they were", () => {
  const cases = [
    [DataType.float32, Float32Array.of(-0, 1e-38, NaN, Infinity)],
    [DataType.int32, Int32Array.of(-(2 ** 31), 0, 1, 2 ** 31 - 1)],
    [DataType.int64, BigInt64Array.of(-(2n ** 63n), 0n, 1n, 2n ** 53n + 1n)],
    [DataType.uint8, Uint8Array.of(0, 1, 128, 255)],
    [DataType.bool, Uint8Array.of(0, 1, 1, 0)],
  ] as const;
  for (const [dtype, values] of cases) {
    const id = binding.createTensor([2, 2], dtype, values);
    assert.deepEqual(binding.tensorDataSync(id), values);
    assert.deepEqual(binding.describe(binding.handle(id)), { shape: [2, 2], dtype });
    binding.deleteTensor(id);
  }
  const complex = binding.createTensor([2], DataType.complex64, Float32Array.of(1, 2, 3, 4));
  assert.deepEqual(binding.tensorDataSync(complex), Float32Array.of(1, 2, 3, 4));
  binding.deleteTensor(complex);
});

Deno.test("a scalar, an empty tensor and a part of a buffer are tensors as well", () => {
  for (const [shape, values] of [[[], [7]], [[0, 3], []]]) {
    const id = tensor(shape, ...values);
    assert.deepEqual(binding.tensorDataSync(id), Float32Array.from(values));
    assert.deepEqual(binding.describe(binding.handle(id)).shape, shape);
    binding.deleteTensor(id);
  }
  const part = Float32Array.of(1, 2, 3).subarray(1);
  const id = binding.createTensor([2], DataType.float32, part);
  assert.deepEqual(binding.tensorDataSync(id), Float32Array.of(2, 3));
  binding.deleteTensor(id);
});

Deno.test("a tensor keeps its own copy of the values, and so does its reader", () => {
  const values = Float32Array.of(1, 2);
  const id = binding.createTensor([2], DataType.float32, values);
  values[0] = 9;
  binding.tensorDataSync(id)[1] = 9;
  assert.deepEqual(binding.tensorDataSync(id), Float32Array.of(1, 2));
  binding.deleteTensor(id);
});

Deno.test("an op gives its results with shape and type", () => {
  const inputs = [tensor([2, 1], 1, 2), tensor([1, 2], 3, 4)];
  const [product] = binding.executeOp("MatMul", [float], inputs, 1);
  assert.deepEqual([product.shape, product.dtype], [[2, 2], DataType.float32]);
  assert.deepEqual(binding.tensorDataSync(product.id), Float32Array.of(3, 4, 6, 8));
  [...inputs, product.id].forEach((id) => binding.deleteTensor(id));
});

Deno.test("an op that TensorFlow refuses is named with TensorFlow's reason", () => {
  const [a, b] = [tensor([1, 2], 1, 2), tensor([1, 2], 3, 4)];
  assert.throws(
    () => binding.executeOp("MatMul", [float], [a, b], 1),
    (error: Error) =>
      error instanceof ComputeError &&
      /^TensorFlow refused MatMul: Matrix size-incompatible: In\[0\]: \[1,2\], In\[1\]: \[1,2\]/.test(
        error.message,
      ),
  );
  assert.throws(
    () => binding.executeOp("NoSuchOp", [], [], 1),
    (error: Error) =>
      error instanceof ComputeError && error.message.startsWith("TensorFlow refused NoSuchOp: "),
  );
  const [sum] = binding.executeOp("AddV2", [float], [a, b], 1);
  assert.deepEqual(binding.tensorDataSync(sum.id), Float32Array.of(4, 6));
  [a, b, sum.id].forEach((id) => binding.deleteTensor(id));
});

Deno.test("what cannot be a tensor or an attribute here is refused", () => {
  assert.throws(
    () => binding.createTensor([3], DataType.string, [Uint8Array.of(65)]),
    new ComputeError("A tensor of shape [3] needs 3 strings, not 1."),
  );
  assert.throws(
    () => binding.executeOp("Identity", [{ name: "T", type: 9, value: 1 }], [], 1),
    new ComputeError("Attribute T has TensorFlow's type 9, which is not supported here."),
  );
});

Deno.test("an op with one result of a type that TensorFlow.js does not have leaves none of them", () => {
  const [low, x, high] = [tensor([], 0), tensor([], 1), tensor([], 2)];
  const count = binding.getNumOfTensors();
  const QINT8 = 11;
  assert.throws(
    () => binding.executeOp("QuantizeV2", [attribute("T", QINT8)], [x, low, high], 3),
    new ComputeError(
      "TensorFlow.js has no tensors of TensorFlow's type 11, " +
        "only float32, int32, uint8, string, complex64, int64, bool, resource.",
    ),
  );
  assert.equal(binding.getNumOfTensors(), count);
  [low, x, high].forEach((id) => binding.deleteTensor(id));
});

Deno.test("an op gives as many results as it has, however many were asked for", () => {
  const x = tensor([], 1);
  const results = binding.executeOp("Identity", [float], [x], 3);
  assert.deepEqual(results.map(({ id }) => Array.from(binding.tensorDataSync(id) as Float32Array)), [[1]]);
  [x, ...results.map(({ id }) => id)].forEach((id) => binding.deleteTensor(id));
});

Deno.test("where a kernel states another type than its inputs have, theirs counts", () => {
  assert.deepEqual(tf.tensor1d([1, 2, 4], "int32").mean().dataSync(), Float32Array.of(7 / 3));
  const [sum] = binding.executeOp(
    "AddV2",
    [attribute("T", DataType.int32)],
    [tensor([], 1), tensor([], 2)],
    1,
  );
  assert.deepEqual(binding.tensorDataSync(sum.id), Float32Array.of(3));
});

Deno.test("a fraction as an integer attribute is cut off, as a random seed of TensorFlow.js is one", () => {
  const draws = tf.multinomial(tf.tensor1d([-100, 0, -100]), 5);
  assert.deepEqual(draws.dataSync(), Int32Array.of(1, 1, 1, 1, 1));
  const pool = (size: number) =>
    binding.executeOp(
      "MaxPool",
      [
        float,
        { name: "ksize", type: binding.TF_ATTR_INT, value: [1, size, size, 1] },
        { name: "strides", type: binding.TF_ATTR_INT, value: [1, 1, 1, 1] },
        { name: "padding", type: binding.TF_ATTR_STRING, value: "VALID" },
      ],
      [tensor([1, 3, 3, 1], 1, 2, 3, 4, 5, 6, 7, 8, 9)],
      1,
    )[0].shape;
  assert.deepEqual(pool(2.9), [1, 2, 2, 1]);
});

Deno.test("the buffers of a call in the background stay until it returns, and no longer", async () => {
  v8.setFlagsFromString("--expose-gc");
  const collect = async () => {
    await new Promise((resolve) => setTimeout(resolve, 1)); // References of the current turn count as used.
    vm.runInNewContext("gc")();
  };
  const { api } = binding;
  const size = 3072, status = api.TF_NewStatus();
  const x = tf.fill([size, size], 0.5);
  const [handle] = backend().getInputTensorIds([x]).map((id) => binding.handle(id));
  const op = binding.prepare("MatMul", [], [handle, handle]);
  const results = new BigUint64Array(1);
  const start = () => {
    const count = Int32Array.of(1);
    return { call: api.TFE_ExecuteInBackground(op, results, count, status), count: new WeakRef(count) };
  };
  const { call, count } = start();
  let running = true;
  call.then(() => running = false);
  await collect();
  assert.ok(running, "the product took less time than a collection");
  assert.deepEqual(count.deref(), Int32Array.of(1));
  await call;
  api.check("MatMul", status);
  const [product] = binding.results(results);
  assert.equal((binding.tensorDataSync(product.id) as Float32Array)[0], size / 4);
  await collect();
  assert.equal(count.deref(), undefined);
  binding.deleteTensor(product.id);
  x.dispose();
  api.TFE_DeleteOp(op);
  api.TF_DeleteStatus(status);
});

Deno.test("a disposed tensor is gone, once and for all", () => {
  const count = binding.getNumOfTensors();
  const id = tensor([], 1);
  assert.equal(binding.getNumOfTensors(), count + 1);
  binding.deleteTensor(id);
  binding.deleteTensor(id);
  assert.equal(binding.getNumOfTensors(), count);
  const gone = new ComputeError(`Tensor ${id} was disposed or never had a value.`);
  assert.throws(() => binding.tensorDataSync(id), gone);
  assert.throws(() => binding.executeOp("Identity", [float], [id], 1), gone);
  const x = tf.scalar(1);
  x.dispose();
  assert.throws(() => x.dataSync(), new Error("Tensor is disposed."));
});

Deno.test("TensorFlow.js's ops reach TensorFlow with every kind of attribute", () => {
  tf.tidy(() => {
    const x = tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1]);
    assert.deepEqual(Array.from(tf.maxPool(x, 2, 1, "valid").dataSync()), [4]);
    assert.deepEqual(Array.from(tf.transpose(x, [0, 2, 1, 3]).dataSync()), [1, 3, 2, 4]);
    assert.deepEqual(Array.from(tf.leakyRelu(tf.tensor1d([-1, 1]), 0.5).dataSync()), [-0.5, 1]);
    assert.deepEqual(tf.topk(tf.tensor1d([3, 1, 2]), 2).indices.arraySync(), [0, 2]);
    assert.deepEqual(tf.split(tf.tensor1d([1, 2, 3]), [1, 2]).map((part) => part.arraySync()), [[1], [2, 3]]);
    assert.deepEqual(tf.range(0, 3).greater(1).arraySync(), [0, 0, 1]);
    assert.deepEqual(tf.cast(tf.tensor1d([1.9, -1.9]), "int32").arraySync(), [1, -1]);
  });
});

Deno.test("the device is the one that TensorFlow named", () => {
  assert.equal(binding.isUsingGpuDevice(), gpu);
  assert.match(binding.device, gpu ? /device:GPU:\d+$/ : /device:CPU:\d+$/);
  assert.match(binding.version, /^2\.\d+\.\d+/);
});

Deno.test("values that do not fill the shape are refused", () => {
  const { binding } = backend();
  assert.throws(() => binding.createTensor([2, 2], binding.TF_FLOAT, Float32Array.of(1)), {
    name: "ComputeError",
    message: "A tensor of shape [2,2] needs 16 bytes, not 4.",
  });
});
