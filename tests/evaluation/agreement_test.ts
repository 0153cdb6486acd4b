import assert from "node:assert/strict";
import {
  adjustedMutualInformation,
  adjustedRandIndex,
  matchedAccuracy,
  normalisedMutualInformation,
} from "../../lib/evaluation/agreement.ts";
import { facts, fixture } from "../fixtures/read.ts";

const found = await fixture("clusters");
const { pairs } = await facts("clusters") as { pairs: Record<string, number>[] };

const MEASURES = {
  nmi: normalisedMutualInformation,
  ami: adjustedMutualInformation,
  ari: adjustedRandIndex,
  matched: matchedAccuracy,
};

const close = (actual: number, expected: number, tolerance: number, what = "") =>
  assert.ok(Math.abs(actual - expected) < tolerance, `${what} ${actual} instead of ${expected}`);

for (const [name, measure] of Object.entries(MEASURES)) {
  Deno.test(`${name} agrees with scikit-learn, in either order`, () => {
    assert.equal(pairs.length, 20);
    for (const [at, expected] of pairs.entries()) {
      const [a, b] = ["a", "b"].map((side) => found[`${at}.${side}`].data as Uint8Array | Int32Array);
      close(measure(a, b), expected[name], 1e-10, `pair ${at}:`);
      close(measure(b, a), measure(a, b), 1e-12, `pair ${at}:`);
    }
  });

  Deno.test(`${name} is 1 for the same but for names, however many groups there are`, () => {
    const groupings = [[0, 1, 2], [4, 4, 4], [3, 3, 1, 2], [6]];
    for (const grouping of groupings) {
      close(measure(grouping, grouping.map((group) => 1e6 - 7 * group)), 1, 1e-12);
    }
  });

  Deno.test(`${name} refuses groupings of different things`, () => {
    for (const [a, b] of [[[1], [1, 2]], [[], []]]) {
      assert.throws(() => measure(a, b), {
        name: "RangeError",
        message: `Groupings of ${a.length} and of ${b.length} things cannot be compared.`,
      });
    }
  });
}

Deno.test("groupings that are independent", () => {
  const [a, b] = [[0, 0, 1, 1], [0, 1, 0, 1]];
  close(normalisedMutualInformation(a, b), 0, 1e-12);
  // Two of six ways to deal out b make it a, with ln 2; the others say nothing.
  close(adjustedMutualInformation(a, b), -1 / 2, 1e-12);
  assert.deepEqual([adjustedRandIndex(a, b), matchedAccuracy(a, b)], [-0.5, 0.5]);
  assert.equal(normalisedMutualInformation([2, 2], [5, 6]), 0);
});

Deno.test("a matching is the best one, not the one that takes the largest group first", () => {
  // Groups 0 and 8 share three things, but 0 with 9 and 1 with 8 make four right.
  assert.equal(matchedAccuracy([0, 0, 0, 0, 0, 1, 1], [8, 8, 8, 9, 9, 8, 8]), 4 / 7);
});
