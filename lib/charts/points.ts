/**
 * Thousands of points: their table, as short as it can be, and a panel of them.
 *
 * @module
 */
import { demandFinite, demandLength, demandSome } from "./check.ts";
import { csv } from "./csv.ts";
import { legendLayout } from "./legend.ts";
import { type Chart, FAINT, GREY, type Panel } from "./theme.ts";
import { PNG_URI, pngBase64 } from "./thumbnails.ts";

/**
 * Says below panels how to zoom.
 *
 * @param notes Lines above that.
 * @returns A chart's title.
 */
export function zoomHint(...notes: readonly string[]): Chart["title"] {
  return {
    text: [...notes, "Ctrl + wheel or pinching zooms, dragging moves."],
    orient: "bottom",
    color: GREY,
    fontSize: 11,
    fontWeight: "normal",
  };
}

/** Diameter of a legend's symbol and the gap after it, in pixels. */
const SYMBOL = 16;

/** Points in the plane. */
export interface Points {
  /** What they are. */
  readonly title: string;
  /** x and y in turn, `[count, 2]`. */
  readonly points: Float32Array;
}

/** What is known of the points. */
export interface Groups {
  /** Group of each point. */
  readonly groups: ArrayLike<number>;
  /** Names of the groups, in the order of the legend. */
  readonly names: readonly string[];
  /** Colour of each group. */
  readonly colours: readonly string[];
  /** Thumbnails of some points or all, by index. */
  readonly images?: ReadonlyMap<number, string>;
}

/**
 * A CSV table with a line a point, shared by all panels: its group, its
 * thumbnail if it has one, and its coordinates in every panel.
 *
 * @param panels Each panel's points, equally many.
 * @param groups What is known of the points.
 * @returns The data of the chart and the transforms that complete it.
 * @throws {RangeError} There are no points, a panel has too few or too many, a number is not finite, or a
 * group has no name, or an image is no PNG.
 */
export function pointTable(
  panels: readonly Points[],
  { groups, names, images }: Omit<Groups, "colours">,
): Pick<Chart, "data" | "transform"> {
  demandSome(panels, "Panels");
  const nameless = Array.from(groups).find((group) => group >= names.length);
  if (nameless !== undefined) {
    throw new RangeError(`Expected classes below ${names.length}, the number of names, got ${nameless}.`);
  }
  const columns = panels.map(({ title, points }) => {
    demandLength(points, 2 * groups.length, `Coordinates of "${title}"`);
    demandFinite(points, `Coordinates of "${title}"`);
    const digits = decimals(points);
    return Array.from(points, (value) => short(value, digits));
  });
  const rows = Array.from(groups, (group, index) => {
    const image = images?.get(index);
    const places = columns.flatMap((values, panel) => [
      [`x${panel}`, values[2 * index]],
      [`y${panel}`, values[2 * index + 1]],
    ]);
    return { index, group, thumbnail: image ? pngBase64(image) : "", ...Object.fromEntries(places) };
  });
  return {
    data: csv(rows),
    transform: [
      { calculate: `${JSON.stringify(names)}[datum.group]`, as: "name" },
      { calculate: `datum.thumbnail ? '${PNG_URI}' + datum.thumbnail : ''`, as: "image" },
    ],
  };
}

/**
 * One panel of the table; zooming and panning move it alone. With a legend, a
 * click on it selects groups in all panels.
 *
 * @param panels Each panel's points.
 * @param at Which panel.
 * @param groups What is known of the points.
 * @param side Width and height in pixels.
 * @param legend Whether the groups are named below.
 * @returns The panel.
 */
export function pointPanel(
  panels: readonly Points[],
  at: number,
  { groups, names, colours, images }: Groups,
  side: number,
  legend: boolean,
): Panel {
  const { title, points } = panels[at];
  const [x, y] = square(points);
  const axis = { axis: null, type: "quantitative" } as const;
  return {
    title: { text: title, anchor: "middle", limit: side },
    width: side,
    height: side,
    view: { stroke: FAINT },
    params: [
      {
        name: `zoom${at}`,
        // The wheel alone scrolls the page. Pinching arrives as a wheel with ctrl; shift makes it roll sideways.
        select: { type: "interval", zoom: "wheel![event.ctrlKey]" },
        bind: "scales",
      },
      ...legend && at === 0
        ? [{ name: "picked", select: { type: "point" as const, fields: ["name"] }, bind: "legend" as const }]
        : [],
    ],
    mark: { type: "circle", clip: true, size: pointSize(groups.length, side) },
    encoding: {
      x: { field: `x${at}`, ...axis, scale: { domain: x, nice: false, zero: false } },
      y: { field: `y${at}`, ...axis, scale: { domain: y, nice: false, zero: false } },
      color: {
        field: "name",
        type: "nominal",
        scale: { domain: [...names], range: [...colours] },
        legend: legend
          ? { title: null, orient: "bottom", symbolSize: 90, ...legendLayout(names, SYMBOL) }
          : null,
      },
      opacity: legend ? { condition: { param: "picked", value: 0.75 }, value: 0.03 } : { value: 0.75 },
      tooltip: [
        // In vega-embed's tooltip the fields "title" and "image" become a heading and an image.
        { field: "name", type: "nominal", title: "title" },
        ...images ? [{ field: "image", type: "nominal", title: "image" } as const] : [],
        { field: "index", type: "quantitative", title: "index", format: "d" },
      ],
    },
  };
}

/** Decimals with which the extent of the points has five digits: less than a pixel after zooming in tenfold. */
function decimals(points: Float32Array): number {
  const [[low, high]] = square(points);
  return Math.max(0, 4 - Math.floor(Math.log10(high - low)));
}

/** Without zeros at the end. */
function short(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/**
 * The square around points: equal units on both axes, so that distances are seen as they are.
 *
 * @param points x and y in turn.
 * @returns Its ends on each axis, with a little room around the points.
 */
export function square(points: Float32Array): [[number, number], [number, number]] {
  const low = [Infinity, Infinity], high = [-Infinity, -Infinity];
  points.forEach((value, at) => {
    low[at % 2] = Math.min(low[at % 2], value);
    high[at % 2] = Math.max(high[at % 2], value);
  });
  // One point alone gets a square too.
  const half = 0.52 * Math.max(high[0] - low[0], high[1] - low[1]) || 1;
  const around = (axis: number): [number, number] => {
    const centre = (low[axis] + high[axis]) / 2;
    return [centre - half, centre + half];
  };
  return [around(0), around(1)];
}

/** Area of a point in square pixels: all together cover a third of the panel at most. */
function pointSize(count: number, side: number): number {
  return Math.min(25, Math.max(3, side * side / count / 3));
}
