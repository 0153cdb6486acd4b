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
  const [[{ bytes }]] = graph.stages([graph.add(one, again)]).stages;
  assert.equal(count(bytes, "Exp"), 1);
  assert.equal(count(bytes, "Tanh"), 0);
  assert.ok(bytes.length < 1000, `${bytes.length}`);
});

Deno.test("reshaping and turning round that change nothing need no node", () => {
  const graph = new Graph(), x = graph.input(ElementType.float, [2, 1, 3, 4]);
  assert.equal(graph.reshape(graph.reshape(x, [6, 4]), [2, 1, 3, 4]), x);
  assert.equal(graph.transpose(x, [0, 1, 2, 3]), x);
  // Only an axis of size 1 moves.
  const [[{ bytes }]] = graph.stages([graph.transpose(x, [0, 2, 1, 3])]).stages;
  assert.deepEqual([count(bytes, "Transpose"), count(bytes, "Reshape")], [0, 1]);
});

Deno.test("shapes are broadcast as NumPy does", () => {
  assert.deepEqual(broadcast([2, 1, 4], [3, 1], []), [2, 3, 4]);
  assert.deepEqual(broadcast([0, 1], [1, 5]), [0, 5]);
  assert.throws(() => broadcast([2], [3]), { name: "RangeError", message: "Shapes [2] and [3] do not fit." });
});

Deno.test("what follows from two lanes is computed side by side, and late where it is needed late", () => {
  const graph = new Graph(), { float } = ElementType;
  const weight = graph.input(float, [2, 2]);
  const [one, two] = [0, 1].map((lane) => graph.input(float, [2, 2], lane));
  const turned = graph.transpose(weight, [1, 0]);
  const [first, second] = [one, two].map((x) => graph.unary("Tanh", graph.matMul(x, turned)));
  const both = graph.add(first, second);
  // Needs one lane alone, but only behind what needs both.
  const backward = [first, second].map((x) => graph.elementwise("Div", [both, graph.unary("Exp", x)]));
  const { stages, inputs, outputs } = graph.stages([graph.add(backward[0], backward[1]), first]);
  const ops = ["Transpose", "MatMul", "Tanh", "Add", "Exp", "Div", "Identity"];
  const found = stages.map((parts) => parts.map(({ bytes }) => ops.filter((op) => count(bytes, op) > 0)));
  assert.deepEqual(found, [
    [["Transpose"]],
    [["MatMul", "Tanh", "Identity"], ["MatMul", "Tanh"]],
    [["Add"]],
    [["Exp", "Div"], ["Exp", "Div"]],
    [["Add", "Identity"]],
  ]);
  assert.deepEqual(stages[3].map(({ inputs }) => inputs.toSorted()), [
    [both.name, first.name].toSorted(),
    [both.name, second.name].toSorted(),
  ]);
  assert.deepEqual([inputs.length, outputs.length], [3, 2]);
});

Deno.test("without lanes there is one model", () => {
  const graph = new Graph(), x = graph.input(ElementType.float, [2]), y = graph.input(ElementType.float, [2]);
  assert.deepEqual(graph.stages([graph.add(x, y), x]).stages.map((parts) => parts.length), [1]);
});
