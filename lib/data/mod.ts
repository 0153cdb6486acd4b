/**
 * Images: data sets, the split into parts, and augmented views.
 *
 * @module
 */
export {
  atLevel,
  type Dataset,
  type DatasetKind,
  imageOf,
  type ImageSet,
  type Labels,
  subset,
} from "./dataset.ts";
export { DATASET_NAMES, type DatasetConfig, type DatasetName, DATASETS, openDataset } from "./datasets.ts";
export type { DataPlace } from "../base/places.ts";
export type { Generator } from "../base/random.ts";
export { classes, draw, type Factors } from "./generated.ts";
export { normalise, pixels } from "./normalise.ts";
export { type Split, split, type SplitSizes, trainingImages } from "./split.ts";
export { type ViewBatch, viewStream, type ViewStreamOptions } from "./view_stream.ts";
export {
  augment,
  type DifferingTransforms,
  drawView,
  type Hiding,
  type Jitter,
  type Transforms,
  type ViewKey,
  type ViewOptions,
  viewsOf,
} from "./views.ts";
