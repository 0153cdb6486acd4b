/**
 * One class's points by sub-cluster, beside its images: the paper's Figure 3.
 *
 * @module
 */
import { demandSome } from "./check.ts";
import { csv } from "./csv.ts";
import { pointPanel, pointTable, zoomHint } from "./points.ts";
import { type Chart, CLASS_COLOURS, colours, themed, WIDTH } from "./theme.ts";
import { pngSize } from "./thumbnails.ts";

/** One class and how it falls apart. */
export interface SubClusters {
  /** Projected representations of the class, x and y in turn, `[count, 2]`. */
  readonly points: Float32Array;
  /** Cluster of each point. */
  readonly clusters: Uint8Array;
  /** Images of each cluster, a `contactSheet` a cluster, ten at most. */
  readonly strips: readonly string[];
  /** Thumbnails of some points or all for tooltips, by index. */
  readonly images?: ReadonlyMap<number, string>;
  /** What the points are, above them. */
  readonly title?: string;
}

/** In pixels: the points' panel, the gap beside it, a strip's name, the gap below a strip, its bar. */
const SIDE = 270, GAP = 24, NAME = 20, BETWEEN = 16, BAR = 6;

/** Small images are shown at most so many times their size. */
const MOST_ZOOM = 2;

/**
 * Draws the points coloured by cluster and a strip of real images a cluster,
 * marked with its colour and name.
 *
 * @param subClusters The class.
 * @returns The chart.
 * @throws {RangeError} There are no points or clusters, or more than ten of these, a point's cluster has no strip, a number is not
 * finite or a strip is no PNG.
 */
export function subClusters({ points, clusters, strips, images, title = "" }: SubClusters): Chart {
  demandSome(strips, "Strips");
  const names = strips.map((_, cluster) => `sub-cluster ${cluster + 1}`);
  const groups = { groups: clusters, names, colours: colours(CLASS_COLOURS, names.length), images };
  const panels = [{ title, points }];
  const table = pointTable(panels, groups);
  const width = WIDTH - SIDE - GAP;
  let top = 0;
  const rows = strips.map((url, cluster) => {
    const sheet = pngSize(url);
    const zoom = Math.min(MOST_ZOOM, (width - 2 * BAR) / sheet.width);
    const size = { width: sheet.width * zoom, height: sheet.height * zoom };
    const count = clusters.reduce((count, of) => count + Number(of === cluster), 0);
    const row = {
      strip: { type: "image", url, ...size, smooth: false } as const,
      centre: { x: 2 * BAR + size.width / 2, y: top + NAME + size.height / 2 },
      name: names[cluster],
      heading: `${names[cluster]}: ${count} ${count === 1 ? "image" : "images"}`,
      top,
      bottom: top + NAME + size.height,
    };
    top = row.bottom + BETWEEN;
    return row;
  });
  const at = (field: string) => ({ field, type: "quantitative", scale: null, axis: null }) as const;
  return themed({
    title: zoomHint(),
    hconcat: [
      { ...table, ...pointPanel(panels, 0, groups, SIDE, false) },
      {
        data: csv(rows.map(({ name, heading, top, bottom }) => ({ name, heading, top, bottom }))),
        width,
        height: top - BETWEEN,
        layer: [
          {
            mark: { type: "rect", width: BAR },
            encoding: {
              x: { value: BAR / 2 },
              y: at("top"),
              y2: { field: "bottom" },
              color: { field: "name", type: "nominal" },
            },
          },
          {
            mark: { type: "text", align: "left", baseline: "top", fontWeight: "bold" },
            encoding: { x: { value: 2 * BAR }, y: at("top"), text: { field: "heading" } },
          },
          ...rows.map(({ strip, centre }) => ({
            mark: strip,
            encoding: { x: { value: centre.x }, y: { value: centre.y } },
          })),
        ],
      },
    ],
    spacing: GAP,
  });
}
