import assert from "node:assert/strict";
import { hierarchyMeasured } from "../../lib/experiments/hierarchy.ts";
import { summarise } from "../../lib/experiments/statistics.ts";
import { sweepFindings } from "../../lib/experiments/sweep_findings.ts";
import type { SweepResults } from "../../lib/experiments/sweep_results.ts";

const INSIDE = "AMI of subtype in classes %";

function results(values: Record<string, number[]>, seeds = [0, 1, 2]): SweepResults {
  const rows = Object.entries(values).map(([name, inside]) => ({
    ...{ configuration: name.split("/")[0], trained: true, stack: Number(name.split("/")[1]), seeds },
    values: {
      [INSIDE]: summarise(inside),
      [`embedding: ${INSIDE}`]: summarise(inside),
      "kappa of classes %": summarise(inside),
      "kappa of classes at noise 0.5 %": summarise(inside),
    },
  }));
  return {
    ...{
      rows,
      runs: [...new Set(rows.map(({ configuration }) => configuration))].map((configuration) => (
        { configuration, seed: 0, seconds: 1, collapsed: [], failed: null }
      )),
      accuracies: [],
    },
    sweep: { title: "It", variants: {}, grid: {}, seeds: [0], evaluate: {} },
    dataset: { name: "generated", copy: "generated", images: { train: 1, heldOut: 1, test: 1 } },
    ...{ versions: { deno: "2", tensorflow: "2" }, code: { commit: null, dirty: false } },
  } as unknown as SweepResults;
}

Deno.test("sub-clusters have means and deviations, factors no noise, claims their verdicts", () => {
  const found = hierarchyMeasured(
    results({
      "S-JEA/0": [10, 11, 12],
      "S-JEA/1": [20, 21.5, 22],
      "VICReg/0": [5, 6, 5],
      "supervised/0": [90, 91, 92],
    }),
    "hierarchy-generated.json",
  );
  assert.deepEqual(found.subClusters[0], { label: "S-JEA, stack 0", metric: INSIDE, ours: 11, std: 1 });
  assert.equal(found.subClusters.length, 4);
  assert.deepEqual(found.factors.columns.slice(0, 3), ["configuration", "stack", "kappa of classes %"]);
  assert.ok(!found.factors.columns.some((name) => name.includes("noise")));
  const [c4, c5] = found.verdicts.split("\n");
  assert.match(
    c4,
    /^- C4, .*\*\*supported\*\* on generated\..*\+10\.2 \[.*n = 3, worth having from \+9\.1 on\. The control passes/,
  );
  assert.match(c5, /^- C5, .*\*\*not judged\*\* on generated\..*The control fails \(no pair of seeds\)/);
});

Deno.test("a sweep that does not know of sub-clusters is refused", () => {
  const { rows, ...rest } = results({ "S-JEA/0": [1, 2, 3] });
  const bare = rows.map((row) => ({ ...row, values: { "top-1": row.values[INSIDE] } }));
  assert.throws(() => hierarchyMeasured({ ...rest, rows: bare }, "hierarchy-generated.json"), {
    name: "RangeError",
    message: "It: nothing is known of sub-clusters; add the metric within.",
  });
});

Deno.test("differences are paired by seed, a line a pair that there is; readouts go from the lowest place up", () => {
  const found = results({ "A/0": [10, 11, 12], "A/1": [20, 21.5, 22], "B/0": [5, 6, 5] });
  const { differences, readouts, compared, remark } = sweepFindings(found, "it.json");
  const lines = differences(INSIDE, [[["A", 1], ["A", 0]], [["A", 0], ["B", 0]], [["A", 1], ["B", 0]], [[
    "A",
    1,
  ], ["C", 0]]]);
  assert.deepEqual(lines.split("\n").map((line) => line.split(":").slice(0, -1).join(":")), [
    "- A: stack 1 − stack 0",
    "- stack 0: A − B",
    "- A, stack 1 − B, stack 0",
  ]);
  assert.throws(() => differences("kappa of class %", []), {
    name: "RangeError",
    message: /^It: nothing is known of kappa of class %\..*kappa of classes %/,
  });
  // The interval of three by hand: t = 4.303, deviation 0.289.
  assert.match(lines, /^- A: stack 1 − stack 0: \*\*\+10\.2\*\* \[\+9\.4, \+10\.9\], n = 3$/m);
  assert.deepEqual(readouts(INSIDE).map(({ name, stack, place }) => `${name}${stack} ${place}`), [
    ...["A0 representation", "A0 embedding", "A1 representation", "A1 embedding"],
    ...["B0 representation", "B0 embedding"],
  ]);
  assert.deepEqual(compared(/^kappa of classes %$/, /^B$/).map(({ ours }) => ours), [16 / 3]);
  assert.equal(remark, "It: 2 trainings, 1 seeds, 1 test images.");
  const tiny = { ...found, sweep: { ...found.sweep, title: "It. Tiny" } };
  assert.match(sweepFindings(tiny, "it.json").remark, /answer nothing\. `deno task sweep it\.json` makes/);
});
