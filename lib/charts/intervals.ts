/**
 * Differences with their intervals, each on a scale of its own.
 *
 * @module
 */
import { demandFinite, demandSome } from "./check.ts";
import { textWidth } from "./font.ts";
import { type Chart, GREY, INK, STACK_COLOURS, themed } from "./theme.ts";

/** A mean difference. */
export interface Difference {
  /** What it is of. */
  readonly label: string;
  /** What less what, and its unit. */
  readonly name: string;
  /** Its mean. */
  readonly mean: number;
  /** Its ends. */
  readonly interval: readonly [low: number, high: number];
  /** The paper's, where it has one. */
  readonly paper?: number;
}

/** In pixels: of a scale, which a telephone has room for, of a row, and of a title's letters. */
const SCALE = 300, ROW = 18, LETTERS = 12;

/**
 * Draws differences below each other: a dot with its interval, the paper's as a ring, a line at no difference. Each
 * has a scale of its own, as their units differ.
 *
 * @param rows The differences; they keep their order.
 * @returns The chart.
 * @throws {RangeError} There are no rows, or a number is not finite.
 * @example
 * ```ts
 * import { intervals } from "./intervals.ts";
 * const chart = intervals([{ label: "C1", name: "top-1", mean: -9, interval: [-11, -7], paper: 1.1 }]);
 * if (!JSON.stringify(chart).includes("C1: top-1")) throw new Error("each row is named");
 * ```
 */
export function intervals(rows: readonly Difference[]): Chart {
  demandSome(rows, "Differences to draw");
  for (const { name, mean, interval, paper = 0 } of rows) demandFinite([mean, ...interval, paper], name);
  return themed({
    vconcat: rows.map(({ label, name, mean, interval: [low, high], paper }) => {
      const x = { type: "quantitative", title: null, axis: { tickCount: 5, grid: false } } as const;
      return {
        title: { text: lines(`${label}: ${name}`), fontWeight: "normal", fontSize: LETTERS, offset: 2 },
        width: SCALE,
        height: ROW,
        data: { values: [{ mean, low, high }] },
        layer: [
          { mark: { type: "rule", color: GREY, strokeDash: [4, 3] }, encoding: { x: { ...x, datum: 0 } } },
          {
            mark: { type: "rule", color: STACK_COLOURS[0], strokeWidth: 2.5 },
            encoding: { x: { ...x, field: "low" }, x2: { field: "high" } },
          },
          {
            mark: { type: "point", filled: true, size: 70, opacity: 1, color: STACK_COLOURS[0] },
            encoding: { x: { ...x, field: "mean" } },
          },
          ...paper === undefined ? [] : [{
            mark: { type: "point", size: 70, color: INK } as const,
            encoding: { x: { ...x, datum: paper } },
          }],
        ],
      };
    }),
    spacing: 6,
  });
}

/** Text in lines that are no wider than a scale. */
function lines(text: string): string[] {
  const [first, ...words] = text.split(" "), found = [first];
  for (const word of words) {
    const longer = `${found.at(-1)} ${word}`;
    if (textWidth(longer, LETTERS) <= SCALE) found[found.length - 1] = longer;
    else found.push(word);
  }
  return found;
}
