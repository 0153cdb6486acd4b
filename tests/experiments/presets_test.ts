import assert from "node:assert/strict";
import { UsageError } from "../../lib/base/errors.ts";
import { DEFAULT_PRESET, preset, presets, presetSchema, UNASKED } from "../../lib/experiments/presets.ts";

const FIELDS = Object.keys(presetSchema.shape);

Deno.test("every preset is valid, and every field has its line of explanation", () => {
  for (const recipe of Object.values(presets)) assert.deepEqual(presetSchema.parse(recipe), recipe);
  for (const [name, field] of Object.entries(presetSchema.shape)) assert(field.description, name);
});

Deno.test("the paper preset is the released recipe at full size", () => {
  const { width, epochs, batch, optimiser, learningRate, seeds, trainImages, heldOutImages, testImages } =
    presets.paper;
  assert.deepEqual([width, epochs, batch, optimiser, learningRate, seeds], [64, 200, 256, "adam", 1e-3, 3]);
  assert.deepEqual([trainImages, heldOutImages, testImages], [45_000, 5_000, 10_000]);
});

Deno.test("overrides: number, list, boolean, name; the preset stays as it is", () => {
  const before = structuredClone(presets.quick);
  const changed = preset("quick", [
    "epochs=20",
    "learningRate=1e-4",
    "projector=64,32",
    "stopGradient=true",
    "optimiser=lars",
  ]);
  assert.deepEqual(changed, {
    ...presets.quick,
    epochs: 20,
    learningRate: 1e-4,
    projector: [64, 32],
    stopGradient: true,
    optimiser: "lars",
  });
  assert.deepEqual(presets.quick, before);
  assert.deepEqual(preset("quick", ["plainProjector="]).plainProjector, []);
});

Deno.test("unknown presets and fields are refused with the list of valid ones", () => {
  assert.throws(
    () => preset("huge"),
    new UsageError('There is no preset "huge". Valid: smoke, quick, cpu, evening, paper.'),
  );
  assert.throws(() => preset("qick"), new UsageError('There is no preset "qick". Did you mean quick?'));
  assert.throws(
    () => preset("quick", ["epoch=3"]),
    new UsageError("--set epoch=3: there is no field epoch. Did you mean epochs?"),
  );
  assert.throws(
    () => preset("quick", ["mood=3"]),
    new UsageError(`--set mood=3: there is no field mood. Valid: ${FIELDS.join(", ")}.`),
  );
  assert.throws(
    () => preset("quick", ["learningrate=3"]),
    new UsageError("--set learningrate=3: there is no field learningrate. Did you mean learningRate?"),
  );
  assert.throws(() => preset("toString"), UsageError);
  assert.throws(() => preset("quick", ["toString=1"]), UsageError);
});

Deno.test("a field that is set twice is refused", () => {
  assert.throws(
    () => preset("quick", ["epochs=20", "batch=64", "epochs=21"]),
    new UsageError("--set epochs=21: it is set already, by --set epochs=20. Set it once."),
  );
});

/** Values that are each possible, and not together. */
const together: Record<string, string> = {
  "trainImages=100 neighbours=100,20": "batch: a batch of 128 is more than the 100 training images.",
  "trainImages=128 neighbours=20,200":
    "neighbours: 200 neighbours are more than the 128 training images that can vote.",
  "neighbours=20,20": "neighbours: a number of neighbours occurs twice.",
  "epochs=2 warmupEpochs=2.5": "warmupEpochs: 2.5 epochs of warm-up are more than all 2 epochs.",
  "covariance=0": "lowCovariance: Figure 4's lowered υ, 0.01, is above the plain one, 0.",
};

for (const [set, message] of Object.entries(together)) {
  Deno.test(`${set} is refused as a whole`, () => {
    const overrides = set.split(" ");
    assert.throws(
      () => preset("quick", overrides),
      new UsageError(
        `Preset quick with ${overrides.map((override) => `--set ${override}`).join(" ")}: ${message} ` +
          "Change that as well, or what it depends on.",
      ),
    );
  });
}

Deno.test("the largest values that go together are a preset", () => {
  const set = ["trainImages=128", "neighbours=128,127", "epochs=1", "covariance=0", "lowCovariance=0"];
  assert.equal(preset("quick", set).batch, 128);
});

Deno.test("what a data set has a value of its own for can be set, and be given back", () => {
  const { jitter, greyscale } = preset("quick", ["jitter=0.5", "greyscale=auto"]);
  assert.deepEqual({ jitter, greyscale }, { jitter: 0.5, greyscale: "auto" });
  assert.throws(() => preset("quick", ["jitter=1.5"]), /jitter: Too big: expected number to be <=1\.$/);
  assert.throws(() => preset("quick", ["greyscale=half"]), /greyscale: .*"auto"; or .*expected number/);
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
    "projector=",
    "projector=64, 32",
    "epochs= 20",
    "epochs=0x10",
    "batch=1",
    "precision=Float32",
    "stopGradient=True",
  ]
) {
  Deno.test(`a field refuses the value in ${override}`, () => {
    assert.throws(() => preset("quick", [override]), (error) => {
      assert(error instanceof UsageError);
      assert(error.message.startsWith(`--set ${override}: `), error.message);
      assert(error.message.includes(`: ${override.split("=")[0]}`), error.message);
      return true;
    });
  });
}

Deno.test("the preset that nobody named is scaled on the slower engine only, in epochs", () => {
  assert.deepEqual(preset(DEFAULT_PRESET, UNASKED.tensorflow), presets[DEFAULT_PRESET]);
  const { epochs, ...rest } = preset(DEFAULT_PRESET, UNASKED.onnxruntime);
  const { epochs: all, ...others } = presets[DEFAULT_PRESET];
  assert.ok(epochs < all);
  assert.deepEqual(rest, others);
});
