import assert from "node:assert/strict";
import { join } from "@std/path";
import { start } from "../../../lib/compute/backend.ts";
import { trainingBytes } from "../../../lib/experiments/estimate.ts";
import { demandRoom, localExecutor, localKind } from "../../../lib/experiments/executors/local.ts";
import { pacer } from "../../../lib/experiments/executors/lines.ts";
import { type PlannedSweep, planSweep } from "../../../lib/experiments/sweep.ts";
import { measureSweep } from "../../../lib/experiments/sweep_results.ts";
import { readOrigins } from "../../../lib/training/origin.ts";
import { until } from "../../training/tiny.ts";
import { inFolder, refusal, SLOW, startSweep, SWEEP, trainApart, weightsDigest, WILD } from "../sweeps.ts";

/** Cores of each of two trainings. */
const SHARE = Math.floor(navigator.hardwareConcurrency / 2);
await start();

Deno.test("several at once, each with its share of the cores: the table is the one of a sweep that trains by itself", async () => {
  await inFolder({ ...SWEEP, variants: { fine: {}, wild: WILD } }, async (path, runs) => {
    const planned = await planSweep(path, { runs });
    const apart = await measureSweep(planned, async () => {}, localExecutor(2));
    const own = await planSweep(path, { runs: join(runs, "..", "own") });
    await trainApart(own.rounds[0].flatMap(({ runs }) => runs), SHARE);
    const here = await measureSweep(own, async () => {});
    assert.deepEqual(apart.rows.map(({ values }) => values), here.rows.map(({ values }) => values));
    assert.deepEqual(apart.runs.map(({ failed }) => failed !== null), [false, true, false, true]);
    const numbers = /\{.*\}| the log is in .*/g;
    const reasons = ({ runs }: typeof here) => runs.map(({ failed }) => failed?.replace(numbers, ""));
    assert.deepEqual(reasons(apart), reasons(here));
    const encoders = ({ rounds: [[{ runs }]] }: PlannedSweep) =>
      Promise.all(runs.map(({ folder }) => weightsDigest(folder)));
    assert.deepEqual(await encoders(planned), await encoders(own));
    const [{ threads }] = await readOrigins(planned.rounds[0][0].runs[0].folder);
    assert.equal(threads, SHARE);
  });
});

const NAME =
  "a variant whose name is longer than a line of the terminal, which has 80 columns, as it often has";

Deno.test("SIGTERM reaches all, each writes its checkpoint, and the same command goes on", async () => {
  await inFolder({ ...SWEEP, variants: { [NAME]: SLOW } }, async (path, runs) => {
    const { rounds: [[configuration]] } = await planSweep(path, { runs });
    const sweep = () => startSweep(path, runs, { executor: "local", jobs: "2" }), child = await sweep();
    const begun = () => Promise.all(configuration.runs.map(async (run) => await run.done() > 3));
    await until(async () => (await begun()).every(Boolean));
    child.kill("SIGTERM");
    const { code, stderr } = await child.output(), errors = new TextDecoder().decode(stderr);
    assert.equal(code, 143, errors);
    assert.match(errors, /0 of 2 are trained, and what was begun has its checkpoint\./);
    for (const run of configuration.runs) {
      assert.match(await Deno.readTextFile(join(run.folder, "training.log")), /stopped after step \d+ of/);
    }
    const done = await Promise.all(configuration.runs.map((run) => run.done()));
    const lines = await pacer()(configuration.runs);
    assert.deepEqual(lines.map((line) => line.length), [80, 80]);
    assert.equal(lines[0], `  ${NAME.slice(0, lines[0].indexOf("…") - 2)}…  ${done[0]}/80 steps`);
    const again = await (await sweep()).output();
    assert.equal(again.code, 0, new TextDecoder().decode(again.stderr));
    const { rounds: [[whole]] } = await planSweep(path, { runs: join(runs, "..", "whole") });
    await trainApart(whole.runs, SHARE);
    for (const [at, run] of configuration.runs.entries()) {
      const origins = await readOrigins(run.folder);
      assert.deepEqual([origins.length, origins[1].step], [2, done[at]]);
      assert.deepEqual(await weightsDigest(run.folder), await weightsDigest(whole.runs[at].folder));
    }
  });
});

Deno.test("never over cores or memory: the number that fits is named", async () => {
  await inFolder({ ...SWEEP, variants: { small: {}, large: { batch: 48 } } }, async (path, runs) => {
    const { rounds: [all] } = await planSweep(path, { runs });
    const each = all.flatMap(({ runs }) => runs), sizes = each.map(({ spec }) => trainingBytes(spec));
    const memory = 2 * Math.max(...sizes) + 1;
    demandRoom(each, 2, { cores: 4, memory });
    assert.throws(() => demandRoom(each, 3, { cores: 4, memory }), {
      name: "EnvironmentError",
      message: /^3 trainings at once take about .* of memory, of which .* are free\. --jobs 2 would fit\.$/,
    });
    assert.throws(() => demandRoom(each, 5, { cores: 4, memory: 1e12 }), {
      name: "EnvironmentError",
      message: "--jobs 5 is more than the 4 cores of this machine. --jobs 4 would fit.",
    });
    assert.throws(() => demandRoom(each, 1, { cores: 4, memory: 1e6 }), /of which .* are free\./);
  });
});

Deno.test("options are checked before anything is trained", async () => {
  for (const jobs of [undefined, "", "0", "two", "-1", "1.5"]) {
    assert.throws(() => localKind.open({ jobs }), {
      name: "UsageError",
      message: `--executor local takes --jobs, a whole number from 1 on, not "${jobs ?? ""}".`,
    });
  }
  assert.match(await refusal("none.json", "--executor=locla"), /^error: --executor locla does not exist\. /);
  assert.equal(
    await refusal("none.json", "--jobs=2"),
    "error: --jobs is an option of --executor local.\n",
  );
});
