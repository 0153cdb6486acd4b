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
  imageGrid,
  lastTerms,
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
  viewStream,
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
  projectorRemarks,
  readResults,
  type Run,
  runsOf,
  silhouetteRemark,
  speedRemark,
  type Study,
  sweepOrElse,
  tableOf,
  timeToAccuracy,
  trainingSpeed,
  verdicts,
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
export { follow, show, showMarkdown, showTable } from "./notebook/mod.ts";
export { neighbours, pca, trustworthiness, tsne, umap } from "./projection/mod.ts";
export {
  learningRate,
  type LevelSpec,
  optimiser,
  readNetwork,
  readTerms,
  type RunSpec,
  trainingStep,
} from "./training/mod.ts";
