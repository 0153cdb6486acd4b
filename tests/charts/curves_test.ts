import assert from "node:assert/strict";
import { read } from "vega";
import { covarianceCurves } from "../../lib/charts/covariance.ts";
import { curveAxis, thin } from "../../lib/charts/scales.ts";
import { errorCurves } from "../../lib/charts/error_curves.ts";
import { lastTerms, trainingCurves } from "../../lib/charts/training_curves.ts";
import type { Chart } from "../../lib/charts/theme.ts";
import { draw, words } from "./drawn.ts";
import { errors, log } from "./examples.ts";

/** The rows that vega reads from a chart's text. */
function rows(chart: Chart): Record<string, string | number>[] {
  const { values, format } = JSON.parse(JSON.stringify(chart.data));
  return read(values, format) as Record<string, string | number>[];
}

Deno.test("training curves: at most 200 points a line, means of neighbouring steps, over epochs", () => {
  const chart = trainingCurves([log("S-JEA", 2, 70), log("VICReg", 1, 5)]);
  const values = rows(chart);
  const line = (run: string, stack: string) =>
    values.filter((point) => point.run === run && point.stack === stack);
  // 700 steps: means of four.
  const [first, ...others] = line("S-JEA", "stack 1");
  assert.equal(others.length + 1, 175);
  assert.deepEqual([first.epoch, first.covariance], [0.25, 0.7075]);
  assert.equal(others.at(-1)!.epoch, 69.85);
  assert.equal(line("S-JEA", "stack 0").length, 175);
  const short = line("VICReg", "stack 0");
  assert.deepEqual([short.length, short[0].epoch, short[49].epoch], [50, 0.1, 5]);
  assert.equal(line("VICReg", "stack 1").length, 0);
});

Deno.test("training curves: a log that ends in its first epoch, as a run begins", async () => {
  const chart = trainingCurves([{ ...log("VICReg", 1, 1), stepsPerEpoch: 40 }]);
  const values = rows(chart);
  assert.deepEqual([values.length, values[0].epoch, values[9].epoch], [10, 0.025, 0.25]);
  const { svg, complaints } = await draw(chart);
  assert.deepEqual(complaints, []);
  assert(words(svg).includes("weighted total"));
  assert.throws(() => trainingCurves([log("VICReg", 1, 1)]), {
    name: "RangeError",
    message: "VICReg: the log ends in its first epoch; expected its stepsPerEpoch.",
  });
});

Deno.test("the last terms are means over the last epoch alone, a row a stack and run", () => {
  const levels = (covariance: number) =>
    [1, 2].map((stack) => ({ invariance: stack, variance: 0, covariance: stack * covariance, total: 9 }));
  const steps = [[0, 0, 5], [1, 0, 5], [2, 1, 1], [3, 1, 2]].map(([step, epoch, covariance]) => ({
    ...{ step, epoch, levels: levels(covariance) },
  }));
  assert.deepEqual(lastTerms([{ name: "S-JEA", steps }]), {
    columns: ["run", "stack", "invariance term", "variance term", "covariance term", "weighted total"],
    rows: [
      ["S-JEA", "stack 0", "1.000", "0.000", "1.500", "9.000"],
      ["S-JEA", "stack 1", "2.000", "0.000", "3.000", "9.000"],
    ],
  });
});

Deno.test("training curves refuse what they cannot draw", () => {
  const { name, steps } = log("S-JEA", 2, 2), levels = steps[3].levels;
  const broken = steps.with(3, { ...steps[3], levels: [levels[0], { ...levels[1], variance: NaN }] });
  assert.throws(() => trainingCurves([{ name, steps: broken }]), {
    name: "RangeError",
    message: "The variance term of stack 1 of S-JEA: expected finite numbers, got NaN at position 3.",
  });
  assert.throws(() => trainingCurves([{ name, steps: [] }]), {
    name: "RangeError",
    message: "Steps of S-JEA: there is nothing to draw.",
  });
  assert.throws(() => trainingCurves([]), { name: "RangeError", message: "Runs: there is nothing to draw." });
  assert.throws(() => trainingCurves([log("deep", 10, 2)]), {
    name: "RangeError",
    message: "There are 9 colours to tell things apart, too few for 10.",
  });
  assert.throws(() => trainingCurves(Array(6).fill(log("S-JEA", 1, 2))), {
    name: "RangeError",
    message: "There are 5 kinds of dashes to tell runs apart, too few for 6.",
  });
});

