import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import { generate } from "../../lib/data/generated.ts";
import { features } from "../../lib/evaluation/features.ts";
import { knn } from "../../lib/evaluation/knn.ts";
import { readoutsOf } from "../../lib/evaluation/readouts.ts";
import { scoreStacks } from "../../lib/experiments/score.ts";
import { metricsFrom } from "../../lib/experiments/spec_file.ts";
import { RESNET_18 } from "../../lib/model/resnet.ts";
import { initialiseStack, type StackConfig } from "../../lib/model/stack.ts";

await start();

const encoder = { ...RESNET_18, width: 8, zeroInitResidual: false };
const model: StackConfig = {
  levels: [{ encoder, projector: [16] }, { encoder, projector: [], input: 3 }],
  wiring: "prepool",
  stopGradient: false,
};
const size = { height: 32, width: 32 };
const STAGES = ["stage 0", "stage 1", "stage 2", "stage 3"];

Deno.test("each stage is read, the input where it is small enough, and the embedding where there is a projector", () => {
  assert.deepEqual(Object.keys(readoutsOf(model, 0, size)), ["representation", ...STAGES, "embedding"]);
  const upper = readoutsOf(model, 1, size), all = "all representations";
  assert.deepEqual(Object.keys(upper), ["representation", "input, not pooled", ...STAGES, all]);
  // 8×8×32 numbers.
  assert.deepEqual(upper["input, not pooled"], [{ stack: 0, stage: 3, pooled: false }]);
  assert.deepEqual(upper[all], [0, 1].map((stack) => ({ stack, stage: 4, pooled: true })));
  const [lower] = model.levels,
    on = (level: object) => ({ ...model, levels: [lower, { ...lower, ...level }] });
  // 16×16×16 numbers are the most; 32×32×8 are too many.
  const names = (config: StackConfig) => Object.keys(readoutsOf(config, 1, size));
  assert.ok(names(on({ input: 2 })).includes("input, not pooled"));
  assert.ok(!names(on({ input: 1 })).includes("input, not pooled"));
  assert.deepEqual(names({ ...on({}), wiring: "embedding" }), [
    "representation",
    ...STAGES,
    "embedding",
    all,
  ]);
  const vit = { kind: "vit", patch: 2, width: 8, depth: 2, heads: 1, ratio: 1 } as const;
  assert.deepEqual(names(on({ encoder: vit, projector: [] })), [
    "representation",
    "input, not pooled",
    "stage 0",
    "stage 1",
    all,
  ]);
});

Deno.test("every place is judged as its own features are, beside other metrics", async () => {
  const { train, test } = generate({ seed: 1, train: 60, test: 40 });
  const network = initialiseStack(model, 1), images = { train, heldOut: train, test };
  const metrics = metricsFrom(["readouts.epochs=3", "readouts.k=5", "knn.k=[5]", "probe.epochs=3"], []);
  const before = tf.memory().numTensors;
  const [places, alone, probed] = await scoreStacks(
    { images, classes: 10, metrics, seed: 0 },
    network,
    model,
    () => {},
  );
  assert.equal(tf.memory().numTensors, before);
  for (const level of [0, 1]) {
    assert.deepEqual(
      Object.keys(places[level]),
      Object.keys(readoutsOf(model, level, size)).flatMap((name) => [`${name}: top-1`, `${name}: k-NN 5`]),
    );
    assert.deepEqual(places[level]["representation: k-NN 5"], alone[level]["k-NN 5"]);
    assert.deepEqual(places[level]["representation: top-1"], probed[level]["top-1"]);
  }
  for (const [name, readouts] of Object.entries(readoutsOf(model, 1, size))) {
    const [bank, queries] = await Promise.all([train, test].map(async (set) => ({
      features: tf.concat(await features(network, model, set, { readouts }), 1),
      labels: set.labels,
    })));
    const [{ predictions }] = await knn(bank, queries, { k: [5], temperature: 0.1, classes: 10 });
    assert.deepEqual(places[1][`${name}: k-NN 5`], predictions, name);
  }
});
