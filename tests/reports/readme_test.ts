import assert from "node:assert/strict";
import { join } from "@std/path";
import { places } from "../../lib/base/places.ts";
import { EXPERIMENT_NAMES } from "../../lib/experiments/experiments.ts";
import { readResults } from "../../lib/experiments/results.ts";
import { readSweepFile } from "../../lib/experiments/sweep.ts";
import { readSweep } from "../../lib/experiments/sweep_results.ts";
import { renderReadme } from "../../lib/reports/readme.ts";

const text = await Deno.readTextFile(places.readme);
const results = await Promise.all(
  EXPERIMENT_NAMES.map((name) => readResults(join(places.results, "cpu", `${name}.json`))),
);

const sweep = await readSweepFile(join(places.lib, "experiments", "sweeps", "losses.json"));
const losses = await readSweep(join(places.results, "sweeps", sweep.id));
const engines = JSON.parse(await Deno.readTextFile(join(places.results, "engines.json")));

Deno.test("the README's numbers are those of the stored results", () => {
  assert.equal(renderReadme(text, results, losses, engines), text);
});

Deno.test("other results give another README, in its marked parts alone", () => {
  const [first, ...others] = results;
  const rows = first.rows.with(0, { ...first.rows[0], top1: { ...first.rows[0].top1, mean: 12.34 } });
  const changed = renderReadme(text, [{ ...first, rows }, ...others], losses, engines);
  assert.match(changed, /\| Table 1 \| VICReg \| ResNet-18 \| – \| 0\.70 \| 0\.70 \| 12\.3 \| 80\.5 \|/);
  const outside = (text: string) =>
    text.split(/<!-- deno-fmt-ignore-start -->.*?<!-- deno-fmt-ignore-end -->/s);
  assert.deepEqual(outside(changed), outside(text));
  assert.notEqual(changed, text);
});

Deno.test("a README without its marks is refused", () => {
  assert.throws(() => renderReadme("# S-JEA", results, losses, engines), {
    name: "DataError",
    message: 'README.md has no part "presets". Expected: "<!-- presets: written by deno task report -->\\n' +
      '<!-- deno-fmt-ignore-start -->\\n<!-- deno-fmt-ignore-end -->".',
  });
});
