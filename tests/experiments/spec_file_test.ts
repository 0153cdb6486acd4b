import "../needs.ts";
import assert from "node:assert/strict";
import { join } from "@std/path";
import { places } from "../../lib/base/places.ts";
import { start } from "../../lib/compute/backend.ts";
import { readSpecFile, specFileSchema } from "../../lib/experiments/spec_file.ts";
import { preset } from "../../lib/experiments/presets.ts";
import { RUN_NAMES, runSpec } from "../../lib/experiments/runs.ts";
import { LOSSES } from "../../lib/loss/losses.ts";
import { readMetrics } from "../../lib/training/log.ts";
import { runId, specSchema } from "../../lib/training/spec.ts";
import { train } from "../../lib/training/train.ts";

await start();

/** A folder with JSON files. */
async function files(contents: Readonly<Record<string, unknown>>): Promise<string> {
  const folder = await Deno.makeTempDir();
  for (const [name, json] of Object.entries(contents)) {
    await Deno.writeTextFile(join(folder, name), typeof json === "string" ? json : JSON.stringify(json));
  }
  return folder;
}

Deno.test("every run of the paper, by its preset, is the run that reproduce trains", async () => {
  for (const name of RUN_NAMES) {
    const { spec, dataset } = await readSpecFile({ from: `smoke/${name}` });
    assert.deepEqual(spec, runSpec(name, preset("smoke"), dataset, 0));
    assert.deepEqual(specSchema.parse(spec), spec);
  }
});

Deno.test("a file extends another one, which extends a run; --set comes last", async () => {
  const folder = await files({
    "base.json": { extends: "smoke/s-jea", epochs: 7, optimiser: { beta1: 0.5 } },
    "mine.json": {
      $schema: "spec.schema.json",
      extends: "base.json",
      epochs: 3,
      schedule: { name: "vicreg", base: 1 },
    },
  });
  const set = [
    "levels.1.encoder.width=16",
    "levels.0.projector=8,4",
    "stopGradient=true",
    "view.jitter.hue=0.2",
  ];
  const { spec } = await readSpecFile({ from: join(folder, "mine.json"), set });
  const { spec: base } = await readSpecFile({ from: "smoke/s-jea" });
  assert.deepEqual(spec, {
    ...base,
    epochs: 3,
    optimiser: { ...base.optimiser, beta1: 0.5 },
    // Another kind of schedule takes nothing of the one below it.
    schedule: { name: "vicreg", base: 1, warmupEpochs: 0 },
    stopGradient: true,
    levels: [
      { ...base.levels[0], projector: [8, 4] },
      { ...base.levels[1], encoder: { ...base.levels[1].encoder, width: 16 } },
    ],
    view: { ...base.view, jitter: { ...base.view.jitter, hue: 0.2 } },
  });
  await Deno.remove(folder, { recursive: true });
});

Deno.test("three levels of any geometry are in the file", async () => {
  const encoder = { kind: "resnet", depth: 18, width: 4, strides: "none" }, loss = { name: "vicreg" };
  const levels = [{ encoder, loss }, { encoder, loss, weight: 0.5 }, {
    encoder: { ...encoder, depth: 34, strides: [1, 1, 1, 1] },
    loss,
  }];
  const folder = await files({ "three.json": { extends: "smoke/s-jea", levels } });
  const { spec } = await readSpecFile({ from: join(folder, "three.json") });
  assert.deepEqual(spec.levels.map(({ weight }) => weight), [1, 0.5, 1]);
  assert.deepEqual(
    spec.levels.map(({ encoder }) => encoder.kind === "resnet" && encoder.strides),
    Array(3).fill([1, 1, 1, 1]),
  );
  await Deno.remove(folder, { recursive: true });
});

