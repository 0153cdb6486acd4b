import assert from "node:assert/strict";
import { join } from "@std/path";
import { start } from "../../lib/compute/backend.ts";
import { dispose } from "../../lib/compute/compile.ts";
import type { Tensors } from "../../lib/compute/ops.ts";
import { tf } from "../../lib/compute/tf.ts";
import { normalise } from "../../lib/data/normalise.ts";
import { features } from "../../lib/evaluation/features.ts";
import { trainingBytes, trainingSeconds } from "../../lib/experiments/estimate.ts";
import { preset } from "../../lib/experiments/presets.ts";
import { shortName } from "../../lib/experiments/run_folders.ts";
import { runSpec } from "../../lib/experiments/runs.ts";
import { levelOf, pass } from "../../lib/model/layers.ts";
import { projector } from "../../lib/model/projector.ts";
import { stack } from "../../lib/model/stack.ts";
import { readNetwork } from "../../lib/training/checkpoint.ts";
import { readMetrics } from "../../lib/training/log.ts";
import { optimiser } from "../../lib/training/optimiser.ts";
import { type LevelSpec, runId, type RunSpec, specSchema } from "../../lib/training/spec.ts";
import { initialState, trainingStep } from "../../lib/training/step.ts";
import { onTensorFlow } from "../engine.ts";
import { deviation } from "../fixtures/read.ts";
import {
  dataset,
  spec,
  startTraining,
  stepsOf,
  tiny,
  trainIn,
  until,
  weights,
  withoutSpeed,
} from "./tiny.ts";

await start();

const alone = runSpec("vicreg", { ...tiny, epochs: 1 }, dataset, 0);
/** The two levels of S-JEA, the lower one frozen. */
const onTop = (below: RunSpec): RunSpec => ({
  ...spec,
  levels: [{ ...spec.levels[0], frozen: runId(below) }, spec.levels[1]],
});

/** Numbers of the tensors below a level. */
const numbers = (tensors: Tensors, top: number) =>
  Object.fromEntries(
    Object.entries(tensors).filter(([name]) => levelOf(name) < top).map((
      [name, x],
    ) => [name, x.dataSync()]),
  );

for (const precision of ["float32", "bfloat16"] as const) {
  Deno.test(
    `a frozen level is the other run's bit by bit, and what stands on it learns, twice (${precision})`,
    {
      ignore: precision === "bfloat16" && !onTensorFlow,
    },
    async () => {
      const runs = await Deno.makeTempDir();
      const two = { ...onTop(alone), precision };
      const [lower, upper] = two.levels, frozen = runId(two);
      const three = { ...two, levels: [{ ...lower, frozen }, { ...upper, frozen }, { ...upper }] };
      const trained = [alone, two, three];
      for (const spec of trained) await trainIn(runs, spec);
      const networks = await Promise.all(trained.map((spec) => readNetwork(join(runs, runId(spec)))));
      for (const top of [1, 2]) {
        for (const part of ["parameters", "statistics"] as const) {
          const [own, theirs] = [networks[top], networks[top - 1]].map((net) => numbers(net[part], top));
          assert.ok(Object.keys(own).length > 0);
          assert.deepEqual(own, theirs);
        }
        const [own, theirs] = await Promise.all(
          [top, top - 1].map((at) => features(networks[at], trained[at], dataset.test)),
        );
        for (const level of theirs.keys()) assert.deepEqual(own[level].dataSync(), theirs[level].dataSync());
        const log = await readMetrics(join(runs, runId(trained[top])));
        for (const { levels } of log) {
          assert.deepEqual(levels.slice(0, top), new Array(top).fill({}));
        }
        assert.ok(log.at(-1)!.levels[top].total < 0.9 * log[0].levels[top].total);
        assert.equal(log.at(-1)!.spread!.length, top + 1);
      }
      dispose(networks);
      await Deno.remove(runs, { recursive: true });
    },
  );
}