Deno.test("covariance curves: the paper's colours, a logarithmic axis only for decades", async () => {
  const lines = ["stack 0", "stack 1", "down-weighted"].map((name, at) => ({
    name,
    epochs: [1, 2],
    values: [1 + at, 2 + at],
  }));
  const { svg } = await draw(covarianceCurves(lines));
  const strokes = Array.from(
    svg.matchAll(/aria-label="[^"]*name: ([^";]*)[^"]*"[^>]*"line mark"[^>]*stroke="([^"]*)"/g),
    ([, name, stroke]) => [name, stroke],
  );
  assert.deepEqual(strokes, [["stack 0", "#3f90da"], ["stack 1", "#e76300"], ["down-weighted", "#717581"]]);
  const ticks = (svg: string) => words(svg).filter((word) => /^1(0*)$/.test(word));
  assert.deepEqual(ticks(svg), ["1"]);
  const decades = await draw(covarianceCurves([{ name: "a", epochs: [0, 5], values: [0.9, 950] }]));
  assert.deepEqual(ticks(decades.svg), ["1", "1", "10", "100"]);
});

Deno.test("covariance curves refuse what they cannot draw", () => {
  const refuse = (epochs: number[], values: number[], message: string) =>
    assert.throws(() => covarianceCurves([{ name: "stack 0", epochs, values }]), {
      name: "RangeError",
      message,
    });
  refuse([1], [1, 2], "Epochs of stack 0: expected 2 of them, got 1.");
  refuse(
    [1, 2],
    [1, Infinity],
    "Covariance of stack 0: expected finite numbers, got Infinity at position 1.",
  );
  refuse([], [], "Epochs of stack 0: there is nothing to draw.");
  assert.throws(() => covarianceCurves([]), {
    name: "RangeError",
    message: "Lines: there is nothing to draw.",
  });
});

Deno.test("error curves: what is a power law is straight, panels share what can be compared", async () => {
  const costs = [1, 4, 16], points = costs.map((cost) => ({ cost, error: 80 / Math.sqrt(cost) }));
  const fit = points.map(({ cost, error }) => ({ cost, error, band: [error / 9, error * 9] as const }));
  const { svg } = await draw(errorCurves([
    { name: "narrow", stack: 0, cost: "epochs", points, fit },
    { name: "wide", stack: 1, cost: "epochs", points: [{ cost: 4, error: 20 }], fit: [] },
  ]));
  const [line, ...others] = Array.from(
    svg.matchAll(/aria-roledescription="line mark"[^>]*?d="M([^"Z]*)"/g),
    ([, path]) => path.split("L").map((place) => place.split(",").map(Number)),
  );
  assert.equal(others.length, 0, "what was not fitted has no line");
  const [[x0, y0], [x1, y1], [x2, y2]] = line;
  for (const [one, other] of [[x1 - x0, x2 - x1], [y1 - y0, y2 - y1]]) {
    assert.ok(one > 10 && Math.abs(one - other) < 0.01, `${line}`);
  }
  // The band, far wider than the panel, is cut: axes are of what was measured and fitted.
  const ticks = "1 4 16 20 30 40 50 60 70 80 90".split(" ");
  assert.deepEqual(words(svg).filter((word) => /^\d+$/.test(word)), [...ticks, ...ticks]);
});

Deno.test("error curves refuse what they cannot draw", () => {
  const line = errors("VICReg", 0, "epochs", [3, 9]);
  const refuse = (lines: Parameters<typeof errorCurves>[0], message: string) =>
    assert.throws(() => errorCurves(lines), { name: "RangeError", message });
  refuse([], "Lines: there is nothing to draw.");
  refuse(
    [{ ...line, points: [] }],
    "Points of VICReg, stack 0, over epochs: there is nothing to draw.",
  );
  refuse(
    [{ ...line, points: [{ cost: 3, error: 0 }] }],
    "Points of VICReg, stack 0, over epochs: 0 has no place on a logarithmic axis.",
  );
  refuse(
    [{ ...line, fit: [{ cost: 3, error: NaN, band: null }] }],
    "Fit of VICReg, stack 0, over epochs: expected finite numbers, got NaN at position 1.",
  );
  refuse(
    Array.from({ length: 11 }, (_, at) => ({ ...line, name: `${at}` })),
    "There are 10 colours to tell things apart, too few for 11.",
  );
});

Deno.test("curveAxis: powers of ten inside the values, none below zero", () => {
  assert.deepEqual(curveAxis([0.05, 3, 40]).axis, { values: [0.1, 1, 10], format: "~g" });
  assert.equal("type" in curveAxis([1, 99]).scale, false);
  assert.equal("type" in curveAxis([0, 1e6]).scale, false);
  assert.equal("type" in curveAxis([-1, 1e6]).scale, false);
});

Deno.test("thin keeps the level, whatever the length", () => {
  for (const length of [1, 7, 200, 201, 2_800]) {
    const values = Array.from({ length }, (_, at) => at), thinned = thin(values, 200);
    assert(thinned.length <= 200);
    assert(thinned.every((value, at) => at === 0 || value > thinned[at - 1]));
    if (length <= 200) assert.deepEqual(thinned, values);
  }
  assert.deepEqual(thin([1, 2, 3, 4, 5], 2), [2, 4.5]);
});
