/**
 * Measures the paper's tables: trains and evaluates what they ask for.
 *
 * @module
 */
import { commit } from "../base/code.ts";
import { start } from "../compute/backend.ts";
import type { Labels } from "../data/dataset.ts";
import { knnAt } from "../evaluation/knn.ts";
import { TOP1 } from "../evaluation/probe.ts";
import { encoderTitle } from "../model/encoders.ts";
import { countEncoders } from "../model/stack.ts";
import { trainingCode } from "../training/origin.ts";
import { evaluatePixels, evaluationCode, type Scores } from "./evaluate.ts";
import { type ExperimentName, EXPERIMENTS, type RowPlan, runsOf } from "./experiments.ts";
import { PAPER_DATASET } from "./paper.ts";
import { predictionName, type StoredPredictions } from "./predictions.ts";
import { environment, type Results, type Row, versions } from "./results.ts";
import { summarise } from "./statistics.ts";
import { RUN_TITLES } from "./runs.ts";
import type { Study } from "./study.ts";

/**
 * Measures a table: trains and evaluates what is missing.
 *
 * @param study What to work on.
 * @param name Which experiment.
 * @returns The table's rows and all that a reader needs to judge them.
 */
export async function measure(study: Study, name: ExperimentName): Promise<Results> {
  const { preset, dataset, seeds } = study;
  const device = await start();
  const began = performance.now();
  const runs: Results["runs"][number][] = [];
  for (const seed of seeds) {
    for (const run of runsOf(name)) {
      const opened = study.run(run, seed), { seconds, origins, collapsed } = await opened.train();
      runs.push({ id: opened.id, method: RUN_TITLES[run], seed, seconds, origins, collapsed });
    }
  }
  const rows: Row[] = [];
  for (const plan of EXPERIMENTS[name].rows) rows.push(await measureRow(study, plan));
  return {
    format: "s-jea results",
    version: 4,
    experiment: name,
    preset: study.presetName,
    overrides: study.overrides,
    recipe: preset,
    dataset: {
      name: dataset.name,
      copy: dataset.copy,
      fingerprint: dataset.fingerprint,
      images: { train: preset.trainImages, heldOut: preset.heldOutImages, test: preset.testImages },
    },
    seeds,
    rows,
    runs,
    durations: {
      training: runs.reduce((sum, run) => sum + run.seconds, 0),
      thisCommand: (performance.now() - began) / 1000,
    },
    environment: environment(device),
    versions: versions(device),
    code: { training: await trainingCode(), evaluation: await evaluationCode(), ...await commit() },
    created: new Date().toISOString(),
  };
}

/**
 * The predictions behind a measured table.
 *
 * @param study What was worked on.
 * @param name Which experiment.
 * @returns Those of all its rows, by the names that the rows give.
 */
export async function predictionsOf(study: Study, name: ExperimentName): Promise<StoredPredictions> {
  const predictions: Record<string, Labels> = {};
  for (const plan of EXPERIMENTS[name].rows) {
    for (const [seed, scores] of (await scoresOf(study, plan)).entries()) {
      for (const [measure, classes] of Object.entries(scores.predictions)) {
        predictions[predictionName(nameOf(plan), seed, measure)] = classes;
      }
    }
  }
  return { labels: study.images.test.labels, predictions };
}

/** What a reader calls a row. */
function nameOf(plan: RowPlan): string {
  const { method, run, stack } = plan, control = untrainedFrom(plan) !== undefined;
  const title = run ? `${RUN_TITLES[run]}${control ? `, ${method}` : ""}` : method;
  return stack === null ? title : `${title}/stack ${stack}`;
}

/** The lowest level of a row's encoders that is random, if one is. */
const untrainedFrom = ({ method, level }: RowPlan): number | undefined =>
  method === "untrained" ? 0 : method === "half-trained" ? level : undefined;

/** Scores of a row, one entry a seed; raw pixels have nothing to draw. */
async function scoresOf(study: Study, plan: RowPlan): Promise<Scores[]> {
  const { run, level } = plan, from = untrainedFrom(plan);
  if (!run) return [await evaluatePixels(study)];
  const scores: Scores[] = [];
  for (const seed of study.seeds) {
    scores.push((await study.run(run, seed).evaluate(from))[level]);
  }
  return scores;
}

async function measureRow(study: Study, plan: RowPlan): Promise<Row> {
  const { method, run, level, stack, projectors = null, paper } = plan;
  const scores = await scoresOf(study, plan);
  const { height, width } = study.images.test;
  const model = run && study.run(run).spec;
  const encoders = model ? countEncoders(model, height, width).slice(0, level + 1) : [];
  const { neighbours } = study.preset;
  const at = (measure: string) => summarise(scores.map(({ values }) => values[measure]));
  return {
    method,
    encoder: model ? encoderTitle(model.levels[level].encoder) : "none",
    stack,
    projectors,
    parameters: encoders.reduce((sum, { parameters }) => sum + parameters, 0),
    live: encoders.reduce((sum, { live }) => sum + live, 0),
    top1: at(TOP1),
    knn: at(knnAt(neighbours[0])),
    knnAt: Object.fromEntries(neighbours.map((k) => [`${k}`, at(knnAt(k))])),
    paper: paper && study.dataset.name === PAPER_DATASET
      ? { ...paper, parameters: paper.parameters ?? null }
      : null,
    predictions: nameOf(plan),
  };
}
