/**
 * Legends of any number of names, of any length, in no more than a column's width.
 *
 * @module
 */
import { textWidth } from "./font.ts";
import { WIDTH } from "./theme.ts";

/** In pixels: the longest a name gets before it is cut, and the gap between two columns. */
const LONGEST = 180, GAP = 18;

/** Of more names all are small, and cut sooner. */
const FEW = 30, SMALL = { labelFontSize: 10, rowPadding: 1 }, SMALL_LONGEST = 125;

/** Columns at most. */
const MOST = 5;

/** The part of a legend that depends on its names. */
export interface LegendLayout {
  readonly columns: number;
  /** Pixels after which a name is cut. */
  readonly labelLimit: number;
  /** Names that are shown: all. */
  readonly symbolLimit: 0;
  readonly labelFontSize?: number;
  readonly rowPadding?: number;
}

/**
 * Lays out a legend below or above a chart.
 *
 * @param names What it names.
 * @param symbol Width of a symbol and of the gap after it, in pixels.
 * @returns As many columns as the longest name leaves room for, five at most.
 * @example
 * ```ts
 * import { legendLayout } from "./legend.ts";
 * if (legendLayout(["cat", "dog"], 16).columns !== 5) throw new Error("short names");
 * if (legendLayout(["cat", "dog ".repeat(50)], 16).columns !== 3) throw new Error("a long one");
 * ```
 */
export function legendLayout(names: readonly string[], symbol: number): LegendLayout {
  const many = names.length > FEW, longest = many ? SMALL_LONGEST : LONGEST;
  const widest = Math.max(...names.map((name) => textWidth(name, many ? SMALL.labelFontSize : 12)));
  const room = Math.min(longest, widest) + symbol + GAP;
  const columns = Math.min(MOST, Math.floor((WIDTH + GAP) / room));
  const labelLimit = Math.floor((WIDTH + GAP) / columns) - symbol - GAP;
  return { columns, labelLimit, symbolLimit: 0, ...many && SMALL };
}
