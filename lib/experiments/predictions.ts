/**
 * The predictions behind a results file: the class that each measure predicted
 * for each test image, in a safetensors file beside it.
 *
 * @module
 */
import { DataError } from "../base/errors.ts";
import { exists, writeAtomically } from "../base/files.ts";
import { decodeSafetensors, encodeSafetensors } from "../base/safetensors.ts";
import type { Labels } from "../data/dataset.ts";
import { knnAt } from "../evaluation/knn.ts";
import { accuracy } from "../evaluation/metric.ts";
import { TOP1 } from "../evaluation/probe.ts";
import type { Row } from "./results.ts";

/** Classes of a table's test images, in the order of the test set. */
export interface StoredPredictions {
  /** True classes. */
  readonly labels: Labels;
  /** Predicted classes by row, seed and measure: `S-JEA/stack 1/seed 0/top-1`, `VICReg/seed 2/k-NN 200`. */
  readonly predictions: Readonly<Record<string, Labels>>;
}

const LABELS = "labels";

/** Where the predictions of a results file are kept. */
function beside(path: string): string {
  return path.replace(/(\.json)?$/, ".predictions.safetensors");
}

/**
 * What one row's predictions are called.
 *
 * @param row The row's own name, {@link Row}'s `predictions`.
 * @param seed The seed.
 * @param measure `top-1`, or `k-NN 200` for 200 neighbours.
 * @returns Such as `S-JEA/stack 1/seed 0/top-1`.
 */
export function predictionName(row: string, seed: number, measure: string): string {
  return `${row}/seed ${seed}/${measure}`;
}

/**
 * Writes the predictions behind a results file, whole or not at all: a byte an
 * image, row, seed and measure.
 *
 * @param path The results file.
 * @param stored The predictions.
 */
export async function writePredictions(
  path: string,
  { labels, predictions }: StoredPredictions,
): Promise<void> {
  const tensors = Object.entries({ [LABELS]: labels, ...predictions }).map(([name, data]) =>
    [name, { shape: [data.length], data }] as const
  );
  await writeAtomically(beside(path), encodeSafetensors(Object.fromEntries(tensors)));
}

/**
 * Reads the predictions behind a results file, for tests of two encoders on the
 * same images.
 *
 * @param path The results file.
 * @param rows Its rows: their accuracies have to be those of the predictions.
 * @returns The predictions.
 * @throws {DataError} They were not stored, the file is damaged, or it belongs to other results.
 * @example McNemar's test asks how many images only one of two encoders gets right.
 * ```ts
 * import { readPredictions, writePredictions } from "./predictions.ts";
 * import { summarise } from "./statistics.ts";
 * const path = `${await Deno.makeTempDir()}/linear-evaluation.json`;
 * await writePredictions(path, {
 *   labels: Uint8Array.of(0, 1, 1, 2),
 *   predictions: {
 *     "S-JEA/stack 0/seed 0/top-1": Uint8Array.of(0, 1, 1, 0),
 *     "S-JEA/stack 1/seed 0/top-1": Uint8Array.of(0, 0, 2, 2),
 *   },
 * });
 * // const { rows } = await readResults(path);
 * const rows = [
 *   { predictions: "S-JEA/stack 0", top1: summarise([75]), knnAt: {} },
 *   { predictions: "S-JEA/stack 1", top1: summarise([50]), knnAt: {} },
 * ];
 * const { labels, predictions } = await readPredictions(path, rows);
 * const right = (stack: number) =>
 *   Array.from(predictions[`S-JEA/stack ${stack}/seed 0/top-1`], (found, at) => found === labels[at]);
 * const [lower, upper] = [right(0), right(1)];
 * const onlyLower = lower.filter((right, at) => right && !upper[at]).length;
 * const onlyUpper = upper.filter((right, at) => right && !lower[at]).length;
 * if (onlyLower !== 2 || onlyUpper !== 1) throw new Error(`${onlyLower} and ${onlyUpper}`);
 * ```
 */
export async function readPredictions(
  path: string,
  rows: readonly Pick<Row, "predictions" | "top1" | "knnAt">[],
): Promise<StoredPredictions> {
  const file = beside(path), again = "Run deno task reproduce again.";
  if (rows.some(({ predictions }) => predictions === null)) {
    throw new DataError(`The predictions behind ${path} were not stored. ${again}`);
  }
  if (!await exists(file)) throw new DataError(`${file} does not exist. ${again}`);
  const { tensors } = decodeSafetensors(await Deno.readFile(file), file);
  const { [LABELS]: labels, ...predictions } = Object.fromEntries(
    Object.entries(tensors).map(([name, { data }]) => [name, data as Labels]),
  );
  const check = (name: string, percent: number) => {
    const found = predictions[name];
    if (found && found.length === labels?.length && 100 * accuracy(found, labels) === percent) return;
    const fault = found ? `${name} is not right in ${percent} % of the images` : `it has no ${name}`;
    throw new DataError(`${file} does not belong to ${path}: ${fault}. ${again}`);
  };
  for (const { predictions: row, top1, knnAt: knn } of rows) {
    top1.values.forEach((percent, seed) => check(predictionName(row!, seed, TOP1), percent));
    for (const [k, { values }] of Object.entries(knn)) {
      values.forEach((percent, seed) => check(predictionName(row!, seed, knnAt(Number(k))), percent));
    }
  }
  return { labels, predictions };
}
