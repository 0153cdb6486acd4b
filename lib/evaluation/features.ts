/**
 * Representations of a frozen encoder.
 *
 * @module
 */
import { DataError } from "../base/errors.ts";
import { tf } from "../compute/tf.ts";
import { compile, dispose } from "../compute/compile.ts";
import { nonFiniteRow } from "../compute/finite.ts";
import type { ImageSet } from "../data/dataset.ts";
import { normalise, pixels } from "../data/normalise.ts";
import { type Network, pass } from "../model/layers.ts";
import { stack, type StackConfig, type TracedLevel } from "../model/stack.ts";

/** A place of a stack that features are read at. */
export type Readout =
  & {
    /** Which level. */
    readonly stack: number;
  }
  & ({
    /** The map of its encoder after this stage, 0 for the stem. */
    readonly stage: number;
    /** Its mean over space; else all of it, row by row. */
    readonly pooled: boolean;
  } | {
    /** What its projector makes of the representation. */
    readonly stage: "embedding";
  });

/** How to extract. */
export interface FeatureOptions {
  /** What is read, in this order; if absent each level's representation, lowest first. */
  readonly readouts?: readonly Readout[];
  /** Images at once: 250, in training mode 64 as in the released probe, unless said otherwise. */
  readonly batch?: number;
  /**
   * `evaluation`: batch norm uses its running statistics, so that a
   * representation depends on its image alone. `training`: it uses the batch's,
   * as while the released probe is fitted; batches are consecutive images, the last one
   * may be smaller. Neither changes the network.
   */
  readonly mode?: "evaluation" | "training";
  /** Called with the number of images done. */
  readonly progress?: (done: number) => void;
}

/** What a readout is called in messages. */
const nameOf = ({ stack, stage }: Readout) =>
  `Stack ${stack}'s ${stage === "embedding" ? stage : `stage ${stage}`}`;

/** Reads `[batch, features]` off what a stack makes of a batch. */
function read(levels: readonly TracedLevel[], readout: Readout): tf.Tensor2D {
  const level = levels[readout.stack];
  if (readout.stage === "embedding") return level.embedding;
  const map = level.stages[readout.stage];
  if (!map) {
    throw new RangeError(`${nameOf(readout)} does not exist: its last one is ${level.stages.length - 1}.`);
  }
  return readout.pooled ? tf.mean(map, [1, 2]) : map.reshape([map.shape[0], -1]);
}

/**
 * Representations of all images of a set, without augmentation, or what else is read off a stack.
 *
 * @param network The encoders.
 * @param config What stack they form.
 * @param set The images, at least one.
 * @param options How to extract.
 * @returns `[count, representation]`, one tensor a level, lowest first; or `[count, features]`, one a readout.
 * @throws {RangeError} A readout's stage does not exist.
 * @throws {DataError} The network is of another configuration, or makes something else than numbers of an image.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { generate } from "../data/generated.ts";
 * import { RESNET_18 } from "../model/resnet.ts";
 * import { initialiseStack } from "../model/stack.ts";
 * import { features } from "./features.ts";
 * await start();
 * const encoder = { ...RESNET_18, width: 4 };
 * const config = { levels: [{ encoder, projector: [] }], wiring: "prepool", stopGradient: false } as const;
 * const { train } = generate({ seed: 1, train: 6, test: 0 });
 * const [representations] = await features(initialiseStack(config, 1), config, train);
 * if (representations.shape.join() !== "6,32") throw new Error("not eight times the width");
 * ```
 */
export async function features(
  network: Network,
  config: StackConfig,
  set: ImageSet,
  { readouts, mode = "evaluation", batch = mode === "training" ? 64 : 250, progress }: FeatureOptions = {},
): Promise<tf.Tensor2D[]> {
  // Projectors are not asked for what they are not needed for, and may be missing.
  const projected = config.wiring === "embedding" || readouts?.some(({ stage }) => stage === "embedding");
  const model = projected
    ? config
    : { ...config, levels: config.levels.map((level) => ({ ...level, projector: [] })) };
  const forward = compile(
    // The network is no input: an engine can prepare weights that stay the same.
    (x: tf.Tensor4D) => {
      const levels = stack(pass(network, mode === "training"), normalise(x), model);
      return readouts?.map((readout) => read(levels, readout)) ??
        levels.map(({ representation }) => representation);
    },
    { name: "features" },
  );
  const parts: tf.Tensor2D[][] = [];
  const count = set.labels.length;
  for (let from = 0; from < count; from += batch) {
    const to = Math.min(from + batch, count);
    const images = pixels(set, from, to);
    parts.push(await forward(images));
    images.dispose();
    progress?.(to);
  }
  forward.dispose();
  const joined = parts[0].map((_, at) => tf.concat(parts.map((part) => part[at])));
  dispose(parts);
  joined.forEach((x, at) => {
    const found = nonFiniteRow(x);
    if (!found) return;
    dispose(joined);
    throw new DataError(
      `${
        readouts ? nameOf(readouts[at]) : `Stack ${at}'s representation`
      } of image ${found.row} of ${count} holds ${found.holds}. ` +
        "The encoder's weights are damaged or too large: use another one, or train it again.",
    );
  });
  return joined;
}

/**
 * Raw pixels as a representation: what an encoder has to beat.
 *
 * @param set The images.
 * @returns Pixels in 0..1, `[count, height · width · 3]`.
 */
export function pixelFeatures(set: ImageSet): tf.Tensor2D {
  return tf.tidy(() => pixels(set, 0, set.labels.length).reshape([set.labels.length, -1]));
}
