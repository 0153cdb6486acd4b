import assert from "node:assert/strict";
import { generate } from "../../lib/data/generated.ts";
import { openDataset } from "../../lib/data/datasets.ts";
import { start } from "../../lib/compute/backend.ts";
import { drawView, viewsOf } from "../../lib/data/views.ts";
import { trainingImages } from "../../lib/data/split.ts";
import { readSpecFile } from "../../lib/experiments/spec_file.ts";
import { besideOf, demandLabels } from "../../lib/training/beside.ts";
import { readMetrics } from "../../lib/training/log.ts";
import { runId } from "../../lib/training/spec.ts";
import { train } from "../../lib/training/train.ts";
import { join } from "@std/path";

await start();

const dataset = generate({ seed: 0, train: 80, test: 10 });
const jitter = { probability: 0, brightness: 0, contrast: 0, saturation: 0, hue: 0 };
const view = {
  size: 32,
  cropScale: [0.2, 0.6],
  flip: 0.5,
  jitter,
  greyscale: 0,
  blur: 0,
  solarise: 0,
} as const;
const level = (labels: string, ...projector: number[]) =>
  ({
    ...{ encoder: { kind: "resnet" }, projector, loss: { name: "supervised", labels }, weight: 1 },
  }) as unknown as Parameters<typeof demandLabels>[0]["levels"][number];

Deno.test("embeddings have to be logits of labels that there are", () => {
  demandLabels({ levels: [level("classes", 10), level("subtype", 64, 30)] }, dataset);
  const faults: [Parameters<typeof demandLabels>[0]["levels"], RegExp][] = [
    [
      [level("subtype", 64)],
      /^levels\.0\.loss\.labels is subtype, of which generated has 30, but levels\.0\.projector ends in 64: its last width has to be their number, such as --set levels\.0\.projector=\[30\]\.$/,
    ],
    [[level("classes")], /levels\.0\.projector is empty/],
    [
      [level("classes", 10), level("sub", 3)],
      /^levels\.1\.loss\.labels is sub, which generated does not have\. .*subtype/,
    ],
  ];
  for (const [levels, message] of faults) {
    assert.throws(() => demandLabels({ levels }, dataset), { name: "UsageError", message });
  }
  const unlabelled = { ...dataset, train: { ...dataset.train, unlabelled: true as const } };
  assert.throws(() => demandLabels({ levels: [level("classes", 10)] }, unlabelled), {
    name: "UsageError",
    message: /nobody knows the classes/,
  });
});

Deno.test("a batch has the labels of its images", () => {
  const set = trainingImages(dataset, 60, 3), indices = Int32Array.of(5, 0, 59);
  const levels = [level("classes", 10), level("colour", 8)];
  const { labels: found, crops } = besideOf({ levels, seed: 0, view }, set, { epoch: 0, indices });
  assert.deepEqual(crops, []);
  assert.deepEqual(Object.keys(found), ["classes", "colour"]);
  assert.deepEqual([...found.classes.dataSync()], [5, 0, 59].map((at) => set.labels[at]));
  assert.deepEqual([...found.colour.dataSync()], [5, 0, 59].map((at) => set.levels!.colour[at]));
});

const predicting = (options: object) =>
  ({
    loss: { name: "predictive", predictor: [8], condition: "crops", target: "other", ...options },
  }) as unknown as Parameters<typeof besideOf>[0]["levels"][number];

