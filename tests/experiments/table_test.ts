import assert from "node:assert/strict";
import { type Experiment, type ExperimentName, EXPERIMENTS } from "../../lib/experiments/experiments.ts";
import { TABLE_1 } from "../../lib/experiments/paper.ts";
import { presets } from "../../lib/experiments/presets.ts";
import type { Results, Row } from "../../lib/experiments/results.ts";
import { summarise } from "../../lib/experiments/statistics.ts";
import { renderMarkdown, renderTable, tableOf } from "../../lib/experiments/table.ts";

const row = (method: Row["method"], stack: number | null, values: number[], paper: Row["paper"]): Row => ({
  method,
  encoder: method === "raw pixels" ? "none" : "ResNet-18",
  stack,
  projectors: null,
  parameters: method === "raw pixels" ? 0 : 701_200 * (1 + (stack ?? 0)),
  live: method === "raw pixels" ? 0 : 701_200 + 151_000 * (stack ?? 0),
  top1: summarise(values),
  knn: summarise(values.map((value) => value - 5.25)),
  knnAt: {},
  paper,
  predictions: stack === null ? method : `${method}/stack ${stack}`,
});

const results = (changes: Partial<Results> = {}, values = [50.25, 52.25]): Results => ({
  format: "s-jea results",
  version: 4,
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
    row("VICReg", null, values, { top1: 80.5, knn: 83.2, parameters: null, source: "Table 1, row 1" }),
    row("S-JEA", 1, values, { top1: 81.6, knn: 81.1, parameters: null, source: "Table 1, row 3" }),
    row("untrained", 0, values, null),
    row("raw pixels", null, values.slice(0, 1), null),
  ],
  runs: [],
  durations: { training: 200 },
  environment: {
    os: "linux x86_64",
    cpu: "a processor",
    cores: 2,
    memoryGiB: 24,
    device: "CPU:0",
    threads: 2,
  },
  versions: { deno: "2.9.6", tensorflow: "2.21.0", tfjs: "4.22.0" },
  code: { training: "0123456789ab", evaluation: "ba9876543210", commit: "1cf0a51deadbeef", dirty: false },
  created: "2026-01-01T00:00:00.000Z",
  ...changes,
});

Deno.test("the terminal table: aligned columns, a rule above the baselines, a caption", () => {
  const rule = "─".repeat(98);
  assert.deepEqual(renderTable(results(), 100).split("\n").slice(0, 16), [
    "Table 1, CIFAR-10: linear evaluation and k-NN (k = 200)",
    rule,
    "method      encoder    stack  param. M  live M     top-1 %  paper  diff.      k-NN %  paper  diff.",
    rule,
    "VICReg      ResNet-18      –      0.70    0.70  51.3 ± 1.4   80.5  −29.3  46.0 ± 1.4   83.2  −37.2",
    "S-JEA       ResNet-18      1      1.40    0.85  51.3 ± 1.4   81.6  −30.3  46.0 ± 1.4   81.1  −35.1",
    rule,
    "untrained   ResNet-18      0      0.70    0.70  51.3 ± 1.4      –      –  46.0 ± 1.4      –      –",
    "raw pixels  none           –         –       –        50.3      –      –        45.0      –      –",
    rule,
    "Preset quick: width 16, 3 epochs, 10000 training and 2000 test images of cifar10 (unofficial copy,",
    "fingerprint 0123456789abcdef), n = 2 seeds, mean ± standard deviation, bfloat16, standard probe.",
    "Student's 95 % interval of such a mean is ± 8.98 deviations.",
    "Parameters are those of the encoders that a representation needs, without a classification head;",
    "live are those that can touch it, the others only ever meet padding.",
    "Training took 3 min 20 s with 2 threads of a processor (CPU:0, TensorFlow 2.21.0), code 1cf0a51.",
  ]);
});

Deno.test("on a narrow terminal top-1 stands above k-NN, each with the rows' names", () => {
  const [wide, narrow] = ["─".repeat(72), "─".repeat(54)];
  assert.deepEqual(renderTable(results(), 80).split("\n").slice(1, 21), [
    wide,
    "method      encoder    stack  param. M  live M     top-1 %  paper  diff.",
    wide,
    "VICReg      ResNet-18      –      0.70    0.70  51.3 ± 1.4   80.5  −29.3",
    "S-JEA       ResNet-18      1      1.40    0.85  51.3 ± 1.4   81.6  −30.3",
    wide,
    "untrained   ResNet-18      0      0.70    0.70  51.3 ± 1.4      –      –",
    "raw pixels  none           –         –       –        50.3      –      –",
    wide,
    "",
    narrow,
    "method      encoder    stack      k-NN %  paper  diff.",
    narrow,
    "VICReg      ResNet-18      –  46.0 ± 1.4   83.2  −37.2",
    "S-JEA       ResNet-18      1  46.0 ± 1.4   81.1  −35.1",
    narrow,
    "untrained   ResNet-18      0  46.0 ± 1.4      –      –",
    "raw pixels  none           –        45.0      –      –",
    narrow,
    "Preset quick: width 16, 3 epochs, 10000 training and 2000 test images of cifar10",
  ]);
});

