import "../needs.ts";
import assert from "node:assert/strict";
import { join } from "@std/path";
import { places } from "../../lib/base/places.ts";
import type { TrainingLog } from "../../lib/charts/training_curves.ts";
import {
  clusterRemark,
  covarianceRemark,
  curveRemarks,
  directionRemark,
  learntRemarks,
  loweredRemark,
  mixUpRemarks,
  neighbourRemark,
  projectorRemarks,
  silhouetteRemark,
  speedRemark,
} from "../../lib/experiments/remarks.ts";
import { readResults } from "../../lib/experiments/results.ts";
import { summarise } from "../../lib/experiments/statistics.ts";

/** A log of two epochs of two steps, whose total goes from one value to another in each stack. */
function log(name: string, ...totals: readonly (readonly [first: number, last: number])[]): TrainingLog {
  const steps = [0, 0, 1, 1].map((epoch, step) => ({
    ...{ step, epoch },
    // Neighbours of the mean.
    levels: totals.map((ends) => ({ total: ends[epoch] + (step % 2 ? 0.25 : -0.25) })),
  }));
  return { name, steps };
}

const lines = (text: string) => text.split("\n").slice(2);

Deno.test("curves: up, down or level as the table's three decimals are, and who ends lowest", () => {
  assert.deepEqual(lines(curveRemarks([log("VICReg", [2, 1]), log("S-JEA", [3, 2], [4, 3])])), [
    "- The weighted total falls in all 3 encoders; it ends lowest in VICReg (1.000).",
  ]);
  assert.deepEqual(lines(curveRemarks([log("VICReg", [1, 2]), log("S-JEA", [3, 2], [4, 4.0004])])), [
    "- The weighted total rises in VICReg, and falls in S-JEA, stack 0, and stays level in S-JEA, stack 1; " +
    "it ends lowest in VICReg and S-JEA, stack 0 (2.000).",
  ]);
  assert.deepEqual(lines(curveRemarks([log("S-JEA", [1, 2], [1, 1.5])])), [
    "- The weighted total rises in both encoders; it ends lowest in S-JEA, stack 1 (1.500).",
  ]);
});

Deno.test("curves: a term that only some encoders have", () => {
  const { steps } = log("VICReg", [2, 1]);
  const covariance = steps.map((step) => ({ ...step, levels: [{ covariance: 1 + step.epoch }] }));
  assert.deepEqual(lines(curveRemarks([{ name: "VICReg", steps }, { name: "other", steps: covariance }])), [
    "- The covariance term rises in other; it ends at 2.000.",
    "- The weighted total falls in VICReg; it ends at 1.000.",
  ]);
});

Deno.test("what was learnt: better, worse or the same", () => {
  const text = learntRemarks([
    { name: "stack 0", before: 46, after: 97.46 },
    { name: "stack 1", before: 85.3, after: 37.8 },
    { name: "stack 2", before: 25.04, after: 25 },
  ]);
  assert.deepEqual(text.split("\n"), [
    "- stack 0: 97.5 % of the test images are classified right, 46.0 % before training: 51.5 points more.",
    "- stack 1: 37.8 % of the test images are classified right, 85.3 % before training: 47.5 points fewer.",
    "- stack 2: 25.0 % of the test images are classified right, 25.0 % before training: no change.",
  ]);
});

Deno.test("mix-ups: the largest first, of images of the true class; none where all is right", () => {
  const classes = ["cat", "dog", "frog"];
  assert.equal(
    mixUpRemarks([[6, 4, 0], [1, 9, 0], [0, 20, 80]], classes),
    "Recognised most often: dog (90 %); least often: cat (60 %). " +
      "Most often mistaken: cat for dog (40 %), frog for dog (20 %) and dog for cat (10 %).",
  );
  assert.equal(
    mixUpRemarks([[5, 0], [0, 3]], classes.slice(0, 2)),
    "Recognised most often: cat and dog (100 %); least often: cat and dog (100 %). " +
      "Nothing is mistaken for anything else.",
  );
});

Deno.test("neighbours: the query is none of them", () => {
  assert.equal(
    neighbourRemark([[true, true, false], [true, true, true]]),
    "Of the 4 neighbours shown, 3 have the class of the query.",
  );
  assert.equal(
    neighbourRemark([[true, true, false]]),
    "Of the 2 neighbours shown, 1 has the class of the query.",
  );
  assert.equal(neighbourRemark([[true, false]]), "Of the 1 neighbours shown, 0 have the class of the query.");
});

Deno.test("speeds: slower or faster than the first", () => {
  assert.equal(
    speedRemark([["vicreg", 1000], ["vicreg-resnet50", 340], ["s-jea", 1100]]),
    "vicreg trains on 1000 images a second, vicreg-resnet50 on 340 (34 % of that) and s-jea on 1100 (110 % of that).",
  );
});

Deno.test("directions: most and fewest, all of those that the table shows alike", () => {
  const [a, b, c] = [[48.9, 128], [87.31, 128], [87.34, 512]].map(([rank, length], at) => ({
    ...{ name: "abc"[at], rank, length },
  }));
  assert.equal(
    directionRemark([a, b]),
    "RankMe counts most directions in b (87.3 of 128) and fewest in a (48.9 of 128).",
  );
  assert.equal(
    directionRemark([b, c, a]),
    "RankMe counts most directions in b and c (87.3 of 128) and fewest in a (48.9 of 128).",
  );
});

