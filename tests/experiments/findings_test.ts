import assert from "node:assert/strict";
import { join } from "@std/path";
import { places } from "../../lib/base/places.ts";
import { EXPERIMENT_NAMES } from "../../lib/experiments/experiments.ts";
import { findings } from "../../lib/experiments/findings.ts";
import { readResults, type Results, type Row, summarise } from "../../lib/experiments/results.ts";

const stored = (name: string) => readResults(join(places.results, "cpu", `${name}.json`));

/** Stored results with other accuracies, the same for both measures. */
async function results(name: string, values: (row: Row) => number[], seeds: number): Promise<Results> {
  const real = await stored(name);
  const rows = real.rows.map((row) => {
    const summary = summarise(values(row));
    return { ...row, top1: summary, knn: summary };
  });
  return { ...real, seeds: Array.from({ length: seeds }, (_, seed) => seed), rows };
}

const line = (text: string, name: string) =>
  text.split("\n").find((line) => line.startsWith(`| ${name} |`))?.split("|").slice(2, -1).map((cell) =>
    cell.trim()
  );

Deno.test("differences are paired by seed, with Student's interval from three seeds on", async () => {
  const values = ({ method, stack }: Row) => {
    if (method === "raw pixels") return [40];
    return method === "S-JEA" && stack === 1 ? [61, 71, 82] : [60, 70, 80];
  };
  const text = findings(await results("linear-evaluation", values, 3));
  // 1, 1 and 2: mean 4/3, deviation 1/√3, Student's factor 2.48.
  assert.deepEqual(line(text, "stack 1 − stack 0"), ["+1.3 ± 1.4", "+0.8", "+1.3 ± 1.4", "−2.3"]);
  assert.deepEqual(line(text, "VICReg − raw pixels"), ["+30.0 ± 24.8", "–", "+30.0 ± 24.8", "–"]);
  assert.match(text, /n = 3 seeds/);
  assert.doesNotMatch(text, /not judged/);
});

Deno.test("fewer than three seeds are not judged", async () => {
  const text = findings(await results("linear-evaluation", ({ stack }) => [60 + (stack ?? 0), 70], 2));
  assert.deepEqual(line(text, "stack 1 − stack 0"), ["+0.5", "+0.8", "+0.5", "−2.3"]);
  assert.match(text, /n = 2 seeds: how much of a difference is chance is \*\*not judged\*\*/);
});

Deno.test("projectors: the mean of the rows with one against the mean of those without", async () => {
  const values = ({ stack, projectors }: Row) => [
    stack! * 10 + (projectors![0] ? 4 : 0) + (projectors![1] ? 1 : 0) + 50,
  ];
  const text = findings(await results("projector-ablation", values, 1));
  assert.equal(line(text, "a projector on stack 0, to stack 0")![0], "+4.0");
  assert.equal(line(text, "a projector on stack 1, to stack 0")![0], "+1.0");
  assert.equal(line(text, "stack 1 − stack 0, mean of the four")![0], "+10.0");
  // The paper's stack 0: 83.3 and 83.2 without, 80.8 and 80.09 with one.
  assert.equal(line(text, "a projector on stack 0, to stack 0")![1], "−2.8");
});

Deno.test("the paper's differences are left out where its data set was not used", async () => {
  for (const name of EXPERIMENT_NAMES) {
    const real = await stored(name);
    assert.match(findings(real), /\| paper \|/);
    const generated = { ...real.dataset, name: "generated", copy: "generated" } as const;
    assert.doesNotMatch(findings({ ...real, dataset: generated }), /paper/);
  }
});
