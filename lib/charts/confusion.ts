/**
 * A confusion matrix as a heat map.
 *
 * @module
 */
import { demandFinite, demandLength, demandSome } from "./check.ts";
import { csv } from "./csv.ts";
import { textWidth } from "./font.ts";
import { type Chart, FAINT, themed, WIDTH } from "./theme.ts";

/** Cells of more per cent are so dark that text on them is white. */
const WHITE_ABOVE = 63;

/** In pixels: a cell's width and height at most, the narrowest with a number on it, and the longest name. */
const CELL = { width: 46, height: 32 }, NUMBERED = 24, LONGEST = 150;

/** Pixels of the legend that stands for the numbers. */
const LEGEND = 56;

/** In pixels: from one name to the next, and the longest that are slanted above numbers; others stand. */
const LINE = 14, SLANTED = 90;

/** Colours from 0 to 100 per cent. */
const RAMP = ["#f3f7fb", "#3f90da", "#0b3a66"];

/**
 * Draws a confusion matrix, each row in per cent of the images of its class.
 * Of more classes than there is room for, cells have no numbers and only every
 * so many classes are named, which the chart says.
 *
 * @param counts Images by true and predicted class, `[true][predicted]`.
 * @param classes Names of the classes.
 * @returns The chart.
 * @throws {RangeError} The matrix is not square with a name a class, a count is not finite or a class has no
 * images.
 * @example
 * ```ts
 * import { confusionMatrix } from "./confusion.ts";
 * const chart = confusionMatrix([[9, 1], [2, 8]], ["cat", "dog"]);
 * if (!JSON.stringify(chart).includes("cat")) throw new Error("the names are in the chart");
 * ```
 */
export function confusionMatrix(counts: readonly (readonly number[])[], classes: readonly string[]): Chart {
  demandSome(classes, "Classes");
  demandLength(counts, classes.length, "Rows of the confusion matrix");
  const names = Math.min(LONGEST, Math.max(...classes.map((name) => textWidth(name, 12))));
  const numbered = (WIDTH - names) / classes.length >= NUMBERED;
  const room = (WIDTH - names - (numbered ? 0 : LEGEND)) / classes.length;
  const width = Math.min(CELL.width, room), height = Math.min(CELL.height, room);
  const cells = counts.flatMap((row, truth) => {
    const what = `Counts of class ${classes[truth]}`;
    demandLength(row, classes.length, what);
    demandFinite(row, what);
    const images = row.reduce((sum, count) => sum + count, 0);
    if (images === 0) throw new RangeError(`${what}: there are no images of it.`);
    return row.map((count, predicted) => ({
      truth,
      predicted,
      percent: Number((100 * count / images).toFixed(2)),
      count,
    }));
  });
  const every = Math.ceil(LINE / height), named = classes.filter((_, at) => at % every === 0);
  const axis = { values: named, domain: false, ticks: false, labelPadding: 6, labelLimit: LONGEST } as const;
  const of = (field: string) => `${JSON.stringify(classes)}[datum.${field}]`;
  return themed({
    title: {
      text: "Per cent of the images of each true class",
      ...every > 1 && { subtitle: `One class in ${every} is named; a cell's tooltip names both of its own.` },
    },
    // Cells of 0 look like the ground below them.
    data: csv(numbered ? cells : cells.filter(({ count }) => count > 0)),
    transform: [{ calculate: of("truth"), as: "true" }, { calculate: of("predicted"), as: "answer" }],
    width: { step: width },
    height: { step: height },
    view: numbered ? {} : { fill: RAMP[0], stroke: FAINT },
    encoding: {
      x: {
        field: "answer",
        type: "nominal",
        scale: { domain: [...classes] },
        title: "predicted class",
        axis: { ...axis, orient: "top", labelAngle: numbered && names < SLANTED ? -40 : -90 },
      },
      y: { field: "true", type: "nominal", scale: { domain: [...classes] }, title: "true class", axis },
      tooltip: [
        { field: "true", title: "true class" },
        { field: "answer", title: "predicted class" },
        { field: "percent", title: "% of the true class", format: ".1f" },
        { field: "count", title: "images" },
      ],
    },
    layer: [
      {
        mark: numbered ? { type: "rect", stroke: "white", strokeWidth: 1 } : { type: "rect" },
        encoding: {
          color: {
            field: "percent",
            type: "quantitative",
            // Where the numbers do not say it, few per cent have to be seen.
            scale: { type: numbered ? "linear" : "sqrt", domain: [0, 100], range: RAMP },
            legend: numbered ? null : { title: "%", orient: "right", values: [0, 5, 25, 50, 100] },
          },
        },
      },
      ...numbered
        ? [{
          mark: { type: "text" } as const,
          encoding: {
            text: { field: "percent", type: "quantitative", format: ".0f" } as const,
            color: { condition: { test: `datum.percent > ${WHITE_ABOVE}`, value: "#fff" }, value: "#000" },
          },
        }]
        : [],
    ],
  });
}
