/**
 * A run that code describes in place, such as a notebook's cell.
 *
 * @module
 */
import { places } from "../base/places.ts";
import { openDataset } from "../data/datasets.ts";
import { onItsImages, settingOf } from "./opened_run.ts";
import { evaluationOf, presets } from "./presets.ts";
import { openRun, type Run } from "./run.ts";
import { extendedFields, type SpecFields, specOf } from "./spec_file.ts";

/**
 * Makes a run of the fields in which it differs from another one; the same fields in a file make the same run.
 *
 * @param fields The spec's fields; `extends` names the run that has the others: `{ extends: "quick/s-jea", epochs: 20 }`.
 * @param title What a reader calls it.
 * @param runs Folder of all runs.
 * @returns The run, to be judged as preset `quick` judges; nothing is trained yet.
 * @throws {UsageError} A field or name that does not exist, or a value that it cannot have.
 * @throws {DataError} The data set is damaged.
 * @example
 * ```ts
 * import { ownRun } from "./own_run.ts";
 * const dataset = { name: "generated", train: 40, test: 20 };
 * const run = await ownRun({ extends: "smoke/s-jea", data: { dataset, images: 32 }, batch: 16 }, "mine");
 * if (run.steps !== 2 * run.spec.epochs) throw new Error(`${run.steps}`);
 * ```
 */
export async function ownRun(fields: SpecFields, title: string, runs: string = places.runs): Promise<Run> {
  const written = await extendedFields(fields, title);
  const { spec, dataset } = await specOf(written, title, (config) => openDataset(config));
  const evaluation = onItsImages(evaluationOf(presets.quick), spec, dataset);
  return openRun(spec, await settingOf({ dataset, evaluation, runs }), title);
}
