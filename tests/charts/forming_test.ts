import assert from "node:assert/strict";
import { forming } from "../../lib/charts/forming.ts";

const maps = [[0, 0, 10, 10, 0, 10], [0, 0, 4, 2, 1, 1], [5, 5, 5, 5, 5, 5]].map((map) =>
  Float32Array.from(map)
);
const panel = { title: "stack 0 <b>", maps, notes: ["untrained", "epoch 1", "epoch 2"] };
const svg = forming([panel, { ...panel, title: "stack 1" }], [0, 1, 1], ["cat", "dog & cow"]);

Deno.test("points move from map to map, stay at the last one, and are there without moving", () => {
  const [, still, values] = svg.match(/<path d="([^"]*)"[^>]*><animate attributeName="d" values="([^"]*)"/)!;
  const places = values.split(";");
  assert.equal(places.length, 4);
  assert.equal(places.at(-1), places.at(-2));
  assert.equal(still, places.at(-1));
  // The first map reaches from side to side, the same on both axes; one point is of this class, two of the other.
  assert.deepEqual([places[0], places[2]], ["M7 7h0", "M180 180h0"]);
  assert.equal(svg.match(/<path d="M\d+ \d+h0M\d+ \d+h0" /g)!.length, 2);
  const [, times] = svg.match(/keyTimes="([\d.;]+)"/)!;
  const moments = times.split(";").map(Number);
  assert.deepEqual([moments[0], moments.at(-1)], [0, 1]);
  assert.deepEqual(moments, moments.toSorted((a, b) => a - b));
});

Deno.test("each note shows with its map, the last one also where nothing moves", () => {
  const shown = [
    ...svg.matchAll(
      /opacity="([01])">([^<]*)<animate attributeName="opacity" calcMode="discrete" values="([01;]+)"/g,
    ),
  ];
  assert.deepEqual(shown.slice(0, 3).map(([, still, note, values]) => [note, still, values]), [
    ["untrained", "0", "1;0;0;0"],
    ["epoch 1", "0", "0;1;0;0"],
    ["epoch 2", "1", "0;0;1;1"],
  ]);
  assert.match(svg, /stack 0 &lt;b>.*dog &amp; cow/s);
  assert.doesNotMatch(svg, /<script|https?:(?!\/\/www\.w3\.org)/);
});

Deno.test("maps that do not fit together are refused", () => {
  const of = (maps: Float32Array[], notes = ["a"]) => () =>
    forming([{ title: "t", maps, notes }], [0], ["cat"]);
  assert.throws(of([]), { name: "RangeError", message: /Maps of t/ });
  assert.throws(of([Float32Array.of(1, 2, 3, 4)]), { name: "RangeError" });
  assert.throws(of([Float32Array.of(1, NaN)]), { name: "RangeError", message: /finite/ });
  assert.throws(of([Float32Array.of(1, 2)], []), { name: "RangeError", message: /Notes of t/ });
});
