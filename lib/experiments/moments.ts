/**
 * What a run has learnt at moments of its training, kept in its folder: whoever comes later sees them all.
 *
 * @module
 */
import { join } from "@std/path";
import { z } from "zod";
import { exists, writeAtomically } from "../base/files.ts";
import { checkedJson } from "../base/schema.ts";
import { dispose } from "../compute/compile.ts";
import { features } from "../evaluation/features.ts";
import { knn } from "../evaluation/knn.ts";
import type { Network } from "../model/layers.ts";
import { umap } from "../projection/umap.ts";
import type { Run } from "./run.ts";

/** What was found of a stack at a moment. */
export interface StackMoment {
  /** Percent of the test images that 20 neighbours among the training images tell the class of. */
  readonly knn: number;
  /** UMAP of the test images, `[count · 2]`, which starts where the moment before had them. */
  readonly map: Float32Array;
}

/** What a run had learnt at a moment. */
export interface Moment {
  /** Steps behind it; 0 is the untrained run. */
  readonly step: number;
  /** Epochs behind it. */
  readonly epoch: number;
  /** Lowest first. */
  readonly stacks: readonly StackMoment[];
}

const momentsSchema = z.array(z.strictObject({
  step: z.int().nonnegative(),
  epoch: z.number(),
  stacks: z.array(z.strictObject({
    knn: z.number(),
    map: z.array(z.number()).transform((values) => Float32Array.from(values)),
  })),
}));

/** Neighbours, and the temperature of their votes. */
const K = 20, TEMPERATURE = 0.1;

/** A run as it is looked at. */
export interface Watched {
  /** Earliest first; the untrained run is the first. */
  readonly moments: readonly Moment[];
  /**
   * Looks at the run's last checkpoint.
   *
   * @returns Whether there was anything new.
   */
  look(): Promise<boolean>;
}

/**
 * Watches a run, whoever trains it.
 *
 * @param run The run, of a few hundred to a few thousand test images with classes.
 * @returns What was seen of it before, and how to look again.
 * @throws {DataError} The file with what was seen is damaged.
 */
export async function watchRun(run: Run): Promise<Watched> {
  const path = join(run.folder, "moments.json"), { spec, setting: { images, dataset } } = run;
  const moments: Moment[] = await exists(path)
    ? checkedJson(momentsSchema, await Deno.readTextFile(path), path, "Delete it to look anew.")
    : [];
  const keep = async (network: Network, step: number) => {
    const [bank, asked] = [
      await features(network, spec, images.train),
      await features(network, spec, images.test),
    ];
    const stacks: StackMoment[] = [];
    for (const [stack, x] of asked.entries()) {
      const [{ accuracy }] = await knn(
        { features: bank[stack], labels: images.train.labels },
        { features: x, labels: images.test.labels },
        { k: [K], temperature: TEMPERATURE, classes: dataset.classes.length },
      );
      const start = moments.at(-1)?.stacks[stack].map;
      stacks.push({ knn: 100 * accuracy, map: await umap(x, { seed: 0, ...start && { start } }) });
    }
    dispose([network, bank, asked]);
    moments.push({ step, epoch: step * spec.epochs / run.steps, stacks });
    const plain = moments.map(({ stacks, ...moment }) => ({
      ...moment,
      stacks: stacks.map(({ knn, map }) => ({ knn, map: [...map].map((value) => +value.toFixed(3)) })),
    }));
    await writeAtomically(path, JSON.stringify(plain));
  };
  if (moments.length === 0) await keep(await run.untrained(), 0);
  return {
    moments,
    async look() {
      const latest = await run.latest();
      if (!latest) return false;
      const isNew = latest.step > moments.at(-1)!.step;
      if (isNew) await keep(latest.network, latest.step);
      else dispose(latest.network);
      return isNew;
    },
  };
}
