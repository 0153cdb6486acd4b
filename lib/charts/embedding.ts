/**
 * Projected representations, coloured by class: the paper's Figure 2.
 *
 * @module
 */
import { pointPanel, type Points, pointTable, zoomHint } from "./points.ts";
import { type Chart, CLASS_COLOURS, sharedColours, themed, WIDTH } from "./theme.ts";

/** What is known of the points of all panels. */
export interface EmbeddingOptions {
  /** Class of each point. */
  readonly labels: ArrayLike<number>;
  /** Names of the classes; of more than ten, several share a colour, which the chart says. */
  readonly classes: readonly string[];
  /**
   * Thumbnails for tooltips, by index, of as many points as should have one: each adds about 1 kB,
   * `new Map(indices.map((index) => [index, thumbnail(…)]))`.
   */
  readonly images?: ReadonlyMap<number, string>;
}

/** Panels beside each other, at most. */
const MOST_COLUMNS = 4;

/**
 * Draws the same points under one or more projections side by side, four a row. A click on
 * a class in the legend selects it in all panels (shift adds another); wheel
 * with ctrl, or pinching, and drag zoom and pan a panel; the tooltip shows the
 * class and the image.
 *
 * @param panels Projections of the same points, in the same order.
 * @param options What is known of the points.
 * @returns The chart; axes have no ticks because t-SNE and UMAP have no units.
 * @throws {RangeError} There are no points, a panel has too few or too many, a number is not finite, or a
 * class has no name, or an image is no PNG.
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
  { labels, classes, images }: EmbeddingOptions,
): Chart {
  const colours = sharedColours(CLASS_COLOURS, classes.length);
  const groups = { groups: labels, names: classes, colours, images };
  const gap = 12, columns = Math.min(MOST_COLUMNS, panels.length);
  const side = Math.min(440, Math.floor((WIDTH + gap) / columns) - gap);
  const shared = Math.ceil(classes.length / CLASS_COLOURS.length);
  return themed({
    title: zoomHint(
      ...shared > 1
        ? [
          `${classes.length} classes share ${CLASS_COLOURS.length} colours, up to ${shared} each: ` +
          "a click on a name shows its class alone, a point's tooltip says which it is.",
        ]
        : [],
    ),
    ...pointTable(panels, groups),
    columns,
    concat: panels.map((_, at) => pointPanel(panels, at, groups, side, true)),
    spacing: gap,
  });
}
