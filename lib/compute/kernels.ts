/**
 * Mends kernels of TensorFlow.js's native backend that give TensorFlow types
 * which its ops do not take, or take wrongly.
 *
 * @module
 */
import { tf } from "./tf.ts";

/** Kernels whose op knows only floating point, while TensorFlow.js also gives them integers and booleans. */
const FLOAT_ONLY = [
  tf.Acos,
  tf.Acosh,
  tf.Asin,
  tf.Asinh,
  tf.Atan,
  tf.Atan2,
  tf.Atanh,
  tf.Conv2DBackpropInput,
  tf.Conv3D,
  tf.Expm1,
  tf.FusedBatchNorm,
  tf.IsFinite,
  tf.IsInf,
  tf.IsNan,
  tf.LeakyRelu,
  tf.Log1p,
  tf.LRN,
  tf.MaxPool3D,
  tf.Mean,
  tf.Reciprocal,
  tf.Selu,
  tf.Sinh,
  tf.Softplus,
];

/**
 * Puts the mended kernels in place of TensorFlow.js's.
 *
 * @param backend Name of the backend whose kernels are registered.
 */
export function mendKernels(backend: string): void {
  for (const name of FLOAT_ONLY) {
    wrap(
      name,
      backend,
      (inputs, run) => run(Object.fromEntries(Object.entries(inputs).map(([name, x]) => [name, asFloat(x)]))),
    );
  }
  wrap(tf.Diag, backend, ({ x }, run) => x!.dtype === "bool" ? run({ x: x!.toInt() }).toBool() : run({ x }));
  wrap(tf.Step, backend, ({ x }, run) => tf.cast(run({ x: asFloat(x) }), x!.dtype));
  // TensorFlow 2.21 rounds integers to zero.
  wrap(tf.Round, backend, ({ x }, run) => asFloat(x) === x ? run({ x }) : tf.clone(x!));
}

/** Batch normalisation has inputs that may be missing. */
const asFloat = (x?: tf.Tensor) => x && ["int32", "bool"].includes(x.dtype) ? tf.cast(x, "float32") : x;

type Inputs = Record<string, tf.Tensor | undefined>;

/** Registers a kernel that may call the one it replaces. */
function wrap(
  name: string,
  backendName: string,
  kernel: (inputs: Inputs, run: (inputs: Inputs) => tf.Tensor) => tf.Tensor,
) {
  const replaced = tf.getKernel(name, backendName);
  tf.unregisterKernel(name, backendName);
  tf.registerKernel({
    ...replaced,
    kernelFunc: ({ inputs, ...rest }) =>
      tf.tidy(() =>
        kernel(inputs as Inputs, (inputs) => replaced.kernelFunc({ inputs, ...rest }) as tf.Tensor)
      ),
  });
}
