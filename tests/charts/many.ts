/** One of each chart of many classes, whose names are long or look like markup. */
import { comparison } from "../../lib/charts/comparison.ts";
import { confusionMatrix } from "../../lib/charts/confusion.ts";
import { embedding } from "../../lib/charts/embedding.ts";
import { imageGrid } from "../../lib/charts/image_grid.ts";
import { subClusters } from "../../lib/charts/sub_clusters.ts";
import { contactSheet, thumbnail } from "../../lib/charts/thumbnails.ts";
import { trainingCurves } from "../../lib/charts/training_curves.ts";
import type { Chart } from "../../lib/charts/theme.ts";
import { tableBundle } from "../../lib/notebook/table.ts";
import { clouds, photograph } from "./drawn.ts";
import { log } from "./examples.ts";

/** Names of so many classes, each another one. */
export function manyClasses(count: number): string[] {
  const kinds = [
    (at: number) => `<script>alert(${at})</script>`,
    (at: number) => `a mountain kinglet of the ruby-crowned kind, number ${at}, "in flight"`,
    (at: number) => `finch ${at}`,
    (at: number) => `n0${1440764 + at}`,
  ];
  return Array.from({ length: count }, (_, at) => kinds[at % kinds.length](at));
}

/**
 * The charts.
 *
 * @param classes Names of the classes.
 * @returns By name.
 */
export function manyCharts(classes: readonly string[]): Record<string, Chart> {
  const count = classes.length, labels = Uint8Array.from({ length: 10 * count }, (_, at) => at % count);
  const shades = labels.map((label) => label % 10);
  const thumbnails = Array.from({ length: 8 }, (_, seed) => thumbnail(photograph(seed, 32), 32));
  const sheet = contactSheet(Array.from({ length: 20 }, (_, at) => photograph(at, 32)), 32, 10);
  const ten = labels.subarray(0, 100).map((_, at) => at % 10);
  return {
    embedding: embedding(
      [0, 1, 2].map((seed) => ({ title: `stack ${seed}`, points: clouds(shades, seed) })),
      { labels, classes },
    ),
    confusion: confusionMatrix(
      classes.map((_, truth) =>
        classes.map((_, predicted) =>
          predicted === truth ? 70 : (truth * 7 + predicted * 3) % 29 === 0 ? 5 : 0
        )
      ),
      classes,
    ),
    "image grid": imageGrid(
      classes.slice(0, 12).map((name, row) => ({
        images: thumbnails,
        captions: thumbnails.map((_, at) => at === 0 ? name : classes[(row + at) % count]),
        frame: thumbnails.map((_, at) => at % 3 > 0),
      })),
    ),
    "sub-clusters": subClusters({
      title: classes[1],
      points: clouds(ten, 3),
      clusters: ten,
      strips: Array.from({ length: 10 }, () => sheet),
    }),
    comparison: comparison(classes.flatMap((label, at) => [
      { label, metric: "top-1 (%)", ours: 40 + at % 50, std: at % 3, paper: 45 + at % 47 },
      { label, metric: "k-NN (%)", ours: 30 + at % 50 },
    ])),
    curves: trainingCurves(classes.slice(0, 5).map((name, at) => log(name, 1 + at, 5))),
  };
}

/** A table with a row a class. */
export const manyRows = (classes: readonly string[]) =>
  tableBundle({
    columns: ["class", "stack", "top-1 %", "k-NN %"],
    rows: classes.map((name, at) => [name, `stack ${at % 3}`, (at % 100).toFixed(1), (at % 90).toFixed(1)]),
  }, { caption: "Accuracy of each class" });
