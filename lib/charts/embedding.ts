/**
 * Projected representations, coloured by class: the paper's Figure 2.
 *
 * @module
 */
import { classColours, coarser } from "./class_colours.ts";
import { pointPanel, type Points, pointTable, zoomHint } from "./points.ts";
import { type Chart, CLASS_COLOURS, themed, WIDTH } from "./theme.ts";

/** What is known of the points of all panels. */
export interface EmbeddingOptions {
  /** Class of each point. */
  readonly labels: ArrayLike<number>;
  /** Names of the classes. */
  readonly classes: readonly string[];
  /** Coarser and finer classes of each point: of more than ten classes, those of one coarser class share a hue. */
  readonly levels?: Readonly<Record<string, ArrayLike<number>>>;
  /**
   * Thumbnails for tooltips, by index, of as many points as should have one: each adds about 0.35 kB,
   * `new Map(indices.map((index) => [index, thumbnail(…)]))`.
   */
  readonly images?: ReadonlyMap<number, string>;
}

/** Panels beside each other, at most. */
const MOST_COLUMNS = 4;

/**
 * Draws the same points under one or more projections side by side, four a row. A click on
 * a class in the legend selects it in all panels (shift adds another), and a drag with shift the points in a
 * frame; wheel with ctrl, or pinching, and drag zoom and pan a panel; the tooltip shows the class and the image.
 *
 * @param panels Projections of the same points, in the same order.
 * @param options What is known of the points.
 * @returns The chart; axes have no ticks because t-SNE and UMAP have no units.
 * @throws {RangeError} There are no points, a panel has too few or too many, a number is not finite, or a
 * class has no name, or an image is no data URI.
 * @example
 * ```ts
 * import { embedding } from "./embedding.ts";
 * const panel = { title: "Stack 0", points: Float32Array.of(0, 0, 1, 2) };
 * const chart = embedding([panel], { labels: Uint8Array.of(0, 1), classes: ["cat", "dog"] });
 * if (!JSON.stringify(chart).includes("dog")) throw new Error("the names are in the chart");
 * ```
 */
export function embedding(
  panels: readonly Points[],
  { labels, classes, levels, images }: EmbeddingOptions,
): Chart {
  const many = classes.length > CLASS_COLOURS.length, coarse = many && coarser(labels, levels);
  const colours = classColours(classes.length, coarse || undefined);
  const order = [...classes.keys()].sort((a, b) => coarse ? coarse[a] - coarse[b] : 0);
  const groups = { groups: labels, names: classes, images };
  const legend = {
    ...groups,
    names: order.map((label) => classes[label]),
    colours: order.map((label) => colours[label]),
  };
  const gap = 12, columns = Math.min(MOST_COLUMNS, panels.length);
  const side = Math.min(440, Math.floor((WIDTH + gap) / columns) - gap);
  return themed({
    title: zoomHint(
      true,
      ...many
        ? [
          `${classes.length} classes ${
            coarse ? "in groups of one hue each" : "are more than colours tell apart"
          }: a click on a name shows its class alone, a point's tooltip says which it is.`,
        ]
        : [],
    ),
    ...pointTable(panels, groups),
    columns,
    concat: panels.map((_, at) => pointPanel(panels, at, legend, side, true)),
    spacing: gap,
  });
}
