import assert from "node:assert/strict";
import script from "../../lib/reports/page.js" with { type: "text" };
import { CLASS_COLOURS, colours, GREY, INK, ON_DARK, STACK_COLOURS } from "../../lib/charts/theme.ts";

type Triple = [number, number, number];

/** Linear red, green and blue, 0..1. */
const linear = (hex: string) =>
  [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255).map((value) =>
    value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  ) as Triple;

const luminance = ([red, green, blue]: Triple) => 0.2126 * red + 0.7152 * green + 0.0722 * blue;

/** Viénot, Brettel and Mollon 1999: what is seen without red or without green cones. */
const SEEN: Record<string, (rgb: Triple) => Triple> = {
  all: (rgb) => rgb,
  "no red": ([r, g, b]) => [0.1124 * r + 0.8876 * g, 0.1124 * r + 0.8876 * g, 0.004 * r - 0.004 * g + b],
  "no green": ([r, g, b]) => [0.2928 * r + 0.7072 * g, 0.2928 * r + 0.7072 * g, -0.0223 * r + 0.0223 * g + b],
};

/** Distance in CIELAB: about 2 is just visible side by side. */
function distance(a: string, b: string, seen: (rgb: Triple) => Triple): number {
  const lab = (hex: string) => {
    const [r, g, b] = seen(linear(hex)).map((value) => Math.max(0, value));
    const f = (t: number) => t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116;
    const x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505), y = f(luminance([r, g, b]));
    const z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
  };
  const [one, other] = [lab(a), lab(b)];
  return Math.hypot(...one.map((value, at) => value - other[at]));
}

Deno.test("colours stay apart for colour-blind readers", () => {
  const closest = (palette: readonly string[], seen: (rgb: Triple) => Triple) =>
    Math.min(...palette.flatMap((a, at) => palette.slice(at + 1).map((b) => distance(a, b, seen))));
  for (const [cones, seen] of Object.entries(SEEN)) {
    const classes = closest(CLASS_COLOURS, seen);
    assert(classes > 10, `classes, ${cones}: ${classes}`);
    const lines = closest([STACK_COLOURS[0], STACK_COLOURS[1], GREY], seen);
    assert(lines > 25, `lines, ${cones}: ${lines}`);
  }
});

Deno.test("text on white has the contrast that WCAG AAA asks for", () => {
  assert(1.05 / (luminance(linear(INK)) + 0.05) > 7);
});

Deno.test("a colour is never used twice", () => {
  assert.deepEqual(colours(["a", "b", "c"], 2), ["a", "b"]);
  assert.equal(new Set(CLASS_COLOURS).size, 10);
  assert.deepEqual(new Set([...STACK_COLOURS, GREY]), new Set(CLASS_COLOURS));
  assert.throws(() => colours(CLASS_COLOURS, 11), {
    name: "RangeError",
    message: "There are 10 colours to tell things apart, too few for 11.",
  });
});

Deno.test("a page's script and its pictures go dark alike", () => {
  const [, names] = /const \[light, ground, faint, quiet\] = (\[.*\]);/.exec(script)!;
  const [, map] = /const DARK = (\{.*\});/.exec(script)!;
  const [light, ground, faint, quiet]: string[] = JSON.parse(names);
  const pairs = Array.from(
    map.matchAll(/"?([#\w]+)"?: (\w+)/g),
    ([, from, to]) => [from, { light, ground, faint, quiet }[to]],
  );
  assert.deepEqual(Object.fromEntries(pairs), ON_DARK);
});
