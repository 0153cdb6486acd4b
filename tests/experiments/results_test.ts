import assert from "node:assert/strict";
import { join } from "@std/path";
import { DataError } from "../../lib/base/errors.ts";
import { presets } from "../../lib/experiments/presets.ts";
import { parseResults, readResults, type Results, writeResults } from "../../lib/experiments/results.ts";
import { summarise } from "../../lib/experiments/statistics.ts";
import { DAMAGED, mutatedJson, survive } from "../mutate.ts";

const results: Results = {
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
  seeds: [0, 1],
  rows: [{
    method: "VICReg",
    encoder: "ResNet-18, width 16",
    stack: null,
    projectors: null,
    parameters: 700_000,
    live: 600_000,
    top1: summarise([50, 52]),
    knn: summarise([45, 46]),
    knnAt: { 200: summarise([45, 46]) },
    paper: { top1: 80.5, knn: 83.2, parameters: null, source: "Table 1, row 1" },
    predictions: "VICReg",
  }],
  runs: [{ id: "0123456789ab", method: "VICReg", seed: 0, seconds: 60, origins: [], collapsed: [] }],
  durations: { training: 60 },
  environment: {
    os: "linux x86_64",
    cpu: "a processor",
    cores: 2,
    memoryGiB: 24,
    device: "CPU:0",
    threads: 2,
  },
  versions: { deno: "2.9.6", tensorflow: "2.21.0", tfjs: "4.22.0" },
  code: { training: "0123456789ab", evaluation: "ba9876543210", commit: null, dirty: false },
  created: "2026-01-01T00:00:00.000Z",
};

async function inFile(check: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await check(join(folder, "new", "linear-evaluation.json"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Checks how a file with other content is refused. */
function refuses(name: string, content: string, message: (path: string) => string): void {
  Deno.test(`reading refuses ${name}`, () =>
    inFile(async (path) => {
      await writeResults(path, results);
      await Deno.writeTextFile(path, content);
      await assert.rejects(readResults(path), new DataError(message(path)));
    }));
}

Deno.test("summarise: mean, unbiased deviation, 95 % interval, n, values", () => {
  const { interval, ...rest } = summarise([1, 2, 6]);
  assert.deepEqual(rest, { mean: 3, std: Math.sqrt(7), n: 3, values: [1, 2, 6] });
  // Student's t at 97.5 % with 2 degrees of freedom is 4.302653 (tables).
  assert.ok(Math.abs(interval! - 4.302653 * Math.sqrt(7 / 3)) < 1e-5, `${interval}`);
  assert.deepEqual(summarise([81.6]), { mean: 81.6, std: null, interval: null, n: 1, values: [81.6] });
});

Deno.test("what was written is read back, and a missing folder is made", () =>
  inFile(async (path) => {
    await writeResults(path, results);
    assert.deepEqual(await readResults(path), results);
  }));

Deno.test("writing refuses what it could not read back", () =>
  inFile(async (path) => {
    const wrong = { ...results, rows: [{ ...results.rows[0], top1: summarise([NaN]) }] };
    await assert.rejects(writeResults(path, wrong), /rows/);
    await assert.rejects(
      readResults(path),
      new DataError(`${path} does not exist. Run deno task reproduce first.`),
    );
  }));

Deno.test("reading refuses what is no JSON", () =>
  inFile(async (path) => {
    await writeResults(path, results);
    await Deno.writeTextFile(path, "accuracy,80");
    await assert.rejects(readResults(path), (error) => {
      assert(error instanceof DataError);
      assert.match(
        error.message,
        /linear-evaluation\.json is no JSON \(.+\)\. Delete it and run deno task reproduce again\.$/,
      );
      return true;
    });
  }));

for (const [name, foreign] of [["a foreign file", '{"accuracy": 80}'], ["null", "null"], ["a list", "[]"]]) {
  refuses(
    name,
    foreign,
    (path) => `${path} was not written by deno task reproduce: it has no "format": "s-jea results".`,
  );
}

for (const version of [0, 3, undefined]) {
  refuses(
    `version ${version}`,
    JSON.stringify({ ...results, version }),
    (path) => `${path} has version ${version}, this program reads version 4. Run deno task reproduce again.`,
  );
}

const [row] = results.rows;
refuses(
  "a wrong field",
  JSON.stringify({ ...results, rows: [{ ...row, top1: { ...row.top1, mean: "high" } }] }),
  (path) =>
    `${path}: rows.0.top1.mean: Invalid input: expected number, received string. ` +
    "Run deno task reproduce again.",
);
refuses(
  "an accuracy over 100 %",
  JSON.stringify({ ...results, rows: [{ ...row, paper: { ...row.paper, knn: 832 } }] }),
  (path) => `${path}: rows.0.paper.knn: Too big: expected number to be <=100. Run deno task reproduce again.`,
);
refuses(
  "an unknown field",
  JSON.stringify({ ...results, mood: "good" }),
  (path) =>
    `${path}: there is no field mood. Valid: ${
      Object.keys(results).join(", ")
    }. Run deno task reproduce again.`,
);

Deno.test(`${DAMAGED} damaged files: other values or a DataError, never worse`, async () => {
  const { read, refused } = await survive(
    mutatedJson(JSON.stringify(results), "results"),
    (text) => parseResults(text, "a.json"),
  );
  assert.ok(read > 0.03 * DAMAGED && refused > 0.5 * DAMAGED, `${read} were read, ${refused} refused`);
});