Deno.test("a run by other code, by unknown code or with a collapsed stack is named", () => {
  const origin = {
    ...{ step: 0, code: "0123456789ab", commit: "1cf0a51deadbeef", dirty: false },
    ...{
      deno: "2.9.6",
      tensorflow: "2.21.0",
      device: "CPU:0",
      threads: 2,
      started: "2026-01-01T00:00:00.000Z",
    },
  };
  const run = { id: "0123456789ab", method: "S-JEA", seed: 0, seconds: 60, origins: [origin], collapsed: [] };
  const said = (run: Results["runs"][number]) => tableOf(results({ runs: [run] })).notes.slice(4);
  const plain = said(run);
  const added = (run: Results["runs"][number]) => said(run).slice(0, -plain.length);
  assert.deepEqual(added({ ...run, origins: [] }), ["Trained by code that is not known: S-JEA (seed 0)."]);
  const other = { ...origin, step: 32, code: "00", commit: "2345678deadbeef", dirty: true };
  assert.deepEqual(added({ ...run, origins: [origin, other] }), [
    "Trained by other code than today's (2345678 with changes): S-JEA (seed 0).",
  ]);
  assert.deepEqual(added({ ...run, collapsed: [1] }), [
    "Warning, a stack is collapsed: S-JEA (seed 0).",
  ]);
});

Deno.test("columns that only some tables have: projectors, the paper's parameters", () => {
  const { rows: [first] } = results();
  const paper = { ...first.paper!, parameters: 23.2 };
  const lines = renderTable(results({ rows: [{ ...first, projectors: [true, false], paper }] }), 120)
    .split("\n");
  assert.match(lines[2], /stack {2}projector {2}param. M {2}paper {2}live M {2}/);
  assert.match(lines[4], /– +✓ ✗ +0\.70 +23\.2 +0\.70 /);
});

Deno.test("other images than the paper's stand under another title, without the paper's numbers", () => {
  const { dataset, rows } = results();
  const other = results({
    dataset: { ...dataset, name: "generated", copy: "generated" },
    rows: rows.map((row) => ({ ...row, paper: null })),
  });
  assert.match(renderTable(results(), 100), /^Table 1, CIFAR-10: .* paper .*Note: The paper/s);
  for (const table of [renderTable(other, 100), renderTable(other, 80), renderMarkdown(other)]) {
    assert.match(table, /Like Table 1, on generated images: linear evaluation and k-NN \(k = 200\)/);
    assert.match(table, /\(generated,\sfingerprint\s0123456789abcdef\)/);
    assert.match(table, /The paper's numbers are for CIFAR-10, and left out here\./);
    assert.doesNotMatch(table, /Table 1, CIFAR-10| paper {2}| diff\.|Note/);
  }
  assert.deepEqual(tableOf(other).columns, [
    ...["method", "encoder", "stack", "param. M", "live M", "top-1 %", "k-NN %"],
  ]);
});

Deno.test("a table whose predictions were not stored says so", () => {
  const { rows } = results();
  const without = results({ rows: rows.map((row) => ({ ...row, predictions: null })) });
  const sentence = "The predictions behind these numbers were not stored.";
  assert.ok(tableOf(without).notes.includes(sentence));
  assert.ok(!tableOf(results()).notes.includes(sentence));
});

const LONG = [
  ...["epochs=20", "projector=2048,2048,2048", "optimiser=lars", "learningRate=0.3", "weightDecay=1e-4"],
];

for (const [experiment, { rows }] of Object.entries(EXPERIMENTS) as [ExperimentName, Experiment][]) {
  for (const width of [80, 100]) {
    Deno.test(`no line of ${experiment} is over ${width} columns, with the longest values too`, () => {
      const long = results({
        ...{ experiment, preset: "paper", overrides: LONG },
        rows: rows.map(({ method, stack, projectors = null, paper = null }) => ({
          ...row(method, stack, [11.15, 99.95, 55.55], paper && { parameters: null, ...paper }),
          ...{ projectors: projectors && [...projectors], parameters: 22_600_000, live: 13_600_000 },
        })),
      });
      for (const line of renderTable(long, width).split("\n")) assert.ok(line.length <= width, line);
    });
  }
}

Deno.test("one seed: no spread, and n = 1 said once", () => {
  const table = renderTable(results({}, [50.25]), 100);
  assert.doesNotMatch(table, /±/);
  assert.equal(table.match(/n = 1/g)?.length, 1);
});

Deno.test("the Markdown table", () => {
  assert.deepEqual(renderMarkdown(results({}, [50.25])).split("\n"), [
    "| method | encoder | stack | param. M | live M | top-1 % | paper | diff. | k-NN % | paper | diff. |",
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    "| VICReg | ResNet-18 | – | 0.70 | 0.70 | 50.3 | 80.5 | −30.3 | 45.0 | 83.2 | −38.2 |",
    "| S-JEA | ResNet-18 | 1 | 1.40 | 0.85 | 50.3 | 81.6 | −31.3 | 45.0 | 81.1 | −36.1 |",
    "| untrained | ResNet-18 | 0 | 0.70 | 0.70 | 50.3 | – | – | 45.0 | – | – |",
    "| raw pixels | none | – | – | – | 50.3 | – | – | 45.0 | – | – |",
    "",
    "Table 1, CIFAR-10: linear evaluation and k-NN (k = 200). Preset quick: width 16, 3 epochs, 10000 training and " +
    "2000 test images of cifar10 (unofficial copy, fingerprint 0123456789abcdef), n = 1 seed, bfloat16, standard " +
    "probe. Parameters are those of the encoders that a representation needs, without a classification head; live " +
    "are those that can touch it, the others only ever meet padding. Training took 3 min 20 s with 2 threads of a " +
    "processor (CPU:0, TensorFlow 2.21.0), code 1cf0a51.",
  ]);
});

Deno.test("Table 1 of the paper, as printed", () => {
  const numbers = Object.values(TABLE_1).map((rows) => rows.flatMap(({ top1, knn }) => [top1, knn]));
  assert.deepEqual(numbers, [[80.5, 83.2, 80.8, 83.4, 81.6, 81.1], [75.9, 75.1, 76.5, 75.3, 72.3, 71.6]]);
});
