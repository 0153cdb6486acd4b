/**
 * The engine below TensorFlow.js: `start` finds it, `compile` hands it a whole function at once.
 *
 * @module
 */
export { type Device, start } from "./backend.ts";
export type { Cluster } from "./cluster.ts";
export {
  compile,
  type Compiled,
  type CompileOptions,
  dispose,
  type Plain,
  type Precision,
  type Tree,
} from "./compile.ts";
export type { Joint } from "./joint_batch_norm.ts";
export { type EngineName, ENGINES, engineTitle, type LibraryFile } from "./engine.ts";
export { type BatchNorm, batchNorm, batchNormInference, convolve, gram, relu, rows } from "./ops.ts";
export { tf } from "./tf.ts";
