/**
 * A disk that fills up while a run is trained on it: `deno task test:faults`.
 * The disk is one in memory, which needs the right to make one.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "@std/path";
import { generator } from "../../lib/base/random.ts";
import { start } from "../../lib/compute/backend.ts";
import { readCheckpoint } from "../../lib/training/checkpoint.ts";
import { runId } from "../../lib/training/spec.ts";
import { spec, startTraining, stepsOf, trainIn, until, weights, withoutSpeed } from "../training/tiny.ts";

const FILLINGS = Number(Deno.env.get("SJEA_FILLINGS") ?? 50);

/** Whether this user may make a file system in memory. */
async function mount(folder: string, size: string): Promise<boolean> {
  const { success } = await new Deno.Command("mount", {
    args: ["-t", "tmpfs", "-o", `size=${size}`, "none", folder],
    stderr: "null",
  }).output().catch(() => ({ success: false }));
  return success;
}

const place = await Deno.makeTempDir();
const mounted = Deno.build.os === "linux" && await mount(place, "6m");

Deno.test({
  name: `a disk that is full ${FILLINGS} times: training waits and goes on, no file is corrupt`,
  ignore: !mounted,
  fn: async () => {
    await start();
    const random = generator("disk", 0);
    const whole = await Deno.makeTempDir(), expected = await trainIn(whole, spec);
    const folder = join(place, runId(spec)), filler = join(place, "filler");
    let full = 0, waited = 0;
    while (full < FILLINGS) {
      await Deno.remove(folder, { recursive: true }).catch(() => {});
      const child = await startTraining(place, spec);
      let said = "";
      const reading = child.stderr.pipeThrough(new TextDecoderStream()).pipeTo(
        new WritableStream({ write: (text) => void (said += text) }),
      );
      let ended = false;
      child.status.then(() => ended = true);
      for (let times = 1 + random.integer(3); times > 0 && !ended; times--) {
        // At least a step further than where it waited last.
        const steps = await stepsOf(place, spec) + 1 + random.integer(3);
        await until(async () => ended || await stepsOf(place, spec) >= steps);
        if (ended) break;
        const before = said.split("No space is left").length + said.split("A checkpoint needs").length;
        await fill(filler);
        full++;
        await Promise.race([
          until(() =>
            Promise.resolve(
              ended ||
                said.split("No space is left").length + said.split("A checkpoint needs").length > before,
            )
          ),
          child.status,
        ]);
        // What a reader finds while the disk is full is whole.
        await readCheckpoint(folder);
        await Deno.remove(filler);
      }
      const { code } = await child.status;
      await reading;
      assert.equal(code, 0, said);
      waited += said.split("Waiting;").length - 1;
      assert.deepEqual(await withoutSpeed(folder), await withoutSpeed(expected.folder));
      assert.deepEqual(await weights(folder), await weights(expected.folder));
    }
    assert.ok(waited > FILLINGS / 4, `${waited}`);
    console.log(`full ${full} times, of which training had to wait ${waited} times`);
    await Deno.remove(whole, { recursive: true });
  },
});

/** Takes all the room that is left. */
async function fill(path: string): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  for (const size of [1 << 16, 1 << 12, 1]) {
    const block = new Uint8Array(size);
    try {
      while (await file.write(block) > 0);
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOSPC") throw error;
    }
  }
}

Deno.test.afterAll(() => {
  if (mounted) new Deno.Command("umount", { args: [place] }).outputSync();
});
