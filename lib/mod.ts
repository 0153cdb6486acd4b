/**
 * Everything a notebook needs, in one import.
 *
 * @module
 */
export * from "./base/errors.ts";
export * from "./base/random.ts";
export { type Device, start } from "./compute/backend.ts";
export { compile, dispose, type Precision } from "./compute/compile.ts";
export * from "./compute/ops.ts";
export { tf } from "./compute/tf.ts";
export * from "./data/cifar10.ts";
export * from "./data/dataset.ts";
export * from "./data/generated.ts";
export * from "./data/split.ts";
export * from "./data/view_stream.ts";
export * from "./data/views.ts";
export * from "./evaluation/features.ts";
export * from "./evaluation/knn.ts";
export * from "./evaluation/probe.ts";
export * from "./experiments/linear_evaluation.ts";
export * from "./experiments/presets.ts";
export * from "./experiments/results.ts";
export * from "./experiments/table.ts";
export * from "./loss/vicreg.ts";
export * from "./model/layers.ts";
export * from "./model/projector.ts";
export * from "./model/resnet.ts";
export * from "./model/stack.ts";
export * from "./training/optimiser.ts";
export * from "./training/run.ts";
export * from "./training/schedule.ts";
export * from "./training/spec.ts";
export * from "./training/step.ts";
