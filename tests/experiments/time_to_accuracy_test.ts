import assert from "node:assert/strict";
import { join } from "@std/path";
import { UsageError } from "../../lib/base/errors.ts";
import { places } from "../../lib/base/places.ts";
import { preset } from "../../lib/experiments/presets.ts";
import { type RunName, runSpec } from "../../lib/experiments/runs.ts";
import { put, readFields } from "../../lib/experiments/spec_file.ts";
import { summarise } from "../../lib/experiments/statistics.ts";
import { readSweepFile } from "../../lib/experiments/sweep.ts";
import { readSweep, type SweepResults } from "../../lib/experiments/sweep_results.ts";
import { sweepOrElse, timeToAccuracy } from "../../lib/experiments/time_to_accuracy.ts";
import { specSchema } from "../../lib/training/spec.ts";

const SWEEPS = join(places.lib, "experiments", "sweeps"), LOSSES = join(SWEEPS, "losses.json");
const stored = await readSweep(join(places.results, "sweeps", (await readSweepFile(LOSSES)).id));

/** A configuration's errors by its epochs, and the seconds that one of them took. */
interface Measured {
  readonly name: string;
  readonly second: number;
  readonly errors: Readonly<Record<string, number>>;
}

/** Results of a sweep over epochs, of one stack. */
function resultsOf(...all: readonly Measured[]): SweepResults {
  const each = all.flatMap(({ name, second, errors }) =>
    Object.entries(errors).map(([epochs, error]) => ({
      ...{ configuration: `${name}, epochs ${epochs}`, seed: 0, error, seconds: second * Number(epochs) },
    }))
  );
  const [{ origins: [origin] }] = stored.runs, run = { id: "0", collapsed: [], failed: null };
  return {
    ...stored,
    sweep: { ...stored.sweep, variants: Object.fromEntries(all.map(({ name }) => [name, {}])) },
    // From best to worst, as sweeps have them.
    rows: each.toSorted((a, b) => a.error - b.error).map(({ configuration, error }) => ({
      ...{
        configuration,
        trained: true,
        stack: 0,
        seeds: [0],
        values: { "top-1": summarise([100 - error]) },
      },
    })),
    runs: each.map(({ configuration, seed, seconds }) => ({
      ...{ ...run, configuration, seed, seconds, origins: [{ ...origin, threads: 4 }] },
    })),
  };
}

const narrow = { name: "A, width 16", second: 900, errors: { 1: 80, 4: 40, 16: 20 } };

Deno.test("errors over epochs and over threads' hours, a law each, in the sweep's order", () => {
  const wide = { name: "A, width 32", second: 1_800, errors: { 16: 10, 1: 90 } };
  const { lines, table: { rows, notes } } = timeToAccuracy(resultsOf(wide, narrow), "top-1", 10);
  assert.deepEqual(lines.map(({ name, cost }) => [name, cost]), [
    ...["epochs", "core-hours"].map((cost) => ["A, width 32", cost]),
    ...["epochs", "core-hours"].map((cost) => ["A, width 16", cost]),
  ]);
  const paid = (line: typeof lines[number]) => line.points.map(({ cost, error }) => [cost, error]);
  assert.deepEqual(paid(lines[2]), [[16, 20], [4, 40], [1, 80]]);
  // 900 seconds of four threads are an hour.
  assert.deepEqual(paid(lines[1]), [[32, 10], [2, 90]]);
  assert.deepEqual(lines.map(({ fit }) => fit[0].band === null), [true, true, false, false]);
  assert.deepEqual(rows, [
    ["A, width 32", "0", "epochs", "2", "0.792", "16"],
    ["A, width 32", "0", "core-hours", "2", "0.792", "32"],
    ["A, width 16", "0", "epochs", "3", "0.500 ± 0.000", "64 (extrapolated)"],
    ["A, width 16", "0", "core-hours", "3", "0.500 ± 0.000", "64 (extrapolated)"],
  ]);
  assert.match(
    notes[1],
    /^Core-hours are seconds of training times threads \(4\) on AMD EPYC with TensorFlow 2/,
  );
});

const remarks = (...all: Measured[]) => timeToAccuracy(resultsOf(...all), "top-1", 10).remarks.split("\n");

