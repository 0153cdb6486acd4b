/**
 * Where in a stack what is learnt of classes can be read off: at each stage of each encoder, before and behind the
 * projector, and at all levels at once.
 *
 * @module
 */
import { z } from "zod";
import { countEncoders, type StackConfig } from "../model/stack.ts";
import type { Readout } from "./features.ts";
import { knnMetric } from "./knn.ts";
import type { Metric, Readouts } from "./metric.ts";
import { probeMetric } from "./probe.ts";

/** How what is read is judged. */
export interface ReadoutsOptions {
  /** Passes of the linear probe over the features. */
  readonly epochs: number;
  /** Number of neighbours. */
  readonly k: number;
  /** Temperature of their votes. */
  readonly temperature: number;
}

/** The most numbers of a map that is read without pooling. */
const MOST = 4096;

/**
 * What is read of a level: its representation, which is its last stage, pooled; the map that feeds it, not pooled,
 * where another level makes that and it has at most 4096 numbers; its other stages, pooled; its embedding, where it
 * has a projector; and of the highest level all representations joined.
 *
 * @param model The stack.
 * @param level Which level.
 * @param images Size of the images in pixels.
 * @returns Places by name.
 * @example
 * ```ts
 * import { RESNET_18 } from "../model/resnet.ts";
 * import { readoutsOf } from "./readouts.ts";
 * const level = { encoder: RESNET_18, projector: [] };
 * const one = { levels: [level], wiring: "prepool", stopGradient: false } as const;
 * const names = Object.keys(readoutsOf(one, 0, { height: 32, width: 32 }));
 * if (names.join() !== "representation,stage 0,stage 1,stage 2,stage 3") throw new Error(names.join());
 * ```
 */
export function readoutsOf(
  model: StackConfig,
  level: number,
  { height, width }: { readonly height: number; readonly width: number },
): Readouts {
  const { levels, wiring } = model, { input, projector } = levels[level];
  const stagesAt = countEncoders(model, height, width).map(({ stages }) => stages);
  const last = (stack: number): Readout => ({ stack, stage: stagesAt[stack].length - 1, pooled: true });
  // What is first is what sweeps choose and compare by.
  const found: Record<string, readonly Readout[]> = { representation: [last(level)] };
  if (level > 0 && wiring === "prepool") {
    const below = stagesAt[level - 1], stage = input ?? below.length - 1;
    const numbers = below[stage].reduce((product, size) => product * size);
    if (numbers <= MOST) found["input, not pooled"] = [{ stack: level - 1, stage, pooled: false }];
  }
  for (const stage of stagesAt[level].keys().take(stagesAt[level].length - 1)) {
    found[`stage ${stage}`] = [{ stack: level, stage, pooled: true }];
  }
  if (projector.length > 0) found.embedding = [{ stack: level, stage: "embedding" }];
  if (level > 0 && level === levels.length - 1) {
    found["all representations"] = [...levels.keys().map(last)];
  }
  return found;
}

/** Linear probe and k-NN at each place. */
export const readoutsMetric: Metric<ReadoutsOptions> = {
  options: z.strictObject({
    epochs: z.int().positive().default(40).describe("passes of the probe over the features"),
    k: z.int().positive().default(200).describe("number of neighbours"),
    temperature: z.number().positive().default(0.1).describe("temperature of their votes"),
  }),
  reads: readoutsOf,
  measure: async (judged, { epochs, k, temperature }) => ({
    ...await probeMetric.measure(judged, { protocol: "standard", epochs }),
    ...await knnMetric.measure(judged, { k: [k], temperature }),
  }),
};
