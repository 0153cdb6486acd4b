/**
 * RankMe (Garrido et al. 2023, https://arxiv.org/abs/2210.02885): how many
 * directions a representation uses, exp(−Σ p log p) with p = σ / Σσ over the
 * singular values σ of the representations.
 *
 * @module
 */
import { backend } from "../compute/backend.ts";
import { DataType } from "../compute/binding.ts";
import { demandFinite } from "../compute/finite.ts";
import type { tf } from "../compute/tf.ts";

/**
 * The effective rank of representations.
 *
 * @param x `[count, features]`.
 * @returns From 1, a representation collapsed to a line, to min(count, features).
 * @throws {RangeError} There are no numbers, all are zero, or one is not finite.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { rankMe } from "./rank.ts";
 * await start();
 * const rank = rankMe(tf.tensor2d([[1, 0], [-1, 0], [0, 1], [0, -1]]));
 * if (Math.abs(rank - 2) > 1e-3) throw new Error("both directions are used alike");
 * ```
 */
export function rankMe(x: tf.Tensor2D): number {
  demandFinite(x, "RankMe");
  const { TF_ATTR_BOOL, TF_ATTR_TYPE } = backend().binding;
  const attributes = [
    { name: "compute_uv", type: TF_ATTR_BOOL, value: false },
    { name: "full_matrices", type: TF_ATTR_BOOL, value: false },
    { name: "T", type: TF_ATTR_TYPE, value: DataType.float32 },
  ];
  const [sizes, ...unused] = backend().executeMultipleOutputs("Svd", attributes, [x], 3);
  const values = [...sizes.dataSync()];
  [sizes, ...unused].forEach((tensor) => tensor.dispose());
  const sum = values.reduce((a, b) => a + b, 0);
  if (!(sum > 0)) {
    throw new RangeError(`Representations of shape [${x.shape}] that are all zero have no rank.`);
  }
  return Math.exp(
    -values.reduce((entropy, value) => {
      const part = value / sum;
      return entropy + (part > 0 ? part * Math.log(part) : 0);
    }, 0),
  );
}
