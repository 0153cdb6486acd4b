import assert from "node:assert/strict";
import { join } from "@std/path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { decodeSafetensors, encodeSafetensors } from "../../lib/base/safetensors.ts";
import { start } from "../../lib/compute/backend.ts";
import { features } from "../../lib/evaluation/features.ts";
import { knn } from "../../lib/evaluation/knn.ts";
import { accuracy } from "../../lib/evaluation/metric.ts";
import { rankMe } from "../../lib/evaluation/rank.ts";
import { evaluatePixels, evaluationCode } from "../../lib/experiments/evaluate.ts";
import { evaluationOf } from "../../lib/experiments/presets.ts";
import { openRun } from "../../lib/experiments/run.ts";
import { metricsFrom } from "../../lib/experiments/spec_file.ts";
import { openStudy } from "../../lib/experiments/study.ts";
import { digestOf } from "../../lib/training/spec.ts";

const LIB = fileURLToPath(new URL("../../lib", import.meta.url));

async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copy(join(from, name), join(to, name));
    else await Deno.copyFile(join(from, name), join(to, name));
  }
}

Deno.test("a change of code makes stale what depends on it: scores, weights, both or none", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await copy(LIB, join(folder, "lib"));
    const load = (module: string) => import(pathToFileURL(join(folder, "lib", module)).href);
    const { evaluationCode } = await load("experiments/evaluate.ts");
    const { trainingCode } = await load("training/origin.ts");
    const codes = async (): Promise<string[]> => [await evaluationCode(), await trainingCode()];
    const first = await codes();
    for (
      const [module, ...stale] of [
        ["experiments/score.ts", true, false],
        ["evaluation/probe.ts", true, false],
        ["evaluation/knn.ts", true, false],
        ["evaluation/metrics.ts", true, false],
        ["evaluation/features.ts", true, false],
        ["data/normalise.ts", true, true],
        ["data/split.ts", true, true],
        ["model/resnet.ts", true, true],
        ["compute/winograd.ts", true, true],
        ["base/random.ts", true, true],
        ["training/step.ts", false, true],
        ["training/schedule.ts", false, true],
        ["training/train.ts", false, true],
        ["data/view_worker.ts", false, true],
        ["data/views.ts", false, true],
        ["loss/vicreg.ts", false, true],
        ["base/progress.ts", false, false],
        ["base/download.ts", false, false],
        ["data/datasets.ts", false, false],
        ["charts/theme.ts", false, false],
        ["experiments/table.ts", false, false],
        ["experiments/presets.ts", false, false],
      ] as const
    ) {
      const path = join(folder, "lib", module), code = await Deno.readTextFile(path);
      await Deno.writeTextFile(path, `${code}\n`);
      assert.deepEqual((await codes()).map((code, at) => code !== first[at]), stale, module);
      await Deno.writeTextFile(path, code);
    }
    assert.deepEqual(await codes(), first);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

await start();

const SMALL = [
  ...["trainImages=128", "heldOutImages=32", "testImages=64", "batch=64", "epochs=1", "width=4"],
  ...["projector=8", "plainProjector=8", "probeEpochs=2", "neighbours=20,5"],
];

Deno.test("predictions are kept beside the run, and made again by another recipe or where they are damaged", async () => {
  const runs = await Deno.makeTempDir();
  try {
    const study = await openStudy({ preset: "smoke", set: SMALL, runs }), { labels } = study.images.test;
    const evaluated = () => study.run("s-jea").evaluate(0);
    const first = await evaluated(), [{ predictions }] = first;
    for (const { values, predictions } of first) {
      assert.deepEqual(Object.keys(predictions), ["top-1", "k-NN 20", "k-NN 5"]);
      assert.deepEqual(Object.keys(values), Object.keys(predictions));
      for (const [name, value] of Object.entries(values)) {
        assert.equal(value, 100 * accuracy(predictions[name], labels));
      }
    }
    const run = study.run("s-jea"), model = run.spec, { images } = study;
    const network = await run.untrained();
    const [known, asked] = [
      await features(network, model, images.train),
      await features(network, model, images.test),
    ];
    for (const level of [0, 1]) {
      const bank = { features: known[level], labels: images.train.labels };
      const queries = { features: asked[level], labels };
      for (const k of [20, 5]) {
        const [alone] = await knn(bank, queries, { k: [k], temperature: 0.1, classes: 10 });
        assert.deepEqual(first[level].predictions[`k-NN ${k}`], alone.predictions);
      }
    }
    const path = join(study.run("s-jea").folder, "evaluation-untrained-probe.safetensors");
    const { tensors, metadata } = decodeSafetensors(await Deno.readFile(path), path);
    assert.deepEqual(tensors.labels.data, labels);
    assert.deepEqual(Object.keys(tensors), ["labels", "stack 0/top-1", "stack 1/top-1"]);
    const recipe = JSON.parse(metadata.recipe);
    const { metrics: [probe, votes], ...sizes } = evaluationOf(study.preset);
    assert.deepEqual(recipe, {
      code: await evaluationCode(),
      metric: probe,
      images: sizes,
      data: study.dataset.fingerprint,
      levels: digestOf(
        Object.entries(study.images.test.levels!).map(([name, labels]) => [name, [...labels]]),
      ),
      weights: ", calibrated from stack 0 on",
    });

    // What is kept is taken for what it says it is.
    const turned = Uint8Array.from(labels, (label) => (label + 1) % 10);
    const altered = { ...tensors, "stack 0/top-1": { shape: [turned.length], data: turned } };
    await Deno.writeFile(path, encodeSafetensors(altered, metadata));
    assert.equal((await evaluated())[0].values["top-1"], 0);
    const old = JSON.stringify({ ...recipe, code: "0123456789ab" });
    for (const bytes of [encodeSafetensors(altered, { recipe: old }), new Uint8Array(99)]) {
      await Deno.writeFile(path, bytes);
      assert.deepEqual((await evaluated())[0].predictions, predictions);
    }

    // Another recipe of one metric is another file's business.
    const before = (await Deno.stat(path)).mtime;
    const file = join(study.run("s-jea").folder, "evaluation-untrained-knn.safetensors");
    const other = await openStudy({ preset: "smoke", set: [...SMALL, "temperature=1"], runs });
    await other.run("s-jea").evaluate(0);
    const changed = decodeSafetensors(await Deno.readFile(file), file).metadata;
    assert.deepEqual(JSON.parse(changed.recipe), { ...recipe, metric: { ...votes, temperature: 1 } });
    assert.deepEqual((await Deno.stat(path)).mtime, before);

    // A metric that finds a number, and is asked for by its name alone.
    const [named] = metricsFrom(["rankme"], []);
    const ranked = await Promise.all(
      [0, 1].map(() =>
        openRun(model, { ...study, evaluation: { ...sizes, metrics: [named] } }, "ranked").evaluate(0)
      ),
    );
    for (const [level, { values, predictions }] of ranked[0].entries()) {
      const rank = rankMe(asked[level]);
      assert.deepEqual([values, predictions], [{ RankMe: rank }, {}]);
      assert.deepEqual(ranked[1][level].values, values);
    }
  } finally {
    await Deno.remove(runs, { recursive: true });
  }
});

Deno.test("raw pixels are judged by their predictions", async () => {
  const runs = await Deno.makeTempDir();
  try {
    const study = await openStudy({ preset: "smoke", set: SMALL, runs });
    const { values, predictions } = await evaluatePixels(study);
    assert.equal(values["top-1"], 100 * accuracy(predictions["top-1"], study.images.test.labels));
    assert.deepEqual((await evaluatePixels(study)).predictions, predictions);
  } finally {
    await Deno.remove(runs, { recursive: true });
  }
});
