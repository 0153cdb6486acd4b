/**
 * What measured numbers support: means over seeds with their intervals, and paired tests.
 *
 * @module
 */
import jstat from "jstat";
import { z } from "zod";
import type { Labels } from "../data/dataset.ts";

/** Quantile of Student's t distribution. */
export const quantile: (probability: number, degrees: number) => number = jstat.studentt.inv;

/** A value measured n times. */
export interface Summary {
  /** Arithmetic mean. */
  readonly mean: number;
  /** Unbiased standard deviation; null for one value. */
  readonly std: number | null;
  /** Half the width of Student's 95 % interval of the mean; null for one value. */
  readonly interval: number | null;
  /** Number of values. */
  readonly n: number;
  /** All of them, by seed. */
  readonly values: readonly number[];
}

/** {@link Summary} as a schema, of such values. */
export const summaryOf = (value: z.ZodNumber): z.ZodType<Summary> =>
  z.strictObject({
    mean: value,
    std: z.number().nullable(),
    interval: z.number().nullable(),
    n: z.int().positive(),
    values: z.array(value),
  });
/**
 * Mean and spread of some values.
 *
 * @param values At least one.
 * @returns Their summary.
 * @example
 * ```ts
 * import { summarise } from "./statistics.ts";
 * const { mean, std } = summarise([80, 82]);
 * if (mean !== 81 || std !== Math.SQRT2) throw new Error("the deviation is unbiased");
 * ```
 */
export function summarise(values: readonly number[]): Summary {
  const n = values.length, mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const std = n > 1 ? Math.sqrt(squares / (n - 1)) : null;
  const interval = std === null ? null : intervalFactor(n) * std;
  return { mean, std, interval, n, values: [...values] };
}

/**
 * Half the width of Student's 95 % interval of a mean, in standard deviations.
 *
 * @param n Number of values, at least two.
 * @returns Such as 2.48 for three.
 */
export function intervalFactor(n: number): number {
  return quantile(0.975, n - 1) / Math.sqrt(n);
}

/** McNemar's test of two classifiers on the same images. */
export interface Paired {
  /** Images that only the first, and only the second one gets right. */
  readonly onlyFirst: number;
  /** The same for the second one. */
  readonly onlySecond: number;
  /** Two-sided, exact: of a difference as large as this if both were equally good. */
  readonly p: number;
}

/**
 * Compares two classifiers on the same images by McNemar's exact test.
 *
 * @param labels True classes.
 * @param first Predicted classes.
 * @param second Predicted classes of the other one.
 * @returns The test.
 * @example
 * ```ts
 * import { mcnemar } from "./statistics.ts";
 * const labels = new Uint8Array(20), wrong = new Uint8Array(20).fill(1);
 * const { onlyFirst, p } = mcnemar(labels, labels, wrong.fill(0, 10));
 * if (onlyFirst !== 10 || Math.abs(p - 2 / 1024) > 1e-9) throw new Error(`${onlyFirst} ${p}`);
 * ```
 */
export function mcnemar(labels: Labels, first: Labels, second: Labels): Paired {
  let onlyFirst = 0, onlySecond = 0;
  labels.forEach((label, at) => {
    const [a, b] = [first[at] === label, second[at] === label];
    if (a && !b) onlyFirst++;
    if (b && !a) onlySecond++;
  });
  const n = onlyFirst + onlySecond;
  const p = n === 0 ? 1 : Math.min(1, 2 * jstat.binomial.cdf(Math.min(onlyFirst, onlySecond), n, 0.5));
  return { onlyFirst, onlySecond, p };
}
