import assert from "node:assert/strict";
import { join } from "@std/path";
import { places } from "../../lib/base/places.ts";
import { EXPERIMENT_NAMES } from "../../lib/experiments/experiments.ts";
import { findings, verdicts } from "../../lib/experiments/findings.ts";
import { readResults, type Results, type Row } from "../../lib/experiments/results.ts";
import { summarise } from "../../lib/experiments/statistics.ts";

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

/** The items of a list in Markdown. */
const items = (text: string) => text.split("\n").slice(2).map((item) => item.replace(/^- /, ""));

Deno.test("verdicts: above, below or level as the table's tenths are, in ours and in the paper's", async () => {
  const rising = ({ stack }: Row) => [60 + (stack ?? 0)];
  const text = verdicts(await results("linear-evaluation", rising, 1));
  assert.match(text, /^By the signs alone, none of which is judged:\n\n- /);
  assert.deepEqual(items(text), [
    "Stack 1 is above stack 0 in both measures; in the paper it is above it in top-1 and below it in k-NN.",
    "Stack 0 is level with VICReg in both measures; in the paper it is above it in both measures.",
    "Stack 0 is level with its untrained self in both measures.",
    "Stack 1 is level with its untrained self in both measures.",
    "VICReg is level with raw pixels in both measures.",
  ]);
  const falling = ({ stack, encoder }: Row) => [60 - (stack ?? 0) + (encoder === "ResNet-50" ? 9 : 0.04)];
  assert.deepEqual(items(verdicts(await results("deep-vs-stacked", falling, 1))), [
    "ResNet-50 is above ResNet-18 in both measures, as in the paper.",
    "Stack 1 is below ResNet-50 in both measures, as in the paper.",
    "Stack 0 is level with ResNet-18 in both measures; in the paper it is above it in both measures.",
  ]);
  const projectors = ({ stack, projectors }: Row) => [50 + stack! + (projectors![0] ? 2 : 0)];
  assert.equal(
    items(verdicts(await results("projector-ablation", projectors, 1)))[0],
    "Stack 0 with a projector on stack 0 is above stack 0 without one in both measures; in the paper it is below it " +
      "in top-1 and above it in k-NN.",
  );
});

Deno.test("verdicts: each measure by itself", async () => {
  const { rows, ...rest } = await results("linear-evaluation", () => [60], 1);
  const mixed = rows.map((row) =>
    row.method === "S-JEA" && row.stack === 1 ? { ...row, top1: summarise([61]), knn: summarise([59]) } : row
  );
  const [first, , , fourth] = items(verdicts({ ...rest, rows: mixed }));
  assert.equal(first, "Stack 1 is above stack 0 in top-1 and below stack 0 in k-NN, as in the paper.");
  assert.equal(
    fourth,
    "Stack 1 is above its untrained self in top-1 and below its untrained self in k-NN.",
  );
});

Deno.test("verdicts from three seeds on: what the interval does not part is not told apart", async () => {
  const stack1 = (...values: number[]) => ({ method, stack }: Row) =>
    method === "S-JEA" && stack === 1 ? values : method === "raw pixels" ? [60] : [60, 70, 80];
  // ± 1.4 of 1.3, then ± 0 of 2.
  const close = verdicts(await results("linear-evaluation", stack1(61, 71, 82), 3));
  assert.match(close, /^By the intervals:/);
  assert.equal(
    items(close)[0],
    "Stack 1 is not told apart from stack 0 in either measure; in the paper it is above it in top-1 and below it in k-NN.",
  );
  const apart = items(verdicts(await results("linear-evaluation", stack1(62, 72, 82), 3)))[0];
  assert.match(apart, /^Stack 1 is above stack 0 in both measures;/);
});

Deno.test("verdicts say nothing of the paper where its data set was not used", async () => {
  for (const name of EXPERIMENT_NAMES) {
    const real = await stored(name);
    assert.match(verdicts(real), /the paper/);
    const generated = { ...real.dataset, name: "generated", copy: "generated" } as const;
    assert.doesNotMatch(verdicts({ ...real, dataset: generated }), /paper/);
  }
});