Deno.test("stopped and gone on with, a training on a frozen level ends at the same weights", async () => {
  const [whole, broken] = [await Deno.makeTempDir(), await Deno.makeTempDir()], two = onTop(alone);
  for (const runs of [whole, broken]) await trainIn(runs, alone);
  const expected = await trainIn(whole, two), folder = join(broken, runId(two));
  const stopped = await startTraining(broken, two);
  await until(async () => await stepsOf(broken, two) > 5);
  stopped.kill("SIGTERM");
  assert.equal((await stopped.output()).code, 143);
  const { origins } = await trainIn(broken, two);
  assert.equal(origins.length, 2);
  assert.deepEqual(await withoutSpeed(folder), await withoutSpeed(expected.folder));
  assert.deepEqual(await weights(folder), await weights(expected.folder));
  await Promise.all([whole, broken].map((folder) => Deno.remove(folder, { recursive: true })));
});

Deno.test("a level on a frozen one sees it in evaluation mode, and so does the network that follows", async () => {
  const byol = { name: "byol", predictor: [16, 32], momentum: 0.9 } as const;
  const levels: LevelSpec[] = [onTop(alone).levels[0], { ...spec.levels[1], projector: [32], loss: byol }];
  const config = { ...spec, levels, steps: 4 };
  const sgd = optimiser({ name: "sgd", momentum: 0, nesterov: false, weightDecay: 0, spare: false });
  const state = initialState(config, sgd, 0);
  for (const trained of [state.slots, state.momentum!]) {
    assert.deepEqual(new Set(Object.keys(trained).map(levelOf)), new Set([1]));
  }
  const [one, other] = [1, 2].map((seed) =>
    tf.randomUniform([16, 32, 32, 3], 0, 1, "float32", seed) as tf.Tensor4D
  );
  const step = trainingStep(config, sgd);
  const { state: after, terms, levels: [, found] } = await step(
    state,
    [one, other],
    tf.scalar(0.1),
    tf.scalar(1),
  );
  assert.equal(terms.length, 1);
  const [representation, total] = tf.tidy(() => {
    const forward = pass(state, (name) => levelOf(name) === 1);
    const [first, second] = [one, other].map((view) => stack(forward, normalise(view), config)[1]);
    // Before the first step the network that follows is the trained one.
    const cosine = (from: tf.Tensor2D, to: tf.Tensor2D) => {
      const predicted = projector(forward, "predictors.1", from, byol.predictor);
      return tf.losses.cosineDistance(
        predicted.div(predicted.norm(2, 1, true)),
        to.div(to.norm(2, 1, true)),
        1,
      );
    };
    const both = cosine(first.embedding, second.embedding).add(cosine(second.embedding, first.embedding));
    return [first.representation, both.mul(2)];
  });
  assert.ok(deviation(found.representation, representation) < 1e-4);
  assert.ok(deviation(terms[0].total, total) < 1e-4);
  for (const part of ["parameters", "statistics"] as const) {
    assert.deepEqual(numbers(after[part], 1), numbers(state[part], 1));
    assert.notDeepEqual(numbers(after[part], 2), numbers(state[part], 2));
  }
});

Deno.test("what cannot be frozen is refused, with the field and what to do", async () => {
  const runs = await Deno.makeTempDir(), two = onTop(alone), id = runId(alone);
  const field = `levels.0.frozen is ${id}`;
  const refused = (spec: RunSpec, message: string | RegExp) =>
    assert.rejects(trainIn(runs, spec), { name: "UsageError", message });
  await refused(
    two,
    `${field}, but there is no such run in ${runs}. Train it first; deno task runs lists what there is.`,
  );
  await Deno.mkdir(join(runs, id));
  await Deno.writeTextFile(join(runs, id, "spec.json"), JSON.stringify(alone));
  await refused(
    two,
    `${field}, which is not trained to its end. Go on with it: deno task train ${
      join(runs, id, "spec.json")
    }`,
  );
  await trainIn(runs, alone);
  const [lower, upper] = two.levels, wide = { ...lower.encoder, width: 8 };
  await refused(
    { ...two, levels: [{ ...lower, encoder: wide }, upper] },
    new RegExp(`^${field}, which is of another encoder: .*"width":4.*, here it is .*"width":8`),
  );
  await refused(
    { ...two, levels: [{ ...lower, projector: [32] }, upper] },
    `${field}, which is of another projector: [32,32], here it is [32].`,
  );
  await refused(
    { ...two, data: { ...two.data, images: 128 } },
    `${field}, which learnt from other images: its data.images is 256, here it is 128. ` +
      "Held-out images of the one could be training images of the other: make them the same.",
  );
  const frozen = id;
  await refused(
    { ...two, levels: [lower, { ...upper, frozen }, upper] },
    `levels.1.frozen is ${id}, which has no level 1: its highest is 0.`,
  );
  await trainIn(runs, { ...two, epochs: 1 });
  const both = [lower, upper].map((level) => ({ ...level, frozen: runId({ ...two, epochs: 1 }) }));
  await refused(
    { ...two, wiring: "embedding", levels: [...both, upper] },
    `levels.1.frozen is ${both[0].frozen}, which is of another wiring: "prepool", here it is "embedding".`,
  );
  await Deno.remove(runs, { recursive: true });
});

