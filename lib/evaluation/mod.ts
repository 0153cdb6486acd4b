/**
 * What representations are worth: linear probe, k-NN, clusters, trees of classes, rank.
 *
 * @module
 */
export {
  adjustedMutualInformation,
  adjustedRandIndex,
  matchedAccuracy,
  normalisedMutualInformation,
} from "./agreement.ts";
export { alphaReq, type AlphaReqOptions } from "./alpha_req.ts";
export { calibrate } from "./calibrate.ts";
export { classClusters, type ClassClustersOptions, type Clustering, kmeans, silhouette } from "./clusters.ts";
export { averageLinkage, type Dendrogram, type DendrogramOptions, dendrogramPurity } from "./dendrogram.ts";
export { type FeatureOptions, features, pixelFeatures, type Readout } from "./features.ts";
export { fewShot, type FewShotOptions } from "./few_shot.ts";
export { knn, type KnnOptions, type KnnResult } from "./knn.ts";
export { cohensKappa } from "./kappa.ts";
export { lidar } from "./lidar.ts";
export { accuracy, type Found, type Judged, type Labelled, type Metric, type Readouts } from "./metric.ts";
export { judge, type MetricConfig, type MetricName, METRICS } from "./metrics.ts";
export { probe, type ProbeOptions, type ProbeResult } from "./probe.ts";
export { rankMe } from "./rank.ts";
export { readoutsOf } from "./readouts.ts";
export { hierarchicalPrecision, type RetrievalOptions } from "./retrieval.ts";
export { gaussianOf, type Silhouettes, silhouettes, type SilhouettesOptions } from "./silhouettes.ts";
export { withinClasses, type WithinOptions } from "./within.ts";
