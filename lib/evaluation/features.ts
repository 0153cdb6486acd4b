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
import { stack, type StackConfig } from "../model/stack.ts";

/** How to extract. */
export interface FeatureOptions {
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

/**
 * Representations of all images of a set, without augmentation.
 *
 * @param network The encoders.
 * @param config What stack they form.
 * @param set The images, at least one.
 * @param options How to extract.
 * @returns `[count, representation]`, one tensor a level, lowest first.
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
  { mode = "evaluation", batch = mode === "training" ? 64 : 250, progress }: FeatureOptions = {},
): Promise<tf.Tensor2D[]> {
  const forward = compile(
    // The network is no input: an engine can prepare weights that stay the same.
    (x: tf.Tensor4D) =>
      stack(pass(network, mode === "training"), normalise(x), config).map((level) => level.representation),
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
  const joined = config.levels.map((_, level) => tf.concat(parts.map((part) => part[level])));
  dispose(parts);
  joined.forEach((x, level) => {
    const found = nonFiniteRow(x);
    if (!found) return;
    dispose(joined);
    throw new DataError(
      `Stack ${level}'s representation of image ${found.row} of ${count} holds ${found.holds}. ` +
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
