import assert from "node:assert/strict";
import { join } from "@std/path";
import { PHOTOGRAPHS } from "../../lib/data/views.ts";
import { DataError, TrainingError } from "../../lib/base/errors.ts";
import { start } from "../../lib/compute/backend.ts";
import { dispose } from "../../lib/compute/compile.ts";
import { imageFingerprint } from "../../lib/data/dataset.ts";
import { generate } from "../../lib/data/generated.ts";
import { runSpec } from "../../lib/experiments/runs.ts";
import { levelOf } from "../../lib/model/layers.ts";
import { readNetwork } from "../../lib/training/checkpoint.ts";
import { readMetrics } from "../../lib/training/log.ts";
import { train } from "../../lib/training/train.ts";
import { runId, type RunSpec } from "../../lib/training/spec.ts";
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

Deno.test("the same spec gives the same log and the same weights, bit by bit", async () => {
  await start();
  const [one, two] = [await Deno.makeTempDir(), await Deno.makeTempDir()];
  const [first, second] = [await trainIn(one, spec), await trainIn(two, spec)];
  const metrics = await withoutSpeed(first.folder);
  assert.equal(metrics.length, 12);
  assert.deepEqual(metrics, await withoutSpeed(second.folder));
  assert.deepEqual(await weights(first.folder), await weights(second.folder));
  assert.deepEqual(first.collapsed, []);
  assert.deepEqual(first.origins.map(({ step }) => step), [0]);
  // Trained again: loaded, not trained.
  const written = async () => (await Deno.stat(join(first.folder, "metrics.jsonl"))).mtime;
  const before = await written();
  await trainIn(one, spec);
  assert.deepEqual(await written(), before);
  await Promise.all([one, two].map((folder) => Deno.remove(folder, { recursive: true })));
});

Deno.test("under stop-gradient stack 0 of a run is VICReg's of the same seed, bit by bit", async () => {
  await start();
  const runs = await Deno.makeTempDir(), epochs = 1;
  const of = async (spec: RunSpec) => {
    const { folder } = await trainIn(runs, spec), { parameters, statistics } = await readNetwork(folder);
    const lowest = [...Object.entries(parameters), ...Object.entries(statistics)]
      .filter(([name]) => levelOf(name) === 0).map(([name, x]) => [name, x.dataSync()] as const);
    dispose([parameters, statistics]);
    return { weights: new Map(lowest), terms: (await readMetrics(folder)).map(({ levels }) => levels[0]) };
  };
  const alone = await of({ ...runSpec("vicreg", tiny, dataset, 0), epochs });
  assert.equal(alone.terms.length, 4);
  assert.deepEqual(await of({ ...spec, epochs, stopGradient: true }), alone);
  assert.notDeepEqual(await of({ ...spec, epochs }), alone);
  await Deno.remove(runs, { recursive: true });
});

Deno.test("more views and local ones train; without the local ones it is another training", async () => {
  await start();
  const runs = await Deno.makeTempDir(), local = { number: 1, size: 20, cropScale: [0.1, 0.3] } as const;
  const first = async (view: Partial<typeof spec.view>) => {
    const { folder } = await trainIn(runs, { ...spec, epochs: 1, view: { ...spec.view, ...view } });
    const log = await withoutSpeed(folder);
    assert.equal(log.length, 4);
    return log[0].levels;
  };
  const three = await first({ number: 3 });
  assert.notDeepEqual(three, await first({ number: 3, local }));
  await Deno.remove(runs, { recursive: true });
});

Deno.test("killed in its second epoch, then told to stop in its third, a run ends at the same weights", async () => {
  await start();
  // Small views at first: their size, too, follows from the step.
  const growing = { ...spec, view: { ...spec.view, early: { size: 16, part: 0.6 } } };
  const [whole, broken] = [await Deno.makeTempDir(), await Deno.makeTempDir()];
  const expected = await trainIn(whole, growing), folder = join(broken, runId(growing));
  const killed = await startTraining(broken, growing);
  await until(async () => await stepsOf(broken, growing) > 5);
  killed.kill("SIGKILL");
  await killed.output();

  const stopped = await startTraining(broken, growing);
  await until(async () => await stepsOf(broken, growing) > 7);
  stopped.kill("SIGTERM");
  const { code, stderr } = await stopped.output(), said = new TextDecoder().decode(stderr);
  assert.equal(code, 143, said);
  const [, step] = said.match(
    /tiny: stopped after step (\d+) of 12\. The same command goes on from there\.\n$/,
  )!;
  assert.ok(Number(step) > 7 && Number(step) < 12, said);
  assert.equal(await stepsOf(broken, growing), Number(step));

  const resumed = await trainIn(broken, growing);
  assert.deepEqual(await withoutSpeed(folder), await withoutSpeed(expected.folder));
  assert.deepEqual(await weights(folder), await weights(expected.folder));
  // From the last epoch's end before it was killed, and from where it was stopped.
  const [begun, killedAfter, ...others] = resumed.origins.map(({ step }) => step);
  assert.deepEqual([begun, killedAfter % 4, others], [0, 0, [Number(step)]]);
  assert.ok(killedAfter >= 4);
  const left = [...Deno.readDirSync(folder)].map(({ name }) => name).toSorted();
  const own = left.filter((name) => !name.startsWith("events.out.tfevents."));
  assert.deepEqual(own, ["encoder.safetensors", "lock", "metrics.jsonl", "origins.json", "spec.json"]);
  await Promise.all([whole, broken].map((folder) => Deno.remove(folder, { recursive: true })));
});

