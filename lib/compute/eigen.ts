/**
 * Eigenvalues of symmetric matrices, in float64 and on one thread.
 *
 * @module
 */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";

/** Eigenvalues, largest first, and their eigenvectors. */
export interface Eigen {
  /** `[size]`. */
  readonly values: Float64Array;
  /**
   * @param count How many.
   * @returns The eigenvectors of the largest eigenvalues as columns, `[size · count]`.
   */
  vectors(count: number): Float32Array;
}

/**
 * The eigenvalues of a symmetric matrix.
 *
 * @param matrix `[size · size]`, all finite.
 * @param size Its rows.
 * @returns Eigenvalues and eigenvectors.
 * @example
 * ```ts
 * import { eigen } from "./eigen.ts";
 * const { values } = eigen([2, 1, 1, 2], 2);
 * if (Math.abs(values[0] - 3) > 1e-12) throw new Error("3 and 1");
 * ```
 */
export function eigen(matrix: ArrayLike<number>, size: number): Eigen {
  const found = new EigenvalueDecomposition(Matrix.from1DArray(size, size, matrix as number[]), {
    assumeSymmetric: true,
  });
  const ascending = found.realEigenvalues, vectors = found.eigenvectorMatrix;
  return {
    values: Float64Array.from(ascending).reverse(),
    vectors: (count) =>
      Float32Array.from(
        { length: size * count },
        (_, at) => vectors.get(Math.floor(at / count), size - 1 - at % count),
      ),
  };
}
