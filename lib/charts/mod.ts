/**
 * Charts of experiments, as vega-lite specs.
 *
 * @module
 */
export { type Comparison, comparison } from "./comparison.ts";
export { confusionMatrix } from "./confusion.ts";
export { covarianceCurves, type CovarianceLine } from "./covariance.ts";
export { embedding, type EmbeddingOptions } from "./embedding.ts";
export { errorCurves, type ErrorLine } from "./error_curves.ts";
export { readoutCurves, type ReadoutPoint } from "./readout_curves.ts";
export { type Formed, forming } from "./forming.ts";
export { imageGrid, type ImageRow } from "./image_grid.ts";
export { type Difference, intervals } from "./intervals.ts";
export type { Points } from "./points.ts";
export { type Ratio, ratios } from "./ratios.ts";
export { toPng, toSvg } from "./render.ts";
export { type SubClusters, subClusters } from "./sub_clusters.ts";
export { type Chart, themed } from "./theme.ts";
export { contactSheet, thumbnail } from "./thumbnails.ts";
export { lastTerms, trainingCurves, type TrainingLog } from "./training_curves.ts";
