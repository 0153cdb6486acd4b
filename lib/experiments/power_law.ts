/**
 * Power laws: how an error falls with what is paid for it, and how well that is known.
 *
 * @module
 */
import { quantile } from "./statistics.ts";

/** An error and what was paid for it, both above zero. */
export interface Paid {
  /** Such as epochs, or core-hours. */
  readonly cost: number;
  /** Such as images classified wrong, in per cent. */
  readonly error: number;
}

/** error = a · cost^−b. */
export interface PowerLaw {
  /** Error at a cost of one. */
  readonly a: number;
  /** How fast it falls: a doubled cost divides it by 2^b. */
  readonly b: number;
  /** Half the width of Student's 95 % interval of b; null for two points, which leave no spread to judge by. */
  readonly interval: number | null;
  /** Number of points. */
  readonly n: number;
  /** The least and the largest cost among them: what lies beyond is extrapolated. */
  readonly measured: readonly [least: number, largest: number];
  /** Deviation of the errors' logarithms from the law, with n − 2 degrees of freedom; null for two points. */
  readonly deviation: number | null;
  /** Of the costs' logarithms. */
  readonly logarithms: { readonly mean: number; readonly squares: number };
}

/**
 * Fits a power law by least squares on logarithms.
 *
 * @param points Two or more, of at least two different costs.
 * @returns The law.
 * @throws {RangeError} There are too few points, or one has no logarithm.
 * @example
 * ```ts
 * import { powerLaw } from "./power_law.ts";
 * const { a, b } = powerLaw([{ cost: 1, error: 60 }, { cost: 4, error: 30 }]);
 * if (Math.abs(a - 60) + Math.abs(b - 0.5) > 1e-12) throw new Error(`${a} ${b}`);
 * ```
 */
export function powerLaw(points: readonly Paid[]): PowerLaw {
  const costs = points.map(({ cost }) => cost), errors = points.map(({ error }) => error), n = points.length;
  const wrong = [...costs, ...errors].find((value) => !(value > 0 && value < Infinity));
  if (wrong !== undefined) {
    throw new RangeError(`A power law is of finite costs and errors above zero, not of ${wrong}.`);
  }
  if (new Set(costs).size < 2) throw new RangeError("A power law takes points of two costs at least.");
  const x = costs.map(Math.log), y = errors.map(Math.log), mean = sum(x) / n, level = sum(y) / n;
  const squares = sum(x.map((value) => (value - mean) ** 2));
  const b = -sum(x.map((value, at) => (value - mean) * (y[at] - level))) / squares;
  const residuals = x.map((value, at) => y[at] - level + b * (value - mean));
  const deviation = n > 2 ? Math.sqrt(sum(residuals.map((residual) => residual ** 2)) / (n - 2)) : null;
  return {
    ...{ a: Math.exp(level + b * mean), b, n, deviation },
    interval: deviation === null ? null : quantile(0.975, n - 2) * deviation / Math.sqrt(squares),
    measured: [Math.min(...costs), Math.max(...costs)],
    logarithms: { mean, squares },
  };
}

/** What a law says of a cost. */
export interface Predicted {
  /** By the law itself. */
  readonly error: number;
  /** Student's 95 % interval of one more measurement; null for a law of two points. */
  readonly interval: readonly [low: number, high: number] | null;
  /** Whether nothing was measured so far out. */
  readonly extrapolated: boolean;
}

/**
 * The error that a law predicts.
 *
 * @param law The law.
 * @param cost Above zero.
 * @returns The error, how far a measurement there may be from it, and whether it is an extrapolation.
 * @example
 * ```ts
 * import { errorAt, powerLaw } from "./power_law.ts";
 * const law = powerLaw([{ cost: 1, error: 60 }, { cost: 4, error: 30 }]);
 * const { error, interval, extrapolated } = errorAt(law, 16);
 * if (error.toFixed(6) !== "15.000000" || interval || !extrapolated) throw new Error(`${error}`);
 * ```
 */
export function errorAt(law: PowerLaw, cost: number): Predicted {
  const { a, b, n, deviation, logarithms: { mean, squares } } = law, error = a * cost ** -b;
  const extrapolated = isBeyond(law, cost);
  if (deviation === null) return { error, interval: null, extrapolated };
  const spread = deviation * Math.sqrt(1 + 1 / n + (Math.log(cost) - mean) ** 2 / squares);
  const factor = Math.exp(quantile(0.975, n - 2) * spread);
  return { error, interval: [error / factor, error * factor], extrapolated };
}

/** A cost that a law leads to. */
export interface Reached {
  /** Null where the error does not fall. */
  readonly cost: number | null;
  /** Whether nothing was measured so far out. */
  readonly extrapolated: boolean;
}

