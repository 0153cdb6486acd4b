import assert from "node:assert/strict";
import { generator } from "../../lib/base/random.ts";
import { eigen } from "../../lib/compute/eigen.ts";

Deno.test("eigenvectors are orthonormal, and the matrix is theirs", () => {
  for (const size of [1, 2, 7, 40]) {
    const random = generator("eigen", size), matrix = new Float64Array(size * size);
    for (let row = 0; row < size; row++) {
      for (let column = 0; column <= row; column++) {
        matrix[row * size + column] = matrix[column * size + row] = random.normal();
      }
    }
    const { values, vectors } = eigen(matrix, size), v = vectors(size);
    assert.deepEqual([...values], [...values].sort((a, b) => b - a));
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        let rebuilt = 0, product = 0;
        for (let at = 0; at < size; at++) {
          rebuilt += values[at] * v[row * size + at] * v[column * size + at];
          product += v[at * size + row] * v[at * size + column];
        }
        assert.ok(Math.abs(rebuilt - matrix[row * size + column]) < 1e-5, `${rebuilt}`);
        assert.ok(Math.abs(product - Number(row === column)) < 1e-6, `${product}`);
      }
    }
  }
});

Deno.test("the first vectors are those of the largest eigenvalues", () => {
  const { values, vectors } = eigen([1, 0, 0, 0, 3, 0, 0, 0, 2], 3);
  assert.deepEqual([...values], [3, 2, 1]);
  assert.deepEqual([...vectors(2)].map(Math.abs), [0, 0, 1, 0, 0, 1]);
});
