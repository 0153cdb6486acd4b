import assert from "node:assert/strict";
import { textWidth } from "../../lib/charts/font.ts";
import type { Chart } from "../../lib/charts/theme.ts";
import { escapeHtml } from "../../lib/notebook/html.ts";
import { draw, picture, words } from "./drawn.ts";
import { manyCharts, manyClasses, manyRows } from "./many.ts";

/** Classes and their charts. */
const MANY = [100, 200].map((count) => {
  const classes = manyClasses(count);
  return { classes, charts: manyCharts(classes) };
});

/** Texts of an SVG with where they stand in it, those of axes and legends as they lie. */
function placed(svg: string): { text: string; x: number; y: number; size: number; angle: number }[] {
  const found: ReturnType<typeof placed> = [], at = [{ x: 0, y: 0 }];
  for (const [, close, group, mark, text] of svg.matchAll(/(<\/g>)|<g([^>]*)>|<text([^>]*)>([^<]*)/g)) {
    if (close) at.pop();
    const [, x = 0, y = 0] = /translate\(([-\d.]+),([-\d.]+)\)/.exec(group ?? mark ?? "") ?? [];
    const here = { x: at.at(-1)!.x + Number(x), y: at.at(-1)!.y + Number(y) };
    if (group !== undefined) at.push(here);
    if (mark === undefined) continue;
    const size = Number(/font-size="(\d+)/.exec(mark)![1]);
    found.push({ text, ...here, size, angle: Number(/rotate\(([\d.]+)/.exec(mark)?.[1] ?? 0) });
  }
  return found;
}

/** Asserts that no two of the texts, all of which lie or all of which stand, cover each other. */
function demandApart(texts: ReturnType<typeof placed>): void {
  const [along, across] = texts[0].angle === 0 ? ["x", "y"] as const : ["y", "x"] as const;
  texts.forEach((one, at) =>
    texts.slice(at + 1).forEach((other) => {
      const aside = Math.abs(one[across] - other[across]) >= 0.9 * one.size;
      const [first, second] = [one, other].toSorted((a, b) => a[along] - b[along]);
      const width = textWidth(first.text.replaceAll(/&\w+;/g, "<"), first.size);
      assert(aside || second[along] - first[along] >= width, `${one.text} covers ${other.text}`);
    })
  );
}

for (const { classes, charts } of MANY) {
  for (const [name, chart] of Object.entries(charts)) {
    Deno.test(`${name} of ${classes.length} classes: fits a column, no name is code or beyond the edge`, async () => {
      const { svg, complaints } = await draw(chart);
      assert.deepEqual(complaints, []);
      assert.doesNotMatch(svg, /<script|NaN/);
      const width = Number(/<svg[^>]* width="(\d+)/.exec(svg)![1]);
      assert(width <= 730, `${width} pixels wide`);
    });
  }
}

const named = (svg: string, classes: readonly string[]) => {
  const known = new Set(classes.map((name) => name.slice(0, 9)));
  return placed(svg).filter(({ text }) => known.has(unescaped(text).slice(0, 9)));
};
const unescaped = (text: string) =>
  text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

Deno.test("embedding of many classes: all are named, apart from each other; that they are many is said", async () => {
  for (const { classes, charts } of MANY) {
    const { svg } = await draw(charts.embedding), names = named(svg, classes);
    assert.equal(names.length, classes.length);
    demandApart(names);
    const shared = `${classes.length} classes are more than colours tell apart: a click`;
    assert(svg.includes(shared), shared);
  }
});

Deno.test("confusion matrix of many classes: names on both axes are apart, that some are left out is said", async () => {
  for (const { classes, charts } of MANY) {
    const { svg } = await draw(charts.confusion), names = named(svg, classes);
    const [lying, standing] = [0, 270].map((angle) => names.filter((name) => name.angle === angle));
    assert(lying.length > 20 && lying.length === standing.length, `${lying.length}, ${standing.length}`);
    demandApart(lying);
    demandApart(standing);
    const every = Math.ceil(classes.length / lying.length);
    assert(words(svg).some((word) => word.startsWith(`One class in ${every} is named`)));
    const reds = Array.from(
      svg.matchAll(/<path[^>]*aria-label="[^>]*fill="rgb\((\d+)/g),
      ([, red]) => Number(red),
    );
    // The ground's is 243.
    assert(Math.max(...reds) < 200, `few per cent look like none: ${Math.max(...reds)}`);
    assert(!words(svg).includes("70"), "numbers on cells that have no room for them");
  }
});

Deno.test("image grid: captions keep to their images", async () => {
  const { svg } = await draw(MANY[1].charts["image grid"]), captions = named(svg, MANY[1].classes);
  assert.equal(captions.length, 12 * 8);
  demandApart(captions);
});

Deno.test("comparison of many labels: names are apart, values stand where reading begins", async () => {
  for (const { classes, charts } of MANY) {
    const { svg } = await draw(charts.comparison), names = named(svg, classes);
    assert.equal(names.length, classes.length);
    demandApart(names);
    const value = placed(svg).find(({ text }) => text === "40")!;
    assert(value.y < Math.min(...names.map(({ y }) => y)));
  }
});

Deno.test("text that is cut takes no more room than is left of it", async () => {
  const titled = (text: string): Chart => ({
    data: { values: [{}] },
    width: 100,
    title: { text, limit: 90, anchor: "middle" },
    mark: "point",
  });
  const [short, long] = [await picture(titled("a")), await picture(titled("a".repeat(400)))];
  assert.equal(long.width, short.width);
});

Deno.test("a table of many classes has them all, as text", () => {
  for (const { classes } of MANY) {
    const { "text/html": html, "text/plain": plain } = manyRows(classes) as Record<string, string>;
    assert.equal(plain.split("\n").length, classes.length + 3);
    for (const name of classes) assert(html.includes(`>${escapeHtml(name)}</td>`), name);
    assert.doesNotMatch(html, /<script/);
  }
});