/**
 * The cost at which an error is reached.
 *
 * @param law The law.
 * @param error Above zero.
 * @returns The cost, and whether it is an extrapolation.
 * @example
 * ```ts
 * import { costOf, powerLaw } from "./power_law.ts";
 * const { cost, extrapolated } = costOf(powerLaw([{ cost: 1, error: 60 }, { cost: 4, error: 30 }]), 20);
 * if (cost?.toFixed(6) !== "9.000000" || !extrapolated) throw new Error(`${cost}`);
 * ```
 */
export function costOf(law: PowerLaw, error: number): Reached {
  const { a, b } = law;
  if (b <= 0) return { cost: null, extrapolated: true };
  const cost = (a / error) ** (1 / b);
  return { cost, extrapolated: isBeyond(law, cost) };
}

/** Errors by two laws at the same cost. */
export interface Ratio {
  /** The one's error over the other's. */
  readonly ratio: number;
  /** Its 95 % interval; null for two laws of two points. */
  readonly interval: readonly [low: number, high: number] | null;
}

/**
 * How two laws' errors compare at a cost, with one deviation for both.
 *
 * @param one A law.
 * @param other Another one, of other points.
 * @param cost Above zero.
 * @returns Their ratio.
 * @example
 * ```ts
 * import { powerLaw, ratioAt } from "./power_law.ts";
 * const [one, other] = [30, 40].map((error) => powerLaw([{ cost: 1, error: 60 }, { cost: 4, error }]));
 * const { ratio, interval } = ratioAt(one, other, 4);
 * if (Math.abs(ratio - 0.75) > 1e-12 || interval) throw new Error(`${ratio}`);
 * ```
 */
export function ratioAt(one: PowerLaw, other: PowerLaw, cost: number): Ratio {
  const ratio = errorAt(one, cost).error / errorAt(other, cost).error, margin = marginOf(one, other);
  if (margin === null) return { ratio, interval: null };
  const variances = [one, other].map(({ n, logarithms: { mean, squares } }) =>
    1 / n + (Math.log(cost) - mean) ** 2 / squares
  );
  const factor = Math.exp(Math.sqrt(margin * sum(variances)));
  return { ratio, interval: [ratio / factor, ratio * factor] };
}

/** Where two laws have the same error. */
export interface Crossing {
  /** Null where they are parallel. */
  readonly cost: number | null;
  /** Its 95 % interval; null where there is none. */
  readonly interval: readonly [low: number, high: number] | null;
  /** Why there is no interval: too few points to judge by, or exponents that are not told apart. */
  readonly unjudged: "points" | "exponents" | null;
}

/**
 * Where two laws cross, beyond which the one with the larger exponent has the lower error. The interval has all costs
 * at which the two are not told apart (Fieller 1954, https://doi.org/10.1111/j.2517-6161.1954.tb00159.x), with one
 * deviation for both: with t Student's quantile, s² the variance of their difference d, d² = t²·s² at its ends.
 *
 * @param one A law.
 * @param other Another one, of other points.
 * @returns The cost, and what is known of it.
 */
export function crossing(one: PowerLaw, other: PowerLaw): Crossing {
  // d = p + q·u at the logarithm u of a cost; t²·s² = margin·(v + 2·c·u + w·u²).
  const p = Math.log(one.a) - Math.log(other.a), q = other.b - one.b, margin = marginOf(one, other);
  const cost = q === 0 ? null : Math.exp(-p / q), laws = [one, other];
  if (margin === null) return { cost, interval: null, unjudged: "points" };
  const v = sum(laws.map(({ n, logarithms: { mean, squares } }) => 1 / n + mean ** 2 / squares));
  const c = -sum(laws.map(({ logarithms: { mean, squares } }) => mean / squares));
  const w = sum(laws.map(({ logarithms: { squares } }) => 1 / squares));
  const bend = q ** 2 - margin * w, slope = p * q - margin * c, rest = p ** 2 - margin * v;
  if (bend <= 0) return { cost, interval: null, unjudged: "exponents" };
  // Rounding alone makes it negative, where all points lie on their laws.
  const root = Math.sqrt(Math.max(0, slope ** 2 - bend * rest));
  const interval = [Math.exp((-slope - root) / bend), Math.exp((-slope + root) / bend)] as const;
  return { cost, interval, unjudged: null };
}

/** Square of Student's quantile times the variance of a logarithm, of both laws' points; null if there are two each. */
function marginOf(one: PowerLaw, other: PowerLaw): number | null {
  const degrees = one.n + other.n - 4;
  if (degrees === 0) return null;
  const squares = sum([one, other].map(({ deviation, n }) => (deviation ?? 0) ** 2 * (n - 2)));
  return quantile(0.975, degrees) ** 2 * squares / degrees;
}

/** Whether a cost lies beyond those measured; a rounding error beyond is none. */
function isBeyond({ measured: [least, largest] }: PowerLaw, cost: number): boolean {
  return cost < least * (1 - 1e-9) || cost > largest * (1 + 1e-9);
}

const sum = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
