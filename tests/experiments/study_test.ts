import assert from "node:assert/strict";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";
import { exists } from "../../lib/base/files.ts";
import { places } from "../../lib/base/places.ts";
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

Deno.test("a folder that is named is not replaced by another one, by a download or by drawings", async () => {
  const folder = await Deno.makeTempDir(), given = Deno.env.get("SJEA_DATA");
  const refused = (by: string) => ({
    name: "DataError",
    message: new RegExp(`^${by} is ${folder}, which is empty\\. CIFAR-10 is a folder `),
  });
  await assert.rejects(openStudy({ preset: "quick", runs, data: folder }), refused("--data"));
  Deno.env.set("SJEA_DATA", folder);
  try {
    await assert.rejects(openStudy({ preset: "quick", runs }), refused("SJEA_DATA"));
  } finally {
    if (given === undefined) Deno.env.delete("SJEA_DATA");
    else Deno.env.set("SJEA_DATA", given);
  }
  await assert.rejects(
    openStudy({ preset: "quick", runs, data: "" }),
    new UsageError("--data is empty: name a folder, or leave it out."),
  );
});

/** Opens a study in a process that has no network and no `SJEA_DATA`, and tells something of it. */
async function offline(options: StudyOptions, tell = "study.dataset.name", env: Record<string, string> = {}) {
  const from = JSON.stringify(import.meta.resolve("../../lib/experiments/study.ts"));
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(
    script,
    `import { openStudy } from ${from};
    const study = await openStudy(${
      JSON.stringify({ ...options, runs })
    }).catch(({ name, message }) => ({ name, message }));
    console.log("dataset" in study ? ${tell} : study.name + ": " + study.message);`,
  );
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--config=deno.json", "-A", "--deny-net", script],
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    env: { SJEA_DATA: "", NO_COLOR: "1", ...env },
  }).output();
  return [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
}

Deno.test("a precision that the engine has not becomes float32 before a run has its id, and is told", async () => {
  const runIds = `await (async () => {
    return [study.run("s-jea").id, study.results.split("/").at(-1)].join(" ");
  })()`;
  const ids = async (engine: string, ...set: string[]) =>
    await offline({ preset: "smoke", set }, runIds, { SJEA_ENGINE: engine });
  const [own, said] = await ids("onnxruntime", "precision=bfloat16");
  const [full, silence] = await ids("onnxruntime", "precision=float32");
  assert.equal(own, full);
  assert.equal(said, "ONNX Runtime computes in float32 only: so do these runs, instead of in bfloat16.\n");
  assert.equal(silence, "");
  assert.notEqual((await ids("tensorflow", "precision=bfloat16"))[0], own);
  assert.equal((await ids("onnxruntime"))[0].trim().split(" ")[1], "smoke");
});

Deno.test({
  name: "drawings take the place of CIFAR-10 only where nobody named it",
  ignore: await exists(join(places.datasets, "cifar-10-batches-bin")) ||
    await exists(join(places.datasets, "cifar-10-batches-py")),
  fn: async () => {
    const set = ["trainImages=256", "heldOutImages=10", "testImages=40"];
    const [drawn, said] = await offline({ preset: "quick", set });
    assert.equal(drawn, "generated\n");
    assert.match(
      said,
      /^CIFAR-10 is not here and could not be fetched: .*\nGoing on with generated images; /,
    );
    for (
      const options of [
        { preset: "quick", dataset: "cifar10", set },
        { preset: "quick", set: [...set, "dataset=cifar10"] },
        { preset: "cpu", set },
        { preset: "smoke", set: [...set, "dataset=cifar10"] },
      ] as const
    ) {
      const [refused] = await offline(options);
      assert.match(refused, /^EnvironmentError: CIFAR-10 is not here and could not be fetched: /);
      assert.match(refused, /\nTo use CIFAR-10, .* To do without, say --dataset generated\.\n$/);
    }
  },
});
