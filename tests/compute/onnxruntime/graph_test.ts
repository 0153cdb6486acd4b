import assert from "node:assert/strict";
import { broadcast, Graph } from "../../../lib/compute/onnxruntime/graph.ts";
import { ElementType } from "../../../lib/compute/onnxruntime/model.ts";

/** How often a text stands in a model. */
function count(bytes: Uint8Array, text: string): number {
  return new TextDecoder("latin1").decode(bytes).split(text).length - 1;
}

Deno.test("what was made once is not made again, and what nobody needs is left out", () => {
  const graph = new Graph(), x = graph.input(ElementType.float, [2, 3]);
  const one = graph.unary("Exp", x), again = graph.unary("Exp", x);
  assert.equal(one, again);
  graph.unary("Tanh", x);
  graph.constant(ElementType.float, [1000], new Float32Array(1000));
  const { bytes } = graph.model([graph.add(one, again)]);
  assert.equal(count(bytes, "Exp"), 1);
  assert.equal(count(bytes, "Tanh"), 0);
  assert.ok(bytes.length < 1000, `${bytes.length}`);
});

Deno.test("reshaping and turning round that change nothing need no node", () => {
  const graph = new Graph(), x = graph.input(ElementType.float, [2, 1, 3, 4]);
  assert.equal(graph.reshape(graph.reshape(x, [6, 4]), [2, 1, 3, 4]), x);
  assert.equal(graph.transpose(x, [0, 1, 2, 3]), x);
  // Only an axis of size 1 moves.
  const { bytes } = graph.model([graph.transpose(x, [0, 2, 1, 3])]);
  assert.deepEqual([count(bytes, "Transpose"), count(bytes, "Reshape")], [0, 1]);
});

Deno.test("shapes are broadcast as NumPy does", () => {
  assert.deepEqual(broadcast([2, 1, 4], [3, 1], []), [2, 3, 4]);
  assert.deepEqual(broadcast([0, 1], [1, 5]), [0, 5]);
  assert.throws(() => broadcast([2], [3]), { name: "RangeError", message: "Shapes [2] and [3] do not fit." });
});
