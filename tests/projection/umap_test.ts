import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import { trustworthiness } from "../../lib/projection/trustworthiness.ts";
import { umap } from "../../lib/projection/umap.ts";
import { facts, fixture, tensor } from "../fixtures/read.ts";

await start();

const x = tensor((await fixture("projection")).x) as tf.Tensor2D;

Deno.test("UMAP can be trusted nearly as scikit-learn's t-SNE", async () => {
  const { trustworthiness: scores } = await facts("projection");
  const points = await umap(x, { seed: 0 });
  for (const [k, score] of Object.entries<number>(scores)) {
    const ours = await trustworthiness(x, points, Number(k));
    assert.ok(ours > score - 0.05, `${ours} at ${k}, where t-SNE has ${score}`);
  }
});

Deno.test("the same seed gives the same picture, another one another", async () => {
  const first = await umap(x, { seed: 1, epochs: 20 });
  assert.deepEqual(await umap(x, { seed: 1, epochs: 20 }), first);
  assert.notDeepEqual(await umap(x, { seed: 2, epochs: 20 }), first);
});

Deno.test("a larger least distance spreads the points", async () => {
  /** Mean distance of a point and the next one, which is of another cloud or far away in its own. */
  const nearest = async (minDistance: number) => {
    const points = await umap(x, { seed: 0, minDistance, epochs: 100 });
    let total = 0;
    for (let at = 0; at < points.length; at += 2) {
      let least = Infinity;
      for (let other = 0; other < points.length; other += 2) {
        if (other === at) continue;
        least = Math.min(least, Math.hypot(points[at] - points[other], points[at + 1] - points[other + 1]));
      }
      total += least;
    }
    return total;
  };
  assert.ok(await nearest(0.8) > 2 * await nearest(0.05));
});

Deno.test("progress is told after every epoch, while other things can happen", async () => {
  const told: string[] = [];
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  await umap(x, { seed: 0, epochs: 300, progress: (done, total) => told.push(`${done} of ${total}`) });
  clearInterval(timer);
  assert.deepEqual([told.length, told[0], told.at(-1)], [300, "1 of 300", "300 of 300"]);
  assert.ok(turns > 1);
});

Deno.test("equal points and one feature are no error", async () => {
  for (const some of [tf.ones([40, 3]), tf.range(0, 40).expandDims(1)] as tf.Tensor2D[]) {
    const points = await umap(some, { seed: 0, epochs: 50 });
    assert.equal(points.length, 80);
    assert.ok(points.every(Number.isFinite));
  }
});

Deno.test("UMAP frees what it makes", async () => {
  const before = tf.memory().numTensors;
  await umap(x, { seed: 0, epochs: 2 });
  assert.equal(tf.memory().numTensors, before);
});

Deno.test("UMAP of few points takes all others for neighbours", async () => {
  const few = tf.randomNormal([7, 3], 0, 1, "float32", 1) as tf.Tensor2D;
  assert.equal((await umap(few, { seed: 0, epochs: 2 })).length, 14);
});

Deno.test("UMAP refuses neighbours that there are not", async () => {
  for (const neighbours of [1, 15, 2.5]) {
    await assert.rejects(umap(tf.zeros([15, 2]), { seed: 0, neighbours }), {
      name: "RangeError",
      message: `UMAP of 15 points needs 2 to 14 neighbours, not ${neighbours}.`,
    });
  }
});
