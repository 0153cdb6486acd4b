/**
 * A confusion matrix as a heat map.
 *
 * @module
 */
import { demandFinite, demandLength, demandSome } from "./check.ts";
import { csv } from "./csv.ts";
import { type Chart, themed } from "./theme.ts";

/** Cells of more per cent are so dark that text on them is white. */
const WHITE_ABOVE = 63;

/**
 * Draws a confusion matrix, each row in per cent of the images of its class.
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
  const cells = counts.flatMap((row, truth) => {
    const what = `Counts of class ${classes[truth]}`;
    demandLength(row, classes.length, what);
    demandFinite(row, what);
    const images = row.reduce((sum, count) => sum + count, 0);
    if (images === 0) throw new RangeError(`${what}: there are no images of it.`);
    return row.map((count, predicted) => ({
      truth: classes[truth],
      predicted: classes[predicted],
      percent: Number((100 * count / images).toFixed(2)),
      count,
    }));
  });
  const sort = [...classes];
  return themed({
    title: "Per cent of the images of each true class",
    data: csv(cells),
    width: { step: 46 },
    height: { step: 32 },
    encoding: {
      x: {
        field: "predicted",
        type: "nominal",
        sort,
        title: "predicted class",
        axis: { orient: "top", labelAngle: -40, domain: false, ticks: false, labelPadding: 6 },
      },
      y: {
        field: "truth",
        type: "nominal",
        sort,
        title: "true class",
        axis: { domain: false, ticks: false, labelPadding: 6 },
      },
      tooltip: [
        { field: "truth", title: "true class" },
        { field: "predicted", title: "predicted class" },
        { field: "percent", title: "% of the true class", format: ".1f" },
        { field: "count", title: "images" },
      ],
    },
    layer: [
      {
        mark: { type: "rect", stroke: "white", strokeWidth: 1 },
        encoding: {
          color: {
            field: "percent",
            type: "quantitative",
            scale: { domain: [0, 100], range: ["#f3f7fb", "#3f90da", "#0b3a66"] },
            legend: null,
          },
        },
      },
      {
        mark: { type: "text" },
        encoding: {
          text: { field: "percent", type: "quantitative", format: ".0f" },
          color: { condition: { test: `datum.percent > ${WHITE_ABOVE}`, value: "white" }, value: "black" },
        },
      },
    ],
  });
}
