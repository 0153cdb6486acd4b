import assert from "node:assert/strict";
import { cohensKappa } from "../../lib/evaluation/kappa.ts";
import { facts, fixture } from "../fixtures/read.ts";

const close = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} instead of ${expected}`);

Deno.test("kappa agrees with scikit-learn, in either order", async () => {
  const { fine, predicted } = await fixture("hierarchy"), { kappa } = await facts("hierarchy");
  const [labels, predictions] = [fine.data as Uint8Array, predicted.data as Uint8Array];
  close(cohensKappa(predictions, labels), kappa);
  close(cohensKappa(labels, predictions), kappa);
});

Deno.test("kappa by hand", () => {
  // Four of six are right; of class 0 there are 4 and 3, of 1 there are 2 and 1: 4 · 3 + 2 · 1 of 36 by chance.
  close(cohensKappa([0, 0, 0, 0, 1, 1], [0, 0, 0, 2, 2, 1]), (4 / 6 - 14 / 36) / (1 - 14 / 36));
  // Nothing is right where chance gives a half.
  assert.equal(cohensKappa([0, 1], [1, 0]), -1);
  assert.equal(cohensKappa([3, 3, 3], [3, 3, 3]), 1);
  assert.equal(cohensKappa([1, 1, 2], [3, 3, 4]), 0);
});

Deno.test("kappa refuses predictions of other images", () => {
  for (const [predictions, labels] of [[[1], [1, 2]], [[1, 2], [1]], [[], []]]) {
    assert.throws(() => cohensKappa(predictions, labels), {
      name: "RangeError",
      message: `${predictions.length} predictions and ${labels.length} labels cannot be compared.`,
    });
  }
});
