/**
 * How far two groupings of the same things agree, whatever the groups are called: normalised and
 * adjusted mutual information (Vinh et al. 2010, https://jmlr.org/papers/v11/vinh10a.html), the
 * adjusted Rand index (Hubert and Arabie 1985), and the accuracy of the best matching of groups.
 *
 * @module
 */
import { linearSumAssignment } from "linear-sum-assignment";

/**
 * How much two groupings of the same things say about each other, I(a; b) / ((H(a) + H(b)) / 2): 1 if
 * they are the same but for names, 0 if they are independent.
 *
 * @param a The group of each thing in one grouping.
 * @param b In the other one.
 * @returns 0..1; 1 if both have a single group.
 * @throws {RangeError} They are not of the same things, or of none.
 * @example
 * ```ts
 * import { normalisedMutualInformation } from "./agreement.ts";
 * const same = normalisedMutualInformation([0, 0, 1, 1], [7, 7, 3, 3]);
 * if (Math.abs(same - 1) > 1e-12) throw new Error("the same but for names");
 * ```
 */
export function normalisedMutualInformation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const { mean, information } = compare(a, b);
  return mean === 0 ? 1 : Math.min(1, Math.max(0, information / mean));
}

/**
 * Mutual information, adjusted for what chance gives to groups of these sizes, E:
 * (I(a; b) − E) / ((H(a) + H(b)) / 2 − E).
 *
 * @param a The group of each thing in one grouping.
 * @param b In the other one.
 * @returns At most 1, if they are the same but for names; 0 is what chance gives.
 * @throws {RangeError} They are not of the same things, or of none.
 * @example
 * ```ts
 * import { adjustedMutualInformation } from "./agreement.ts";
 * const alone = adjustedMutualInformation([0, 1, 2, 3], [0, 0, 1, 1]);
 * if (Math.abs(alone) > 1e-12) throw new Error("each thing alone says nothing");
 * ```
 */
export function adjustedMutualInformation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const { first, second, same, mean, information } = compare(a, b);
  if (same) return 1;
  const expected = expectedInformation(first.sizes, second.sizes, a.length);
  return (information - expected) / (mean - expected);
}

/**
 * The pairs of things that both groupings put together, adjusted for what chance gives to groups of
 * these sizes.
 *
 * @param a The group of each thing in one grouping.
 * @param b In the other one.
 * @returns −0.5..1: 1 if they are the same but for names; 0 is what chance gives.
 * @throws {RangeError} They are not of the same things, or of none.
 * @example
 * ```ts
 * import { adjustedRandIndex } from "./agreement.ts";
 * if (adjustedRandIndex([0, 0, 1, 1], [0, 1, 0, 1]) !== -0.5) throw new Error("no pair is left together");
 * ```
 */
export function adjustedRandIndex(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const { first, second, pairs, same } = compare(a, b);
  if (same) return 1;
  const [inA, inB, inBoth, all] = [first.sizes, second.sizes, pairs.sizes, [a.length]].map((sizes) =>
    sizes.reduce((sum, size) => sum + size * (size - 1) / 2, 0)
  );
  // By chance inA · inB / all; times all, everything is a whole number or a half.
  return (inBoth * all - inA * inB) / ((inA + inB) / 2 * all - inA * inB);
}

/**
 * Part of the things that are right when each group of one grouping stands for at most one group of the
 * other, by the matching that makes most of them right (Kuhn 1955).
 *
 * @param a The group of each thing in one grouping.
 * @param b In the other one.
 * @returns 0..1; 1 if they are the same but for names.
 * @throws {RangeError} They are not of the same things, or of none.
 * @example
 * ```ts
 * import { matchedAccuracy } from "./agreement.ts";
 * if (matchedAccuracy([0, 0, 1, 1], [5, 5, 5, 3]) !== 0.75) throw new Error("5 stands for 0, 3 for 1");
 * ```
 */
export function matchedAccuracy(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const { first, second } = compare(a, b);
  const shared = first.sizes.map(() => new Array<number>(second.sizes.length).fill(0));
  first.codes.forEach((code, at) => shared[code][second.codes[at]]++);
  return linearSumAssignment(shared, { maximaze: true }).gain / a.length;
}

/** A grouping by numbers from 0 on. */
interface Groups {
  /** The group of each thing. */
  readonly codes: Int32Array;
  /** How many things are in each group. */
  readonly sizes: number[];
}

/**
 * Groups numbered in the order of their appearance.
 *
 * @param values The group of each thing.
 * @returns The same by numbers.
 */
export function encode(values: ArrayLike<number>): Groups {
  const numbers = new Map<number, number>(), sizes: number[] = [];
  const codes = Int32Array.from(values, (value) => {
    const code = numbers.get(value) ?? numbers.size;
    numbers.set(value, code);
    sizes[code] = (sizes[code] ?? 0) + 1;
    return code;
  });
  return { codes, sizes };
}

/** Two groupings, the one by both, their mean entropy and their mutual information. */
function compare(a: ArrayLike<number>, b: ArrayLike<number>) {
  if (a.length !== b.length || a.length === 0) {
    throw new RangeError(`Groupings of ${a.length} and of ${b.length} things cannot be compared.`);
  }
  const first = encode(a), second = encode(b);
  const pairs = encode(first.codes.map((code, at) => code * second.sizes.length + second.codes[at]));
  const [entropyA, entropyB, joint] = [first, second, pairs].map(({ sizes }) => entropy(sizes, a.length));
  const same = pairs.sizes.length === first.sizes.length && pairs.sizes.length === second.sizes.length;
  const information = entropyA + entropyB - joint;
  return { first, second, pairs, same, mean: (entropyA + entropyB) / 2, information };
}

/** −Σ p log p of a distribution given by counts. */
function entropy(sizes: readonly number[], total: number): number {
  return sizes.reduce((sum, size) => sum - size / total * Math.log(size / total), 0);
}

/** Mean mutual information over all ways to deal the things out to groups of these sizes. */
function expectedInformation(a: readonly number[], b: readonly number[], total: number): number {
  // Groups of one size have one expectation.
  const [ofA, ofB] = [a, b].map((sizes) => Map.groupBy(sizes, (size) => size));
  let sum = 0;
  for (const [sizeA, { length: timesA }] of ofA) {
    for (const [sizeB, { length: timesB }] of ofB) sum += timesA * timesB * expectedTerm(sizeA, sizeB, total);
  }
  return sum;
}

/**
 * E[m / total · log(total · m / (a · b))] of m, the things that groups of a and of b share, which is
 * hypergeometric.
 */
function expectedTerm(a: number, b: number, total: number): number {
  let chances = 0, sum = 0;
  const add = (m: number, chance: number) => {
    chances += chance;
    if (m > 0) sum += chance * m / total * Math.log(total * m / (a * b));
  };
  // From the mean on, where chances are largest, and relative to the chance there, none overflows.
  const middle = Math.floor(a * b / total), neither = total - a - b;
  add(middle, 1);
  for (let m = middle, chance = 1; m < Math.min(a, b); m++) {
    add(m + 1, chance *= (a - m) * (b - m) / ((m + 1) * (neither + m + 1)));
  }
  for (let m = middle, chance = 1; m > 0; m--) {
    add(m - 1, chance *= m * (neither + m) / ((a - m + 1) * (b - m + 1)));
  }
  return sum / chances;
}