Deno.test("a second process waits for the first and takes over when that one is killed", async () => {
  await start();
  const runs = await Deno.makeTempDir();
  const first = await startTraining(runs, spec);
  await until(async () => await stepsOf(runs, spec) > 0);
  const second = await startTraining(runs, spec);
  const reader = second.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  const read = async () => {
    const { value, done } = await reader.read();
    said += value ?? "";
    return done;
  };
  await until(async () => await read() || said.includes("done."));
  assert.match(
    said,
    new RegExp(`tiny: process ${first.pid} on .+ is training this run; waiting until it is done\\.\n`),
  );
  first.kill("SIGKILL");
  await first.output();
  while (!await read());
  assert.equal((await second.status).code, 0, said);
  assert.equal(await stepsOf(runs, spec), 12);
  await Deno.remove(runs, { recursive: true });
});

Deno.test("without variance and covariance terms the representation collapses, which is told and marked", async () => {
  await start();
  const runs = await Deno.makeTempDir(), told: string[] = [], { error } = console;
  const loss = { name: "vicreg", invariance: 25, variance: 0, covariance: 0 } as const;
  const levels = spec.levels.map((level) => ({ ...level, loss }));
  const view = { ...spec.view, ...PHOTOGRAPHS, greyscale: 0.5 };
  const long = { ...spec, levels, view, epochs: 5, schedule: { ...spec.schedule, base: 0.1 } };
  console.error = (line: string) => told.push(line);
  const { collapsed } = await trainIn(runs, long).finally(() => console.error = error);
  assert.deepEqual(collapsed, [0, 1]);
  const warning = told.find((line) => line.includes("warning:"))!;
  assert.match(
    warning,
    /warning: tiny: stack \d is collapsed after epoch \d: representation: .+; embedding: relative deviation .+, RankMe 1\.\d\. Raise/,
  );
  await Deno.remove(runs, { recursive: true });
});

Deno.test("op by op, the losses of 20 steps are those of the compiled step", async () => {
  await start();
  const spec = runSpec("s-jea", { ...tiny, epochs: 5 }, dataset, 0);
  const folders = [await Deno.makeTempDir(), await Deno.makeTempDir()];
  const compiled = await trainIn(folders[0], spec);
  Deno.env.set("SJEA_EAGER", "1");
  const eager = await trainIn(folders[1], spec).finally(() => Deno.env.delete("SJEA_EAGER"));
  const [one, two] = [await readMetrics(compiled.folder), await readMetrics(eager.folder)];
  assert.equal(one.length, 20);
  for (const [step, { levels }] of one.entries()) {
    levels.forEach(({ total }, level) => {
      const other = two[step].levels[level].total;
      assert.ok(
        Math.abs(total - other) < 1e-4 * total,
        `step ${step}, stack ${level}: ${total} and ${other}`,
      );
    });
  }
  await Promise.all(folders.map((folder) => Deno.remove(folder, { recursive: true })));
});

Deno.test("divergence stops the run and names step, term and stack", async () => {
  await start();
  const folder = await Deno.makeTempDir();
  const wild = { ...spec, schedule: { ...spec.schedule, base: 1e30, warmupEpochs: 0 } };
  await assert.rejects(
    trainIn(folder, wild),
    (error: Error) =>
      error instanceof TrainingError &&
      /^Training diverged: the (in)?variance term of stack 0 is (NaN|Infinity) at step 1 \(epoch 0, /.test(
        error.message,
      ),
  );
  await Deno.remove(folder, { recursive: true });
});

Deno.test("other images than the spec's are refused, before the run is trained and after, whatever they say of themselves", async () => {
  await start();
  const runs = await Deno.makeTempDir(), short = { ...spec, epochs: 1 };
  const other = generate({ seed: 1, train: 256, test: 10 });
  const images = dataset.train.images.with(1000, dataset.train.images[1000] ^ 1);
  const refused = [
    [other, other.fingerprint],
    // The fingerprint of the right ones beside them.
    [{ ...dataset, train: other.train }, imageFingerprint({ ...dataset, train: other.train })],
    [{ ...dataset, test: other.test }, imageFingerprint({ ...dataset, test: other.test })],
    [
      { ...dataset, train: { ...dataset.train, images } },
      imageFingerprint({ ...dataset, train: { ...dataset.train, images } }),
    ],
  ] as const;
  for (const step of ["before", "after"]) {
    for (const [images, fingerprint] of refused) {
      await assert.rejects(
        train(short, images, runs, "tiny"),
        new DataError(
          `tiny is a run on generated with fingerprint ${dataset.fingerprint}, but these images of generated have ` +
            `${fingerprint}. Make its spec from the data set that it is to learn from.`,
        ),
        step,
      );
    }
    await trainIn(runs, short);
  }
  await Deno.remove(runs, { recursive: true });
});

Deno.test("a batch larger than the set is refused", async () => {
  await assert.rejects(trainIn(await Deno.makeTempDir(), { ...spec, batch: 1000 }), {
    name: "TrainingError",
    message: "A batch of 1000 is more than the 256 training images: choose a smaller batch.",
  });
});

Deno.test("a run's id is the same for the same spec and another for another", () => {
  assert.equal(runId(spec), runId(JSON.parse(JSON.stringify(spec))));
  assert.notEqual(runId(spec), runId({ ...spec, seed: 1 }));
  assert.match(runId(spec), /^[0-9a-f]{12}$/);
});
