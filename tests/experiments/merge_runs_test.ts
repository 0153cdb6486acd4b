import assert from "node:assert/strict";
import { join } from "@std/path";
import { DataError, UsageError } from "../../lib/base/errors.ts";
import { start } from "../../lib/compute/backend.ts";
import { mergeRuns, planMerge } from "../../lib/experiments/merge_runs.ts";
import { storedRuns } from "../../lib/experiments/run_folders.ts";
import { runId } from "../../lib/training/spec.ts";
import { spec, startTraining, stepsOf, trainIn, until, weights } from "../training/tiny.ts";

await start();

const other = { ...spec, seed: spec.seed + 1 };
const what = async (from: string[], to: string) =>
  Object.fromEntries((await planMerge(from, to)).map(({ run: { id }, takes }) => [id, takes]));

Deno.test("runs come together: what is not here, or further than here, and no finished one is replaced", async (test) => {
  const [here, there, folder] = await Promise.all([1, 2, 3].map(() => Deno.makeTempDir()));
  const [one, two] = [spec, other].map(runId);
  try {
    await trainIn(there, spec);
    const killed = await startTraining(there, other);
    await until(async () => await stepsOf(there, other) > 5);
    killed.kill("SIGTERM");
    await killed.output();

    await test.step("into an empty folder, with evaluations and without locks", async () => {
      await Deno.writeTextFile(join(there, one, "evaluation-trained-knn.safetensors"), "scores");
      assert.deepEqual(await what([there], here), { [one]: "all", [two]: "all" });
      await mergeRuns(await planMerge([there], here), here);
      assert.deepEqual(await weights(join(here, one)), await weights(join(there, one)));
      assert.deepEqual(await what([there], here), { [one]: "evaluations", [two]: "nothing" });
      assert.equal(await Deno.readTextFile(join(here, one, "evaluation-trained-knn.safetensors")), "scores");
    });
    await test.step("what was merged goes on to the weights that an uninterrupted training has", async () => {
      const [{ folder: resumed }, whole] = [await trainIn(here, other), await trainIn(folder, other)];
      assert.deepEqual(await weights(resumed), await weights(whole.folder));
      assert.deepEqual(await what([there], here), { [one]: "evaluations", [two]: "nothing" });
    });
    await test.step("the finished one takes the unfinished one's place, and its checkpoint goes", async () => {
      assert.deepEqual(await what([here], there), { [one]: "evaluations", [two]: "all" });
      await mergeRuns(await planMerge([here], there), there);
      assert.deepEqual(await weights(join(there, two)), await weights(join(here, two)));
      const left = Array.from(Deno.readDirSync(join(there, two)), ({ name }) => name);
      assert.ok(!left.some((name) => name.startsWith("checkpoint")), left.join());
      assert.ok((await storedRuns(there)).every(({ finished }) => finished));
    });
    await test.step("another encoder of the same run is left, and told", async () => {
      const path = join(there, two, "encoder.safetensors"), bytes = await Deno.readFile(path);
      bytes[bytes.length - 1] ^= 1;
      await Deno.writeFile(path, bytes);
      const [, { takes, why }] = (await planMerge([there], here)).toSorted((a) => a.run.id === two ? 1 : -1);
      assert.deepEqual([takes, why], ["nothing", "finished here, with another encoder"]);
    });
    await test.step("two folders at once: the further run is taken", async () => {
      const empty = await Deno.makeTempDir();
      assert.deepEqual(
        (await planMerge([there, here], empty)).filter(({ takes }) => takes === "all").length,
        2,
      );
      await Deno.remove(empty);
    });
  } finally {
    await Promise.all([here, there, folder].map((path) => Deno.remove(path, { recursive: true })));
  }
});

Deno.test("what does not belong here is refused before anything is taken", async () => {
  const [here, there] = await Promise.all([1, 2].map(() => Deno.makeTempDir()));
  try {
    await assert.rejects(
      planMerge([there], here),
      new UsageError(`${there} has no runs: name a folder such as data/runs.`),
    );
    const { folder } = await trainIn(there, spec), id = runId(spec);
    const split = "split-0-0-1-1.json";
    await Deno.writeTextFile(join(there, split), "a");
    await Deno.writeTextFile(join(here, split), "b");
    await assert.rejects(planMerge([there], here), {
      name: "DataError",
      message: `${join(there, split)} is another split than ${
        join(here, split)
      }: runs of other images do not belong here.`,
    });
    await Deno.remove(join(here, split));
    await Deno.rename(folder, join(there, "0123456789ab"));
    await assert.rejects(planMerge([there], here), (error: Error) => {
      assert.ok(error instanceof DataError);
      assert.match(error.message, new RegExp(`0123456789ab holds the spec of run ${id}: it was renamed`));
      return true;
    });
    assert.deepEqual([...Deno.readDirSync(here)], []);
  } finally {
    await Promise.all([here, there].map((path) => Deno.remove(path, { recursive: true })));
  }
});
