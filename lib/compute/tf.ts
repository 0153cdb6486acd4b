/**
 * TensorFlow.js, imported in one place. Its arrays and ops work as soon as
 * `start()` of `backend.ts` has opened libtensorflow.
 *
 * @module
 */
export * as tf from "@tensorflow/tfjs";
export type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs";
