/**
 * Training a stack: its spec, a step, a whole run.
 *
 * @module
 */
export { readNetwork } from "./checkpoint.ts";
export type { LevelSpread, Spread } from "./collapse.ts";
export { readMetrics, type StepMetrics } from "./log.ts";
export type { Online } from "./online.ts";
export { type Optimiser, optimiser, type OptimiserConfig, type Updated } from "./optimiser.ts";
export type { Commit } from "../base/code.ts";
export type { Origin } from "./origin.ts";
export { learningRate, type ScheduleConfig } from "./schedule.ts";
export { type LevelSpec, readSpec, runId, type RunSpec, writeSpec } from "./spec.ts";
export {
  type Beside,
  initialState,
  readTerms,
  type StepConfig,
  type StepResult,
  type TrainingState,
  type TrainingStep,
  trainingStep,
} from "./step.ts";
export { train, type Training } from "./train.ts";
