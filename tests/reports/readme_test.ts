import assert from "node:assert/strict";
import { join } from "@std/path";
import { places } from "../../lib/base/places.ts";
import { toSvg } from "../../lib/charts/render.ts";
import { judgeClaims } from "../../lib/experiments/claims.ts";
import { EXPERIMENT_NAMES } from "../../lib/experiments/experiments.ts";
import { readResults } from "../../lib/experiments/results.ts";
import { readSweepFile } from "../../lib/experiments/sweep.ts";
import { readSweep } from "../../lib/experiments/sweep_results.ts";
import { readNotebook } from "../../lib/notebook/ipynb.ts";
import {
  type ManualNumbers,
  movingPicture,
  renderManual,
  renderReadme,
  speedChart,
} from "../../lib/reports/readme.ts";

const readme = await Deno.readTextFile(places.readme), manual = await Deno.readTextFile(places.manual);
const judged = await judgeClaims(join(places.results, "sweeps"));
const { id } = await readSweepFile(join(places.lib, "experiments", "sweeps", "losses.json"));
const bench = async (name: string) => JSON.parse(await Deno.readTextFile(join(places.results, name)));
const numbers: ManualNumbers = {
  results: await Promise.all(
    EXPERIMENT_NAMES.map((name) => readResults(join(places.results, "cpu", `${name}.json`))),
  ),
  losses: await readSweep(join(places.results, "sweeps", id)),
  speed: await bench("torch.json"),
  engines: await bench("engines.json"),
};
const outside = (text: string) =>
  text.split(/<!-- deno-fmt-ignore-start -->.*?<!-- deno-fmt-ignore-end -->/s);

Deno.test("the numbers of README and manual are those of the stored results", () => {
  assert.equal(renderReadme(readme, judged), readme);
  assert.equal(renderManual(manual, numbers), manual);
});

Deno.test("other results give another manual, in its marked parts alone", () => {
  const [first, ...others] = numbers.results;
  const rows = first.rows.with(0, { ...first.rows[0], top1: { ...first.rows[0].top1, mean: 12.34 } });
  const changed = renderManual(manual, { ...numbers, results: [{ ...first, rows }, ...others] });
  assert.match(changed, /\| Table 1 \| VICReg \| ResNet-18 \| – \| 0\.70 \| 0\.70 \| 12\.3 \| 80\.5 \|/);
  assert.deepEqual(outside(changed), outside(manual));
});

Deno.test("other verdicts give another README, in its marked parts alone", () => {
  const [first, ...others] = judged;
  const changed = renderReadme(readme, [{ ...first, says: "something else" }, ...others]);
  assert.match(changed, /^- C1, something else: /m);
  assert.deepEqual(outside(changed), outside(readme));
});

Deno.test("the picture of the speeds is of the stored ones", async () => {
  // Vega numbers clip paths through all charts of a process.
  const plain = (svg: string) => svg.replaceAll(/clip\d+/g, "clip");
  assert.equal(plain(await Deno.readTextFile(places.speed)), plain(await toSvg(speedChart(numbers.speed))));
});

Deno.test("the picture that moves is the stored quickstart's, and small", async () => {
  const moving = movingPicture(await readNotebook(places.quickstart));
  assert.equal(await Deno.readTextFile(places.forming), moving);
  assert.ok(moving.length < 2e6);
  assert.throws(() => movingPicture({ cells: [], metadata: {}, nbformat: 4, nbformat_minor: 5 }), {
    name: "DataError",
    message: /execute it again/,
  });
});

Deno.test("speeds are told a machine at a time, each with its name", () => {
  const [row] = numbers.speed, other = { ...row, case: "here", machine: "An abacus", share: 0.5 };
  const text = renderManual(manual, { ...numbers, speed: [row, other] });
  assert.match(text, /\| `here` \|.*\| 50 % \|\n\nAn abacus\.\n/);
  assert.ok(text.includes(`${row.machine}.`));
});

Deno.test("a text without its marks is refused, and the README is short", () => {
  assert.throws(() => renderReadme("# S-JEA", judged), {
    name: "DataError",
    message:
      'README.md has no part "verdicts". Expected: "<!-- verdicts: written by deno task report -->\\n' +
      '<!-- deno-fmt-ignore-start -->\\n<!-- deno-fmt-ignore-end -->".',
  });
  // Lines of tables and of code are no words.
  const words = readme.split(/\s+/).filter((word) => /[\p{L}\d]/u.test(word)).length;
  assert.ok(words < 900, `${words} words`);
});
