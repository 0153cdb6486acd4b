/**
 * What can be read off a stack, place after place.
 *
 * @module
 */
import { demandFinite, demandSome } from "./check.ts";
import { csv } from "./csv.ts";
import { legendLayout } from "./legend.ts";
import { SYMBOL } from "./scales.ts";
import { type Chart, CLASS_COLOURS, colours, themed, WIDTH } from "./theme.ts";

/** What was read at one place of one stack. */
export interface ReadoutPoint {
  /** What a reader calls the configuration. */
  readonly name: string;
  /** 0 for the lowest. */
  readonly stack: number;
  /** Where: `stage 2`, `embedding`. */
  readonly place: string;
  /** What was measured there. */
  readonly value: number;
  /** Standard deviation over seeds. */
  readonly std?: number;
}

/** In pixels: beside each panel, and a panel's height. */
const APART = 58, HEIGHT = 240;

/**
 * Draws what was read over the places, in their order: a panel a stack, a line a configuration, bars of one deviation.
 *
 * @param points What was read; places and configurations keep their order.
 * @param measure What was measured, with its unit.
 * @returns The chart; all panels have the same values.
 * @throws {RangeError} There are no points or too many configurations, or a value is not finite.
 * @example
 * ```ts
 * import { readoutCurves } from "./readout_curves.ts";
 * const read = (place: string, value: number) => ({ name: "as published", stack: 1, place, value });
 * const chart = readoutCurves([read("stage 3", 60), read("embedding", 40)], "k-NN (%)");
 * if (!JSON.stringify(chart).includes("stage 3")) throw new Error("each place is named");
 * ```
 */
export function readoutCurves(points: readonly ReadoutPoint[], measure: string): Chart {
  demandSome(points, "Readouts");
  for (const { name, stack, place, value, std = 0 } of points) {
    demandFinite([value, std], `${place} of ${name}, stack ${stack}`);
  }
  const names = [...new Set(points.map(({ name }) => name))];
  const stacks = [...new Set(points.map(({ stack }) => stack))].sort((a, b) => a - b);
  const legend = { title: null, orient: "top", ...legendLayout(names, SYMBOL) } as const;
  const scale = { domain: names, range: colours(CLASS_COLOURS, names.length) };
  const ends = points.flatMap(({ value, std = 0 }) => [value - std, value + std]);
  const values = { zero: false, nice: true, domain: [Math.min(...ends), Math.max(...ends)] };
  return themed({
    columns: stacks.length,
    concat: stacks.map((stack) => {
      const own = points.filter((point) => point.stack === stack);
      const places = [...new Set(own.map(({ place }) => place))];
      return {
        title: `stack ${stack}`,
        ...{ width: Math.floor(WIDTH / stacks.length) - APART, height: HEIGHT },
        data: csv(own.map(({ name, place, value, std = 0 }) => ({
          ...{ name, place, value },
          ...{ low: value - std, high: value + std },
        }))),
        encoding: {
          x: { field: "place", type: "ordinal", title: null, sort: places, axis: { labelAngle: -35 } },
          y: { field: "value", type: "quantitative", title: measure, scale: values },
          color: { field: "name", type: "nominal", legend, scale },
        },
        layer: [
          { mark: { type: "line", strokeWidth: 1.5 } },
          {
            mark: { type: "rule" },
            encoding: { y: { field: "low", type: "quantitative" }, y2: { field: "high" } },
          },
          {
            mark: { type: "point", filled: true, size: 45, opacity: 1 },
            encoding: {
              tooltip: [
                { field: "name", title: "of" },
                { field: "place", title: "at" },
                { field: "value", type: "quantitative", title: measure, format: ".1f" },
              ],
            },
          },
        ],
      };
    }),
  });
}
