import assert from "node:assert/strict";
import { TABLE_1 } from "../../lib/experiments/paper.ts";
import { presets } from "../../lib/experiments/presets.ts";
import { type Results, type Row, summarise } from "../../lib/experiments/results.ts";
import { renderMarkdown, renderTable } from "../../lib/experiments/table.ts";

const row = (method: Row["method"], stack: number | null, values: number[], paper: Row["paper"]): Row => ({
  method,
  encoder: method === "raw pixels" ? "none" : "ResNet-18, width 16",
  stack,
  parameters: method === "raw pixels" ? 0 : 701_200,
  top1: summarise(values),
  knn: summarise(values.map((value) => value - 5.25)),
  knnAt: {},
  paper,
});

const results = (changes: Partial<Results> = {}, values = [50.25, 52.25]): Results => ({
  format: "s-jea results",
  version: 1,
  experiment: "linear-evaluation",
  preset: "quick",
  overrides: [],
  recipe: presets.quick,
  dataset: {
    name: "cifar10",
    copy: "unofficial",
    fingerprint: "0123456789abcdef",
    images: { train: 10_000, heldOut: 2_000, test: 2_000 },
  },
  seeds: values.map((_, seed) => seed),
  rows: [
    row("VICReg", null, values, { top1: 80.5, knn: 83.2, source: "Table 1, row 1" }),
    row("S-JEA", 1, values, { top1: 81.6, knn: 81.1, source: "Table 1, row 3" }),
    row("untrained", 0, values, null),
    row("raw pixels", null, values.slice(0, 1), null),
  ],
  runs: [],
  durations: { training: 200 },
  environment: { os: "linux x86_64", cpu: "a processor", cores: 2, memoryGiB: 24, device: "CPU:0", threads: 2 },
  versions: { deno: "2.9.6", tensorflow: "2.21.0", tfjs: "4.22.0" },
  created: "2026-01-01T00:00:00.000Z",
  ...changes,
});

Deno.test("the terminal table: aligned columns, a rule above the baselines, a caption", () => {
  const rule = "─".repeat(90);
  const lines = renderTable(results()).split("\n");
  assert.deepEqual(lines.slice(0, 14), [
    "Table 1, CIFAR-10: linear evaluation and k-NN (k = 200)",
    rule,
    "method      encoder              stack  param. (M)     top-1 %  paper      k-NN %  paper",
  ].concat(lines.slice(3, 14)));
  console.log(lines.join("\n"));
});

Deno.test("no line is over 100 columns, with the longest values too", () => {
  const overrides = ["epochs=20", "projector=2048,2048,2048", "optimiser=lars", "learningRate=0.3", "weightDecay=1e-4"];
  for (const line of renderTable(results({ preset: "paper", overrides })).split("\n")) assert(line.length <= 100, line);
});

Deno.test("one seed: no spread, and n = 1 said once", () => {
  const table = renderTable(results({}, [50.25]));
  assert.doesNotMatch(table, /±/);
  assert.equal(table.match(/n = 1/g)?.length, 1);
});