Deno.test("what is wrong in a file is told with the file, the place and the nearest name", async () => {
  const folder = await files({
    "typo.json": { extends: "smoke/s-jea", epoch: 3 },
    "circle.json": { extends: "circle.json" },
    "list.json": [],
    "text.json": "{ epochs: 3 }",
  });
  const at = (name: string) => join(folder, name);
  const refused: [from: string, set: string[], message: string | RegExp][] = [
    [at("typo.json"), [], `${at("typo.json")}: there is no field epoch. Did you mean epochs?`],
    [at("circle.json"), [], /extends .*circle\.json: that is a circle\.$/],
    [at("list.json"), [], `${at("list.json")} holds no JSON object.`],
    [at("text.json"), [], /text\.json cannot be read as JSON/],
    [
      at("none.json"),
      [],
      /^There is no file .*none\.json\. Name a JSON file, or a run of a preset such as quick\/s-jea/,
    ],
    [
      "smoke/s-jea",
      ["levels.1.encoder.strides=non"],
      'smoke/s-jea, with --set levels.1.encoder.strides=non: levels.1.encoder.strides is "non". Did you mean none?',
    ],
    ["smoke/sjea", [], 'Preset smoke has no run "sjea". Did you mean smoke/s-jea?'],
    [
      "smoke/s-jea",
      ["levels.5.weight=1"],
      "--set levels.5.weight=1: there are 2 entries, from 0 to 1, and no 5.",
    ],
    ["smoke/s-jea", ["epochs"], "--set epochs: say FIELD=VALUE, such as epochs=3."],
    [
      "smoke/s-jea",
      ["levels.0.encoder.widht=8"],
      "smoke/s-jea, with --set levels.0.encoder.widht=8: there is no field levels.0.encoder.widht. Did you mean width?",
    ],
  ];
  for (const [from, set, message] of refused) {
    await assert.rejects(readSpecFile({ from, set }), { name: "UsageError", message });
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("the schema for editors describes every field and demands none", () => {
  const schema = JSON.stringify(specFileSchema());
  assert.ok(!schema.includes('"required"'));
  for (const word of ["extends", "levels", "strides", "invariance", "warmupEpochs", "splitSeed"]) {
    assert.ok(schema.includes(`"${word}"`), word);
  }
});

const RECIPES = join(places.lib, "experiments", "recipes");

Deno.test("recipes of others state every field, and train", async () => {
  const files = (await Array.fromAsync(Deno.readDir(RECIPES))).map(({ name }) => name),
    losses = new Set<string>();
  for (const name of files) {
    const { $comment, ...spec } = JSON.parse(await Deno.readTextFile(join(RECIPES, name)));
    assert.match($comment, /^(solo-learn|stable-pretraining), /, name);
    const whole = { ...spec, data: { ...spec.data, fingerprint: "" } };
    assert.deepEqual(specSchema.parse(whole), whole, name);
    const { predictor } = spec.levels[0].loss;
    const small = [
      'data.dataset={"name":"generated","seed":0,"train":80,"test":10}',
      ...["data.images=64", "batch=32", "epochs=2", "schedule.warmupEpochs=1", "levels.0.encoder.width=4"],
      `levels.0.projector=${predictor ? "16,8" : "16,16"}`,
      ...predictor ? ["levels.0.loss.predictor=12,8"] : [],
    ];
    const { spec: tiny, dataset } = await readSpecFile({ from: join(RECIPES, name), set: small });
    const runs = await Deno.makeTempDir();
    await train(tiny, dataset, runs, name);
    const [first, ...others] = await readMetrics(join(runs, runId(tiny)));
    assert.equal(others.length, 3, name);
    assert.ok(
      others.every(({ levels: [{ total }] }) => Number.isFinite(total) && total !== first.levels[0].total),
      name,
    );
    losses.add(tiny.levels[0].loss.name);
    await Deno.remove(runs, { recursive: true });
  }
  // The supervised one is a control, and a prediction is of what stands below: no recipes.
  assert.deepEqual([...losses, "predictive", "supervised"].sort(), Object.keys(LOSSES).sort());
});
