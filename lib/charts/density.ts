/**
 * Where points are dense: lines of equal density below points that hide each other.
 *
 * @module
 */
// @ts-types="@types/d3-contour"
import { contourDensity } from "d3-contour";
import { csv, type CsvRow } from "./csv.ts";
import { type Chart, GREY } from "./theme.ts";

/** A layer of a panel. */
export type Layer = Extract<Chart, { layer: unknown }>["layer"][number];

/** On each axis, cells of the grid, and how far a point is smeared, in cells. */
const CELLS = 32, SMEARED = 1.2;

/** Lines, at equal steps up to the largest density. */
const LINES = 4;

/**
 * Lines of equal density, of fewer bytes than the points wherever these are many.
 *
 * @param places Points, x and y in turn, in 0 to `end`.
 * @param end Where both axes end.
 * @param axis How both axes are drawn.
 * @returns A layer for below the points.
 */
export function density(places: ArrayLike<number>, end: number, axis: object): Layer {
  const cell = (end + 1) / CELLS;
  const count = places.length / 2;
  const lines = contourDensity<number>().size([CELLS, CELLS]).cellSize(1).bandwidth(SMEARED).thresholds(LINES)
    .x((at) => places[2 * at] / cell).y((at) => places[2 * at + 1] / cell)([...Array(count).keys()]);
  // Every other vertex: the line is drawn as a curve.
  const rows: CsvRow[] = lines.flatMap(({ coordinates }) => coordinates.flat()).flatMap((ring, line) =>
    ring.filter((_, at) => at % 2).map(([x, y]) => ({
      line,
      x: Math.round(x * cell),
      y: Math.round(y * cell),
    }))
  );
  return {
    data: csv(rows),
    mark: {
      type: "line",
      interpolate: "cardinal-closed",
      order: false,
      clip: true,
      color: GREY,
      strokeWidth: 1,
      strokeOpacity: 0.6,
    },
    encoding: { x: { field: "x", ...axis }, y: { field: "y", ...axis }, detail: { field: "line" } },
  };
}
