/**
 * As many steps as a day has on a small machine: `deno task test:faults`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "@std/path";
import { runId } from "../../lib/training/spec.ts";
import { spec, stepsOf } from "../training/tiny.ts";

const STEPS = 10_000;

/** Trains, and prints now and then, in MB: what the program has in use, and what the system has given it. */
const SCRIPT = `
  import { start } from "LIB/compute/backend.ts";
  import { generate } from "LIB/data/generated.ts";
  import { train } from "LIB/training/train.ts";
  const info = { struct: Array(10).fill("usize") } as const;
  const libc = Deno.dlopen("libc.so.6", { mallinfo2: { parameters: [], result: info } });
  await start();
  const timer = setInterval(() => {
    (globalThis as unknown as { gc(): void }).gc();
    // Bytes in use within malloc's pools, and in blocks of their own; then V8's objects.
    const fields = new BigUint64Array(libc.symbols.mallinfo2().buffer);
    const { heapUsed, rss } = Deno.memoryUsage();
    console.log((Number(fields[7] + fields[4]) + heapUsed) / 1e6, rss / 1e6);
  }, 2000);
  const dataset = generate({ seed: 0, train: 256, test: 10 });
  await train(SPEC, dataset, RUNS, "tiny");
  clearInterval(timer);`;

Deno.test({
  name: `${STEPS} steps: memory in use stays within 2 %`,
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const runs = await Deno.makeTempDir(), script = join(runs, "script.ts");
    // Fewer images a step, so that it is short; the graph, the tensors and the files are those of any run.
    const long = { ...spec, batch: 16, epochs: STEPS / 16 };
    await Deno.writeTextFile(
      script,
      SCRIPT.replaceAll("LIB", new URL("../../lib", import.meta.url).href)
        .replace("SPEC", JSON.stringify(long)).replace("RUNS", JSON.stringify(runs)),
    );
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--config=deno.json", "--v8-flags=--expose-gc", "-A", script],
      cwd: new URL("../..", import.meta.url),
      stderr: "null",
    }).output();
    assert.equal(code, 0);
    assert.equal(await stepsOf(runs, long), STEPS);
    await Deno.stat(join(runs, runId(long), "encoder.safetensors"));
    const measured = new TextDecoder().decode(stdout).trim().split("\n").map((line) =>
      line.split(" ").map(Number)
    );
    // The median of a tenth of the run, for a step has more in use while it runs than between two.
    const median = (from: number, column: number) => {
      const part = measured.slice(from * measured.length, (from + 0.1) * measured.length);
      return part.map((row) => row[column]).sort((a, b) => a - b)[part.length >> 1];
    };
    const [early, late] = [median(0.1, 0), median(0.9, 0)];
    console.log(
      `${early.toFixed(1)} MB in use after a tenth of the steps, ${late.toFixed(1)} MB at the end ` +
        `(resident: ${median(0.1, 1).toFixed(0)} and ${median(0.9, 1).toFixed(0)} MB)`,
    );
    assert.ok(late / early < 1.02, `${early} MB, then ${late} MB`);
    await Deno.remove(runs, { recursive: true });
  },
});
