/**
 * The metrics that representations can be judged by, by name. A new one is a
 * file beside this one and a line in {@link METRICS}.
 *
 * @module
 */
import type { z } from "zod";
import { oneOf } from "../base/schema.ts";
import type { ImageSet } from "../data/dataset.ts";
import type { StackConfig } from "../model/stack.ts";
import { alphaReqMetric } from "./alpha_req.ts";
import { clustersMetric } from "./clusters.ts";
import { dendrogramMetric } from "./dendrogram.ts";
import { factorsMetric } from "./factors.ts";
import { fewShotMetric } from "./few_shot.ts";
import { knnMetric } from "./knn.ts";
import type { Found, Judged, Metric, Readouts } from "./metric.ts";
import { probeMetric } from "./probe.ts";
import { rankMetric } from "./rank.ts";
import { readoutsMetric } from "./readouts.ts";
import { retrievalMetric } from "./retrieval.ts";
import { silhouettesMetric } from "./silhouettes.ts";
import { withinMetric } from "./within.ts";

/** All metrics. */
export const METRICS = {
  probe: probeMetric,
  knn: knnMetric,
  "few-shot": fewShotMetric,
  rankme: rankMetric,
  clusters: clustersMetric,
  "alpha-req": alphaReqMetric,
  within: withinMetric,
  factors: factorsMetric,
  silhouettes: silhouettesMetric,
  retrieval: retrievalMetric,
  dendrogram: dendrogramMetric,
  readouts: readoutsMetric,
} as const satisfies Record<string, Metric<never>>;

/** Name of a metric. */
export type MetricName = keyof typeof METRICS;

/** A metric with its options. */
export type MetricConfig = {
  [Name in MetricName]: { readonly name: Name } & Parameters<(typeof METRICS)[Name]["measure"]>[1];
}[MetricName];

/** {@link MetricConfig} as a schema. */
export const metricSchema = oneOf("name", METRICS) as z.ZodType<MetricConfig>;

/** Batch norm's mode while a metric's representations are made. */
export function modeOf(config: MetricConfig): "evaluation" | "training" {
  return of(config).mode?.(config) ?? "evaluation";
}

/** What a metric judges of a level, by name, where it is not the representation alone: {@link Metric.reads}. */
export function readsOf(
  config: MetricConfig,
  model: StackConfig,
  level: number,
  images: Pick<ImageSet, "height" | "width">,
): Readouts | undefined {
  return of(config).reads?.(model, level, images, config);
}

/**
 * Judges representations.
 *
 * @param config By which metric.
 * @param judged The representations.
 * @returns What it finds.
 * @throws {RangeError} Features and labels do not fit together, or a feature is not finite.
 */
export async function judge(config: MetricConfig, judged: Judged): Promise<Found> {
  return await of(config).measure(judged, config);
}

const of = ({ name }: MetricConfig) => METRICS[name] as Metric<MetricConfig>;
