/**
 * As many steps as a day has on a small machine: `deno task test:faults`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "@std/path";
import { runId } from "../../lib/training/spec.ts";
import { spec, startTraining, stepsOf } from "../training/tiny.ts";

const STEPS = 10_000;

/** Resident memory of a process in MB. */
async function resident(pid: number): Promise<number> {
  const [, kilobytes] = (await Deno.readTextFile(`/proc/${pid}/status`)).match(/VmRSS:\s+(\d+) kB/)!;
  return Number(kilobytes) / 1000;
}

Deno.test({
  name: `${STEPS} steps: memory stays within 2 %`,
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const runs = await Deno.makeTempDir();
    // Fewer images a step, so that it is short; the graph, the tensors and the files are those of any run.
    const long = { ...spec, batch: 16, epochs: STEPS / 16 };
    const child = await startTraining(runs, long);
    let ended = false;
    const output = child.output().finally(() => ended = true);
    const measured: { steps: number; memory: number }[] = [];
    while (!ended) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const steps = await stepsOf(runs, long), memory = await resident(child.pid).catch(() => 0);
      if (memory > 0 && steps < STEPS) measured.push({ steps, memory });
    }
    assert.equal((await output).code, 0);
    assert.equal(await stepsOf(runs, long), STEPS);
    await Deno.stat(join(runs, runId(long), "encoder.safetensors"));
    // What stays once caches and the allocator's pools are full: the least of two fifths of the run.
    const least = (from: number, to: number) =>
      Math.min(
        ...measured.filter(({ steps }) => steps >= from * STEPS && steps < to * STEPS).map(({ memory }) =>
          memory
        ),
      );
    const [early, late] = [least(0.2, 0.4), least(0.8, 1)];
    console.log(
      `${early.toFixed(1)} MB within the second fifth of the steps, ${late.toFixed(1)} MB within the last`,
    );
    assert.ok(late / early < 1.02, `${early} MB, then ${late} MB`);
    await Deno.remove(runs, { recursive: true });
  },
});
