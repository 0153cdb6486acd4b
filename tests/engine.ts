/**
 * Which engine the tests run on; on ONNX Runtime with `SJEA_ENGINE=onnxruntime`.
 *
 * @module
 */
import { start } from "../lib/compute/backend.ts";

/** Whether TensorFlow computes. */
export const onTensorFlow = (await start()).engine === "tensorflow";
