/**
 * A training of seconds, here or in a process of its own that can be killed.
 *
 * @module
 */
import { join } from "@std/path";
import { generate } from "../../lib/data/generated.ts";
import { preset } from "../../lib/experiments/presets.ts";
import { runSpec } from "../../lib/experiments/runs.ts";
import { readMetrics } from "../../lib/training/log.ts";
import { train } from "../../lib/training/train.ts";
import { runId, type RunSpec } from "../../lib/training/spec.ts";

export const dataset = generate({ seed: 0, train: 256, test: 10 });

export const tiny = preset("smoke", [
  "trainImages=256",
  "width=4",
  "epochs=3",
  "batch=64",
  "projector=32,32",
]);

/** Twelve steps in three epochs. */
export const spec = runSpec("s-jea", tiny, dataset, 0);

/** Trains in this process. */
export async function trainIn(runs: string, spec: RunSpec) {
  return { folder: join(runs, runId(spec)), ...await train(spec, dataset, runs, "tiny") };
}

/** Trains in another process, whose output can be read. */
export async function startTraining(runs: string, spec: RunSpec): Promise<Deno.ChildProcess> {
  const from = (path: string) => JSON.stringify(import.meta.resolve(`../../lib/${path}`));
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(
    script,
    `import { start } from ${from("compute/backend.ts")};
    import { generate } from ${from("data/generated.ts")};
    import { runCommand } from ${from("cli/command.ts")};
    import { train } from ${from("training/train.ts")};
    await runCommand(async () => {
      await start();
      const dataset = generate({ seed: 0, train: 256, test: 10 });
      await train(${JSON.stringify(spec)}, dataset, ${JSON.stringify(runs)}, "tiny");
    });`,
  );
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--config=deno.json", "-A", script],
    cwd: new URL("../..", import.meta.url),
    stdout: "null",
    stderr: "piped",
  }).spawn();
}

/** Waits until something is true, five minutes at most. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 30_000; tries++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("it did not happen within five minutes");
}

/** Steps that a run has logged. */
export const stepsOf = (runs: string, spec: RunSpec) =>
  readMetrics(join(runs, runId(spec))).then(({ length }) => length, () => 0);

/** A run's log without its speeds, which differ. */
export async function withoutSpeed(folder: string) {
  return (await readMetrics(folder)).map(({ imagesPerSecond: _, ...metrics }) => metrics);
}

/** A run's weights; the header before them holds the duration, which differs. */
export async function weights(folder: string): Promise<Uint8Array> {
  const bytes = await Deno.readFile(join(folder, "encoder.safetensors"));
  return bytes.subarray(8 + new DataView(bytes.buffer).getUint32(0, true));
}
