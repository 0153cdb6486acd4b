/**
 * Thousands of points: their table, as short as it can be, and a panel of them.
 *
 * @module
 */
import { demandFinite, demandLength, demandSome } from "./check.ts";
import { csv } from "./csv.ts";
import { density, type Layer } from "./density.ts";
import { legendLayout } from "./legend.ts";
import { type Chart, FAINT, GREY, type Panel } from "./theme.ts";
import { demandDataUri } from "./thumbnails.ts";

/** Letters and blanks, few enough for a line on a phone. */
const LINE = /\S.{0,47}(?=\s|$)/g;

/**
 * Says below panels how to zoom.
 *
 * @param frames Whether points can be framed.
 * @param notes Sentences above that.
 * @returns A chart's title.
 */
export function zoomHint(frames = false, ...notes: readonly string[]): Chart["title"] {
  return {
    text: [
      ...notes,
      `Ctrl + wheel or pinching zooms, dragging moves${
        frames ? ", dragging with shift picks points out in every panel" : ""
      }; a double click undoes it.`,
    ].flatMap((sentence) => sentence.match(LINE) ?? []),
    orient: "bottom",
    color: GREY,
    fontSize: 11,
    fontWeight: "normal",
  };
}

/** Points hide each other: how many there are at least, and which part of the panel they cover together. */
const MANY = 2000, CROWDED = 0.3;

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

/** Places on an axis: less than a pixel apart after zooming in tenfold. A place is two digits of this base. */
const PLACES = 4096, DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Around a thumbnail: tooltips show images at their own size, which for a thumbnail is small. */
const FRAME = [
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='96' height='96'%3E" +
  "%3Cimage width='96' height='96' href='",
  "'/%3E%3C/svg%3E",
];

/**
 * A CSV table with a line a point, shared by all panels: its group, the digits of its places in every panel, two
 * for each coordinate, and its thumbnail if it has one, without what all thumbnails begin with.
 *
 * @param panels Each panel's points, equally many.
 * @param groups What is known of the points.
 * @returns The data of the chart and the transforms that complete it: `index`, `name`, `image`, and `x0`, `y0` and
 * so on, whole numbers below 4096.
 * @throws {RangeError} There are no points, a panel has too few or too many, a number is not finite, or a
 * group has no name, or an image is no data URI.
 */
export function pointTable(
  panels: readonly Points[],
  { groups, names, images = new Map() }: Omit<Groups, "colours">,
): Pick<Chart, "data" | "transform"> {
  demandSome(panels, "Panels");
  const nameless = Array.from(groups).find((group) => group >= names.length);
  if (nameless !== undefined) {
    throw new RangeError(`Expected classes below ${names.length}, the number of names, got ${nameless}.`);
  }
  const columns = panels.map(({ title, points }) => {
    demandLength(points, 2 * groups.length, `Coordinates of "${title}"`);
    demandFinite(points, `Coordinates of "${title}"`);
    return Array.from(placed(points), (place) => DIGITS[place >> 6] + DIGITS[place & 63]);
  });
  for (const uri of images.values()) demandDataUri(uri);
  const begin = commonStart([...images.values()]);
  const rows = Array.from(groups, (group, index) => ({
    group,
    at: columns.map((digits) => digits[2 * index] + digits[2 * index + 1]).join(""),
    ...images.size > 0 && { thumbnail: images.get(index)?.slice(begin.length) ?? "" },
  }));
  const digit = (at: number) => `indexof('${DIGITS}',datum.at[${at}])`;
  return {
    data: csv(rows),
    transform: [
      { window: [{ op: "row_number", as: "number" }] },
      { calculate: "datum.number - 1", as: "index" },
      { calculate: `${JSON.stringify(names)}[datum.group]`, as: "name" },
      ...images.size > 0
        ? [{
          calculate: `datum.thumbnail ? ${JSON.stringify(FRAME[0] + begin)} + datum.thumbnail + ${
            JSON.stringify(FRAME[1])
          } : ''`,
          as: "image",
        }]
        : [],
      ...panels.flatMap((_, panel) =>
        ["x", "y"].map((axis, second) => {
          const at = 4 * panel + 2 * second;
          return { calculate: `64 * ${digit(at)} + ${digit(at + 1)}`, as: `${axis}${panel}` };
        })
      ),
    ],
  };
}