// scipy 1.17.1 and numpy: linregress of both on logarithms, t.ppf(0.975, 2) and the residuals' squares over 2; the
// crossing's ends of 2,000,001 logarithms of costs from -8 to 12 (162755 is beyond what is told).
Deno.test("where width pays: both ends of what both were measured at, and where the laws cross", () => {
  const errors = { 1: 82, 4: 34, 16: 15 };
  const [summary, , epochs, hours, ...others] = remarks(narrow, {
    name: "A, width 32",
    second: 3_600,
    errors,
  });
  assert.deepEqual(others, []);
  assert.equal(
    summary,
    "At the largest cost that both widths were measured at, the wider one's error is below the narrower one's in 1, " +
      "above it in 1 and not told apart from it in 0 of 2 comparisons.",
  );
  assert.equal(
    epochs,
    "- A, stack 0, over epochs: the error of width 32 is not told apart from that of width 16 at 1 (1.01 times, " +
      "95 % interval 0.92 to 1.12) and below it at 16 epochs (0.74 times, 95 % interval 0.67 to 0.82). The laws cross at " +
      "1.1 (95 % interval 0.27 to 2.1).",
  );
  assert.match(
    hours,
    /over core-hours: the error of width 32 is above that .* at 4 .* and above it at 16 core/,
  );
  assert.match(hours, /The laws cross at 2100, extrapolated \(95 % interval 310 to over 6400\)\.$/);
});

Deno.test("where width pays is not judged by two points a law, by equal exponents, or without a cost in common", () => {
  const two = (errors: Measured["errors"]) => [
    { ...narrow, errors: { 1: 80, 16: 20 } },
    { name: "A, width 32", second: 3_600, errors },
  ];
  const [summary, , epochs] = remarks(...two({ 1: 90, 16: 10 }));
  assert.match(summary, / in 0, above it in 0 and .* in 0 of 0 comparisons; 2 more cannot be judged\.$/);
  assert.match(
    epochs,
    /is above that .* \(1\.13 times, \*\*not judged\*\*\) and below it at 16 .* \(0\.50 times, /,
  );
  assert.match(epochs, /cross at 1\.5 \(\*\*not judged\*\*: two points a law leave no spread\)\.$/);
  assert.match(remarks(...two({ 1: 40, 16: 10 }))[2], /The laws do not cross anywhere near\.$/);
  const scattered = { name: "A, width 32", second: 900, errors: { 1: 70, 4: 48, 16: 19 } };
  assert.match(remarks(narrow, scattered)[2], /\(\*\*not judged\*\*: the exponents are not told apart\)\.$/);
  const later = { name: "A, width 32", second: 900, errors: { 64: 9, 256: 4 } };
  assert.match(remarks(narrow, later)[2], /the two have no cost in common at which they were measured\. /);
});

Deno.test("a sweep in progress has points without laws; one of something else is refused", () => {
  const { lines, table: { rows }, remarks } = timeToAccuracy(
    resultsOf({ ...narrow, errors: { 1: 80 } }),
    "top-1",
    10,
  );
  assert.deepEqual(lines.map(({ points, fit }) => [points.length, fit.length]), [[1, 0], [1, 0]]);
  assert.deepEqual(rows, []);
  assert.match(remarks, / of 0 comparisons\.\n\n$/);
  assert.throws(
    () => timeToAccuracy(stored, "top-1", 10),
    new UsageError("VICReg: expected a variant called METHOD, width W, and a grid of epochs."),
  );
  assert.throws(
    () => timeToAccuracy(stored, "top-2", 10),
    new UsageError('The sweep has no accuracy "top-2". It has top-1, k-NN 200, k-NN 20.'),
  );
});

Deno.test("a sweep that was run is not run again, and the other one is not even read", async () => {
  assert.deepEqual(await sweepOrElse(LOSSES, "none.json"), stored);
  const folder = await Deno.makeTempDir(),
    path = join(folder, "unknown.json"),
    none = join(folder, "none.json");
  try {
    await Deno.writeTextFile(path, JSON.stringify({ title: "never run", base: "smoke/vicreg" }));
    await assert.rejects(sweepOrElse(path, none), {
      name: "DataError",
      message: /none\.json cannot be read/,
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the sweep's variants are evening's runs, and what is twice as wide has projectors twice as wide", async () => {
  const { sweep } = await readSweepFile(join(SWEEPS, "time-to-accuracy.json"));
  const base = await readFields({ from: sweep.base }), dataset = { name: "cifar10", fingerprint: "0" };
  const specs = Object.values(sweep.variants).map((changes) => {
    const fields = Object.entries({ "data.fingerprint": "0", ...changes }).reduce(
      (fields, [field, value]) => put(fields, field, value, field),
      base,
    );
    return specSchema.parse(fields);
  });
  const wide = ["width=32", "projector=1024,1024,1024", "plainProjector=500"];
  const expected = ["vicreg", "s-jea"].flatMap((run) =>
    [[], wide].map((set) => runSpec(run as RunName, preset("evening", set), dataset, 0))
  );
  assert.deepEqual(specs, expected);
});
