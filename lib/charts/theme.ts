/**
 * One look for all charts: white paper on light and dark pages, colours that
 * colour-blind readers tell apart, sizes for a column of about 700 pixels.
 *
 * @module
 */
import type { Config, TopLevelSpec } from "vega-lite";
import { FAMILY } from "./font.ts";

/** A chart: a vega-lite specification with its data. */
export type Chart = TopLevelSpec;

/** A chart inside a chart. */
export type Panel = Extract<Chart, { hconcat: unknown }>["hconcat"][number];

/** Ten classes, ordered so that the first few differ most (Petroff 2021, https://arxiv.org/abs/2107.02270). */
export const CLASS_COLOURS = [
  "#3f90da",
  "#ffa90e",
  "#bd1f01",
  "#94a4a2",
  "#832db6",
  "#a96b59",
  "#e76300",
  "#b9ac70",
  "#717581",
  "#92dadd",
] as const;

/**
 * The first colours of a list.
 *
 * @param palette The list.
 * @param count How many are needed.
 * @returns As many colours.
 * @throws {RangeError} There are too few: a colour that is used twice would tell nothing.
 */
export function colours(palette: readonly string[], count: number): string[] {
  if (count > palette.length) {
    throw new RangeError(`There are ${palette.length} colours to tell things apart, too few for ${count}.`);
  }
  return palette.slice(0, count);
}

/** What is down-weighted, or of the paper, or beside the point. */
export const GREY = "#717581";

/** Stacks from the lowest on: blue and orange as in the paper's Figure 4. */
export const STACK_COLOURS = [
  "#3f90da",
  "#e76300",
  "#832db6",
  "#a96b59",
  "#bd1f01",
  "#92dadd",
  "#b9ac70",
  "#ffa90e",
  "#94a4a2",
] as const;

/** Text and lines. */
export const INK = "#26282e";

/** Widest a chart's plots may be together, in pixels, so that with axes it fits into a column. */
export const WIDTH = 640;

/** Grids and frames. */
export const FAINT = "#dfe1e5";

/** What ink, paper, lines and notes become on a dark page; what is coloured stays as it is. */
export const ON_DARK: Readonly<Record<string, string>> = {
  [INK]: "#dcdde1",
  white: "#15171b",
  [FAINT]: "#33363d",
  [GREY]: "#a2a6af",
};

/** Says all that a page's theme could say otherwise, so that dark pages show the same chart. */
const CONFIG: Config = {
  // One after another of the same widths.
  font: `${FAMILY}, Arial, Helvetica, Liberation Sans, sans-serif`,
  background: "white",
  padding: 12,
  view: { stroke: null },
  title: {
    color: INK,
    subtitleColor: INK,
    fontSize: 13,
    fontWeight: "bold",
    anchor: "start",
    frame: "group",
    offset: 8,
  },
  header: { labelColor: INK, titleColor: INK, labelFontSize: 13, labelFontWeight: "bold" },
  axis: {
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: "normal",
    labelColor: INK,
    titleColor: INK,
    domainColor: INK,
    tickColor: INK,
    gridColor: FAINT,
    labelLimit: 0,
    titleLimit: 0,
    labelFlush: false,
  },
  legend: {
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: "normal",
    labelColor: INK,
    titleColor: INK,
    labelLimit: 0,
    titleLimit: 0,
    symbolOpacity: 1,
    columnPadding: 18,
    rowPadding: 4,
  },
  text: { color: INK, fontSize: 12 },
  concat: { spacing: 20 },
};

/**
 * Gives a specification the look.
 *
 * @param spec The specification.
 * @returns The chart.
 */
export function themed(spec: Chart): Chart {
  return { $schema: "https://vega.github.io/schema/vega-lite/v6.json", config: CONFIG, ...spec };
}
