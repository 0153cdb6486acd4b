/**
 * How fast one program is beside another one.
 *
 * @module
 */
import { demandFinite, demandSome } from "./check.ts";
import { csv } from "./csv.ts";
import { textWidth } from "./font.ts";
import { type Chart, GREY, INK, STACK_COLOURS, themed } from "./theme.ts";

/** A speed of both. */
export interface Ratio {
  /** What was done. */
  readonly label: string;
  /** Ours, in `unit`. */
  readonly ours: number;
  /** The other's. */
  readonly peer: number;
  /** Such as `images/s`. */
  readonly unit: string;
}

/** In pixels: of a row, and of all bars at most. */
const ROW = 26, BARS = 300;

/**
 * Draws a bar a case, ours as a multiple of the peer's, with both speeds beside it, and a line where they are equal.
 *
 * @param rows The speeds; they keep their order.
 * @param peer What the other program is called.
 * @returns The chart.
 * @throws {RangeError} There are no rows, or a speed is not above 0.
 * @example
 * ```ts
 * import { ratios } from "./ratios.ts";
 * const chart = ratios([{ label: "step", ours: 383, peer: 329, unit: "images/s" }], "PyTorch");
 * if (!JSON.stringify(chart).includes("383 : 329 images/s")) throw new Error("both speeds are in the chart");
 * ```
 */
export function ratios(rows: readonly Ratio[], peer: string): Chart {
  demandSome(rows, "Speeds to compare");
  for (const { label, ours, peer: theirs } of rows) {
    demandFinite([ours, theirs], `Speeds of ${label}`);
    if (!(ours > 0 && theirs > 0)) throw new RangeError(`Speeds of ${label} have to be above 0.`);
  }
  const short = (value: number) =>
    value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
  const bars = rows.map(({ label, ours, peer, unit }) => ({
    ...{ label, ratio: Number((ours / peer).toFixed(3)) },
    both: `${short(ours)} : ${short(peer)} ${unit}`,
  }));
  const most = Math.max(1, ...bars.map(({ ratio }) => ratio));
  const labels = Math.max(...bars.map(({ both }) => textWidth(both, 12)));
  const y = {
    field: "label",
    type: "nominal",
    sort: null,
    title: null,
    axis: { domain: false, ticks: false, labelPadding: 8 },
  } as const;
  const ends = [0, most * (BARS + labels + 8) / BARS];
  const ticks = Array.from({ length: Math.floor(most * 2) + 1 }, (_, at) => at / 2);
  return themed({
    width: BARS + labels,
    height: rows.length * ROW,
    data: csv(bars),
    layer: [
      {
        mark: { type: "bar", color: STACK_COLOURS[0], height: 14 },
        encoding: {
          y,
          x: {
            field: "ratio",
            type: "quantitative",
            title: `our speed ÷ ${peer}'s`,
            scale: { domain: ends, nice: false },
            axis: { values: ticks, grid: false, titleAnchor: "start" },
          },
        },
      },
      {
        mark: { type: "text", align: "left", dx: 6, color: INK },
        encoding: { y, x: { datum: most }, text: { field: "both", type: "nominal" } },
      },
      {
        data: { values: [{}] },
        mark: { type: "rule", color: GREY, strokeDash: [4, 3] },
        encoding: { x: { datum: 1 } },
      },
    ],
  });
}
