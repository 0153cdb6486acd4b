/**
 * Experiments: presets, runs, the paper's tables and what was measured beside them.
 *
 * @module
 */
export type { Commit } from "../base/code.ts";
export { evaluate, type Scores } from "./evaluate.ts";
export type { Ended, Executor } from "./executors/executor.ts";
export {
  type Experiment,
  type ExperimentName,
  EXPERIMENTS,
  type Method,
  type RowPlan,
  runsOf,
} from "./experiments.ts";
export { measure } from "./measure.ts";
export { trainingSpeed } from "./estimate.ts";
export { findings, verdicts } from "./findings.ts";
export { type PaperNumbers, TABLE_1, TABLE_2, TABLE_3 } from "./paper.ts";
export { type Evaluation, evaluationOf, type Preset, preset, type PresetName, presets } from "./presets.ts";
export { readPredictions, type StoredPredictions } from "./predictions.ts";
export { readResults, type Results, type Row } from "./results.ts";
export { mcnemar, type Paired, summarise, type Summary } from "./statistics.ts";
export { type Moment, type StackMoment, type Watched, watchRun } from "./moments.ts";
export { ownRun } from "./own_run.ts";
export { openRun, type Run, type RunLog } from "./run.ts";
export { type StoredRun, storedRuns } from "./run_folders.ts";
export { RUN_NAMES, RUN_TITLES, type RunName, runSpec } from "./runs.ts";
export type { Setting } from "./setting.ts";
export { readSpecFile, type SpecFields, type SpecSource } from "./spec_file.ts";
export {
  type Configuration,
  type Halving,
  type PlannedSweep,
  planSweep,
  type Sweep,
  type SweepPlace,
} from "./sweep.ts";
export {
  costOf,
  type Crossing,
  crossing,
  errorAt,
  type Paid,
  type PowerLaw,
  powerLaw,
  type Predicted,
  type Ratio,
  ratioAt,
  type Reached,
} from "./power_law.ts";
export { sweepOrElse, type TimeToAccuracy, timeToAccuracy } from "./time_to_accuracy.ts";
export { type Hierarchy, hierarchyMeasured } from "./hierarchy.ts";
export { type Side, type SweepFindings, sweepFindings } from "./sweep_findings.ts";
export { measureSweep, type SweepResults, type SweepRow, sweepTable } from "./sweep_results.ts";
export { type DatasetChoice, fromEnvironment, openStudy, type Study, type StudyOptions } from "./study.ts";
export { renderMarkdown, renderTable, type ResultsTable, tableOf } from "./table.ts";
export {
  type Clustered,
  clusterRemark,
  covarianceRemark,
  curveRemarks,
  directionRemark,
  type Directions,
  type Learnt,
  learntRemarks,
  loweredRemark,
  mixUpRemarks,
  neighbourRemark,
  projectorRemarks,
  silhouetteRemark,
  speedRemark,
} from "./remarks.ts";
export {
  bootstrap,
  equivalence,
  holm,
  type Interval,
  type Judgement,
  type PredictedPair,
  superiority,
  type Verdict,
} from "./verdict.ts";
