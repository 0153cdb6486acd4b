import "../needs.ts";
import assert from "node:assert/strict";
import { read } from "vega";
import { csv } from "../../lib/charts/csv.ts";

Deno.test("vega reads what was written: texts with commas, quotes and lines, numbers, and none", () => {
  const odd = ['S-JEA, "both"', "two\nlines", "猫", "1e3", "data:image/png;base64,iVBO="];
  const { values, format } = csv([
    ...odd.map((run, at) => ({
      run,
      epoch: at / 4,
      covariance: at % 2 ? undefined : 1e-7,
      frame: undefined,
    })),
    { run: undefined, epoch: -0.5 },
  ]);
  const rows = read(values, format) as Record<string, unknown>[];
  assert.deepEqual(rows.map(({ run }) => run), [...odd, ""]);
  assert.deepEqual(rows.map(({ epoch }) => epoch), [0, 0.25, 0.5, 0.75, 1, -0.5]);
  assert.deepEqual(rows.map(({ covariance }) => covariance), [1e-7, null, 1e-7, null, 1e-7, null]);
  assert.equal("frame" in rows[0], false);
});
