import assert from "node:assert/strict";
import { classColours, coarser } from "../../lib/charts/class_colours.ts";
import { CLASS_COLOURS } from "../../lib/charts/theme.ts";

/** Distance in CIELAB of colours as they are. */
function distance(a: string, b: string): number {
  const lab = (hex: string) => {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
      .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    const [x, y, z] = [
      (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505,
      0.2126 * r + 0.7152 * g + 0.0722 * b,
      (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089,
    ].map(Math.cbrt);
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
  };
  const one = lab(a), other = lab(b);
  return Math.hypot(...one.map((value, at) => value - other[at]));
}

Deno.test("up to ten classes have the colours that all readers tell apart", () => {
  assert.deepEqual(classColours(10), [...CLASS_COLOURS]);
});

Deno.test("of a hundred classes no two have one colour, and neighbours in the list differ much", () => {
  for (const count of [11, 100, 200]) {
    const colours = classColours(count);
    assert.equal(new Set(colours).size, count);
    for (const colour of colours) assert.match(colour, /^#[0-9a-f]{6}$/);
    const next = Math.min(...colours.slice(1).map((colour, at) => distance(colour, colours[at])));
    assert(next > 25, `${count}: ${next}`);
  }
});

Deno.test("classes of one group have one hue and another lightness each", () => {
  const groups = Array.from({ length: 100 }, (_, at) => at % 20), colours = classColours(100, groups);
  assert.equal(new Set(colours).size, 100);
  const light = (hex: string) => parseInt(hex.slice(3, 5), 16);
  for (let group = 0; group < 20; group++) {
    const own = colours.filter((_, at) => groups[at] === group), lights = own.map(light);
    assert.deepEqual(lights, lights.toSorted((a, b) => b - a));
    for (let at = 1; at < own.length; at++) assert(distance(own[at], own[at - 1]) > 5, own.join());
  }
});

Deno.test("groups are the fewest into which every class falls as a whole", () => {
  const labels = [0, 1, 2, 3, 0], pose = [0, 1, 0, 1, 1], fine = [0, 1, 2, 3, 4], one = [0, 0, 0, 0, 0];
  const two = [1, 1, 0, 0, 1], three = [0, 1, 2, 2, 0];
  assert.deepEqual(coarser(labels, { pose, fine, one, three, two }), [1, 1, 0, 0]);
  assert.equal(coarser(labels, { pose, fine, one }), undefined);
  assert.equal(coarser(labels), undefined);
});
