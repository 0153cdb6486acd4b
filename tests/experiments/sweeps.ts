/**
 * Sweeps of seconds, here or as the command of a user.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { join } from "@std/path";

import type { Run } from "../../lib/experiments/run.ts";
import type { Wishes } from "../../lib/experiments/executors/executor.ts";
import { weights } from "../training/tiny.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const LEVEL = { encoder: { kind: "resnet", depth: 18, width: 4 }, projector: [8], loss: { name: "vicreg" } };

/** What all runs have in common: two steps. */
export const BASE = {
  extends: "smoke/s-jea",
  data: { dataset: { name: "generated", seed: 0, train: 96, test: 32 }, images: 64 },
  levels: [LEVEL, LEVEL],
  epochs: 1,
  batch: 32,
};

/** A sweep but for its variants. */
export const SWEEP = {
  title: "Which?",
  base: "base.json",
  seeds: [0, 3],
  evaluate: {
    preset: "smoke",
    set: ["testImages=32", "heldOutImages=32"],
    metric: ["knn.k=5"],
  },
};

/** Fields of a run that diverges. */
export const WILD = { optimiser: { name: "sgd" }, schedule: { name: "vicreg", base: 1e9 } };

/** Fields of a run of many steps, which can be interrupted. */
export const SLOW = { epochs: 40 };

/** Writes a sweep's file into a folder of its own, which is removed again. */
export async function inFolder(
  sweep: object,
  work: (path: string, runs: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir(), path = join(folder, "mine.json");
  try {
    await Deno.writeTextFile(join(folder, "base.json"), JSON.stringify(BASE));
    await Deno.writeTextFile(path, JSON.stringify(sweep));
    await work(path, join(folder, "runs"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A digest of a run's weights: of arrays that differ, an assertion would list all values. */
export const weightsDigest = async (folder: string): Promise<string> =>
  createHash("sha256").update(await weights(folder)).digest("hex");

/**
 * Trains runs one after the other in processes of their own, as far as they get, with so many threads: with others,
 * sums are rounded in another order, and TensorFlow has one number of them a process.
 */
export async function trainApart(runs: readonly Run[], threads: number): Promise<void> {
  for (const run of runs) {
    const env = { SJEA_THREADS: `${threads}` }, args = await run.command();
    await new Deno.Command(Deno.execPath(), { args, env, stdout: "null", stderr: "null" }).output();
  }
}

/** Starts a sweep that an executor trains in a process of its own, whose output can be read. */
export async function startSweep(path: string, runs: string, options: Wishes): Promise<Deno.ChildProcess> {
  const from = (path: string) => JSON.stringify(import.meta.resolve(`../../lib/${path}`));
  const script = join(path, "..", "sweep.ts"), { executor, ...wishes } = options;
  await Deno.writeTextFile(
    script,
    `import { runCommand } from ${from("cli/command.ts")};
    import { EXECUTORS } from ${from("experiments/executors/executors.ts")};
    import { planSweep } from ${from("experiments/sweep.ts")};
    import { measureSweep } from ${from("experiments/sweep_results.ts")};
    await runCommand(async () => {
      const planned = await planSweep(${JSON.stringify(path)}, { runs: ${JSON.stringify(runs)} });
      const executor = EXECUTORS.${executor}.open(${JSON.stringify(wishes)});
      console.log(JSON.stringify(await measureSweep(planned, async () => {}, executor)));
    });`,
  );
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--config=deno.json", "-A", script],
    cwd: ROOT,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** What `deno task sweep` refuses to do. */
export async function refusal(...args: string[]): Promise<string> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", "lib/cli/sweep.ts", ...args],
    cwd: ROOT,
  }).output();
  assert.equal(code, 1);
  return new TextDecoder().decode(stderr);
}
