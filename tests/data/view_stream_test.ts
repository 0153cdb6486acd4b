import assert from "node:assert/strict";
import { generate } from "../../lib/data/generated.ts";
import { type ViewBatch, viewStream } from "../../lib/data/view_stream.ts";
import type { ViewOptions } from "../../lib/data/views.ts";

const view: ViewOptions = {
  size: 32,
  cropScale: [0.3, 1],
  flip: 0.5,
  jitter: { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
  greyscale: 0.2,
  blur: 0.3,
  solarise: 0.3,
};
const set = generate({ seed: 0, train: 50, test: 10 }).train;

async function collect(
  options: { workers?: number; startStep?: number; seed?: number },
): Promise<ViewBatch[]> {
  await using stream = viewStream({ set, seed: 0, batch: 8, epochs: 2, views: 2, view, ...options });
  return await Array.fromAsync(stream);
}

Deno.test("one, two and three workers give the same views in the same order", async () => {
  const [one, two, three] = [await collect({}), await collect({ workers: 2 }), await collect({ workers: 3 })];
  assert.deepEqual(one.map(({ step }) => step), Array.from({ length: 12 }, (_, step) => step));
  assert.deepEqual(two, one);
  assert.deepEqual(three, one);
});

Deno.test("a stream that starts in the middle goes on as the whole one does", async () => {
  const whole = await collect({});
  assert.deepEqual(await collect({ startStep: 7 }), whole.slice(7));
});

Deno.test("each epoch has each image at most once, in another order, in other views", async () => {
  const batches = await collect({});
  const epochs = [0, 1].map((epoch) => batches.filter((batch) => batch.epoch === epoch));
  const orders = epochs.map((epoch) => epoch.flatMap(({ indices }) => [...indices]));
  for (const order of orders) assert.equal(new Set(order).size, 48);
  assert.notDeepEqual(orders[0], orders[1]);
  assert.notDeepEqual(batches[0].views[0], batches[0].views[1]);
});

Deno.test("another seed gives other views; all values lie in 0..1", async () => {
  const [a, b] = [await collect({ seed: 0 }), await collect({ seed: 1 })];
  assert.notDeepEqual(a[0].views, b[0].views);
  for (const { views } of a) {
    for (const values of views) assert.ok(values.every((value) => value >= 0 && value <= 1));
  }
});

Deno.test("a fault in a worker surfaces", async () => {
  await using stream = viewStream({
    set: { ...set, images: set.images.subarray(0, 3000) },
    seed: 0,
    batch: 8,
    epochs: 1,
    views: 1,
    view: { ...view, size: -1 },
  });
  await assert.rejects(Array.fromAsync(stream), /^Error: Views could not be computed: .*Invalid/);
});