Deno.test("a predictor is told where the views of its share were cropped", () => {
  // Red grows from left to right, green from top to bottom.
  const side = 32,
    place = Array.from({ length: side * side }, (_, at) => [at % side, Math.floor(at / side), 0]);
  const image = Uint8Array.from(place.flat(), (value) => 8 * value);
  const set = {
    images: new Uint8Array([...image, ...image, ...image, ...image]),
    labels: new Uint8Array(4),
    height: side,
    width: side,
  };
  const indices = Int32Array.of(3, 1, 0, 2), spec = { levels: [predicting({})], seed: 5, view };
  const { crops } = besideOf(spec, set, { epoch: 2, indices }, { task: 1, of: 2 });
  assert.deepEqual(crops.map(({ shape }) => shape), [[2, 5], [2, 5]]);
  const drawn = new Float32Array(side * side * 3),
    all = viewsOf(view),
    at = (x: number, y: number) => 3 * (side * y + x);
  const mirrors = new Set<number>();
  for (const [number, crop] of crops.entries()) {
    for (const [row, [down, across, height, width, mirror]] of (crop.arraySync() as number[][]).entries()) {
      drawView(set, { seed: 5, epoch: 2, index: indices[2 + row], number }, all, drawn);
      const mean = (channel: number) =>
        drawn.reduce((sum, x, at) => at % 3 === channel ? sum + x : sum, 0) / side ** 2;
      /** A pixel's place of 32, from what it shows, in -1..1. */
      const seen = (value: number) => 2 * (value * 255 / 8 + 0.5) / side - 1;
      assert.ok(Math.abs(seen(mean(0)) - across) < 0.02, `${seen(mean(0))}, ${across}`);
      assert.ok(Math.abs(seen(mean(1)) - down) < 0.02, `${seen(mean(1))}, ${down}`);
      const right = drawn[at(side - 1, 0)] - drawn[at(0, 0)],
        below = drawn[at(0, side - 1) + 1] - drawn[at(0, 0) + 1];
      assert.equal(Math.sign(right), -mirror);
      const part = (difference: number) => 2 * (difference * 255 / 8 + 1) / side - 1;
      assert.ok(Math.abs(part(Math.abs(right)) - width) < 0.07 && Math.abs(part(below) - height) < 0.07);
      mirrors.add(mirror);
    }
  }
  assert.deepEqual([...mirrors].sort(), [-1, 1]);
  // A frozen level's predictor is applied like a trained one's.
  const frozen = { ...predicting({}), frozen: "0".repeat(12) };
  assert.equal(besideOf({ ...spec, levels: [frozen] }, set, { epoch: 2, indices }).crops.length, 2);
  assert.deepEqual(
    besideOf({ ...spec, levels: [predicting({ condition: "none" })] }, set, { epoch: 2, indices }).crops,
    [],
  );
});

Deno.test("a second stack learns to predict what it is given of the other view", async () => {
  const runs = await Deno.makeTempDir(), from = "quick/s-jea";
  const set = [
    'data.dataset={"name":"generated","seed":0,"train":200,"test":10}',
    ...["data.images=160", "batch=32", "epochs=10", "schedule.warmupEpochs=1", "precision=float32"],
    ...[
      "levels.0.encoder.width=4",
      "levels.0.projector=16",
      "levels.1.encoder.width=4",
      "levels.1.projector=[]",
    ],
    'levels.1.loss={"name":"predictive","predictor":[16]}',
  ];
  await assert.rejects(readSpecFile({ from, set: [...set, "view.number=3"] }), {
    name: "UsageError",
    message: /view\.number.*levels\.1\.loss is predictive, which takes two views of one size; leave it out/,
  });
  const { spec } = await readSpecFile({ from, set });
  await train(spec, await openDataset(spec.data.dataset), runs, "predictive");
  const terms = (await readMetrics(join(runs, runId(spec)))).map(({ levels: [, { total }] }) => total);
  const mean = (some: number[]) => some.reduce((sum, value) => sum + value) / some.length;
  const [first, last] = [mean(terms.slice(0, 5)), mean(terms.slice(-5))];
  assert.ok(last < 0.9 * first, `${first}, ${last}`);
  await Deno.remove(runs, { recursive: true });
});

Deno.test("a supervised training learns the level that it is told", async () => {
  const runs = await Deno.makeTempDir(), from = "quick/vicreg";
  const set = [
    'data.dataset={"name":"generated","seed":0,"train":200,"test":10}',
    ...["data.images=160", "batch=32", "epochs=10", "schedule.warmupEpochs=1", "precision=float32"],
    ...["view.jitter.probability=0", "view.greyscale=0", "levels.0.encoder.width=4", "levels.0.projector=8"],
    'levels.0.loss={"name":"supervised","labels":"colour"}',
  ];
  await assert.rejects(readSpecFile({ from, set: [...set, "levels.0.projector=9"] }), {
    name: "UsageError",
    message: /^quick\/vicreg.*levels\.0\.loss\.labels is colour, of which generated has 8/,
  });
  const { spec } = await readSpecFile({ from, set });
  await train(spec, await openDataset(spec.data.dataset), runs, "supervised");
  const terms = (await readMetrics(join(runs, runId(spec)))).map(({ levels: [{ total }] }) => total);
  const mean = (some: number[]) => some.reduce((sum, value) => sum + value) / some.length;
  const [first, last] = [mean(terms.slice(0, 5)), mean(terms.slice(-5))];
  // Eight colours by chance: 2.1 nats.
  assert.ok(first > 1.8 && last < 1.9, `${first}, ${last}`);
  await Deno.remove(runs, { recursive: true });
});
