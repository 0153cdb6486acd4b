/**
 * Images in rows: a query with its nearest neighbours, or views of an image.
 *
 * @module
 */
import { demandLength, demandSome } from "./check.ts";
import { csv } from "./csv.ts";
import { type Chart, INK, themed, WIDTH } from "./theme.ts";

/** A row of images. */
export interface ImageRow {
  /** Data URIs; where there are frames, the query comes first. */
  readonly images: readonly string[];
  /** A text below each image. */
  readonly captions?: readonly string[];
  /** Whether each image is right, which its frame shows. The query's entry is not looked at. */
  readonly frame?: readonly boolean[];
}

/** Frames differ by line as well as by colour. */
const FRAMES = {
  query: { colour: INK, dash: [] },
  "same class": { colour: "#3f90da", dash: [] },
  "another class": { colour: "#bd1f01", dash: [4, 3] },
};

/** In pixels: the widest and the narrowest an image gets, between images, for captions, after a query. */
const LARGEST = 72, SMALLEST = 8, GAP = 12, CAPTION = 16, AFTER_QUERY = 14;

/**
 * Draws rows of images.
 *
 * @param rows The rows.
 * @returns The chart.
 * @throws {RangeError} There are no images or more than 32 a row, or captions or frames are not one an image.
 * @example
 * ```ts
 * import { imageGrid } from "./image_grid.ts";
 * import { thumbnail } from "./thumbnails.ts";
 * const grey = thumbnail(new Uint8Array(8 * 8 * 3).fill(128), 8);
 * const chart = imageGrid([{ images: [grey, grey], captions: ["cat", "dog"], frame: [true, false] }]);
 * if (!JSON.stringify(chart).includes("another class")) throw new Error("the second is wrong");
 * ```
 */
export function imageGrid(rows: readonly ImageRow[]): Chart {
  demandSome(rows, "Rows of images");
  rows.forEach(({ images, captions, frame }, row) => {
    demandSome(images, `Images of row ${row}`);
    if (captions) demandLength(captions, images.length, `Captions of row ${row}`);
    if (frame) demandLength(frame, images.length, `Frames of row ${row}`);
  });
  const columns = Math.max(...rows.map(({ images }) => images.length));
  const framed = rows.some(({ frame }) => frame), captioned = rows.some(({ captions }) => captions);
  const afterQuery = framed ? AFTER_QUERY : 0, below = captioned ? CAPTION : 0;
  const side = Math.min(LARGEST, Math.floor((WIDTH - afterQuery + GAP) / columns) - GAP);
  if (side < SMALLEST) {
    throw new RangeError(`Images of a row: there is no room for ${columns} beside each other.`);
  }
  const cells = rows.flatMap(({ images, captions, frame }, row) =>
    images.map((url, column) => ({
      url,
      x: column * (side + GAP) + (column > 0 ? afterQuery : 0) + side / 2,
      y: row * (side + GAP + below) + side / 2,
      caption: captions?.[column] ?? "",
      frame: frame && (column === 0 ? "query" : frame[column] ? "same class" : "another class"),
    }))
  );
  const at = (field: string) => ({ field, type: "quantitative", scale: null, axis: null }) as const;
  const kinds = Object.entries(FRAMES);
  const legend = { title: null, orient: "bottom", symbolType: "square", symbolSize: 260 } as const;
  const domain = kinds.map(([kind]) => kind);
  return themed({
    data: csv(cells),
    width: columns * (side + GAP) - GAP + afterQuery,
    height: rows.length * (side + GAP + below) - GAP,
    encoding: { x: at("x"), y: at("y") },
    layer: [
      {
        mark: { type: "image", width: side, height: side, smooth: false },
        encoding: { url: { field: "url" } },
      },
      ...framed
        ? [{
          transform: [{ filter: "datum.frame" }],
          mark: {
            type: "point",
            shape: "square",
            size: (side + 5) ** 2,
            strokeWidth: 3,
            opacity: 1,
          } as const,
          encoding: {
            stroke: {
              field: "frame",
              type: "nominal",
              scale: { domain, range: kinds.map(([, { colour }]) => colour) },
              legend,
            } as const,
            strokeDash: {
              field: "frame",
              type: "nominal",
              scale: { domain, range: kinds.map(([, { dash }]) => dash) },
              legend,
            } as const,
          },
        }]
        : [],
      ...captioned
        ? [{
          mark: {
            type: "text",
            dy: side / 2 + 5,
            baseline: "top",
            fontSize: 11,
            limit: side + GAP - 2,
          } as const,
          encoding: { text: { field: "caption" } },
        }]
        : [],
    ],
  });
}
