import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { generate } from "../../lib/data/generated.ts";
import { pixelFeatures } from "../../lib/evaluation/features.ts";
import { hierarchicalPrecision } from "../../lib/evaluation/retrieval.ts";
import { withinClasses } from "../../lib/evaluation/within.ts";
import { scorePixels } from "../../lib/experiments/score.ts";
import { metricsFrom } from "../../lib/experiments/spec_file.ts";

await start();

Deno.test("metrics are handed the test images' levels, of which they take what they are told", async () => {
  const { train, test } = generate({ seed: 1, train: 60, test: 300 });
  const colour = test.levels!.colour as Uint8Array;
  const pair = Uint8Array.from(test.labels, (label) => label >> 1);
  const metrics = metricsFrom(["within.reduce=8", 'retrieval.levels=["pair"]', "retrieval.k=1,5"], []);
  const images = { train, heldOut: train, test: { ...test, levels: { pair, colour } } };
  const [[within], [retrieval]] = await scorePixels({ images, classes: 10, metrics, seed: 0 });
  const pixels = pixelFeatures(test), options = { restarts: 10, reduce: 8 };
  assert.deepEqual(within, {
    "AMI of classes in pair %": 100 * await withinClasses(pixels, pair, test.labels, 0, options),
    "AMI of colour in classes %": 100 * await withinClasses(pixels, test.labels, colour, 0, options),
  });
  // Colour dominates pixels.
  assert.ok(Number(within["AMI of colour in classes %"]) > 5, JSON.stringify(within));
  const precision = await hierarchicalPrecision(pixels, [pair, test.labels], 5);
  assert.equal(retrieval["HP@5 %"], 100 * precision[4]);
});
