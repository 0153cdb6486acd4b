/**
 * The paper's tables as data: which runs, which rows, which of the paper's
 * numbers beside them; and how one is measured.
 *
 * @module
 */
import { start } from "../compute/backend.ts";
import { commit } from "../base/code.ts";
import { trainingCode } from "../training/origin.ts";
import { knnAt } from "../evaluation/knn.ts";
import { TOP1 } from "../evaluation/probe.ts";
import { encoderTitle } from "../model/encoders.ts";
import { countEncoders } from "../model/stack.ts";
import { evaluatePixels, evaluationCode, type Scores } from "./evaluate.ts";
import { NOTES, PAPER_DATASET, type PaperNumbers, TABLE_1, TABLE_2, TABLE_3 } from "./paper.ts";
import { predictionName, type StoredPredictions } from "./predictions.ts";
import { environment, type Results, type Row, summarise, versions } from "./results.ts";
import { RUN_TITLES, type RunName } from "./runs.ts";
import type { Study } from "./study.ts";

/** A row of a table. */
interface RowPlan {
  readonly method: Row["method"];
  /** The run; none for raw pixels. */
  readonly run?: RunName;
  /** Which of the run's encoders. */
  readonly level: number;
  /** What the table calls the stack; null for an encoder that stands alone. */
  readonly stack: number | null;
  /** Which stacks have a projector, where the table is about that. */
  readonly projectors?: readonly [boolean, boolean];
  readonly paper?: PaperNumbers;
}

/** A table of the paper. */
export interface Experiment {
  /** Its number in the paper. */
  readonly table: string;
  readonly title: string;
  readonly rows: readonly RowPlan[];
  /** What a reader should know. */
  readonly notes: readonly string[];
}

const PROJECTORS: readonly [RunName, projectors: readonly [boolean, boolean]][] = [
  ["s-jea-no-projectors", [false, false]],
  ["s-jea", [true, false]],
  ["s-jea-projector-1", [false, true]],
  ["s-jea-projectors", [true, true]],
];

/** The experiments that end in a table, in the paper's order. */
export const EXPERIMENTS = {
  "linear-evaluation": {
    table: "Table 1",
    title: "linear evaluation and k-NN",
    rows: [
      { method: "VICReg", run: "vicreg", level: 0, stack: null, paper: TABLE_1.cifar10[0] },
      { method: "S-JEA", run: "s-jea", level: 0, stack: 0, paper: TABLE_1.cifar10[1] },
      { method: "S-JEA", run: "s-jea", level: 1, stack: 1, paper: TABLE_1.cifar10[2] },
      // Stack 0 of S-JEA starts out as the encoder of VICReg does, so this is both.
      { method: "untrained", run: "s-jea", level: 0, stack: 0 },
      { method: "untrained", run: "s-jea", level: 1, stack: 1 },
      { method: "raw pixels", level: 0, stack: null },
    ],
    notes: NOTES.linear,
  },
  "deep-vs-stacked": {
    table: "Table 2",
    title: "one deep encoder against two stacked ones",
    rows: [
      { method: "VICReg", run: "vicreg", level: 0, stack: null, paper: TABLE_2[0] },
      { method: "VICReg", run: "vicreg-resnet50", level: 0, stack: null, paper: TABLE_2[1] },
      { method: "S-JEA", run: "s-jea", level: 0, stack: 0, paper: TABLE_2[2] },
      { method: "S-JEA", run: "s-jea", level: 1, stack: 1, paper: TABLE_2[3] },
    ],
    notes: NOTES.deep,
  },
  "projector-ablation": {
    table: "Table 3",
    title: "with and without projectors",
    rows: [0, 1].flatMap((stack) =>
      PROJECTORS.map(([run, projectors], column): RowPlan => ({
        ...{ method: "S-JEA", run, level: stack, stack, projectors },
        paper: TABLE_3[4 * stack + column],
      }))
    ),
    notes: NOTES.projectors,
  },
} as const satisfies Record<string, Experiment>;

/** Name of an experiment that ends in a table. */
export type ExperimentName = keyof typeof EXPERIMENTS;

/** Names of all of them. */
export const EXPERIMENT_NAMES = Object.keys(EXPERIMENTS) as ExperimentName[];

/**
 * The trainings that an experiment needs, each once.
 *
 * @param name Which experiment.
 * @returns Their names, in the order of the rows.
 */
export function runsOf(name: ExperimentName): RunName[] {
  const rows: readonly RowPlan[] = EXPERIMENTS[name].rows;
  return [...new Set(rows.flatMap(({ run }) => run ?? []))];
}

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
  const runs: Results["runs"] = [];
  for (const seed of seeds) {
    for (const run of runsOf(name)) {
      const opened = study.run(run, seed), { seconds, origins, collapsed } = await opened.train();
      runs.push({
        id: opened.id,
        method: RUN_TITLES[run],
        seed,
        seconds,
        origins: [...origins],
        collapsed: [...collapsed],
      });
    }
  }
  const rows: Row[] = [];
  for (const plan of EXPERIMENTS[name].rows as readonly RowPlan[]) rows.push(await measureRow(study, plan));
  return {
    format: "s-jea results",
    version: 4,
    experiment: name,
    preset: study.presetName,
    overrides: [...study.overrides],
    recipe: preset,
    dataset: {
      name: dataset.name,
      copy: dataset.copy,
      fingerprint: dataset.fingerprint,
      images: { train: preset.trainImages, heldOut: preset.heldOutImages, test: preset.testImages },
    },
    seeds: [...seeds],
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
  const predictions: Record<string, Uint8Array> = {};
  for (const plan of EXPERIMENTS[name].rows as readonly RowPlan[]) {
    for (const [seed, scores] of (await scoresOf(study, plan)).entries()) {
      for (const [measure, classes] of Object.entries(scores.predictions)) {
        predictions[predictionName(nameOf(plan), seed, measure)] = classes;
      }
    }
  }
  return { labels: study.images.test.labels, predictions };
}

/** What a reader calls a row. */
function nameOf({ method, run, stack }: RowPlan): string {
  const title = run ? `${RUN_TITLES[run]}${method === "untrained" ? ", untrained" : ""}` : method;
  return stack === null ? title : `${title}/stack ${stack}`;
}

/** Scores of a row, one entry a seed; raw pixels have nothing to draw. */
async function scoresOf(study: Study, { method, run, level }: RowPlan): Promise<Scores[]> {
  if (!run) return [await evaluatePixels(study)];
  const scores: Scores[] = [];
  for (const seed of study.seeds) {
    scores.push((await study.run(run, seed).evaluate(method !== "untrained"))[level]);
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
    projectors: projectors && [...projectors],
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
