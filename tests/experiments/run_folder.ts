/** Folders of runs whose steps are written here, not trained. */
import { join } from "@std/path";
import { encodeSafetensors } from "../../lib/base/safetensors.ts";
import { evaluationFile } from "../../lib/experiments/evaluate.ts";
import type { StepMetrics } from "../../lib/training/log.ts";
import type { Origin } from "../../lib/training/origin.ts";
import { runId, type RunSpec, writeSpec } from "../../lib/training/spec.ts";

/** A line of a log: 64 images in two seconds. */
export const line = (step: number, spec: RunSpec, total = step): StepMetrics => ({
  step,
  epoch: Math.floor(step * spec.batch / spec.data.images),
  learningRate: 0.1,
  imagesPerSecond: spec.batch / 2,
  levels: spec.levels.map((_, level) => ({ variance: 1, total: total + 100 * level })),
});

/** Lines as they stand in a log. */
export const text = (lines: readonly StepMetrics[]): string =>
  lines.map((line) => JSON.stringify(line) + "\n").join("");

const origin = (step: number, threads: number, started: string): Origin => ({
  ...{ step, threads, started, code: "0123456789ab", commit: null, dirty: false },
  ...{ deno: Deno.version.deno, tensorflow: "2.21.0", device: "CPU:0" },
});

/** Writes a run that was begun with one thread and went on from its third step with four. */
export async function writeRun(
  runs: string,
  spec: RunSpec,
  steps: number,
  started = "2026-01-01T00:00:00.000Z",
): Promise<string> {
  const folder = join(runs, runId(spec));
  await Deno.mkdir(folder, { recursive: true });
  await writeSpec(folder, spec);
  const lines = Array.from({ length: steps }, (_, step) => line(step, spec));
  await Deno.writeTextFile(join(folder, "metrics.jsonl"), text(lines));
  const origins = [origin(0, 1, started), ...steps > 2 ? [origin(2, 4, started)] : []];
  await Deno.writeTextFile(join(folder, "origins.json"), JSON.stringify(origins));
  return folder;
}

/** Writes what k-NN found of a run's two stacks: three of four right, and one. */
export async function writeScores(folder: string, suffix: string): Promise<void> {
  const labels = Uint8Array.of(0, 1, 2, 3), shape = [4];
  const tensors = {
    labels: { shape, data: labels },
    "stack 0/k-NN 20": { shape, data: Uint8Array.of(0, 1, 2, 0) },
    "stack 1/k-NN 20": { shape, data: Uint8Array.of(0, 0, 0, 0) },
  };
  const bytes = encodeSafetensors(tensors, { recipe: "{}", numbers: "[{},{}]" });
  await Deno.writeFile(join(folder, `${evaluationFile()}${suffix}-knn.safetensors`), bytes);
}
