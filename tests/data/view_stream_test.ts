import assert from "node:assert/strict";
import { generator, permutation } from "../../lib/base/random.ts";
import { generate } from "../../lib/data/generated.ts";
import { type ViewBatch, viewStream, type ViewStreamOptions } from "../../lib/data/view_stream.ts";
import { augment, type ViewOptions } from "../../lib/data/views.ts";

const view: ViewOptions = {
  size: 32,
  cropScale: [0.3, 1],
  flip: 0.5,
  jitter: { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
  greyscale: 0.2,
  blur: 0.3,
  solarise: 0.3,
  second: { cropScale: [0.6, 1], blurKernel: 7, solarise: 0 },
};
const set = generate({ seed: 0, train: 50, test: 10 }).train;

const open = (options: Partial<ViewStreamOptions> = {}) =>
  viewStream({ set, seed: 0, batch: 8, epochs: 2, view, ...options });

async function collect(options: Partial<ViewStreamOptions> = {}): Promise<ViewBatch[]> {
  await using stream = open(options);
  return await Array.fromAsync(stream);
}

/** The same batch, computed here and now. */
function inPlace(epoch: number, step: number, batch: number): ViewBatch {
  const from = step % Math.floor(50 / batch) * batch;
  const indices = permutation(50, generator("order", 0, epoch)).slice(from, from + batch);
  const { second: _, ...first } = view;
  const views = [first, { ...first, cropScale: [0.6, 1], blurKernel: 7, solarise: 0 } as const].map(
    (how, number) => {
      const out = new Float32Array(batch * 3072);
      indices.forEach((index, at) => {
        const image = set.images.subarray(index * 3072, (index + 1) * 3072);
        augment(image, 32, 32, how, generator("view", 0, epoch, index, number), out, at * 3072);
      });
      return out;
    },
  );
  return { step, epoch, indices, views };
}

Deno.test("one, two and three workers give the views that are computed in place, in order", async () => {
  const expected = Array.from({ length: 12 }, (_, step) => inPlace(Math.floor(step / 6), step, 8));
  for (const workers of [1, 2, 3]) assert.deepEqual(await collect({ workers }), expected);
});

Deno.test("shares of a batch, one after the other, are the batch; each knows all its images", async () => {
  const [whole, ...shares] = await Promise.all(
    [undefined, 0, 1].map((task) =>
      collect({ epochs: 1, ...task !== undefined && { share: { task, of: 2 } } })
    ),
  );
  for (const [step, { indices, views }] of whole.entries()) {
    const parts = shares.map((share) => share[step]);
    assert.deepEqual(parts.map(({ indices }) => indices), [indices, indices]);
    const joined = views.map((_, view) => Float32Array.from(parts.flatMap(({ views }) => [...views[view]])));
    assert.deepEqual(joined, views);
  }
});

Deno.test("of more than two views, both descriptions take turns", async () => {
  const [{ views: two }] = await collect(),
    [{ views: four }] = await collect({ view: { ...view, number: 4 } });
  assert.deepEqual(four.slice(0, 2), two);
  const [{ views: bright }] = await collect({
    view: { ...view, number: 4, second: { ...view.second, solarise: 1 } },
  });
  const changed = bright.map((values, number) => values.some((value, at) => value !== four[number][at]));
  assert.deepEqual(changed, [false, true, false, true]);
});

Deno.test("how far it computes ahead changes nothing", async () => {
  assert.deepEqual(await collect({ ahead: 1, workers: 2 }), await collect({ ahead: 20 }));
});

Deno.test("a stream that starts in the middle goes on as the whole one does", async () => {
  const whole = await collect();
  for (const startStep of [5, 6, 7]) assert.deepEqual(await collect({ startStep }), whole.slice(startStep));
  assert.deepEqual(await collect({ startStep: 12 }), []);
});

Deno.test("a view does not depend on the batch that it is in", async () => {
  const views = (batches: ViewBatch[]) =>
    new Map(
      batches.flatMap(({ epoch, indices, views }) =>
        [...indices].map((index, at) =>
          [`${epoch} ${index}`, views.map((view) => view.slice(at * 3072, (at + 1) * 3072))] as const
        )
      ),
    );
  const eight = views(await collect()), five = views(await collect({ batch: 5 }));
  assert.equal(five.size, 100);
  for (const [image, expected] of eight) assert.deepEqual(five.get(image), expected);
});

Deno.test("each epoch has each image at most once, in another order, in other views", async () => {
  const batches = await collect();
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

Deno.test("an error in a worker surfaces as that error", async () => {
  await assert.rejects(collect({ view: { ...view, size: 1e8 } }), {
    name: "RangeError",
    message: "Invalid typed array length: 240000000000000000",
  });
});

Deno.test("a closed stream says so", async () => {
  const stream = open();
  const batches = stream[Symbol.asyncIterator]();
  await batches.next();
  await stream[Symbol.asyncDispose]();
  const closed = { name: "Error", message: "The stream of views is closed." };
  await assert.rejects(async () => {
    for (let step = 1; step < 12; step++) await batches.next();
  }, closed);
  await assert.rejects(Array.fromAsync(stream), closed);
});

Deno.test("views are small until their part of all steps is over, whichever step the stream starts at", async () => {
  const early = { size: 16, part: 0.75 },
    sizes = (batches: ViewBatch[]) => batches.map(({ views: [{ length }] }) => Math.sqrt(length / 8 / 3));
  const whole = await collect({ view: { ...view, early } });
  assert.deepEqual(sizes(whole), [...new Array(9).fill(16), ...new Array(3).fill(32)]);
  assert.deepEqual(await collect({ view: { ...view, early }, startStep: 8 }), whole.slice(8));
  const [{ views: small }] = await collect({ view: { ...view, size: 16 } });
  assert.deepEqual(whole[0].views, small);
  assert.deepEqual(whole.slice(9), (await collect()).slice(9));
});
