/**
 * What losses ask for beside the views: the labels that supervised levels learn from, and where views were cropped.
 *
 * @module
 */
import { UsageError } from "../base/errors.ts";
import { suggest } from "../base/schema.ts";
import { tf } from "../compute/tf.ts";
import type { Dataset, ImageSet } from "../data/dataset.ts";
import type { ViewBatch } from "../data/view_stream.ts";
import { cropOf, viewsOf } from "../data/views.ts";
import type { LevelSpec, RunSpec } from "./spec.ts";
import { type Beside, needsCrops } from "./step.ts";

const CLASSES = "classes";

/** What levels learn from, by place: `classes` or a level of the data set. */
function wanted(levels: readonly Pick<LevelSpec, "loss" | "frozen">[]): (string | undefined)[] {
  return levels.map(({ loss, frozen }) => "labels" in loss && frozen === undefined ? loss.labels : undefined);
}

/**
 * Checks that a data set has the labels that a run's levels learn from, and that embeddings are logits of them.
 *
 * @param spec The run.
 * @param dataset Its data set.
 * @throws {UsageError} It is not so.
 */
export function demandLabels({ levels }: Pick<RunSpec, "levels">, dataset: Dataset): void {
  const { name, train: { unlabelled }, classes } = dataset;
  const known: Readonly<Record<string, readonly string[]>> = { [CLASSES]: classes, ...dataset.levels };
  for (const [at, labels] of wanted(levels).entries()) {
    if (labels === undefined) continue;
    const field = `levels.${at}.loss.labels is ${labels}`;
    if (unlabelled) {
      throw new UsageError(`${field}, but nobody knows the classes of ${name}'s training images.`);
    }
    if (!(labels in known)) {
      throw new UsageError(`${field}, which ${name} does not have. ${suggest(labels, Object.keys(known))}`);
    }
    const last = levels[at].projector.at(-1), count = known[labels].length;
    if (last !== count) {
      throw new UsageError(
        `${field}, of which ${name} has ${count}, but levels.${at}.projector ${
          last === undefined ? "is empty" : `ends in ${last}`
        }: its last width has to be their number, such as --set levels.${at}.projector=[${count}].`,
      );
    }
  }
}

/**
 * What a step is given beside the views of a batch.
 *
 * @param spec The run.
 * @param set The images that it learns from.
 * @param batch Which of them, and in which epoch.
 * @param share Which of so many equal shares of the batch the crops are of; absent: all of it.
 * @returns What the losses ask for, the caller's to dispose.
 */
export function besideOf(
  { levels, seed, view }: Pick<RunSpec, "levels" | "seed" | "view">,
  set: Omit<ImageSet, "images">,
  { epoch, indices }: Pick<ViewBatch, "epoch" | "indices">,
  { task, of } = { task: 0, of: 1 },
): Beside {
  const names = new Set(wanted(levels).filter((name) => name !== undefined));
  const labels = Object.fromEntries([...names].map((name) => {
    const all = name === CLASSES ? set.labels : set.levels![name];
    return [name, tf.tensor1d(Int32Array.from(indices, (image) => all[image]), "int32")];
  }));
  if (!needsCrops({ levels })) return { labels, crops: [] };
  const rows = indices.length / of, own = [...indices.subarray(task * rows, (task + 1) * rows)];
  const all = viewsOf(view);
  const crops = all.map((_, number) =>
    tf.tensor2d(own.map((index) => cropOf(set, { seed, epoch, index, number }, all)))
  );
  return { labels, crops };
}