/** The table of projectors with other accuracies. */
async function projectors(top1: (at: number) => number) {
  const results = await readResults(join(places.results, "cpu", "projector-ablation.json"));
  return { ...results, rows: results.rows.map((row, at) => ({ ...row, top1: summarise([top1(at)]) })) };
}

Deno.test("projectors: directions taken or given, better or not with more of them", async () => {
  // Runs: none, on stack 0, on stack 1, on both. Stack 0 comes first in the rows.
  const taking = [[60, 90], [50, 90], [60, 80], [50, 80]];
  assert.deepEqual(projectorRemarks(taking, await projectors((at) => 80 - at)).split("\n"), [
    "- A projector of its own takes directions from stack 0: 50.0 with one, 60.0 without, on average.",
    "- A projector of its own takes directions from stack 1: 80.0 with one, 90.0 without, on average.",
    "- Stack 1 uses more directions than stack 0 in 4 of 4 runs.",
    // Of stack 0: run 0 with 1 and with 3, run 2 with 3; of stack 1: runs 0 and 1 with 2 and 3; none between them.
    "- In 7 of the 28 pairs among these representations the one with more directions has the higher top-1: " +
    "more directions are no sign of quality.",
  ]);
  const giving = [[50, 40], [60, 40], [50, 40], [60, 40]];
  const text = projectorRemarks(giving, await projectors((at) => at < 4 ? [70, 80, 70, 80][at] : 10)).split(
    "\n",
  );
  assert.deepEqual(text, [
    "- A projector of its own gives directions to stack 0: 60.0 with one, 50.0 without, on average.",
    "- A projector of its own changes nothing for stack 1: 40.0 with one, 40.0 without, on average.",
    "- Stack 1 uses more directions than stack 0 in 0 of 4 runs.",
    "- In 20 of the 28 pairs among these representations the one with more directions has the higher top-1: " +
    "the two mostly go together.",
  ]);
});

Deno.test("sub-clusters: their sizes, largest first, or none", () => {
  assert.equal(
    clusterRemark([...Array(3).fill(1), ...Array(1200).fill(0)], "car"),
    "The 1,203 test images of car are best cut in 2: 1,200 and 3 images.",
  );
  assert.equal(
    clusterRemark(new Uint8Array(4), "car"),
    "The 4 test images of car are not cut: too few of their representations differ.",
  );
});

Deno.test("silhouettes: whoever is largest, the claim is not judged without a null", () => {
  const trained = [{ name: "VICReg", silhouette: 0.134 }, { name: "stack 1", silhouette: 0.169 }];
  const high = silhouetteRemark(trained, { name: "an untrained one", silhouette: 0.5 });
  assert.ok(high.startsWith(
    "The largest silhouette of a trained representation is that of stack 1 (0.169). " +
      "That of an untrained one is larger (0.500). Neither says anything by itself",
  ));
  const low = silhouetteRemark(trained.toReversed().map((each) => ({ ...each, silhouette: 0.15 })), {
    ...{ name: "an untrained one", silhouette: 0.1502 },
  });
  assert.ok(low.startsWith(
    "The largest silhouette of a trained representation is that of stack 1 and VICReg (0.150). " +
      "That of an untrained one is not larger (0.150). Neither says anything by itself",
  ));
  for (const text of [high, low]) assert.match(text, /is \*\*not judged\*\* here\.$/);
});

Deno.test("covariance: with its weight lowered it ends higher, as in the paper, or does not", () => {
  const line = (name: string, ...values: number[]) => ({
    name,
    epochs: values.map((_, at) => at + 1),
    values,
  });
  const plain = [line("stack 0", 0.8264, 1, 1.5), line("stack 1", 0.7, 2)];
  assert.equal(
    covarianceRemark([...plain, line("low", 70, 318.4)]),
    "From the first epoch to the last the term goes from 0.826 to 1.5 (stack 0), from 0.7 to 2 (stack 1) and from 70 " +
      "to 318 (low). With the lowered weight it ends at 159 times the value of stack 1 with the plain one: higher, as in " +
      "the paper.",
  );
  assert.match(
    covarianceRemark([...plain, line("low", 3, 1)]),
    /at 0\.5 times the value of stack 1 with the plain one: not higher, unlike in the paper\.$/,
  );
});

Deno.test("a lowered weight takes directions from one stack more than from the other, or from none", () => {
  assert.equal(
    loweredRemark([48.9, 87.3], [41.6, 33]),
    "With the lowered weight stack 0 uses 41.6 directions instead of 48.9 (85 %) and stack 1 uses 33.0 directions " +
      "instead of 87.3 (38 %). The largest part is lost in stack 1 (38 % left).",
  );
  assert.match(
    loweredRemark([50, 50], [20, 20]),
    /The largest part is lost in stack 0 and stack 1 \(40 % left\)\.$/,
  );
  assert.match(loweredRemark([50, 50], [50, 60]), /No stack loses any\.$/);
});
