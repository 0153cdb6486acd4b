import "../../needs.ts";
import assert from "node:assert/strict";
import { openOnnxRuntime } from "../../../lib/compute/onnxruntime/c_api.ts";
import { Graph, type Value } from "../../../lib/compute/onnxruntime/graph.ts";
import { findOnnxRuntime } from "../../../lib/compute/onnxruntime/library.ts";
import { ElementType } from "../../../lib/compute/onnxruntime/model.ts";
import { Sessions } from "../../../lib/compute/onnxruntime/sessions.ts";

const runtime = openOnnxRuntime((await findOnnxRuntime()).path, 2);
const SIZE = 32, SHAPE = [SIZE, SIZE];

/** A matrix of given elements, and the memory that it lies in. */
function matrix(element: (at: number) => number) {
  const memory = Float32Array.from({ length: SIZE ** 2 }, (_, at) => element(at));
  return { memory, value: runtime.value(ElementType.float, SHAPE, memory.buffer) };
}

const elements = (value: Deno.PointerObject) =>
  new Float32Array(runtime.memory(value, 4 * SIZE ** 2)).slice();

/** Two towers on the same weight whose results meet twice, with lanes or in one model. */
function towers(lanes: boolean): Sessions {
  const graph = new Graph(), weight = graph.input(ElementType.float, SHAPE);
  const inputs = [0, 1].map((lane) => graph.input(ElementType.float, SHAPE, lanes ? lane : undefined));
  const turned = graph.transpose(weight, [1, 0]);
  const tops = inputs.map((x) => graph.unary("Tanh", graph.matMul(x, turned)));
  const meet = ([a, b]: Value[]) => graph.elementwise("Sub", [a, b]);
  const difference = meet(tops);
  const slopes = tops.map((top) => graph.multiply(difference, graph.unary("Exp", top)));
  return new Sessions(runtime, graph, [meet(slopes), tops[1], weight], { name: "towers" });
}

Deno.test("lanes give what one model gives, bit by bit, at once and in the background", async () => {
  const inputs = [matrix((at) => Math.sin(at)), matrix((at) => Math.cos(at)), matrix((at) => at % 7 / 7)];
  const values = inputs.map(({ value }) => value);
  const one = towers(false), two = towers(true);
  const expected = one.runNow(values);
  for (const results of [two.runNow(values), await two.run(values), await one.run(values)]) {
    assert.deepEqual(results.map(elements), expected.map(elements));
    results.forEach(runtime.release);
  }
  // The inputs are still the caller's.
  assert.deepEqual(elements(expected[2]), inputs[0].memory);
  [...expected, ...values].forEach(runtime.release);
  [one, two].forEach((sessions) => sessions.free());
});

Deno.test("what one lane cannot compute ends the run when the others have ended, and the next one works", async () => {
  const sessions = towers(true), right = [0, 1, 2].map((seed) => matrix((at) => Math.sin(at + seed)));
  const memory = new Float32Array(4);
  const wrong = runtime.value(ElementType.float, [2, 2], memory.buffer);
  const values = right.map(({ value }) => value);
  await assert.rejects(sessions.run([values[0], values[1], wrong]), { name: "ComputeError" });
  const results = await sessions.run(values);
  assert.ok(elements(results[0]).every(Number.isFinite));
  [...results, ...values, wrong].forEach(runtime.release);
  sessions.free();
});
