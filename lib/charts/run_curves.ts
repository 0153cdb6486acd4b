/**
 * Curves of any runs over each other.
 *
 * @module
 */
import { SYMBOL } from "./scales.ts";
import { type Chart, CLASS_COLOURS, themed, WIDTH } from "./theme.ts";

/** A point of a curve. */
export interface CurvePoint {
  /** What a reader calls the run. */
  readonly run: string;
  /** Such as `stack 0`. */
  readonly stack: string;
  /** What is measured, with its unit. */
  readonly measure: string;
  /** Epochs from the beginning of the training. */
  readonly epoch: number;
  readonly value: number;
}

/** Pixels of line and gap in turn: a line a stack. */
const DASHES = [[1, 0], [5, 2], [2, 1], [1, 1]];

/**
 * Draws curves, a panel a measure: colour says which run, dashes which stack. After ten runs
 * colours come again, and a line's name tells runs apart.
 *
 * @param points The points; none, where a page fills them in later.
 * @returns The chart.
 * @example
 * ```ts
 * import { runCurves } from "./run_curves.ts";
 * const chart = runCurves([{ run: "3f2a", stack: "stack 0", measure: "loss", epoch: 1, value: 20.5 }]);
 * if (!JSON.stringify(chart).includes("3f2a")) throw new Error("without its point");
 * ```
 */
export function runCurves(points: readonly CurvePoint[]): Chart {
  const legend = {
    ...{ title: null, orient: "bottom", symbolType: "stroke", symbolStrokeWidth: 2 } as const,
    ...{ symbolSize: 400, symbolLimit: 0, labelLimit: WIDTH / 2 - SYMBOL },
  };
  return themed({
    data: { values: [...points] },
    facet: {
      field: "measure",
      type: "nominal",
      title: null,
      sort: null,
      header: { labelAnchor: "start", labelOrient: "top" },
    },
    columns: 1,
    spec: {
      width: WIDTH - 40,
      height: 200,
      mark: { type: "line", strokeWidth: 1.5, tooltip: { content: "encoding" } },
      encoding: {
        x: {
          field: "epoch",
          type: "quantitative",
          scale: { nice: false },
          axis: { grid: false, tickMinStep: 1 },
        },
        y: {
          field: "value",
          type: "quantitative",
          title: null,
          scale: { zero: false },
          axis: { tickCount: 5 },
        },
        color: {
          field: "run",
          type: "nominal",
          sort: null,
          scale: { range: [...CLASS_COLOURS] },
          legend: { ...legend, columns: 2 },
        },
        strokeDash: {
          field: "stack",
          type: "nominal",
          scale: { range: DASHES },
          legend: { ...legend, orient: "top" },
        },
        tooltip: [{ field: "run" }, { field: "stack" }],
      },
    },
    resolve: { scale: { y: "independent" } },
  });
}
