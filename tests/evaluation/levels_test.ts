import assert from "node:assert/strict";
import { divides, lineage } from "../../lib/evaluation/levels.ts";

const [kingdom, order, kind] = [[0, 0, 0, 0, 1, 1], [3, 3, 2, 2, 1, 1], [0, 1, 2, 3, 4, 4]].map((labels) =>
  Uint8Array.from(labels)
);

Deno.test("a grouping divides another one if each of its groups lies in one of the other's", () => {
  assert.deepEqual([divides(kind, order), divides(order, kingdom), divides(kind, kingdom)], [
    true,
    true,
    true,
  ]);
  assert.deepEqual([divides(order, kind), divides(kingdom, order)], [false, false]);
  assert.ok(divides(kind, kind));
  // As many groups, but across each other.
  assert.equal(divides([0, 0, 1, 1], [0, 1, 1, 0]), false);
});

Deno.test("classes and levels are a tree, coarsest first, in whatever order they are given", () => {
  assert.deepEqual(lineage({ labels: kind }), [kind]);
  assert.deepEqual(lineage({ labels: kind, levels: { order, kingdom } }), [kingdom, order, kind]);
  assert.deepEqual(lineage({ labels: order, levels: { kind, kingdom } }), [kingdom, order, kind]);
  assert.deepEqual(lineage({ labels: kind, levels: { order, kingdom } }, ["kingdom"]), [kingdom, kind]);
});

Deno.test("levels that are the same but for names are one", () => {
  const same = order.map((label) => 9 - label);
  assert.deepEqual(lineage({ labels: order, levels: { kingdom, same } }), [kingdom, order]);
});

Deno.test("no tree of levels that lie across each other or that there are not", () => {
  const colour = Uint8Array.of(0, 1, 0, 1, 0, 1), levels = { kingdom, colour };
  assert.throws(() => lineage({ labels: kind, levels }, ["kingdom", "colour"]), {
    name: "DataError",
    message: "No tree: colour lie across kingdom. Name the levels that divide each other.",
  });
  // Unless it is asked for, what lies across the classes is left out.
  assert.deepEqual(lineage({ labels: kind, levels }), [kingdom, kind]);
  for (const [given, known] of [[levels, "kingdom, colour"], [undefined, "none"]] as const) {
    assert.throws(() => lineage({ labels: kind, levels: given }, ["hue"]), {
      name: "DataError",
      message: `These images have no level hue. Levels: ${known}.`,
    });
  }
});
