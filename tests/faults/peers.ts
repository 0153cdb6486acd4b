/**
 * One of two processes that train together is killed, frozen, told to stop: `deno task test:faults`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "@std/path";
import { readCheckpoint } from "../../lib/training/checkpoint.ts";
import { readOrigins } from "../../lib/training/origin.ts";
import { onTensorFlow } from "../engine.ts";
import { ended, pair } from "../training/pair.ts";
import { until, weights, withoutSpeed } from "../training/tiny.ts";

/** Milliseconds within which a process has to find that the other one is gone. */
const SOON = 60_000;

Deno.test({
  name:
    "a process killed, one frozen, one told to stop: the other ends with a checkpoint, and both go on bit by bit",
  ignore: !onTensorFlow,
  async fn() {
    const [there, here] = [await Deno.makeTempDir(), await Deno.makeTempDir()];
    const whole = await pair(there), broken = await pair(here);
    for (const { code, said } of await Promise.all(whole.both().map(ended))) assert.equal(code, 0, said);

    let from = 0;
    for (const signal of ["SIGKILL", "SIGSTOP", "SIGTERM"] as const) {
      const [first, second] = broken.both(), results = [first, second].map(ended);
      await until(async () => await broken.steps() > from + 8);
      second.kill(signal);
      const began = performance.now(), { code, said } = await results[0], took = performance.now() - began;
      assert.ok(took < SOON, `${signal}: ${took} ms`);
      if (signal === "SIGSTOP") second.kill("SIGKILL");
      assert.equal(code, signal === "SIGTERM" ? 143 : 75, said);
      const other = await results[1];
      if (signal === "SIGTERM") assert.equal(other.code, 143, other.said);
      else assert.match(said, /another of the 2 processes was lost after step \d+ of 320 /);
      // Of the last step, whatever was due.
      const { position } = (await readCheckpoint(broken.folder))!;
      assert.equal(position.step, await broken.steps());
      assert.ok(position.step > from + 8, `${position.step}`);
      from = position.step;
    }
    for (const { code, said } of await Promise.all(broken.both().map(ended))) assert.equal(code, 0, said);
    assert.deepEqual(await withoutSpeed(broken.folder), await withoutSpeed(whole.folder));
    assert.deepEqual(await weights(broken.folder), await weights(whole.folder));
    const origins = await readOrigins(broken.folder);
    assert.deepEqual(origins.map(({ processes }) => processes), [2, 2, 2, 2]);
    const left = [...Deno.readDirSync(broken.folder)].map(({ name }) => name);
    assert.deepEqual(left.filter((name) => name.startsWith("checkpoint")), []);
    await Promise.all([there, here].map((folder) => Deno.remove(folder, { recursive: true })));
  },
});

Deno.test({
  name:
    "started together on one machine, both go on by themselves when one is killed, and end as if it had not been",
  ignore: !onTensorFlow,
  async fn() {
    const [there, here] = [await Deno.makeTempDir(), await Deno.makeTempDir()];
    const whole = await pair(there), broken = await pair(here);
    const smooth = await ended(whole.start(["--processes=2"]));
    assert.equal(smooth.code, 0, smooth.said);
    const child = broken.start(["--processes=2"]), result = ended(child);
    await until(async () => await broken.steps() > 20);
    const [, pid] = /^process (\d+) on/.exec(await Deno.readTextFile(join(broken.folder, "lock")))!;
    Deno.kill(Number(pid), "SIGKILL");
    const { code, said } = await result;
    assert.equal(code, 0, said);
    assert.match(said, /pair: a process was lost; all 2 start again from the last checkpoint\./);
    assert.deepEqual(await withoutSpeed(broken.folder), await withoutSpeed(whole.folder));
    assert.deepEqual(await weights(broken.folder), await weights(whole.folder));
    await Promise.all([there, here].map((folder) => Deno.remove(folder, { recursive: true })));
  },
});
