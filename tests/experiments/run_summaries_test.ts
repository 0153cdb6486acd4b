import assert from "node:assert/strict";
import { join } from "@std/path";
import { lock } from "../../lib/base/lock.ts";
import { writeAtomically } from "../../lib/base/files.ts";
import { runReader, type RunSummary } from "../../lib/experiments/run_summaries.ts";
import { runId, type RunSpec } from "../../lib/training/spec.ts";
import { spec } from "../training/tiny.ts";
import { line, text, writeRun, writeScores } from "./run_folder.ts";

/** A folder with one run of twelve steps, of which some are done. */
async function one(
  steps: number,
  spec: RunSpec,
  look: (folder: string, read: () => Promise<RunSummary>) => Promise<void>,
) {
  const runs = await Deno.makeTempDir(), read = runReader(runs);
  try {
    await look(await writeRun(runs, spec, steps), async () => (await read())[0]);
  } finally {
    await Deno.remove(runs, { recursive: true });
  }
}

/** Appends to a run's log, whose time of change then is another one. */
async function append(folder: string, added: string): Promise<void> {
  await Deno.writeTextFile(join(folder, "metrics.jsonl"), added, { append: true });
}

Deno.test("a run at a glance: how far, how long, at what cost, what came of it", () =>
  one(5, spec, async (folder, read) => {
    await writeScores(folder, "");
    await writeScores(folder, "-held-out");
    const { fields, ...summary } = await read();
    assert.deepEqual(summary, {
      ...{ id: runId(spec), name: "r18w4+r18w4-vicreg-3e-s0", done: 5, steps: 12, state: "stopped" },
      begun: new Date("2026-01-01T00:00:00.000Z"),
      seconds: 10,
      // Two steps of two seconds with one thread, three with four.
      coreHours: 4 * 1 / 3600 + 6 * 4 / 3600,
      scores: {
        ...{ "stack 0: k-NN 20 %": 75, "stack 1: k-NN 20 %": 25 },
        ...{ "stack 0: k-NN 20 %, held-out": 75, "stack 1: k-NN 20 %, held-out": 25 },
      },
      tracks: [{
        epochs: [0.25, 0.5, 0.75, 1, 1.25],
        measures: { loss: [[0, 1, 2, 3, 4], [100, 101, 102, 103, 104]] },
      }],
    });
    assert.equal(fields.get("levels.1.encoder.width"), "4");
    assert.equal(fields.get("optimiser.name"), '"adam"');
  }));

Deno.test("long curves are means over equal spans, which stay as they are while the run goes on", () =>
  one(1000, { ...spec, epochs: 1000 }, async (folder, read) => {
    const span = 4000 / 200, curve = ({ tracks: [{ measures: { loss } }] }: RunSummary) => loss[0];
    const before = curve(await read());
    assert.equal(before.length, 50);
    const mean = (at: number) => at * span + (span - 1) / 2;
    assert.deepEqual(before, Array.from({ length: 50 }, (_, at) => Number(mean(at).toPrecision(4))));
    const steps = Array.from({ length: 3000 }, (_, at) => line(1000 + at, spec));
    await append(folder, text(steps));
    const after = await read();
    assert.equal(curve(after).length, 200);
    assert.deepEqual(curve(after).slice(0, 50), before);
    assert.equal(after.tracks[0].epochs.at(-1), Number(((4000 - (span - 1) / 2) / 4).toPrecision(4)));
  }));

Deno.test("of a log only what was added is read, and nothing of a run that did not change", () =>
  one(3, spec, async (folder, read) => {
    const path = join(folder, "metrics.jsonl"),
      { open } = Deno,
      opened: string[] = [],
      { read: readFile } = Deno.FsFile.prototype;
    let bytes = 0;
    const first = await read();
    Deno.open = (path, options) => {
      opened.push(`${path}`);
      return open(path, options);
    };
    Deno.FsFile.prototype.read = async function (into) {
      const count = await readFile.call(this, into);
      bytes += count ?? 0;
      return count;
    };
    try {
      assert.equal(await read(), first);
      assert.equal(opened.length, 0);
      const whole = text([line(3, spec)]);
      await append(folder, whole.slice(0, 40));
      assert.equal((await read()).done, 3, "half a line is no step");
      await append(folder, whole.slice(40));
      bytes = 0;
      assert.equal((await read()).done, 4);
      assert.equal(bytes, whole.length);
      assert.ok(opened.includes(path));
    } finally {
      Deno.open = open;
      Deno.FsFile.prototype.read = readFile;
    }
  }));

Deno.test("a log that was begun anew is read from its beginning, whether shorter or longer", () =>
  one(6, spec, async (folder, read) => {
    const path = join(folder, "metrics.jsonl");
    for (const length of [4, 9]) {
      await read();
      const lines = Array.from({ length }, (_, step) => line(step, spec, 7));
      await writeAtomically(path, text(lines));
      const { done, tracks: [{ measures }] } = await read();
      assert.equal(done, length);
      assert.deepEqual(measures.loss[0], Array(length).fill(7));
    }
  }));

Deno.test("a run is training while somebody holds its lock, and finished once its encoder is there", () =>
  one(6, spec, async (folder, read) => {
    const path = join(folder, "lock");
    const states = [(await read()).state];
    {
      using _ = await lock(path);
      states.push((await read()).state);
    }
    states.push((await read()).state);
    await writeAtomically(join(folder, "encoder.safetensors"), "");
    states.push((await read()).state);
    assert.deepEqual(states, ["stopped", "training", "stopped", "finished"]);
    // To look whether it is held is not to hold it.
    (await lock(path, (owner) => assert.fail(owner)))[Symbol.dispose]();
  }));

Deno.test("a number that is none has its place in the curve; what is damaged is passed over and told once", async () => {
  const runs = await Deno.makeTempDir(), read = runReader(runs), told: string[] = [], { error } = console;
  const broken = { ...spec, seed: 1 },
    folders = [await writeRun(runs, spec, 1), await writeRun(runs, broken, 2)];
  await append(folders[0], text([line(1, spec, NaN), line(2, spec)]));
  await append(folders[1], "{}\n");
  await Deno.mkdir(join(runs, "elsewhere"));
  console.error = (words: string) => void told.push(words);
  try {
    const found = [...await read(), ...await read()];
    assert.deepEqual(found.map(({ id }) => id), [runId(spec), runId(spec)]);
    assert.deepEqual(found[0].tracks[0].measures.loss[0], [0, NaN, 2]);
    assert.equal(told.length, 1, told.join("\n"));
    assert.ok(
      told[0].startsWith(
        `Passed over, damaged or written by another version: ${folders[1]}/metrics.jsonl, line 3: `,
      ),
    );
  } finally {
    console.error = error;
    await Deno.remove(runs, { recursive: true });
  }
});

Deno.test("the one that was begun last comes first; where there are no runs there are none", async () => {
  const runs = await Deno.makeTempDir(),
    read = runReader(runs),
    started = (hour: number) => `2026-01-01T0${hour}:00:00.000Z`;
  assert.deepEqual(await runReader(join(runs, "none"))(), []);
  for (const seed of [0, 2, 1]) await writeRun(runs, { ...spec, seed }, 1, started(seed));
  assert.deepEqual((await read()).map(({ name }) => name.at(-1)), ["2", "1", "0"]);
  await Deno.remove(join(runs, runId({ ...spec, seed: 2 })), { recursive: true });
  assert.deepEqual((await read()).map(({ name }) => name.at(-1)), ["1", "0"]);
  await Deno.remove(runs, { recursive: true });
});
