import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import { withinClasses, withinMetric, type WithinOptions } from "../../lib/evaluation/within.ts";
import { facts, fixture, tensor } from "../fixtures/read.ts";

await start();

const found = await fixture("hierarchy"), expected = await facts("hierarchy");
const x = tensor(found.x) as tf.Tensor2D;
const coarse = found.coarse.data as Uint8Array, fine = found.fine.data as Uint8Array;
const defaults = withinMetric.options.parse({}) as unknown as WithinOptions;

const judged = (labels: Uint8Array, levels?: Record<string, Uint8Array>) => {
  const test = { features: x, labels, levels };
  return { train: test, heldOut: test, test, classes: 10, seed: 0 };
};

Deno.test("AMI of fine classes inside coarse ones agrees with scikit-learn, in as many components as are kept", async () => {
  for (const [reduce, ami] of Object.entries<number>(expected.within)) {
    const ours = await withinClasses(x, coarse, fine, 0, { restarts: 50, reduce: Number(reduce) });
    assert.ok(Math.abs(ours - ami) < 1e-6, `${reduce} components: ${ours} instead of ${ami}`);
  }
});

Deno.test("labels that were dealt out anew inside the coarse classes are not found", async () => {
  // Every seventh image's class, of another image of the same coarse class: all are about as often as before.
  const members = Map.groupBy(coarse.keys(), (at) => coarse[at]);
  const dealt = fine.slice();
  for (const own of members.values()) own.forEach((at, turn) => dealt[at] = fine[own[turn * 7 % own.length]]);
  assert.ok(Math.abs(await withinClasses(x, coarse, dealt, 0, defaults)) < 0.03);
});

Deno.test("coarse classes count alike, but those with one fine class not at all", async () => {
  // Of 0, two pairs that are found; of 1, two halves that say nothing of the pairs; of 2, one class.
  const points = tf.tensor2d([
    ...[[1, 0], [1, 0.1], [0, 1], [0.1, 1]],
    ...[[1, 0], [1, 0.1], [0, 1], [0.1, 1]],
    ...[[1, 1], [1, 2]],
  ]);
  const groups = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2], classes = [0, 0, 1, 1, 2, 3, 2, 3, 4, 4];
  // Independent halves have an AMI of −1/2.
  assert.ok(Math.abs(await withinClasses(points, groups, classes, 0, defaults) - (1 - 0.5) / 2) < 1e-12);
  assert.ok(Number.isNaN(await withinClasses(points, groups, groups, 0, defaults)));
});

Deno.test("the metric takes for coarse what is divided, and what lies across the classes inside of them", async () => {
  const across = Uint8Array.from(fine, (_, at) => at % 3);
  const inside = await withinClasses(x, coarse, fine, 0, defaults);
  assert.deepEqual(await withinMetric.measure(judged(fine, { group: coarse, across }), defaults), {
    "AMI of classes in group %": 100 * inside,
    "AMI of across in classes %": 100 * await withinClasses(x, fine, across, 0, defaults),
  });
  assert.deepEqual(await withinMetric.measure(judged(coarse, { group: coarse, kind: fine }), defaults), {
    "AMI of kind in classes %": 100 * inside,
  });
});

Deno.test("the metric needs something beside the classes, and labels that are classes", async () => {
  for (const levels of [undefined, { same: coarse.map((label) => 9 - label) }]) {
    await assert.rejects(async () => await withinMetric.measure(judged(coarse, levels), defaults), {
      name: "DataError",
      message: "within: these images have one kind of classes, and nothing is known inside of them. " +
        "Take a data set with levels, or the labels of another level.",
    });
  }
  await assert.rejects(
    async () => await withinMetric.measure({ ...judged(fine, { coarse }), classes: 9 }, defaults),
    new RangeError("test: expected labels below 9, the number of classes, got 9."),
  );
});

Deno.test("within-class AMI frees what it makes", async () => {
  const before = tf.memory().numTensors;
  await withinClasses(x, coarse, fine, 0, { restarts: 1, reduce: 3 });
  assert.equal(tf.memory().numTensors, before);
});
