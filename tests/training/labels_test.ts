import assert from "node:assert/strict";
import { generate } from "../../lib/data/generated.ts";
import { openDataset } from "../../lib/data/datasets.ts";
import { start } from "../../lib/compute/backend.ts";
import { trainingImages } from "../../lib/data/split.ts";
import { readSpecFile } from "../../lib/experiments/spec_file.ts";
import { demandLabels, labelsOf } from "../../lib/training/labels.ts";
import { readMetrics } from "../../lib/training/log.ts";
import { runId } from "../../lib/training/spec.ts";
import { train } from "../../lib/training/train.ts";
import { join } from "@std/path";

await start();

const dataset = generate({ seed: 0, train: 80, test: 10 });
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
  const found = labelsOf({ levels: [level("classes", 10), level("colour", 8)] }, set, indices);
  assert.deepEqual(Object.keys(found), ["classes", "colour"]);
  assert.deepEqual([...found.classes.dataSync()], [5, 0, 59].map((at) => set.labels[at]));
  assert.deepEqual([...found.colour.dataSync()], [5, 0, 59].map((at) => set.levels!.colour[at]));
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
