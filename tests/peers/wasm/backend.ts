/**
 * In place of lib/compute/backend.ts: TensorFlow.js's WebAssembly backend as its users have it.
 *
 * @module
 */
import { tf } from "../../../lib/compute/tf.ts";

/** Only this program's own deno.json knows it. */
const BACKEND: string = "@tensorflow/tfjs-backend-wasm";

/** Starts it. */
export async function start() {
  await import(BACKEND);
  registerFilterGradient();
  tf.env().set("PROD", true);
  await tf.setBackend("wasm");
  return { engine: "tensorflow", version: `${tf.version_core} (TensorFlow.js, WebAssembly)`, gpu: false };
}

/** What compile asks for, before it runs op by op. */
export const backend = () => ({ binding: { isUsingGpuDevice: () => false } });

/** Nothing is recorded here. */
export function engine() {
  throw new Error("WebAssembly runs op by op: set SJEA_EAGER=1.");
}

/** The one kernel of a training that this backend lacks: for each tap of the kernel a matrix product. */
function registerFilterGradient(): void {
  tf.registerKernel({
    kernelName: "Conv2DBackpropFilter",
    backendName: "wasm",
    // deno-lint-ignore no-explicit-any
    kernelFunc: ({ inputs, attrs }: any) =>
      tf.tidy(() => {
        const { x, dy } = inputs, { strides, pad, filterShape } = attrs;
        const [high, wide, channels, filters] = filterShape, [batch, height, width] = dy.shape;
        const by = Array.isArray(strides) ? strides[0] : strides;
        const around = pad === "same" ? [high >> 1, wide >> 1] : [0, 0];
        const padded = tf.pad(x as tf.Tensor4D, [[0, 0], [around[0], around[0]], [around[1], around[1]], [
          0,
          0,
        ]]);
        const rows = (dy as tf.Tensor).reshape([batch * height * width, filters]);
        const taps: tf.Tensor[] = [];
        for (let row = 0; row < high; row++) {
          for (let column = 0; column < wide; column++) {
            const end = [batch, row + (height - 1) * by + 1, column + (width - 1) * by + 1, channels];
            const seen = tf.stridedSlice(padded, [0, row, column, 0], end, [1, by, by, 1]);
            taps.push(tf.matMul(seen.reshape([batch * height * width, channels]), rows, true));
          }
        }
        return tf.stack(taps).reshape(filterShape);
      }) as never,
  });
}
