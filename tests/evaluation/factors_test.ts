import assert from "node:assert/strict";
import { generator } from "../../lib/base/random.ts";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import { factorsMetric, type FactorsOptions, noisy } from "../../lib/evaluation/factors.ts";
import type { Labelled } from "../../lib/evaluation/metric.ts";

await start();

const defaults = factorsMetric.options.parse({}) as unknown as FactorsOptions;

/** Points that show the class far apart, its halves closer, and nothing of a third thing. */
function drawn(seed: number, count: number): Labelled {
  const random = generator("factors", seed);
  const labels = Uint8Array.from({ length: count }, (_, at) => at % 3);
  const half = labels.map((label) => 2 * label + random.integer(2));
  const hidden = labels.map(() => random.integer(2));
  const features = tf.tensor2d(Array.from(half, (half, at) => {
    const direction = [0, 0, 0];
    direction[labels[at]] = 10;
    return [...direction, half % 2 === 0 ? 3 : -3].map((value) => value + random.normal() / 2);
  }));
  return { features, labels, levels: { half, hidden } };
}

const judged = { train: drawn(1, 600), heldOut: drawn(2, 300), test: drawn(3, 300), classes: 3, seed: 0 };

Deno.test("what is shown is found, what is not is at chance", async () => {
  const found = await factorsMetric.measure(judged, defaults) as Record<string, number>;
  assert.deepEqual(Object.keys(found), [
    ...["kappa of classes %", "kappa of half %", "kappa of hidden %"],
    ...["AMI of classes %", "AMI of half %", "AMI of hidden %"],
  ]);
  assert.equal(found["kappa of classes %"], 100);
  assert.ok(found["kappa of half %"] > 99, JSON.stringify(found));
  assert.ok(Math.abs(found["kappa of hidden %"]) < 15, JSON.stringify(found));
  assert.ok(found["AMI of half %"] > 99 && Math.abs(found["AMI of hidden %"]) < 3, JSON.stringify(found));
});

Deno.test("noise takes of the fine more than of the coarse, and is the same each time", async () => {
  const options = { ...defaults, noise: [0.5, 2] };
  const found = await factorsMetric.measure(judged, options) as Record<string, number>;
  // The hidden thing lies across the classes.
  assert.deepEqual(Object.keys(found).filter((name) => name.includes("0.5")), [
    "kappa of classes at noise 0.5 %",
    "kappa of half at noise 0.5 %",
  ]);
  const lost = (name: string) => found[`kappa of ${name} %`] - found[`kappa of ${name} at noise 0.5 %`];
  assert.ok(lost("half") > 2 * Math.max(lost("classes"), 0) && lost("half") > 1, JSON.stringify(found));
  assert.ok(found["kappa of half at noise 2 %"] < found["kappa of half at noise 0.5 %"]);
  assert.deepEqual(await factorsMetric.measure(judged, options), found);
});

Deno.test("noise is in parts of each feature's own deviation", () => {
  const x = tf.tensor2d(Array.from({ length: 4000 }, (_, at) => [at % 2, 100 * (at % 2), 7]));
  const added = tf.tidy(() => tf.moments(noisy(x, 0.5, 1).sub(x), 0).variance.sqrt().arraySync()) as number[];
  for (const [at, deviation] of [0.25, 25, 0].entries()) {
    assert.ok(Math.abs(added[at] - deviation) <= 0.03 * deviation, `${at}: ${added}`);
  }
});

Deno.test("images without levels have their classes", async () => {
  const bare = ({ features, labels }: Labelled) => ({ features, labels });
  const sets = { train: bare(judged.train), heldOut: bare(judged.heldOut), test: bare(judged.test) };
  const found = await factorsMetric.measure({ ...judged, ...sets }, defaults);
  assert.deepEqual(Object.keys(found), ["kappa of classes %", "AMI of classes %"]);
});
