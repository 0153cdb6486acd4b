/**
 * Cohen's kappa (Cohen 1960, https://doi.org/10.1177/001316446002000104): an accuracy corrected for chance, so
 * that those of few coarse and of many fine classes can be compared.
 *
 * @module
 */
import { accuracy } from "./metric.ts";

/**
 * (accuracy − chance) / (1 − chance), where chance is how often the same numbers of predictions and labels of
 * each class would meet if they were dealt out at random.
 *
 * @param predictions Predicted classes.
 * @param labels True classes.
 * @returns At most 1, if all are right, as it is where there is one class only; 0 is what chance gives.
 * @throws {RangeError} They are not of the same images, or of none.
 * @example
 * ```ts
 * import { cohensKappa } from "./kappa.ts";
 * if (cohensKappa([0, 0, 0, 0], [0, 0, 1, 1]) !== 0) throw new Error("half is right, as by chance");
 * if (cohensKappa([0, 0, 1, 0], [0, 0, 1, 1]) !== 0.5) throw new Error("half of what chance leaves");
 * ```
 */
export function cohensKappa(predictions: ArrayLike<number>, labels: ArrayLike<number>): number {
  const count = labels.length;
  if (predictions.length !== count || count === 0) {
    throw new RangeError(`${predictions.length} predictions and ${count} labels cannot be compared.`);
  }
  const right = accuracy(predictions, labels);
  if (right === 1) return 1;
  const [predicted, known] = [predictions, labels].map((classes) =>
    Map.groupBy(Array.from(classes), (label) => label)
  );
  let chance = 0;
  for (const [label, { length }] of known) {
    chance += length * (predicted.get(label)?.length ?? 0) / count ** 2;
  }
  return (right - chance) / (1 - chance);
}
