import assert from "node:assert/strict";
import { join } from "@std/path";
import { places } from "../../lib/base/places.ts";
import {
  budgetSentence,
  CLAIMS,
  judgeClaim,
  judgeClaims,
  verdictList,
  verdictSummary,
} from "../../lib/experiments/claims.ts";
import { presets } from "../../lib/experiments/presets.ts";
import { runSpec } from "../../lib/experiments/runs.ts";
import { summarise } from "../../lib/experiments/statistics.ts";
import { readSweepFile } from "../../lib/experiments/sweep.ts";
import type { SweepResults } from "../../lib/experiments/sweep_results.ts";
import { specSchema } from "../../lib/training/spec.ts";

const SWEEPS = join(places.lib, "experiments", "sweeps");

/** Results of which a claim reads no more than the rows and the data set's name. */
function found(rows: Record<string, Record<string, number[]>>): SweepResults {
  return {
    dataset: { name: "generated" },
    ...{ sweep: { variants: { one: {} }, grid: {}, seeds: [0] }, runs: [{}] },
    rows: Object.entries(rows).map(([name, values]) => ({
      configuration: name.split("/")[0],
      trained: true,
      stack: Number(name.split("/")[1]),
      seeds: Object.values(values)[0].map((_, seed) => seed),
      values: Object.fromEntries(
        Object.entries(values).map(([measure, values]) => [measure, summarise(values)]),
      ),
    })),
  } as unknown as SweepResults;
}

const claim = (id: string) => CLAIMS.find((claim) => claim.id === id)!;
const close = (ours: number, right: number) => assert.ok(Math.abs(ours - right) < 1e-9, `${ours}, ${right}`);

Deno.test("stack 1 against VICReg, paired by seed: above, below, neither, too few", () => {
  const vicreg = { "top-1": [70, 60, 65] };
  for (
    const [top1, verdict] of [
      [[71, 61.2, 66.1], "supported"],
      [[69, 58.8, 63.9], "refuted"],
      [[71, 58, 66], "undecided"],
      [[71, 61], "not judged"],
    ] as const
  ) {
    const judged = judgeClaim(
      claim("C1"),
      found({ "S-JEA/1": { "top-1": [...top1] }, "S-JEA/0": { "top-1": [0, 0, 0] }, "VICReg/0": vicreg }),
    );
    assert.equal(judged.verdict, verdict, `${top1}`);
  }
});

Deno.test("stack 0 is as good as VICReg within a point, or is not", () => {
  const of = (top1: number[]) =>
    judgeClaim(claim("C2"), found({ "S-JEA/0": { "top-1": top1 }, "VICReg/0": { "top-1": [70, 60, 65] } }));
  assert.equal(of([70.1, 60, 64.9]).verdict, "supported");
  assert.equal(of([67, 57, 62.1]).verdict, "refuted");
  assert.equal(of([69, 59.2, 64.1]).verdict, "undecided");
});

