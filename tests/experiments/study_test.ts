import assert from "node:assert/strict";
import { UsageError } from "../../lib/base/errors.ts";
import { fromEnvironment, openStudy, type StudyOptions } from "../../lib/experiments/study.ts";

const runs = await Deno.makeTempDir();
const smoke = (set: string[], options: Partial<StudyOptions> = {}) =>
  openStudy({ preset: "smoke", runs, set: ["trainImages=256", "heldOutImages=10", ...set], ...options });

Deno.test("a study has at least four test images of each class", async () => {
  const { images } = await smoke(["testImages=40"]);
  assert.equal(images.test.labels.length, 40);
  await assert.rejects(
    smoke(["testImages=39"]),
    new UsageError(
      "The first 39 test images of generated do not show each class 4 times, as the figures need it. " +
        "Raise testImages with --set.",
    ),
  );
});

Deno.test("two wishes that differ are refused, two that agree are not", async () => {
  await assert.rejects(
    smoke(["testImages=40", "seeds=2"], { seeds: 3 }),
    new UsageError("3 seeds are asked for, and by --set seeds=2 others: say one of them."),
  );
  assert.deepEqual((await smoke(["testImages=40", "seeds=2"], { seeds: 2 })).seeds, [0, 1]);
  await assert.rejects(
    smoke(["testImages=40", "dataset=cifar10"], { dataset: "generated" }),
    new UsageError(
      "Data set generated is asked for, and by --set dataset=cifar10 another one: say one of them.",
    ),
  );
});

Deno.test("more images than memory holds are refused before one is drawn", async () => {
  for (const count of [2_000_000, 1e15]) {
    await assert.rejects(smoke([`testImages=${count}`]), {
      name: "UsageError",
      message: `generate: test is ${count}; expected a whole number of images, from 0 to 1000000 (3 GB).`,
    });
  }
});

Deno.test("overrides in the environment may stand apart by any blanks", () => {
  Deno.env.set("SJEA_SET", " epochs=2  batch=64\n");
  try {
    assert.deepEqual(fromEnvironment("smoke").set, ["epochs=2", "batch=64"]);
  } finally {
    Deno.env.delete("SJEA_SET");
  }
});
