import assert from "node:assert/strict";
import { generator } from "../../lib/base/random.ts";
import { costOf, crossing, errorAt, type Paid, powerLaw, ratioAt } from "../../lib/experiments/power_law.ts";

const points = (costs: readonly number[], errors: readonly number[]): Paid[] =>
  costs.map((cost, at) => ({ cost, error: errors[at] }));

function demandNear(found: readonly (number | null)[], expected: readonly number[]): void {
  assert.equal(found.length, expected.length);
  expected.forEach((value, at) =>
    assert.ok(Math.abs(found[at]! / value - 1) < 1e-9, `${found[at]}, not ${value}`)
  );
}

const MEASURED = points([3, 9, 27, 81], [52, 41, 30, 25]);

// scipy 1.17.1: r = linregress(log(x), log(y)), t = stats.t.ppf(0.975, 2); exp(r.intercept), -r.slope, t * r.stderr;
// with s² the residuals' squares over 2: exp(± t * s * sqrt(1 + 1/4 + (log(X) - mean)² / squares)) about the line.
Deno.test("a law, its interval and those of predictions are scipy's", () => {
  const law = powerLaw(MEASURED);
  demandNear([law.a, law.b, law.interval, law.deviation], [
    ...[66.5924920693017, 0.22842256472701314, 0.06625810171602353, 0.037829634800397575],
  ]);
  const [inside, beyond] = [9, 200].map((cost) => errorAt(law, cost));
  demandNear([inside.error, ...inside.interval!], [40.31389369603451, 33.48549439313449, 48.53474778823594]);
  demandNear([beyond.error, ...beyond.interval!], [
    19.852632101112153,
    15.485971911243297,
    25.45058221731374,
  ]);
  assert.deepEqual([inside.extrapolated, beyond.extrapolated], [false, true]);
});

Deno.test("a law is found in its own points, and what leads out of them is told", () => {
  const law = powerLaw(points([3, 9, 27], [3, 9, 27].map((cost) => 59.4 * cost ** -0.292)));
  demandNear([law.a, law.b], [59.4, 0.292]);
  assert.ok(law.interval! < 1e-9, `${law.interval}`);
  const [first, last, far] = [3, 27, 45].map((cost) => costOf(law, errorAt(law, cost).error));
  demandNear([first.cost, last.cost, far.cost], [3, 27, 45]);
  assert.deepEqual([first, last, far].map(({ extrapolated }) => extrapolated), [false, false, true]);
});

Deno.test("an error that does not fall is never reached", () => {
  const law = powerLaw(points([1, 2, 4], [50, 51, 52]));
  assert.ok(law.b < 0);
  assert.deepEqual(costOf(law, 20), { cost: null, extrapolated: true });
});

Deno.test("two points have a law, and nothing to judge it by", () => {
  const law = powerLaw(points([2, 8], [60, 30]));
  demandNear([law.a, law.b], [60 * Math.SQRT2, 0.5]);
  assert.deepEqual([law.interval, law.deviation, errorAt(law, 4).interval], [null, null, null]);
  const { cost, interval, unjudged } = crossing(law, powerLaw(points([2, 8], [50, 40])));
  assert.ok(cost! > 2 && cost! < 8, `${cost}`);
  assert.deepEqual([interval, unjudged], [null, "points"]);
});

Deno.test("what has no logarithm, or no slope, is refused", () => {
  const refuse = (costs: number[], errors: number[], message: string) =>
    assert.throws(() => powerLaw(points(costs, errors)), { name: "RangeError", message });
  refuse([1, 2], [0, 3], "A power law is of finite costs and errors above zero, not of 0.");
  refuse([-1, 2], [5, 3], "A power law is of finite costs and errors above zero, not of -1.");
  refuse([1, 2], [NaN, 3], "A power law is of finite costs and errors above zero, not of NaN.");
  refuse([3, 3], [5, 4], "A power law takes points of two costs at least.");
  refuse([], [], "A power law takes points of two costs at least.");
});

// numpy: of 4,000,001 logarithms of costs from -5 to 12 those at which the square of the two lines' difference is at most
// t.ppf(0.975, 3)² times its variance, with the residuals' squares of both over 3.
Deno.test("a crossing's interval has the costs at which the laws are not told apart", () => {
  const other = powerLaw(points([3, 9, 27], [60, 40, 26])),
    { cost, interval, unjudged } = crossing(powerLaw(MEASURED), other);
  demandNear([cost], [8.088125745055418]);
  [3.968327613894829, 13.813045890759946].forEach((end, at) =>
    assert.ok(Math.abs(interval![at] / end - 1) < 1e-5, `${interval![at]}, not ${end}`)
  );
  assert.equal(unjudged, null);
  // There, and nowhere else, the interval of the ratio ends at 1.
  const [low, high] = interval!.map((end) => ratioAt(powerLaw(MEASURED), other, end).interval!);
  demandNear([low[1], high[0]], [1, 1]);
  assert.deepEqual(
    crossing(other, powerLaw(MEASURED)).interval?.map(Math.fround),
    interval!.map(Math.fround),
  );
});

Deno.test("exponents that are not told apart leave the crossing open; parallel laws have none", () => {
  const law = powerLaw(MEASURED), lower = powerLaw(MEASURED.map((p) => ({ ...p, error: p.error / 2 })));
  assert.deepEqual(crossing(law, { ...lower, b: law.b }), {
    ...{ cost: null, interval: null, unjudged: "exponents" },
  });
  const nearly = powerLaw(points([3, 9, 27, 81], [50, 41, 31, 24]));
  const { cost, unjudged } = crossing(law, nearly);
  assert.ok(cost !== null);
  assert.equal(unjudged, "exponents");
});

Deno.test("intervals hold what they promise in 19 of 20 of 4,000 simulated measurements", () => {
  const random = generator("coverage"), costs = [3, 9, 27], draws = 4_000;
  const measure = (a: number, b: number, costs: readonly number[]) =>
    points(costs, costs.map((cost) => a * cost ** -b * Math.exp(0.02 * random.normal())));
  const within = ([low, high]: readonly [number, number], value: number) => low <= value && value <= high;
  let exponents = 0, predictions = 0, ratios = 0, crossings = 0;
  for (let draw = 0; draw < draws; draw++) {
    const law = powerLaw(measure(60, 0.3, costs)), [{ error }] = measure(60, 0.3, [40]);
    if (Math.abs(law.b - 0.3) <= law.interval!) exponents++;
    if (within(errorAt(law, 40).interval!, error)) predictions++;
    // They cross at 5; open intervals have all costs.
    const other = powerLaw(measure(60 * 5 ** 0.4, 0.7, costs)), { interval } = crossing(law, other);
    if (within(ratioAt(law, other, 20).interval!, 4 ** 0.4)) ratios++;
    if (interval === null || within(interval, 5)) crossings++;
  }
  for (const held of [exponents, predictions, ratios, crossings]) {
    // Three and a half standard errors.
    assert.ok(Math.abs(held / draws - 0.95) < 0.012, `${held} of ${draws}`);
  }
});