Deno.test("no verdict where the measure does not show what is certainly there", () => {
  const measure = "AMI of subtype in classes %";
  const of = (supervised: number[]) =>
    judgeClaim(
      claim("C4"),
      found({
        "S-JEA/0": { [measure]: [10, 11, 10] },
        "S-JEA/1": { [measure]: [20, 22, 21] },
        "VICReg/0": { [measure]: [12, 10, 11], [`embedding: ${measure}`]: [15, 14, 15] },
        "supervised/0": { [measure]: supervised },
      }),
    );
  assert.equal(of([80, 82, 81]).verdict, "supported");
  assert.equal(of([11, 12, 10]).verdict, "not judged");
  // A tenth of what the supervised encoder shows.
  close(of([80, 82, 81]).comparisons[0].worth!, 8.1);
  assert.match(verdictList([of([80, 82, 81])]), /stack 1 − stack 0: .*, worth having from \+8\.1 on;/);
  assert.equal(
    verdictSummary([of([80, 82, 81]), of([1, 2, 3])]),
    "Of 2 claims, 1 is supported (C4) and 1 is not judged (C4).",
  );
  assert.match(verdictList([of([11, 12, 10])]), /\*\*not judged\*\* on generated.*The control fails \(/);
});

Deno.test("stack 1 is compared with a stack 0 whose noise makes it as good at what is fine", () => {
  const row = (classes: number[], fine: number[]) =>
    Object.fromEntries(
      ["", " at noise 0.5", " at noise 1"].flatMap((noise, at) => [
        [`kappa of classes${noise} %`, new Array(3).fill(classes[at])],
        [`kappa of subtype${noise} %`, new Array(3).fill(fine[at])],
      ]),
    );
  const of = (classes: number, fine: number) =>
    judgeClaim(
      claim("C5"),
      found({
        "S-JEA/0": row([80, 70, 50], [60, 40, 20]),
        "S-JEA/1": row([classes, 0, 0], [fine, 0, 0]),
        "VICReg/0": row([80, 70, 50], [60, 40, 20]),
        "supervised/0": row([90, 90, 90], [90, 90, 90]),
      }),
    ).comparisons[0].judgement;
  // Halfway between 60 and 40: coarse 75; a quarter above 20: 55.
  close(of(76, 50).mean, 1);
  close(of(50, 25).mean, -5);
  close(of(80, 65).mean, 0);
  // Worse than the strongest noise: on the way to chance in both.
  close(of(50, 10).mean, 25);
  close(of(3, -1).mean, 3);
});

Deno.test("RankMe of stack 1 is not lower by more than a tenth than that of a random one", () => {
  const of = (rank: number[]) =>
    judgeClaim(
      claim("C6"),
      found({ "S-JEA/1": { RankMe: rank }, "half-trained: S-JEA/1": { RankMe: [100, 100, 100] } }),
    );
  assert.equal(of([92, 93, 94]).verdict, "supported");
  assert.equal(of([85, 86, 84]).verdict, "refuted");
});

Deno.test("the sweep of R1 has the runs that reproduce trains of preset evening", async () => {
  const { sweep } = await readSweepFile(join(SWEEPS, "evening.json"));
  const known = { name: "cifar10", fingerprint: "" };
  const [both, alone] = (["s-jea", "vicreg"] as const).map((run) => runSpec(run, presets.evening, known, 0));
  assert.equal(sweep.base, "evening/s-jea");
  assert.deepEqual(sweep.variants["S-JEA"], {});
  assert.deepEqual(specSchema.parse({ ...both, ...sweep.variants.VICReg }), alone);
});

Deno.test("claims that nobody measured say which command does; stored ones are judged", async () => {
  const none = await Deno.makeTempDir();
  const list = verdictList(await judgeClaims(none));
  assert.equal(list.split("\n").length, CLAIMS.length);
  assert.match(
    list,
    /^- C1, S-JEA outperforms VICReg: \*\*not measured\*\* yet; `deno task sweep .*evening\.json` does\.$/m,
  );
  await Deno.remove(none);
  for (const { id, verdict, comparisons } of await judgeClaims(join(places.results, "sweeps"))) {
    if (verdict === null) continue;
    assert.ok(comparisons.every(({ judgement }) => judgement.n > 0), id);
  }
});

Deno.test("verdicts say at which size they were reached, and within which margin two are as good", async () => {
  const judged = await judgeClaims(join(places.results, "sweeps"));
  const { width, epochs } = presets.evening, [, c2] = judged;
  assert.deepEqual(c2.budget, { width, epochs });
  assert.match(verdictList([c2]), /stack 0 − VICReg: .*, in the paper \+0\.3, as good within ±1\.0\. `deno/);
  assert.match(
    budgetSentence([...judged.slice(0, 2), { ...c2, id: "C9", budget: { width: 8, epochs: 10 } }]),
    new RegExp(
      `^Measured at width ${width} for ${epochs} epochs \\(C1, C2\\) and width 8 for 10 epochs \\(C9\\), `,
    ),
  );
  assert.equal(budgetSentence(judged.filter(({ verdict }) => verdict === null)), "");
});

Deno.test("nothing is judged before every training of the sweep has been tried", () => {
  const results = found({ "S-JEA/1": { "top-1": [71, 61.2, 66.1] }, "VICReg/0": { "top-1": [70, 60, 65] } });
  const sweep = { ...results.sweep, seeds: [0, 1] };
  assert.equal(judgeClaim(claim("C1"), results).verdict, "supported");
  assert.equal(judgeClaim(claim("C1"), { ...results, sweep }).verdict, "not judged");
});

Deno.test("a projector's effect is the mean over the other stack's having one or none", () => {
  const row = (...values: number[]) => ({ "top-1": values });
  const rows = {
    "none/0": row(50, 50, 50),
    "on stack 0/0": row(52, 52.2, 51.8),
    "on stack 1/0": row(50, 50, 50),
  };
  const others = { "none/1": row(1, 1, 1), "on stack 0/1": row(1, 1, 1), "on stack 1/1": row(1, 1, 1) };
  const both = { "on both/0": row(54, 54, 54), "on both/1": row(1, 1, 1) };
  const { verdict, comparisons } = judgeClaim(claim("C7"), found({ ...rows, ...others, ...both }));
  close(comparisons[0].judgement.mean, 3);
  close(comparisons[2].judgement.mean, 1);
  assert.equal(verdict, "refuted");
});
