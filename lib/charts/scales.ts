/**
 * How curves are scaled and thinned.
 *
 * @module
 */

/** Length of a line in a legend and the gap after it, in pixels. */
export const SYMBOL = 28;

/**
 * Scale and axis of a curve: logarithmic where values span two decades, of
 * which a linear one would show the upper.
 *
 * @param values All values of the axis.
 * @returns What to encode y with.
 */
export function curveAxis(values: readonly number[]) {
  const low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
  if (low <= 0 || high / low < 100) return { scale: { zero: false }, axis: { tickCount: 5 } };
  const first = Math.ceil(Math.log10(low)), powers = Math.floor(Math.log10(high)) - first + 1;
  return {
    scale: { type: "log" as const, domain: [low / 1.2, high * 1.2], nice: false },
    axis: { values: Array.from({ length: powers }, (_, at) => Number(`1e${first + at}`)), format: "~g" },
  };
}

/**
 * Means of equal runs of values, so that a long curve becomes a short one that
 * keeps its level.
 *
 * @param values The values.
 * @param most How many may stay.
 * @returns The means.
 * @example
 * ```ts
 * import { thin } from "./scales.ts";
 * if (thin([1, 3, 5, 7], 2).join() !== "2,6") throw new Error("means of two");
 * ```
 */
export function thin(values: readonly number[], most: number): number[] {
  const length = Math.ceil(values.length / most);
  return Array.from({ length: Math.ceil(values.length / length) }, (_, at) => {
    const run = values.slice(at * length, (at + 1) * length);
    return run.reduce((sum, value) => sum + value, 0) / run.length;
  });
}
