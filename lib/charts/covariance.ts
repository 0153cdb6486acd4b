/**
 * The covariance term over a training: the paper's Figure 4.
 *
 * @module
 */
import { demandFinite, demandLength, demandSome } from "./check.ts";
import { csv } from "./csv.ts";
import { legendLayout } from "./legend.ts";
import { curveAxis, SYMBOL } from "./scales.ts";
import { type Chart, colours, GREY, STACK_COLOURS, themed, WIDTH } from "./theme.ts";

/** A line. */
export interface CovarianceLine {
  /** What the legend calls it. */
  readonly name: string;
  /** From 1. */
  readonly epochs: readonly number[];
  /** Covariance term at each epoch. */
  readonly values: readonly number[];
}

/** As in the paper: stack 0 blue, stack 1 orange, down-weighted grey; then more. */
const COLOURS = [STACK_COLOURS[0], STACK_COLOURS[1], GREY, ...STACK_COLOURS.slice(2)];

/**
 * Draws covariance terms over epochs.
 *
 * @param lines Stack 0, stack 1 and the down-weighted run, in this order, which gives them the paper's colours.
 * @returns The chart; its axis is logarithmic where the values span two decades.
 * @throws {RangeError} There are no lines or too many, or values are not finite or not one an epoch.
 */
export function covarianceCurves(lines: readonly CovarianceLine[]): Chart {
  demandSome(lines, "Lines");
  const points = lines.flatMap(({ name, epochs, values }) => {
    demandLength(epochs, values.length, `Epochs of ${name}`);
    demandFinite(epochs, `Epochs of ${name}`);
    demandFinite(values, `Covariance of ${name}`);
    return values.map((value, at) => ({ name, epoch: epochs[at], covariance: Number(value.toPrecision(4)) }));
  });
  return themed({
    data: csv(points),
    width: WIDTH - 60,
    height: 260,
    mark: { type: "line", strokeWidth: 2, point: "transparent" },
    encoding: {
      x: {
        field: "epoch",
        type: "quantitative",
        title: "epoch",
        scale: { nice: false, zero: false },
        axis: { grid: false, tickMinStep: 1 },
      },
      y: {
        field: "covariance",
        type: "quantitative",
        title: "covariance term",
        ...curveAxis(points.map(({ covariance }) => covariance)),
      },
      color: {
        field: "name",
        type: "nominal",
        scale: { domain: lines.map(({ name }) => name), range: colours(COLOURS, lines.length) },
        legend: {
          title: null,
          orient: "top",
          symbolType: "stroke",
          symbolSize: 400,
          symbolStrokeWidth: 2,
          ...legendLayout(lines.map(({ name }) => name), SYMBOL),
        },
      },
      tooltip: [
        { field: "name", title: "title" },
        { field: "epoch", type: "quantitative", format: ".2~f" },
        { field: "covariance", type: "quantitative" },
      ],
    },
  });
}
