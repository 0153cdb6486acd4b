/**
 * LiDAR (Thilak et al. 2023, https://arxiv.org/abs/2312.04000): how many directions of a representation tell
 * images from each other rather than an image's views.
 *
 * @module
 */
import { CholeskyDecomposition, Matrix, solve } from "ml-matrix";
import { eigen } from "../compute/eigen.ts";
import { demandFinite } from "../compute/finite.ts";
import { tf } from "../compute/tf.ts";
import { effectiveRank, products } from "./rank.ts";

/** What is added to the covariance within images; representations are measured by it, so their scale counts. */
const DELTA = 1e-4;

/**
 * exp(−Σ p log p), p = λ / Σλ, over the eigenvalues λ of Σw^−½ Σb Σw^−½, where each image is a class of its
 * own: Σb is the covariance of the images' means, Σw that of views around their image's mean, + 1e-4 · I.
 *
 * @param x Representations of views, `[images, views, features]`, at least two images and two views.
 * @returns From 1 to min(images − 1, features).
 * @throws {RangeError} There are fewer, all images have the same mean, or a number is not finite.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { lidar } from "./lidar.ts";
 * await start();
 * const corners = [[0, 0], [0, 9], [9, 0], [9, 9]];
 * const views = tf.tensor3d(corners.map((corner) => [corner, corner]));
 * if (Math.abs(lidar(views) - 2) > 1e-9) throw new Error("both directions tell them apart alike");
 * ```
 */
export function lidar(x: tf.Tensor3D): number {
  const [images, views, features] = x.shape;
  if (images < 2 || views < 2) {
    throw new RangeError(
      `LiDAR needs at least two images and two views of each, not [images, views, features] = [${x.shape}].`,
    );
  }
  tf.tidy(() => demandFinite(x.reshape([images * views, features]), "LiDAR"));
  const data = x.dataSync();
  const means = new Float64Array(features * images), inside = new Float64Array(features * images * views);
  for (let feature = 0; feature < features; feature++) {
    let mean = 0;
    for (let image = 0; image < images; image++) {
      const at = feature * images + image;
      for (let view = 0; view < views; view++) {
        const value = data[(image * views + view) * features + feature];
        inside[at * views + view] = value;
        means[at] += value / views;
      }
      for (let view = 0; view < views; view++) inside[at * views + view] -= means[at];
      mean += means[at] / images;
    }
    for (let image = 0; image < images; image++) means[feature * images + image] -= mean;
  }
  const covariance = (deviations: Float64Array) => {
    const sums = products(deviations, features);
    return Matrix.from1DArray(features, features, Array.from(sums)).div(deviations.length / features);
  };
  const between = covariance(means), within = covariance(inside).add(Matrix.eye(features).mul(DELTA));
  // With Σw = L Lᵀ, the eigenvalues are those of L⁻¹ Σb L⁻ᵀ.
  const root = new CholeskyDecomposition(within).lowerTriangularMatrix;
  const ratio = solve(root, solve(root, between).transpose()).to1DArray();
  const values = Array.from(eigen(ratio, features).values, (value) => Math.max(value, 0));
  if (!(values[0] > 0)) {
    throw new RangeError(`${images} images with the same mean representation have no rank.`);
  }
  return effectiveRank(values);
}
