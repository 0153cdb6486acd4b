/**
 * Principal components: the eigenvectors of the covariance matrix with the largest
 * eigenvalues (Pearson 1901; Jolliffe, Principal Component Analysis, 2002, chapter 1).
 *
 * @module
 */
import { eigen } from "../compute/eigen.ts";
import { demandFinite } from "../compute/finite.ts";
import { tf } from "../compute/tf.ts";

/**
 * Projects points onto their principal components. The sign of a component is
 * such that its largest coefficient is positive.
 *
 * @param x Points, `[count, features]`.
 * @param components How many, at most min(count, features).
 * @returns The points around their mean, `[count · components]`, and the variance along each component,
 * largest first.
 * @throws {RangeError} There are not so many components, or a point is not finite.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { pca } from "./pca.ts";
 * await start();
 * const { points } = pca(tf.tensor2d([[1, 5], [2, 5], [3, 5]]), 1);
 * if (points.join() !== "-1,0,1") throw new Error("the first axis alone varies");
 * ```
 */
export function pca(x: tf.Tensor2D, components: number): { points: Float32Array; variance: number[] } {
  const [count, features] = x.shape;
  const most = Math.min(count, features);
  if (!Number.isInteger(components) || components < 1 || components > most) {
    throw new RangeError(`Points of shape [${x.shape}] have 1 to ${most} components, not ${components}.`);
  }
  demandFinite(x, "principal components");
  return tf.tidy(() => {
    const centred = x.sub(x.mean(0)) as tf.Tensor2D;
    // Of XᵀX and XXᵀ, which have the same eigenvalues, the smaller matrix.
    const wide = features > count;
    const products = tf.matMul(centred, centred, !wide, wide);
    const { values, vectors: largest } = eigen(products.dataSync(), most);
    const vectors = tf.tensor2d(largest(components), [most, components]);
    const directions = wide ? tf.matMul(centred, vectors, true) : vectors;
    const axes = directions.div(directions.norm(2, 0).maximum(1e-30)) as tf.Tensor2D;
    // Of equally large ones the first: opposite ones must not cancel out.
    const first = tf.oneHot(axes.abs().argMax(0), axes.shape[0]).transpose();
    const signs = first.mul(axes.sign()).sum(0);
    const points = tf.matMul(centred, axes.mul(signs) as tf.Tensor2D);
    return {
      points: points.dataSync() as Float32Array,
      variance: Array.from(
        values.subarray(0, components),
        (value) => Math.max(value, 0) / Math.max(count - 1, 1),
      ),
    };
  });
}
