/**
 * Learning rate over a run: a linear warm-up, then half a cosine.
 *
 * @module
 */

import { z } from "zod";

/** Which schedule. */
export type ScheduleConfig =
  | {
    /** The authors' released code: the cosine's period is longer than the run. */
    readonly name: "released";
    /** Peak learning rate. */
    readonly base: number;
    /** Epochs of warm-up. */
    readonly warmupEpochs: number;
  }
  | {
    /** VICReg's code: from 0 up, then down to a thousandth of the peak. */
    readonly name: "vicreg";
    /** Peak learning rate. */
    readonly base: number;
    /** Epochs of warm-up. */
    readonly warmupEpochs: number;
  }
  | {
    /** Half a cosine between rates that are named; with `final` as high as `base`, a constant rate. */
    readonly name: "cosine";
    /** Peak learning rate. */
    readonly base: number;
    /** Epochs of warm-up. */
    readonly warmupEpochs: number;
    /** Learning rate of the first step of a warm-up. */
    readonly start: number;
    /** Learning rate that the last step comes near to. */
    readonly final: number;
  };

const course = {
  base: z.number().positive().describe("peak learning rate"),
  warmupEpochs: z.number().nonnegative().default(0).describe("epochs of linear warm-up"),
};

/** {@link ScheduleConfig} in a spec. */
export const scheduleSchema: z.ZodType<ScheduleConfig> = z.discriminatedUnion("name", [
  z.strictObject({ name: z.literal("released"), ...course }),
  z.strictObject({ name: z.literal("vicreg"), ...course }),
  z.strictObject({
    name: z.literal("cosine"),
    ...course,
    start: z.number().nonnegative().default(0).describe("learning rate of the first step of a warm-up"),
    final: z.number().nonnegative().default(0).describe("learning rate that the last step comes near to"),
  }),
]);

/** The released recipe: warm-up starts at a fifth of the peak (2e-4 of 1e-3). */
const WARMUP_START = 0.2;
/** The released recipe: the cosine ends at 1e-6 of a peak of 1e-3 … */
const FINAL = 1e-3;
/** … after 1.25 times the run, so that the run ends above it. */
const PERIOD = 1.25;

/**
 * The learning rate of a step.
 *
 * With t the step, T all steps and W those of the warm-up: up to W a line from
 * a start value to the peak; then, with q = ½ (1 + cos(π (t − W) / (P − W))),
 * peak · q + final · (1 − q). Of `released`, P is 1.25 T, start a fifth and final a thousandth of the peak; of
 * `vicreg`, P is T, start 0 and final a thousandth of the peak; of `cosine`, P is T.
 *
 * @param config Which schedule.
 * @param step The step, from 0.
 * @param steps Steps of the run.
 * @param stepsPerEpoch Steps of an epoch.
 * @returns The learning rate.
 * @example
 * ```ts
 * import { learningRate } from "./schedule.ts";
 * const rate = learningRate({ name: "vicreg", base: 0.3, warmupEpochs: 1 }, 10, 100, 10);
 * if (rate !== 0.3) throw new Error("the peak follows the warm-up");
 * ```
 */
export function learningRate(
  config: ScheduleConfig,
  step: number,
  steps: number,
  stepsPerEpoch: number,
): number {
  const { name, base } = config;
  const warmup = Math.min(config.warmupEpochs * stepsPerEpoch, steps);
  const start = name === "cosine" ? config.start : name === "released" ? WARMUP_START * base : 0;
  if (step < warmup) return start + (base - start) * step / warmup;
  const period = name === "released" ? PERIOD * steps : steps;
  const final = name === "cosine" ? config.final : FINAL * base;
  const q = (1 + Math.cos(Math.PI * (step - warmup) / (period - warmup))) / 2;
  return base * q + final * (1 - q);
}
