/**
 * A training that is killed again and again, at any moment, ends as one that
 * never was: `deno task test:faults`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "@std/path";
import { start } from "../../lib/compute/backend.ts";
import { generator } from "../../lib/base/random.ts";
import { readCheckpoint } from "../../lib/training/checkpoint.ts";
import { isFinished } from "../../lib/training/train.ts";
import { runId } from "../../lib/training/spec.ts";
import { spec, startTraining, stepsOf, trainIn, until, weights, withoutSpeed } from "../training/tiny.ts";

const KILLS = Number(Deno.env.get("SJEA_KILLS") ?? 200);

Deno.test(`${KILLS} kills at random moments: the same log and weights, nothing lost behind a checkpoint`, async () => {
  await start();
  const random = generator("kills", 0);
  const whole = await Deno.makeTempDir(), expected = await trainIn(whole, spec);
  let broken = await Deno.makeTempDir(), finished = 0, kills = 0, within = 0;
  while (kills < KILLS || !await isFinished(spec, broken)) {
    const folder = join(broken, runId(spec));
    if (await isFinished(spec, broken)) {
      assert.deepEqual(await withoutSpeed(folder), await withoutSpeed(expected.folder));
      assert.deepEqual(await weights(folder), await weights(expected.folder));
      await Deno.remove(broken, { recursive: true });
      broken = await Deno.makeTempDir();
      finished++;
      continue;
    }
    const before = (await readCheckpoint(folder))?.position.step ?? 0;
    const child = await startTraining(broken, spec);
    // Half of them while it trains or writes a checkpoint, half at any moment since the process began.
    if (random.integer(2) === 0) {
      const steps = before + 1 + random.integer(5);
      await Promise.race([until(async () => await stepsOf(broken, spec) >= steps), child.status]);
      await new Promise((resolve) => setTimeout(resolve, random.integer(60)));
    } else await new Promise((resolve) => setTimeout(resolve, random.integer(2500)));
    try {
      if (kills < KILLS) child.kill("SIGKILL");
    } catch { // It had finished.
    }
    const { signal } = await child.output();
    if (signal === "SIGKILL") kills++;
    if (await stepsOf(broken, spec) > before) within++;
    // Whatever was on the disk at this moment is whole, and not older than what was there.
    const after = await isFinished(spec, broken) ? 12 : (await readCheckpoint(folder))?.position.step ?? 0;
    assert.ok(after >= before, `${before}, ${after}`);
  }
  const folder = join(broken, runId(spec));
  assert.deepEqual(await weights(folder), await weights(expected.folder));
  console.log(`${kills} kills, ${within} of them while it trained; ${finished + 1} runs finished, all alike`);
  await Promise.all([whole, broken].map((folder) => Deno.remove(folder, { recursive: true })));
});
