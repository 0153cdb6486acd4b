import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { demandFinite } from "../../lib/compute/finite.ts";
import { tf } from "../../lib/compute/tf.ts";
import { kmeans, silhouette } from "../../lib/evaluation/clusters.ts";
import { knn } from "../../lib/evaluation/knn.ts";
import type { Labelled } from "../../lib/evaluation/metric.ts";
import { probe } from "../../lib/evaluation/probe.ts";
import { neighbours } from "../../lib/projection/neighbours.ts";
import { pca } from "../../lib/projection/pca.ts";
import { trustworthiness } from "../../lib/projection/trustworthiness.ts";
import { tsne } from "../../lib/projection/tsne.ts";
import { umap } from "../../lib/projection/umap.ts";

await start();

/** Twenty points of which one is none. */
function points(value: number): tf.Tensor2D {
  return tf.tensor2d(Float32Array.from({ length: 60 }, (_, at) => at === 13 ? value : Math.sin(at)), [20, 3]);
}

Deno.test("the row and the number are named", () => {
  demandFinite(points(1e19), "points");
  demandFinite(tf.zeros([0, 3]), "points");
  for (
    const [value, holds] of [
      [NaN, "NaN at position 1"],
      [Infinity, "Infinity at position 1"],
      [-Infinity, "-Infinity at position 1"],
      [-2e19, "2.0e+19, whose square does not fit into float32"],
    ] as const
  ) {
    assert.throws(
      () => demandFinite(points(value), "points"),
      new RangeError(`points: expected finite numbers, row 4 holds ${holds}.`),
    );
  }
});

const labels = Uint8Array.from({ length: 20 }, (_, at) => at % 2);
const sound: Labelled = { features: points(0), labels };
const votes = { k: [3], temperature: 0.1, classes: 2 };
const options = { classes: 2, epochs: 1, seed: 0, protocol: "standard" } as const;
const sets = { train: sound, validation: sound, test: sound };

/** All that turns representations into numbers or places. */
const measures: Record<string, (x: tf.Tensor2D) => unknown> = {
  "k-NN's bank": (features) => knn({ features, labels }, sound, votes),
  "k-NN's queries": (features) => knn(sound, { features, labels }, votes),
  "the probe's training": (features) => probe({ ...options, ...sets, train: { features, labels } }),
  "the probe's validation": (features) => probe({ ...options, ...sets, validation: { features, labels } }),
  "the probe's test": (features) => probe({ ...options, ...sets, test: { features, labels } }),
  "k-means": (x) => kmeans(x, 2, 0),
  "silhouette": (x) => silhouette(x, labels),
  "neighbours": (x) => neighbours(x, 2),
  "principal components": (x) => pca(x, 2),
  "trustworthiness": (x) => trustworthiness(x, new Float32Array(40), 2),
  "trustworthiness of a projection": (x) => trustworthiness(points(0), x.dataSync() as Float32Array, 2),
  "t-SNE": (x) => tsne(x, { seed: 0, perplexity: 4, iterations: 10 }),
  "UMAP": (x) => umap(x, { seed: 0, neighbours: 4, epochs: 2 }),
};

for (const [name, measure] of Object.entries(measures)) {
  Deno.test(`${name}: what is no number has no measure`, async () => {
    await measure(points(0.5));
    for (const value of [NaN, Infinity, 1e30]) {
      await assert.rejects(async () => await measure(points(value)), {
        name: "RangeError",
        message: /: expected finite numbers, row 4 holds /,
      });
    }
  });
}
