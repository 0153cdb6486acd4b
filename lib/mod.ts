/**
 * Everything a notebook needs, in one import.
 *
 * @module
 */
export * from "./base/errors.ts";
export * from "./base/random.ts";
export * from "./charts/comparison.ts";
export * from "./charts/confusion.ts";
export * from "./charts/covariance.ts";
export * from "./charts/embedding.ts";
export * from "./charts/image_grid.ts";
export * from "./charts/render.ts";
export * from "./charts/sub_clusters.ts";
export { type Chart, themed } from "./charts/theme.ts";
export * from "./charts/thumbnails.ts";
export * from "./charts/training_curves.ts";
export { type Device, start } from "./compute/backend.ts";
export { compile, dispose, type Precision } from "./compute/compile.ts";
export * from "./compute/ops.ts";
export { tf } from "./compute/tf.ts";
export * from "./data/cifar10.ts";
export * from "./data/dataset.ts";
export * from "./data/generated.ts";
export * from "./data/normalise.ts";
export * from "./data/split.ts";
export * from "./data/view_stream.ts";
export * from "./data/views.ts";
export * from "./evaluation/clusters.ts";
export * from "./evaluation/features.ts";
export * from "./evaluation/knn.ts";
export * from "./evaluation/probe.ts";
export * from "./evaluation/rank.ts";
export * from "./experiments/evaluate.ts";
export * from "./experiments/experiments.ts";
export * from "./experiments/paper.ts";
export * from "./experiments/presets.ts";
export * from "./experiments/results.ts";
export * from "./experiments/runs.ts";
export * from "./experiments/study.ts";
export { renderMarkdown, renderTable, tableOf } from "./experiments/table.ts";
export * from "./loss/vicreg.ts";
export * from "./model/layers.ts";
export * from "./model/projector.ts";
export * from "./model/resnet.ts";
export * from "./model/stack.ts";
export * from "./notebook/follow.ts";
export { show, showMarkdown, showTable } from "./notebook/show.ts";
export * from "./projection/neighbours.ts";
export * from "./projection/pca.ts";
export * from "./projection/trustworthiness.ts";
export * from "./projection/tsne.ts";
export * from "./projection/umap.ts";
export * from "./training/optimiser.ts";
export * from "./training/run.ts";
export * from "./training/schedule.ts";
export * from "./training/spec.ts";
export * from "./training/step.ts";
