/**
 * Levels that are taken from another run as they are, so that what stands on them is trained alone.
 *
 * @module
 */
import { join } from "@std/path";
import { UsageError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { dispose, flatten, mapTree } from "../compute/compile.ts";
import { levelOf } from "../model/layers.ts";
import { hasEncoder, readNetwork } from "./checkpoint.ts";
import { digestOf, readSpec, type RunSpec, SPEC, trainedFrom } from "./spec.ts";
import type { TrainingState } from "./step.ts";

/**
 * Checks that a run's frozen levels can be had: that the other run is finished, learnt from the same images, and
 * has the same encoders and projectors there, fed by the same.
 *
 * @param spec The run.
 * @param runs Folder of all runs.
 * @throws {UsageError} It is not so.
 * @throws {DataError} The other run's spec is damaged.
 */
export async function demandFrozen(spec: RunSpec, runs: string): Promise<void> {
  const [{ frozen }] = spec.levels;
  if (frozen === undefined) return;
  const folder = join(runs, frozen), path = join(folder, SPEC), field = `levels.0.frozen is ${frozen}`;
  if (!await exists(path)) {
    throw new UsageError(
      `${field}, but there is no such run in ${runs}. Train it first; deno task runs lists what there is.`,
    );
  }
  if (!await hasEncoder(folder)) {
    throw new UsageError(`${field}, which is not trained to its end. Go on with it: deno task train ${path}`);
  }
  const other = await readSpec(path);
  for (const part of ["fingerprint", "images", "splitSeed"] as const) {
    const [own, theirs] = [spec.data[part], other.data[part]];
    if (own === theirs) continue;
    throw new UsageError(
      `${field}, which learnt from other images: its data.${part} is ${theirs}, here it is ${own}. ` +
        "Held-out images of the one could be training images of the other: make them the same.",
    );
  }
  for (const at of spec.levels.keys().take(trainedFrom(spec))) {
    const place = at === 0 ? field : `levels.${at}.frozen is ${frozen}`;
    if (!other.levels[at]) {
      throw new UsageError(`${place}, which has no level ${at}: its highest is ${other.levels.length - 1}.`);
    }
    const [own, theirs] = [spec, other].map((spec) => partsOf(spec, at));
    const part = Object.keys(own).find((part) => digestOf([own[part]]) !== digestOf([theirs[part]]));
    if (part === undefined) continue;
    const [here, there] = [own, theirs].map((parts) => JSON.stringify(parts[part] ?? "the last"));
    throw new UsageError(`${place}, which is of another ${part}: ${there}, here it is ${here}.`);
  }
}

/** What a level's weights are made for; the lowest one is fed by images. */
function partsOf({ levels, wiring }: RunSpec, at: number): Readonly<Record<string, unknown>> {
  const { encoder, projector, input } = levels[at];
  return { encoder, projector, ...at > 0 && { wiring, input } };
}

/**
 * A state whose frozen levels are those of the run that they are taken from.
 *
 * @param state The state before the first step; it is used up.
 * @param spec The run.
 * @param runs Folder of all runs.
 * @returns The state, the caller's to dispose.
 * @throws {DataError} The other run's encoder is damaged.
 */
export async function withFrozen(state: TrainingState, spec: RunSpec, runs: string): Promise<TrainingState> {
  const [{ frozen }] = spec.levels, from = trainedFrom(spec);
  if (frozen === undefined) return state;
  const network = await readNetwork(join(runs, frozen)), { parameters, statistics } = state;
  const taken = mapTree({ parameters, statistics }, (own, path) => {
    const [, part, name] = path.split("/");
    return levelOf(name) < from ? network[part as keyof typeof network][name] : own;
  });
  const used = new Set(flatten(taken).map(([, x]) => x));
  dispose(flatten([{ parameters, statistics }, network]).flatMap(([, x]) => used.has(x) ? [] : x));
  return { ...state, ...taken };
}
