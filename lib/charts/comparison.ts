/**
 * Our numbers beside the paper's.
 *
 * @module
 */
import { demandFinite, demandSome } from "./check.ts";
import { csv } from "./csv.ts";
import { textWidth } from "./font.ts";
import { type Chart, INK, STACK_COLOURS, themed, WIDTH } from "./theme.ts";

/** One number. */
export interface Comparison {
  /** Whose number it is: a method, an encoder. */
  readonly label: string;
  /** What was measured, with its unit: `top-1 accuracy (%)`. */
  readonly metric: string;
  /** Our number. */
  readonly ours: number;
  /** Standard deviation over seeds. */
  readonly std?: number;
  /** The paper's number, where it has one. */
  readonly paper?: number;
}

/** In pixels: between panels, of a row, of ours above and the paper's below its middle, of a label before it is cut. */
const GAP = 24, ROW = 36, APART = 6, LONGEST = 240;

/** Of more labels the rows are lower, and values stand above them. */
const FEW = 20, LOW_ROW = 20, LITTLE_APART = 4;

/**
 * Draws our numbers as filled dots, with error bars where the spread is known,
 * and the paper's as hollow ones; one panel a metric.
 *
 * @param rows The numbers; labels and metrics keep their order.
 * @returns The chart.
 * @throws {RangeError} There are no numbers, or one is not finite.
 * @example
 * ```ts
 * import { comparison } from "./comparison.ts";
 * const chart = comparison([{ label: "VICReg", metric: "top-1 (%)", ours: 79.2, std: 0.3, paper: 80.5 }]);
 * if (!JSON.stringify(chart).includes("80.5")) throw new Error("the paper's number is in the chart");
 * ```
 */
export function comparison(rows: readonly Comparison[]): Chart {
  demandSome(rows, "Numbers to compare");
  for (const { label, metric, ours, std = 0, paper = 0 } of rows) {
    demandFinite([ours, std, paper], `${metric} of ${label}`);
  }
  const unique = (of: "label" | "metric") => [...new Set(rows.map((row) => row[of]))];
  const metrics = unique("metric"), labels = unique("label");
  const ours = rows.some(({ std }) => std !== undefined) ? "ours (± standard deviation)" : "ours";
  const sources = [ours, "paper"];
  const legend = {
    title: null,
    orient: "top",
    values: rows.some(({ paper }) => paper !== undefined) ? sources : [ours],
  } as const;
  const source = { field: "source", type: "nominal" } as const;
  const dots = rows.flatMap(({ label, metric, ours: value, std = 0, paper }) => [
    { label, metric, source: ours, value: short(value), low: short(value - std), high: short(value + std) },
    ...paper === undefined ? [] : [{ label, metric, source: "paper", value: short(paper) }],
  ]);
  const names = Math.min(LONGEST, Math.max(...labels.map((label) => textWidth(label, 12))));
  const many = labels.length > FEW, [row, apart] = many ? [LOW_ROW, LITTLE_APART] : [ROW, APART];
  const width = Math.min(360, Math.floor((WIDTH - names + GAP) / metrics.length) - GAP);
  return themed({
    hconcat: metrics.map((metric, panel) => ({
      data: csv(dots.filter((dot) => dot.metric === metric)),
      width,
      height: labels.length * row,
      encoding: {
        x: {
          type: "quantitative",
          title: metric,
          scale: { zero: false, padding: 12 },
          axis: { tickCount: 5, orient: many ? "top" : "bottom" },
        },
        y: {
          field: "label",
          type: "nominal",
          scale: { type: "band", domain: labels, padding: 0 },
          title: null,
          axis: {
            labels: panel === 0,
            labelLimit: LONGEST,
            domain: false,
            ticks: false,
            grid: true,
            labelPadding: 8,
          },
        },
        yOffset: { ...source, scale: { domain: sources, range: [row / 2 - apart, row / 2 + apart] } },
      },
      layer: [
        {
          mark: { type: "point", size: 70, strokeWidth: 2, opacity: 1 },
          encoding: {
            x: { field: "value" },
            fill: { ...source, scale: { domain: sources, range: [STACK_COLOURS[0], "white"] }, legend },
            stroke: { ...source, scale: { domain: sources, range: [STACK_COLOURS[0], INK] }, legend },
            tooltip: [
              { field: "label", title: "of" },
              { field: "source" },
              { field: "value", type: "quantitative", title: metric, format: ".2f" },
            ],
          },
        },
        // Above the dots, which are often wider.
        ...rows.some((row) => row.metric === metric && row.std)
          ? [{
            transform: [{ filter: "datum.high > datum.low" }],
            mark: { type: "rule", color: INK, strokeWidth: 1.5 } as const,
            encoding: { x: { field: "low" }, x2: { field: "high" } },
          }]
          : [],
      ],
    })),
    spacing: GAP,
  });
}

/** With the decimals of its tooltip. */
const short = (value: number) => Number(value.toFixed(2));
