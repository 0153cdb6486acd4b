/**
 * A job array of many elements, of which random ones are killed, on a real Slurm: `deno task test:faults`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "@std/path";
import { start } from "../../lib/compute/backend.ts";
import { generator } from "../../lib/base/random.ts";
import type { Run } from "../../lib/experiments/run.ts";
import { planSweep } from "../../lib/experiments/sweep.ts";
import { measureSweep, type SweepResults } from "../../lib/experiments/sweep_results.ts";
import { readMetrics } from "../../lib/training/log.ts";
import { readOrigins } from "../../lib/training/origin.ts";
import { startCluster, whyNone } from "../experiments/executors/cluster.ts";
import { inFolder, startSweep, SWEEP, trainApart, weightsDigest } from "../experiments/sweeps.ts";

const ELEMENTS = Number(Deno.env.get("SJEA_ELEMENTS") ?? 500),
  KILLS = Number(Deno.env.get("SJEA_KILLS") ?? 200);

/** Steps of an element: long enough to be met while it trains. */
const STEPS = 40;

const none = await whyNone();

/** The process that trains a run, if there is one that got further than any before it. */
async function processOf(run: Run, before: number): Promise<number | undefined> {
  const { length } = await readMetrics(run.folder).catch(() => []);
  if (length <= before || await run.isFinished()) return;
  const lock = await Deno.readTextFile(join(run.folder, "lock")).catch(() => "");
  return Number(/^process (\d+) on/.exec(lock)?.[1]) || undefined;
}

Deno.test({
  name: `${KILLS} kills among ${ELEMENTS} elements: none lost, none trained twice, the same table${
    none ? ` (skipped: ${none})` : ""
  }`,
  ignore: none !== undefined,
  async fn() {
    await start();
    const seeds = Array.from({ length: ELEMENTS }, (_, at) => at), random = generator("elements", 0);
    const sweep = { ...SWEEP, variants: { tiny: { epochs: STEPS / 2 } }, seeds };
    await inFolder(sweep, async (path, runs) => {
      await using cluster = await startCluster();
      const { rounds: [[{ runs: all }]] } = await planSweep(path, { runs });
      const child = await startSweep(path, runs, { executor: "slurm", cpus: "1" });
      let ended = false;
      const output = child.output().finally(() => ended = true);
      // Steps that each of them had when it was killed, one number a kill.
      const killed = new Map<Run, number[]>();
      for (let kills = 0; kills < KILLS && !ended;) {
        const running = (await cluster.slurm("squeue", "--noheader", "--array", "--states=R", "--format=%K"))
          .split("\n").filter(Boolean).map(Number);
        if (running.length === 0) continue;
        const run = all[running[random.integer(running.length)]], times = killed.get(run) ?? [];
        const pid = await processOf(run, times.at(-1) ?? 0);
        if (pid === undefined) continue;
        try {
          Deno.kill(pid, "SIGKILL");
        } catch { // It had ended.
          continue;
        }
        killed.set(run, [...times, (await readMetrics(run.folder)).length]);
        kills++;
      }
      const { code, stdout, stderr } = await output;
      assert.equal(code, 0, new TextDecoder().decode(stderr));
      const results: SweepResults = JSON.parse(new TextDecoder().decode(stdout));
      assert.deepEqual(results.runs.filter(({ failed }) => failed !== null), []);
      assert.equal(results.runs.length, ELEMENTS);
      let again = 0;
      for (const run of all) {
        const steps = (await readMetrics(run.folder)).map(({ step }) => step);
        assert.deepEqual(steps, Array.from({ length: STEPS }, (_, at) => at), run.title);
        const { length } = await readOrigins(run.folder), times = killed.get(run)?.length ?? 0;
        // Killed before its first checkpoint it begins anew.
        assert.ok(length <= 1 + times, `${run.title}: ${length} of ${times}`);
        again += length - 1;
      }
      // What a machine without Slurm makes of some of the killed ones and of others.
      const some = [...new Set([...[...killed.keys()].slice(0, 5), ...all.slice(0, 5)])];
      await Deno.writeTextFile(path, JSON.stringify({ ...sweep, seeds: some.map(({ spec }) => spec.seed) }));
      const planned = await planSweep(path, { runs: join(runs, "..", "here") });
      const [[{ runs: here }]] = planned.rounds;
      await trainApart(here, 1);
      for (const [at, run] of here.entries()) {
        assert.deepEqual(await weightsDigest(run.folder), await weightsDigest(some[at].folder), run.title);
      }
      for (const [at, { values }] of (await measureSweep(planned, async () => {})).rows.entries()) {
        for (const [measure, one] of Object.entries(values)) {
          const there = results.rows[at].values[measure].values;
          assert.deepEqual(one.values, some.map(({ spec }) => there[spec.seed]), measure);
        }
      }
      console.log(
        `${
          [...killed.values()].flat().length
        } kills of ${killed.size} elements, ${again} of them after a checkpoint; ` +
          `${some.length} trained once more without Slurm: the same weights and scores`,
      );
    });
  },
});
