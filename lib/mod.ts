/**
 * What a notebook needs, in one import. Each room has more: `@s-jea/notebooks/model`.
 *
 * @module
 */
export { type Generator, generator, permutation } from "./base/random.ts";
export {
  comparison,
  confusionMatrix,
  contactSheet,
  covarianceCurves,
  embedding,
  errorCurves,
  forming,
  imageGrid,
  lastTerms,
  readoutCurves,
  subClusters,
  themed,
  thumbnail,
  trainingCurves,
  type TrainingLog,
} from "./charts/mod.ts";
export { compile, dispose, ENGINES, start, tf } from "./compute/mod.ts";
export {
  augment,
  classes,
  type Dataset,
  draw,
  imageOf,
  type ImageSet,
  openDataset,
  subset,
  type ViewOptions,
} from "./data/mod.ts";
export {
  features,
  kmeans,
  knn,
  normalisedMutualInformation,
  pixelFeatures,
  probe,
  rankMe,
  silhouette,
} from "./evaluation/mod.ts";
export {
  clusterRemark,
  covarianceRemark,
  curveRemarks,
  directionRemark,
  findings,
  fromEnvironment,
  hierarchyMeasured,
  learntRemarks,
  loweredRemark,
  measure,
  mixUpRemarks,
  neighbourRemark,
  openRun,
  openStudy,
  ownRun,
  projectorRemarks,
  type Run,
  runsOf,
  silhouetteRemark,
  speedRemark,
  type Study,
  sweepFindings,
  sweepOrElse,
  tableOf,
  timeToAccuracy,
  trainingSpeed,
  verdicts,
  watchRun,
} from "./experiments/mod.ts";
export { vicreg } from "./loss/mod.ts";
export {
  countEncoders,
  countParameters,
  initialiseStack,
  type LevelConfig,
  pass,
  RESNET_18,
  stack,
  type StackConfig,
} from "./model/mod.ts";
export { follow, live, show, showMarkdown, showSvg, showTable } from "./notebook/mod.ts";
export { neighbours, pca, tsne, umap } from "./projection/mod.ts";
export { type LevelSpec, readNetwork, type RunSpec } from "./training/mod.ts";
