import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { compile } from "../../lib/compute/compile.ts";
import { convolve } from "../../lib/compute/ops.ts";
import { tf } from "../../lib/compute/tf.ts";
import { winograd, winogradPays } from "../../lib/compute/winograd.ts";
import { onTensorFlow } from "../engine.ts";

await start();

type Shape = [number, number, number, number];

const normal = (shape: Shape, seed: number) => tf.randomNormal(shape, 0, 1, "float32", seed) as tf.Tensor4D;

/** ‖a − b‖ / ‖b‖. */
const distance = (a: tf.Tensor, b: tf.Tensor) => tf.norm(a.sub(b)).div(tf.norm(b)).dataSync()[0];

for (const [height, width] of [[4, 4], [8, 8], [4, 12]]) {
  Deno.test(`winograd: ${height}×${width}, value and gradients of TensorFlow.js's direct sum`, () => {
    const x = normal([3, height, width, 5], 1), weight = normal([3, 3, 5, 7], 2);
    const dy = normal([3, height, width, 7], 3);
    const both = [winograd, (x: tf.Tensor4D, w: tf.Tensor4D) => tf.conv2d(x, w, 1, "same")].map((f) => {
      const { value, grads } = tf.valueAndGrads((x, w) =>
        f(x as tf.Tensor4D, w as tf.Tensor4D).mul(dy).sum()
      )(
        [x, weight],
      );
      return [f(x, weight), value, ...grads];
    });
    both[0].forEach((ours, at) => assert.ok(distance(ours, both[1][at]) < 2e-5, `output ${at}`));
  });
}

Deno.test("winogradPays: small maps with many channels, stride 1, 3×3", () => {
  const pays = ([height, width, channels]: number[], kernel: number[], stride: number) =>
    winogradPays(tf.zeros([1, height, width, channels]), tf.zeros(kernel as Shape), stride);
  assert.ok(pays([8, 8, 128], [3, 3, 128, 128], 1));
  assert.ok(pays([4, 4, 512], [3, 3, 512, 512], 1));
  for (
    const [map, kernel, stride] of [
      [[16, 16, 128], [3, 3, 128, 128], 1],
      [[2, 2, 512], [3, 3, 512, 512], 1],
      [[8, 8, 64], [3, 3, 64, 128], 1],
      [[8, 8, 128], [1, 1, 128, 128], 1],
      [[8, 8, 128], [3, 3, 128, 128], 2],
    ] as const
  ) assert.ok(!pays([...map], [...kernel], stride), `${map} ${kernel} ${stride}`);
});

Deno.test("convolve: in float32 it may go Winograd's way, in bfloat16 it goes the direct one", {
  ignore: !onTensorFlow,
}, async () => {
  const x = normal([2, 4, 4, 128], 1), weight = normal([3, 3, 128, 128], 2);
  const direct = tf.conv2d(x, weight, 1, "same");
  const run = (precision: "float32" | "bfloat16") =>
    compile((x: tf.Tensor4D, w: tf.Tensor4D) => convolve(x, w, 1), { precision })(x, weight);
  const [exact, rounded] = [await run("float32"), await run("bfloat16")].map((y) => distance(y, direct));
  assert.ok(exact > 0 && exact < 1e-5, `${exact}`);
  // Winograd's transforms would multiply bfloat16's rounding of 2⁻⁹ several times.
  assert.ok(rounded < 4e-3, `${rounded}`);
});
