/**
 * Projected representations, coloured by class: the paper's Figure 2.
 *
 * @module
 */
import { pointPanel, type Points, pointTable, ZOOM_HINT } from "./points.ts";
import { type Chart, themed, WIDTH } from "./theme.ts";

/** What is known of the points of all panels. */
export interface EmbeddingOptions {
  /** Class of each point. */
  readonly labels: ArrayLike<number>;
  /** Names of the classes, ten at most. */
  readonly classes: readonly string[];
  /**
   * Thumbnails for tooltips, by index, of as many points as should have one: each adds about 1 kB,
   * `new Map(indices.map((index) => [index, thumbnail(…)]))`.
   */
  readonly images?: ReadonlyMap<number, string>;
}

/**
 * Draws the same points under one or more projections side by side. A click on
 * a class in the legend selects it in all panels (shift adds another); wheel
 * with ctrl, or pinching, and drag zoom and pan a panel; the tooltip shows the
 * class and the image.
 *
 * @param panels Projections of the same points, in the same order.
 * @param options What is known of the points.
 * @returns The chart; axes have no ticks because t-SNE and UMAP have no units.
 * @throws {RangeError} There are no points, a panel has too few or too many, a number is not finite, or a
 * class has no name or no colour, or an image is no PNG.
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
  const groups = { groups: labels, names: classes, images };
  const gap = 12;
  const side = Math.min(440, Math.floor((WIDTH + gap) / panels.length) - gap);
  return themed({
    title: ZOOM_HINT,
    ...pointTable(panels, groups),
    hconcat: panels.map((_, at) => pointPanel(panels, at, groups, side, true)),
    spacing: gap,
  });
}
