/**
 * Loss terms over a training.
 *
 * @module
 */
import { demandFinite, demandSome } from "./check.ts";
import { csv } from "./csv.ts";
import { legendLayout } from "./legend.ts";
import { curveAxis, SYMBOL, thin } from "./scales.ts";
import { type Chart, colours, STACK_COLOURS, themed, WIDTH } from "./theme.ts";

/** A training log. */
export interface TrainingLog {
  /** What a reader calls the run. */
  readonly name: string;
  /** By default what the log says; it must have reached a second epoch to say it. */
  readonly stepsPerEpoch?: number;
  /** A line a step. */
  readonly steps: readonly {
    readonly step: number;
    readonly epoch: number;
    /** Loss terms, one entry a stack. */
    readonly levels: readonly Readonly<Record<string, number>>[];
  }[];
}

/** Points a line. */
const MOST = 200;

/** Pixels of line and gap in turn: a line a run. */
const DASHES = [[1, 0], [4, 2], [2, 1], [1, 1], [1, 2, 4, 2]];

/**
 * Draws the loss terms, a panel a term, a line a stack and run: colour says
 * which stack, dashes which run. Points are means over neighbouring steps.
 *
 * @param runs Logs from the first epoch on.
 * @returns The chart; axes whose values span two decades are logarithmic.
 * @throws {RangeError} There are no runs or steps, nobody says how long an epoch is, there are more than
 * nine stacks or five runs, or a term is not finite.
 * @example
 * ```ts
 * import { trainingCurves } from "./training_curves.ts";
 * const levels = [{ invariance: 0.1, variance: 0.7, covariance: 0.5, total: 20.5 }];
 * const steps = [{ step: 0, epoch: 0, levels }, { step: 1, epoch: 0, levels }];
 * const chart = trainingCurves([{ name: "VICReg", stepsPerEpoch: 10, steps }]);
 * if (!JSON.stringify(chart).includes("stack 0")) throw new Error("VICReg has one stack");
 * ```
 */
export function trainingCurves(runs: readonly TrainingLog[]): Chart {
  demandSome(runs, "Runs");
  if (runs.length > DASHES.length) {
    throw new RangeError(
      `There are ${DASHES.length} kinds of dashes to tell runs apart, too few for ${runs.length}.`,
    );
  }
  const terms = termsOf(runs);
  const points = runs.flatMap((run): Record<string, string | number>[] => {
    const { name, steps } = run;
    demandSome(steps, `Steps of ${name}`);
    const epochs = thin(progress(run), MOST);
    return steps[0].levels.flatMap((_, stack) => {
      const curve = (term: string) => {
        const values = steps.map(({ levels }) => levels[stack][term]);
        demandFinite(values, `The ${term} term of stack ${stack} of ${name}`);
        return thin(values, MOST).map((value) => Number(value.toPrecision(4)));
      };
      const curves = terms.flatMap((term) =>
        term in steps[0].levels[stack] ? [[term, curve(term)] as const] : []
      );
      return epochs.map((epoch, at) => ({
        run: name,
        stack: `stack ${stack}`,
        epoch: Number(epoch.toFixed(3)),
        ...Object.fromEntries(curves.map(([term, values]) => [term, values[at]])),
      }));
    });
  });
  const stacks = [...new Set(points.map(({ stack }) => stack))];
  const end = Math.max(...runs.map((run) => progress(run).at(-1)!));
  const legend = {
    title: null,
    orient: "top",
    symbolType: "stroke",
    symbolSize: 400,
    symbolStrokeWidth: 2,
  } as const;
  const names = runs.map(({ name }) => name);
  const dashes = {
    field: "run",
    type: "nominal",
    scale: { domain: names, range: DASHES.slice(0, names.length) },
    legend: { ...legend, orient: "bottom", ...legendLayout(names, SYMBOL) },
  } as const;
  return themed({
    data: csv(points),
    columns: 2,
    concat: terms.map((term, panel) => ({
      width: (WIDTH - 90) / 2,
      height: 150,
      mark: { type: "line", strokeWidth: 1.5, clip: true },
      encoding: {
        x: {
          field: "epoch",
          type: "quantitative",
          title: panel < terms.length - 2 ? null : "epoch",
          scale: { domain: [0, end], nice: false },
          axis: { grid: false, tickCount: 6, tickMinStep: 1 },
        },
        y: {
          field: term,
          type: "quantitative",
          title: titleOf(term),
          ...curveAxis(points.flatMap(({ [term]: value }) => typeof value === "number" ? value : [])),
        },
        color: {
          field: "stack",
          type: "nominal",
          scale: { domain: stacks, range: colours(STACK_COLOURS, stacks.length) },
          legend: { ...legend, ...legendLayout(stacks.map(String), SYMBOL) },
        },
        ...runs.length > 1 && { strokeDash: dashes },
      },
    })),
  });
}

/**
 * Where the terms stand at the end: their means over the last epoch, a row a stack and run.
 *
 * @param runs Logs from the first epoch on.
 * @returns Columns and rows of a table.
 * @example
 * ```ts
 * import { lastTerms } from "./training_curves.ts";
 * const levels = [{ invariance: 0.1, variance: 0.7, covariance: 0.5, total: 20.5 }];
 * const { rows } = lastTerms([{ name: "VICReg", steps: [{ step: 0, epoch: 0, levels }] }]);
 * if (rows[0].join() !== "VICReg,stack 0,0.100,0.700,0.500,20.500") throw new Error(rows[0].join());
 * ```
 */
export function lastTerms(runs: readonly TrainingLog[]): { columns: string[]; rows: string[][] } {
  const terms = termsOf(runs);
  const rows = runs.flatMap((run) =>
    epochTerms(run, run.steps.at(-1)!.epoch).map((means, stack) => [
      run.name,
      `stack ${stack}`,
      ...terms.map((term) => means[term]?.toFixed(3) ?? ""),
    ])
  );
  return { columns: ["run", "stack", ...terms.map(titleOf)], rows };
}

/**
 * Means of the terms over an epoch.
 *
 * @param run A log.
 * @param epoch One of its epochs.
 * @returns A record of the terms for each stack.
 */
export function epochTerms({ steps }: TrainingLog, epoch: number): Record<string, number>[] {
  const of = steps.filter((step) => step.epoch === epoch);
  return of[0].levels.map((terms, stack) =>
    Object.fromEntries(
      Object.keys(terms).map((term) => [
        term,
        of.reduce((sum, { levels }) => sum + levels[stack][term], 0) / of.length,
      ]),
    )
  );
}

/** All terms that are met, the total last. */
export function termsOf(runs: readonly TrainingLog[]): string[] {
  const met = new Set(
    runs.flatMap(({ steps }) => steps.slice(0, 1).flatMap(({ levels }) => levels.flatMap(Object.keys))),
  );
  return [...met].sort((a, b) => Number(a === "total") - Number(b === "total"));
}

/** What a reader calls a term. */
export const titleOf = (term: string) => term === "total" ? "weighted total" : `${term} term`;

/** Position of each step in epochs, 0 at the beginning of the training. */
function progress({ name, steps, stepsPerEpoch }: TrainingLog): number[] {
  const second = steps.find(({ epoch }) => epoch === 1);
  const length = stepsPerEpoch ?? second?.step;
  if (length === undefined) {
    throw new RangeError(`${name}: the log ends in its first epoch; expected its stepsPerEpoch.`);
  }
  return steps.map(({ step }) => (step + 1) / length);
}
