import assert from "node:assert/strict";
import { watchRun } from "../../lib/experiments/moments.ts";
import { ownRun } from "../../lib/experiments/own_run.ts";

const dataset = { name: "generated", train: 64, test: 24, kinds: ["car", "fish"], plain: true };
const fields = { extends: "smoke/s-jea", data: { dataset, images: 64 }, batch: 16, epochs: 2 };

Deno.test("a run is seen untrained, as far as it is, and finished; whoever comes later sees the same", async () => {
  const runs = await Deno.makeTempDir();
  const run = await ownRun({ ...fields, levels: narrow() }, "tiny", runs);
  assert.deepEqual([run.steps, run.setting.images.test.labels.length], [8, 24]);
  assert.deepEqual(run.setting.dataset.classes, dataset.kinds);
  assert.equal(await run.latest(), undefined);
  const watched = await watchRun(run);
  assert.deepEqual(watched.moments.map(({ step, epoch }) => [step, epoch]), [[0, 0]]);
  assert.equal(await watched.look(), false);
  await run.train();
  assert.equal(await watched.look(), true);
  assert.equal(await watched.look(), false);
  const { moments } = watched;
  assert.deepEqual(moments.map(({ step, epoch }) => [step, epoch]), [[0, 0], [8, 2]]);
  for (const { stacks } of moments) {
    assert.equal(stacks.length, 2);
    for (const { knn, map } of stacks) {
      assert.ok(knn >= 0 && knn <= 100);
      assert.equal(map.length, 48);
      assert.ok(map.every(Number.isFinite));
    }
  }
  const again = (await watchRun(run)).moments;
  assert.deepEqual(again.map(({ step }) => step), [0, 8]);
  again[1].stacks[0].map.forEach((value, at) =>
    assert.ok(Math.abs(value - moments[1].stacks[0].map[at]) < 1e-3)
  );
  await Deno.remove(runs, { recursive: true });
});

Deno.test("a run in code is the run of the same fields in a file, and refused as that is", async () => {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  const { readSpecFile } = await import("../../lib/experiments/spec_file.ts");
  await Deno.writeTextFile(path, JSON.stringify(fields));
  assert.deepEqual((await ownRun(fields, "mine")).spec, (await readSpecFile({ from: path })).spec);
  await assert.rejects(ownRun({ ...fields, epoch: 2 }, "mine"), {
    name: "UsageError",
    message: /^mine: .*epoch/,
  });
  await assert.rejects(ownRun({ extends: "smoke/jea" }, "mine"), {
    name: "UsageError",
    message: /smoke\/s-jea/,
  });
  await Deno.remove(path);
});

function narrow() {
  const encoder = { kind: "resnet", depth: 18, width: 4 };
  return [1, 2].map(() => ({ encoder, projector: [16], loss: { name: "vicreg" } }));
}