Deno.test("only the lowest levels are frozen, from one run, and never all", () => {
  const [a, b] = ["a", "b"].map((letter) => letter.repeat(12)), [lower, upper] = spec.levels;
  const wrong = (...frozen: (string | undefined)[]) => {
    const levels = frozen.map((frozen, at) => ({
      ...(at === 0 ? lower : upper),
      ...frozen && { frozen },
    }));
    return specSchema.safeParse({ ...spec, levels }).error?.issues.map(({ path, message }) =>
      `${path.join(".")}: ${message}`
    );
  };
  assert.equal(wrong(a, undefined), undefined);
  assert.equal(wrong(a, a, undefined), undefined);
  const below = "levels.1.frozen: the levels below are trained, and it was not made for them; " +
    "freeze the lowest ones";
  assert.deepEqual(wrong(undefined, a, undefined), [below]);
  const one = `all frozen levels are of one run, such as ${a}, from the lowest one on`;
  assert.deepEqual(wrong(a, b, undefined), [`levels.1.frozen: ${one}`]);
  assert.deepEqual(wrong(a, undefined, a, undefined), [`levels.2.frozen: ${one}`]);
  assert.deepEqual(wrong(a, a), ["levels.1.frozen: nothing is left to train; put a level on top"]);
  assert.deepEqual(wrong("s-jea", undefined), [
    "levels.0.frozen: expected the id of a run, 12 hex digits",
  ]);
});

Deno.test("a frozen level is named, and costs a third of the time and little memory", () => {
  const two = onTop(alone);
  assert.equal(shortName(two), "r18w4.frozen+r18w4-vicreg-3e-s0");
  const [joint, half, whole] = [spec, two, { ...spec, levels: spec.levels.slice(0, 1) }].map((spec) =>
    trainingSeconds(spec, 1e9)
  );
  assert.ok(Math.abs(joint - half - 2 / 3 * whole) < 1e-9 * joint);
  assert.ok(trainingBytes(two) < trainingBytes(spec));
});

Deno.test("an input is a stage below: not of the lowest level, nor where embeddings are handed on", () => {
  const [lower, upper] = spec.levels;
  const wrong = (changed: object) =>
    specSchema.safeParse({ ...spec, ...changed }).error?.issues.map(({ path, message }) =>
      `${path.join(".")}: ${message}`
    );
  const levels = [lower, { ...upper, input: 2 }];
  assert.equal(wrong({ levels }), undefined);
  assert.deepEqual(wrong({ levels, wiring: "embedding" }), [
    "levels.1.input: there are stages with wiring prepool alone, and here the embedding feeds it",
  ]);
  assert.deepEqual(wrong({ levels: [{ ...lower, input: 2 }, upper] }), [
    "levels.0.input: the lowest level is fed by images; say it of a level above",
  ]);
});

Deno.test("specs without a frozen level or an input have the ids that they always had", () => {
  const paper = runSpec("s-jea", preset("paper"), { name: "cifar10", fingerprint: "381da081404d108c" }, 0);
  for (const same of [paper, specSchema.parse(paper)]) assert.equal(runId(same), "88bd7488ff5e");
});
