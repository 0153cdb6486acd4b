import assert from "node:assert/strict";
import { type Generator, generator } from "../../lib/base/random.ts";
import { mcnemar } from "../../lib/experiments/statistics.ts";
import { bootstrap, equivalence, holm, superiority, type Verdict } from "../../lib/experiments/verdict.ts";

const near = (a: number, b: number, most = 1e-9) => assert.ok(Math.abs(a - b) < most, `${a} is not ${b}`);

Deno.test("Student's paired test: mean, interval and p are scipy's", () => {
  // scipy 1.17: ttest_1samp([1.1, 0.4, 0.9, 1.6], 0), its p and confidence_interval(0.95).
  const { mean, interval, p, n } = superiority([1.1, 0.4, 0.9, 1.6]);
  near(mean, 1);
  near(interval![0], 0.20971030, 1e-7);
  near(interval![1], 1.79028970, 1e-7);
  near(p!, 0.02752035, 1e-7);
  assert.equal(n, 4);
});

Deno.test("superiority: above 0, below 0, across it, too few", () => {
  const cases: [number[], Verdict][] = [
    [[1, 1.2, 0.9], "supported"],
    [[-1, -1.2, -0.9], "refuted"],
    [[1, -1.2, 0.9], "undecided"],
    [[0, 0, 0], "undecided"],
    [[2, 2, 2], "supported"],
    [[5, 5.1], "not judged"],
    [[5], "not judged"],
  ];
  for (const [differences, verdict] of cases) assert.equal(superiority(differences).verdict, verdict);
});

Deno.test("equivalence: within the margins, outside of them, across one, too few", () => {
  const cases: [number[], Verdict][] = [
    [[0.1, -0.1, 0.2], "supported"],
    [[3, 3.1, 2.9], "refuted"],
    [[-3, -3.1, -2.9], "refuted"],
    [[0.5, 1.5, 0.9], "undecided"],
    [[0, 0], "not judged"],
  ];
  for (const [differences, verdict] of cases) assert.equal(equivalence(differences, 1).verdict, verdict);
});

/** How often 1,000 experiments come to each verdict. */
function rates(
  judge: (differences: number[]) => { verdict: Verdict },
  mean: number,
  n: number,
  name: string,
) {
  const random = generator("experiments", name, mean, n), count: Record<string, number> = {};
  for (let experiment = 0; experiment < 1000; experiment++) {
    const { verdict } = judge(Array.from({ length: n }, () => mean + random.normal()));
    count[verdict] = (count[verdict] ?? 0) + 1 / 1000;
  }
  return { supported: 0, refuted: 0, undecided: 0, ...count };
}

for (const n of [3, 10]) {
  Deno.test(`of 1,000 experiments of ${n} seeds without an effect, 2.5 % are supported and 2.5 % refuted`, () => {
    const { supported, refuted } = rates(superiority, 0, n, "null");
    // Four standard errors of a share of 1,000.
    for (const rate of [supported, refuted]) near(rate, 0.025, 0.02);
  });

  Deno.test(`of 1,000 experiments of ${n} seeds, 5 % call comparable what lies on the margin`, () => {
    const wide = rates((x) => equivalence(x, 20), 20, n, "margin");
    near(wide.supported, 0.05, 0.028);
    const within = rates((x) => equivalence(x, 20), 0, n, "within");
    assert.ok(within.supported > 0.99, `${within.supported}`);
  });
}

Deno.test("an effect of two deviations is found by ten seeds, and by three in about every other experiment", () => {
  assert.ok(rates(superiority, 2, 10, "effect").supported > 0.99);
  // The noncentral t distribution says 0.471 (scipy 1.17: nct.sf(4.302653, 2, 2 * sqrt(3))).
  near(rates(superiority, 2, 3, "effect").supported, 0.471, 0.07);
});

Deno.test("Holm: the order stays, and no corrected p is below one of a smaller p", () => {
  // By hand: 0.01 · 4; 0.02 · 3; 0.03 · 2, as large as the one before; 0.5.
  assert.deepEqual(holm([0.5, 0.01, 0.03, 0.02]).map((p) => Number(p.toFixed(12))), [0.5, 0.04, 0.06, 0.06]);
  assert.deepEqual(holm([0.9, 0.8]), [1, 1]);
  assert.deepEqual(holm([]), []);
  // Ten true hypotheses: any is rejected in at most 5 % of all experiments.
  const random = generator("holm");
  const any = Array.from(
    { length: 1000 },
    () => holm(Array.from({ length: 10 }, () => random.uniform())).some((p) => p < 0.05),
  );
  near(any.filter(Boolean).length / 1000, 0.05, 0.028);
});

/** A classifier that is right as often as it is told. */
const classifier = (labels: Uint8Array, right: number, random: Generator) =>
  labels.map((label) => random.uniform() < right ? label : (label + 1) % 10);

Deno.test("the bootstrap's interval holds the true difference about as often as it says", () => {
  const labels = new Uint8Array(400), random = generator("bootstrap");
  let held = 0;
  for (let experiment = 0; experiment < 200; experiment++) {
    const pairs = Array.from({ length: 3 }, () => ({
      first: classifier(labels, 0.8, random),
      second: classifier(labels, 0.75, random),
    }));
    const [low, high] = bootstrap(labels, pairs, random, 200);
    if (low <= 5 && 5 <= high) held++;
  }
  near(held / 200, 0.95, 0.06);
});

Deno.test("of one seed it is as wide as McNemar's standard error says", () => {
  const labels = new Uint8Array(10_000), random = generator("one seed");
  const pair = { first: classifier(labels, 0.8, random), second: classifier(labels, 0.75, random) };
  const { onlyFirst, onlySecond } = mcnemar(labels, pair.first, pair.second);
  const [low, high] = bootstrap(labels, [pair], random);
  const error = Math.sqrt(onlyFirst + onlySecond - (onlyFirst - onlySecond) ** 2 / 10_000) / 100;
  near((high + low) / 2, (onlyFirst - onlySecond) / 100, 0.15);
  near((high - low) / 2, 1.96 * error, 0.15);
});
