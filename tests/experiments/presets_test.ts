import assert from "node:assert/strict";
import { UsageError } from "../../lib/base/errors.ts";
import { preset, presets, presetSchema } from "../../lib/experiments/presets.ts";

const FIELDS = Object.keys(presetSchema.shape);

Deno.test("every preset is valid, and every field has its line of explanation", () => {
  for (const recipe of Object.values(presets)) assert.deepEqual(presetSchema.parse(recipe), recipe);
  for (const [name, field] of Object.entries(presetSchema.shape)) assert(field.description, name);
});

Deno.test("a batch fits into the training images of every preset, and a bank is larger than k", () => {
  for (const [name, { batch, trainImages, neighbours }] of Object.entries(presets)) {
    assert(batch <= trainImages, name);
    assert(Math.max(...neighbours) <= trainImages, name);
  }
});

Deno.test("the paper preset is the released recipe at full size", () => {
  const { width, epochs, batch, optimiser, learningRate, seeds, trainImages, heldOutImages, testImages } =
    presets.paper;
  assert.deepEqual([width, epochs, batch, optimiser, learningRate, seeds], [64, 200, 256, "adam", 1e-3, 3]);
  assert.deepEqual([trainImages, heldOutImages, testImages], [45_000, 5_000, 10_000]);
});

Deno.test("overrides: number, list, boolean, name; the last one counts; the preset stays as it is", () => {
  const before = structuredClone(presets.quick);
  const changed = preset("quick", [
    "epochs=20",
    "learningRate=1e-4",
    "projector=64,32",
    "stopGradient=true",
    "optimiser=lars",
    "epochs=21",
  ]);
  assert.deepEqual(changed, {
    ...presets.quick,
    epochs: 21,
    learningRate: 1e-4,
    projector: [64, 32],
    stopGradient: true,
    optimiser: "lars",
  });
  assert.deepEqual(presets.quick, before);
  assert.deepEqual(preset("quick", ["projector="]).projector, []);
});

Deno.test("unknown presets and fields are refused with the list of valid ones", () => {
  assert.throws(
    () => preset("huge"),
    new UsageError('There is no preset "huge". Presets: smoke, quick, cpu, paper.'),
  );
  assert.throws(
    () => preset("quick", ["epoch=3"]),
    new UsageError(`--set epoch=3: a preset has no field "epoch". Fields: ${FIELDS.join(", ")}.`),
  );
  assert.throws(() => preset("toString"), UsageError);
  assert.throws(() => preset("quick", ["toString=1"]), UsageError);
});

for (
  const override of [
    "epochs=many",
    "epochs=",
    "epochs",
    "epochs=2.5",
    "epochs=0",
    "epochs=-1",
    "epochs=Infinity",
    "jitter=1.5",
    "cropMinimum=0",
    "learningRate=NaN",
    "stopGradient=yes",
    "optimiser=adamw",
    "projector=64,x",
    "projector=64,",
  ]
) {
  Deno.test(`a field refuses the value in ${override}`, () => {
    const [field] = override.split("=");
    assert.throws(() => preset("quick", [override]), (error) => {
      assert(error instanceof UsageError);
      assert(error.message.startsWith(`--set ${override}: `), error.message);
      assert(
        error.message.includes(`(now ${presets.quick[field as keyof typeof presets.quick]})`),
        error.message,
      );
      return true;
    });
  });
}