/**
 * Points on a grid of 4096 by 4096 places, whose units are the same on both axes.
 *
 * @param points x and y in turn.
 * @returns Their places, x and y in turn.
 */
export function placed(points: Float32Array): Uint16Array {
  const axes = square(points);
  return Uint16Array.from(points, (value, at) => {
    const [low, high] = axes[at % 2];
    return Math.round((PLACES - 1) * (value - low) / (high - low));
  });
}

/** What all texts begin with; of one alone, nothing. */
function commonStart([first = "", ...others]: readonly string[]): string {
  let length = others.length > 0 ? first.length : 0;
  for (const other of others) while (!other.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length);
}

/**
 * One panel of the table; zooming and panning move it alone. With a legend, a
 * click on it selects groups in all panels, and so does a frame around points, drawn with shift.
 *
 * Where points would cover more than {@link CROWDED} of the panel and there are {@link MANY} or more, lines of
 * equal density lie below them.
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
  const { title, points } = panels[at], size = pointSize(groups.length, side);
  const scale = { domain: [0, PLACES - 1], nice: false, zero: false };
  const axis = { axis: null, type: "quantitative", scale } as const;
  const crowded = groups.length >= MANY && groups.length * size > CROWDED * side * side;
  const picking = panels.map((_, panel) => ({ param: `frame${panel}` }));
  const dots = {
    params: [
      {
        name: `zoom${at}`,
        // The wheel alone scrolls the page. Pinching arrives as a wheel with ctrl; shift makes it roll sideways.
        select: { type: "interval", zoom: "wheel![event.ctrlKey]", translate: dragged("!") },
        bind: "scales",
      },
      ...legend
        ? [{
          name: `frame${at}`,
          select: { type: "interval" as const, on: dragged(""), translate: false, zoom: false },
        }]
        : [],
      ...legend && at === 0
        ? [{ name: "picked", select: { type: "point" as const, fields: ["name"] }, bind: "legend" as const }]
        : [],
    ],
    mark: { type: "circle", clip: true, size },
    encoding: {
      x: { field: `x${at}`, ...axis },
      y: { field: `y${at}`, ...axis },
      color: {
        field: "name",
        type: "nominal",
        scale: { domain: [...names], range: [...colours] },
        legend: legend
          ? { title: null, orient: "bottom", symbolSize: 90, ...legendLayout(names, SYMBOL) }
          : null,
      },
      opacity: legend
        ? { condition: { test: { and: [{ param: "picked" }, ...picking] }, value: 0.75 }, value: 0.03 }
        : { value: 0.75 },
      // Else vega would say all of the tooltip, the image's address too, of every point.
      description: { field: "name" },
      tooltip: [
        // In vega-embed's tooltip the fields "title" and "image" become a heading and an image.
        { field: "name", type: "nominal", title: "title" },
        ...images ? [{ field: "image", type: "nominal", title: "image" } as const] : [],
        { field: "index", type: "quantitative", title: "index", format: "d" },
      ],
    },
  } satisfies Layer;
  return {
    title: { text: title, anchor: "middle", limit: side },
    width: side,
    height: side,
    view: { stroke: FAINT },
    layer: [...crowded ? [density(placed(points), PLACES, axis)] : [], dots],
  };
}

/** A drag with shift, or without it. */
function dragged(not: "!" | ""): string {
  return `[pointerdown[${not}event.shiftKey], window:pointerup] > window:pointermove!`;
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
