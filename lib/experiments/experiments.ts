/**
 * The paper's tables as data: which runs, which rows, which of the paper's
 * numbers beside them.
 *
 * @module
 */
import { NOTES, type PaperNumbers, TABLE_1, TABLE_2, TABLE_3 } from "./paper.ts";
import type { RunName } from "./runs.ts";

/** How a row's encoder was trained, if it was. */
export type Method = "VICReg" | "S-JEA" | "untrained" | "half-trained" | "raw pixels";

/** A row of a table. */
export interface RowPlan {
  /** How the encoder was trained, if it was. */
  readonly method: Method;
  /** The run; none for raw pixels. */
  readonly run?: RunName;
  /** Which of the run's encoders. */
  readonly level: number;
  /** What the table calls the stack; null for an encoder that stands alone. */
  readonly stack: number | null;
  /** Which stacks have a projector, where the table is about that. */
  readonly projectors?: readonly [boolean, boolean];
  /** The paper's numbers of such a row. */
  readonly paper?: PaperNumbers;
}

/** A table of the paper. */
export interface Experiment {
  /** Its number in the paper. */
  readonly table: string;
  /** What it is about. */
  readonly title: string;
  /** In the paper's order, our own below. */
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

const linearEvaluation: Experiment = {
  table: "Table 1",
  title: "linear evaluation and k-NN",
  rows: [
    { method: "VICReg", run: "vicreg", level: 0, stack: null, paper: TABLE_1.cifar10[0] },
    { method: "S-JEA", run: "s-jea", level: 0, stack: 0, paper: TABLE_1.cifar10[1] },
    { method: "S-JEA", run: "s-jea", level: 1, stack: 1, paper: TABLE_1.cifar10[2] },
    // Stack 0 of S-JEA starts out as the encoder of VICReg does, so this is both.
    { method: "untrained", run: "s-jea", level: 0, stack: 0 },
    { method: "untrained", run: "s-jea", level: 1, stack: 1 },
    { method: "half-trained", run: "s-jea", level: 1, stack: 1 },
    { method: "raw pixels", level: 0, stack: null },
  ],
  notes: NOTES.linear,
};

const deepVsStacked: Experiment = {
  table: "Table 2",
  title: "one deep encoder against two stacked ones",
  rows: [
    { method: "VICReg", run: "vicreg", level: 0, stack: null, paper: TABLE_2[0] },
    { method: "VICReg", run: "vicreg-resnet50", level: 0, stack: null, paper: TABLE_2[1] },
    { method: "S-JEA", run: "s-jea", level: 0, stack: 0, paper: TABLE_2[2] },
    { method: "S-JEA", run: "s-jea", level: 1, stack: 1, paper: TABLE_2[3] },
  ],
  notes: NOTES.deep,
};

const projectorAblation: Experiment = {
  table: "Table 3",
  title: "with and without projectors",
  rows: [0, 1].flatMap((stack) =>
    PROJECTORS.map(([run, projectors], column): RowPlan => ({
      ...{ method: "S-JEA", run, level: stack, stack, projectors },
      paper: TABLE_3[4 * stack + column],
    }))
  ),
  notes: NOTES.projectors,
};

/** The experiments that end in a table, in the paper's order. */
export const EXPERIMENTS = {
  "linear-evaluation": linearEvaluation,
  "deep-vs-stacked": deepVsStacked,
  "projector-ablation": projectorAblation,
} as const;

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
  return [...new Set(EXPERIMENTS[name].rows.flatMap(({ run }) => run ?? []))];
}
