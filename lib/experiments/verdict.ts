/**
 * What paired trainings say of a claim: supported, refuted or undecided, by a rule that is
 * written down before they are run (notebooks/protocol.md).
 *
 * @module
 */
import jstat from "jstat";
import type { Generator } from "../base/random.ts";
import type { Labels } from "../data/dataset.ts";
import { summarise } from "./statistics.ts";

/** Fewer seeds than this say nothing about a difference. */
export const JUDGED = 3;

/** What is said of a claim. */
export type Verdict = "supported" | "refuted" | "undecided" | "not judged";

/** An interval. */
export type Interval = readonly [low: number, high: number];

/** A verdict, and what it rests on. */
export interface Judgement {
  /** By the rule. */
  readonly verdict: Verdict;
  /** Mean of the differences. */
  readonly mean: number;
  /** Student's 95 % interval of the mean; null for one difference. */
  readonly interval: Interval | null;
  /** Number of differences. */
  readonly n: number;
  /** Two-sided, of Student's paired test against no difference; null for one. */
  readonly p: number | null;
}

/**
 * Judges "is larger": supported if the 95 % interval lies above 0, refuted if it lies below.
 *
 * @param differences One a seed, this less that.
 * @returns The verdict; not judged with fewer than three.
 * @example
 * ```ts
 * import { superiority } from "./verdict.ts";
 * if (superiority([1, 1.2, 0.9]).verdict !== "supported") throw new Error("all are far above 0");
 * if (superiority([1, 1.2]).verdict !== "not judged") throw new Error("two seeds");
 * ```
 */
export function superiority(differences: readonly number[]): Judgement {
  const known = judged(differences, 0.95);
  return { ...known, verdict: decide(known, ([low]) => low > 0, ([, high]) => high < 0) };
}

/**
 * Judges "is comparable": supported if the 90 % interval lies within the margins (two one-sided tests at 5 %,
 * Schuirmann 1987), refuted if the 95 % interval lies outside of them.
 *
 * @param differences One a seed, this less that.
 * @param margin How far apart is comparable still, above 0.
 * @returns The verdict; not judged with fewer than three.
 */
export function equivalence(differences: readonly number[], margin: number): Judgement {
  const known = judged(differences, 0.95), narrow = judged(differences, 0.9).interval;
  const within = () => narrow![0] > -margin && narrow![1] < margin;
  return { ...known, verdict: decide(known, within, ([low, high]) => low > margin || high < -margin) };
}

type Known = Omit<Judgement, "verdict">;

function judged(differences: readonly number[], level: number): Known {
  const { mean, std, n } = summarise(differences);
  if (std === null) return { mean, interval: null, n, p: null };
  const error = std / Math.sqrt(n), half = error * jstat.studentt.inv((1 + level) / 2, n - 1);
  // Differences that are all the same leave no doubt, unless they are 0.
  const p = error === 0 ? (mean === 0 ? 1 : 0) : 2 * jstat.studentt.cdf(-Math.abs(mean) / error, n - 1);
  return { mean, interval: [mean - half, mean + half], n, p };
}

function decide(
  { interval, n }: Known,
  supports: (interval: Interval) => boolean,
  refutes: (interval: Interval) => boolean,
): Verdict {
  if (interval === null || n < JUDGED) return "not judged";
  return supports(interval) ? "supported" : refutes(interval) ? "refuted" : "undecided";
}

/**
 * Holm's correction of several tests (Holm 1979): as small as it stands here must a level be for a test to
 * be rejected among the others, so that the chance of any false one stays below it.
 *
 * @param p One a test.
 * @returns The corrected ones, in the same order.
 * @example
 * ```ts
 * import { holm } from "./verdict.ts";
 * if (holm([0.01, 0.04, 0.03]).join() !== "0.03,0.06,0.06") throw new Error("the least counts three times");
 * ```
 */
export function holm(p: readonly number[]): number[] {
  const corrected = new Array<number>(p.length);
  let least = 0;
  for (const [rank, at] of [...p.keys()].toSorted((a, b) => p[a] - p[b]).entries()) {
    least = Math.max(least, Math.min(1, (p.length - rank) * p[at]));
    corrected[at] = least;
  }
  return corrected;
}

/** What one training predicts of the test images, and another one of the same seed. */
export interface PredictedPair {
  /** Predicted classes of the one. */
  readonly first: Labels;
  /** Predicted classes of the other one. */
  readonly second: Labels;
}

/**
 * Bootstrap of an accuracy's difference over seeds, then images (the same ones for all drawn seeds).
 *
 * @param labels True classes.
 * @param pairs One a seed.
 * @param random Where the randomness comes from.
 * @param draws How often.
 * @returns 95 % interval of first − second, in points: its percentiles.
 */
export function bootstrap(
  labels: Labels,
  pairs: readonly PredictedPair[],
  random: Generator,
  draws = 1000,
): Interval {
  const count = labels.length;
  const gains = pairs.map(({ first, second }) =>
    Int8Array.from(labels, (label, at) => Number(first[at] === label) - Number(second[at] === label))
  );
  const means = Float64Array.from({ length: draws }, () => {
    const drawn = pairs.map(() => gains[random.integer(pairs.length)]);
    let sum = 0;
    for (let image = 0; image < count; image++) {
      const at = random.integer(count);
      for (const gain of drawn) sum += gain[at];
    }
    return 100 * sum / (count * pairs.length);
  }).sort();
  const at = (part: number) => means[Math.round(part * (draws - 1))];
  return [at(0.025), at(0.975)];
}
