import assert from "node:assert/strict";
import { View } from "vega";
import { parse } from "vega";
import { compile } from "vega-lite";
import { embedding } from "../../lib/charts/embedding.ts";
import { subClusters } from "../../lib/charts/sub_clusters.ts";
import type { Chart } from "../../lib/charts/theme.ts";
import { contactSheet, thumbnail } from "../../lib/charts/thumbnails.ts";
import { clouds, draw, photograph, words } from "./drawn.ts";
import { CLASSES } from "./examples.ts";

const labels = Uint8Array.from({ length: 10_000 }, (_, at) => at % 10);
const panel = (seed: number, title = `panel ${seed}`) => ({ title, points: clouds(labels, seed) });

/** The rows that vega makes of a chart's table. */
async function rows(chart: Chart): Promise<Record<string, unknown>[]> {
  const { spec } = compile(chart);
  const view = await new View(parse(spec), { renderer: "none" }).runAsync();
  const tables = spec.data!.map(({ name }) => view.data(name));
  view.finalize();
  return tables.find(([row]) => row && "name" in row && "x0" in row)!;
}

Deno.test("the paper's Figure 2 with 2,000 thumbnails stays below 1.5 MB", () => {
  const some = Array.from({ length: 20 }, (_, at) => thumbnail(photograph(at, 32), 32));
  const images = new Map(Array.from({ length: 2000 }, (_, at) => [5 * at, some[at % 20]]));
  const panels = [panel(1), panel(2), panel(3)];
  const bytes = JSON.stringify(embedding(panels, { labels, classes: CLASSES, images })).length;
  assert(bytes < 1_500_000, `${bytes} bytes`);
  const without = JSON.stringify(embedding(panels, { labels, classes: CLASSES })).length;
  assert(without < 200_000, `${without} bytes without images`);
});

/** Asserts that a panel's places are its points, shifted and stretched, less than 1/4000 of the panel off. */
function demandPlaces(table: Record<string, unknown>[], points: Float32Array, panel: number): void {
  const [first, last] = [3, 4_567],
    place = (at: number, axis: string) => Number(table[at][`${axis}${panel}`]);
  const unit = (place(last, "x") - place(first, "x")) / (points[2 * last] - points[2 * first]);
  for (const at of [0, 17, 9_999]) {
    for (const [second, axis] of ["x", "y"].entries()) {
      const expected = unit * (points[2 * at + second] - points[2 * first + second]);
      assert(Math.abs(place(at, axis) - place(first, axis) - expected) < 6, `${axis} of ${at}`);
    }
  }
  const all = table.flatMap((row) => [Number(row[`x${panel}`]), Number(row[`y${panel}`])]);
  assert(Math.min(...all) >= 0 && Math.max(...all) < 4096 && Math.max(...all) - Math.min(...all) > 3900);
}

Deno.test("vega reads the points, their classes and their images as they were given", async () => {
  const image = thumbnail(photograph(1, 32), 32), panels = [panel(1), panel(2)];
  const images = new Map([[17, image], [18, thumbnail(photograph(2, 32), 32)]]);
  const table = await rows(embedding(panels, { labels, classes: CLASSES, images }));
  assert.equal(table.length, 10_000);
  for (const at of [0, 17, 9_999]) {
    const row = table[at], [, shown] = /href='([^']*)'/.exec(`${row.image}`) ?? [];
    assert.deepEqual([row.index, row.name, shown], [at, CLASSES[at % 10], at === 17 ? image : undefined]);
  }
  panels.forEach(({ points }, at) => demandPlaces(table, points, at));
});

Deno.test("coordinates of any size keep their digits", async () => {
  for (const scale of [1e-6, 1e6]) {
    const points = panel(1).points.map((value) => scale * value);
    demandPlaces(await rows(embedding([{ title: "", points }], { labels, classes: CLASSES })), points, 0);
  }
});

Deno.test("a frame around points of one panel picks them out in all", async () => {
  const three = Uint8Array.of(0, 1, 2), points = Float32Array.of(0, 0, 1, 1, 2, 2);
  const panels = [points, points.toReversed()].map((points, at) => ({ title: `${at}`, points }));
  const view = new View(parse(compile(embedding(panels, { labels: three, classes: ["a", "b", "c"] })).spec), {
    renderer: "none",
  });
  const opacities = async () =>
    Array.from(
      (await view.toSVG()).matchAll(/aria-roledescription="circle"[^>]*opacity="([\d.]+)"/g),
      ([, o]) => +o,
    );
  assert.deepEqual(await opacities(), Array(6).fill(0.75));
  // As a drag with shift leaves it.
  const fields = [{ field: "x0", channel: "x", type: "R" }, { field: "y0", channel: "y", type: "R" }];
  view.data("frame0_store", [{ unit: "", fields, values: [[1500, 4095], [1500, 4095]] }]);
  assert.deepEqual(await opacities(), [0.03, 0.75, 0.75, 0.03, 0.75, 0.75]);
  view.finalize();
});

Deno.test("lines of equal density lie below points that hide each other, and below no others", () => {
  const layers = (count: number, panels: number) => {
    const some = labels.subarray(0, count);
    const all = Array.from({ length: panels }, (_, seed) => ({ title: "", points: clouds(some, seed) }));
    const chart = embedding(all, { labels: some, classes: CLASSES }) as unknown as {
      concat: { layer: { mark: { type: string }; data?: { values: string } }[] }[];
    };
    return chart.concat[0].layer;
  };
  assert.deepEqual(layers(1_000, 3).map(({ mark }) => mark.type), ["circle"]);
  assert.deepEqual(layers(2_000, 1).map(({ mark }) => mark.type), ["circle"]);
  const [lines, dots] = layers(2_000, 3);
  assert.deepEqual([lines.mark.type, dots.mark.type], ["line", "circle"]);
  const [, ...vertices] = lines.data!.values.split("\n").map((row) => row.split(",").map(Number));
  assert(vertices.length > 50 && lines.data!.values.length < 9_000, `${lines.data!.values.length}`);
});

Deno.test("both axes have one unit, so that distances are seen as they are", async () => {
  const points = Float32Array.of(0, 0, 100, 0, 100, 10);
  const { svg } = await draw(
    embedding([{ title: "flat", points }], { labels: new Uint8Array(3), classes: ["a"] }),
  );
  const places = Array.from(
    svg.matchAll(/aria-roledescription="circle"[^>]*transform="translate\(([\d.]+),([\d.]+)\)"/g),
    ([, x, y]) => [Number(x), Number(y)],
  );
  assert.equal(places.length, 3);
  const [[, y0], [x1], [, y2]] = places, [x0] = places[0];
  assert(Math.abs((x1 - x0) / (y0 - y2) - 10) < 0.05);
});

Deno.test("one legend for all panels, in the order of the classes, and titles above", async () => {
  const few = Uint8Array.from({ length: 20 }, (_, at) => 9 - at % 10);
  const panels = [1, 2, 3].map((seed) => ({ title: `panel ${seed}`, points: clouds(few, seed) }));
  const { svg } = await draw(embedding(panels, { labels: few, classes: CLASSES }));
  const found = words(svg);
  assert.deepEqual(found.filter((word) => CLASSES.includes(word)), CLASSES);
  assert.deepEqual(found.filter((word) => word.startsWith("panel")), ["panel 1", "panel 2", "panel 3"]);
});

Deno.test("one point alone, names that look like markup or code", async () => {
  const odd = [`</script><script>alert(1)</script>`, `"quoted", \\ back`, "猫 🐈"];
  const chart = embedding([{ title: odd[0], points: Float32Array.of(1, 1, 1, 1, 1, 1) }], {
    labels: Uint8Array.of(0, 1, 2),
    classes: odd,
  });
  assert.deepEqual((await rows(chart)).map(({ name }) => name), odd);
  const { svg, complaints } = await draw(chart);
  assert.deepEqual(complaints, []);
  assert.doesNotMatch(svg, /<script|NaN/);
});

Deno.test("embedding refuses what it cannot draw", () => {
  const points = Float32Array.of(0, 0, 1, 1), two = Uint8Array.of(0, 1);
  const refuse = (points: Float32Array, labels: Uint8Array, classes: string[], message: string) =>
    assert.throws(() => embedding([{ title: "t-SNE", points }], { labels, classes }), {
      name: "RangeError",
      message,
    });
  refuse(
    Float32Array.of(0, NaN, 1, 1),
    two,
    ["a", "b"],
    'Coordinates of "t-SNE": expected finite numbers, got NaN at position 1.',
  );
  refuse(points, Uint8Array.of(0), ["a"], 'Coordinates of "t-SNE": expected 2 of them, got 4.');
  refuse(points, two, ["a"], "Expected classes below 1, the number of names, got 1.");
  refuse(new Float32Array(), new Uint8Array(), ["a"], 'Coordinates of "t-SNE": there is nothing to draw.');
  const images = new Map([[1, "https://example.org/a.jpg"]]);
  assert.throws(() => embedding([{ title: "", points }], { labels: two, classes: ["a", "b"], images }), {
    name: "RangeError",
    message: "Expected data:image/…;base64,…, got https://example.org/a.jpg.",
  });
  assert.throws(() => embedding([], { labels: two, classes: ["a", "b"] }), {
    name: "RangeError",
    message: "Panels: there is nothing to draw.",
  });
});

Deno.test("sub-clusters: a strip, a colour and a count each", async () => {
  const clusters = Uint8Array.of(0, 1, 1, 1), points = Float32Array.of(0, 0, 1, 1, 2, 1, 1, 2);
  const strips = [16, 3].map((count) =>
    contactSheet(Array.from({ length: count }, (_, seed) => photograph(seed, 32)), 32, 8)
  );
  const { svg } = await draw(subClusters({ points, clusters, strips }));
  assert.deepEqual(words(svg).filter((word) => word.startsWith("sub-")), [
    "sub-cluster 1: 1 image",
    "sub-cluster 2: 3 images",
  ]);
  const drawn = strips.map((strip) =>
    svg.split("<image").find((image) => image.includes(`xlink:href="${strip}"`))
  );
  assert.deepEqual(drawn.map((image) => image?.match(/ height="(\d+)/)?.[1]), ["81", "39"]);
  assert.throws(() => subClusters({ points, clusters, strips: strips.slice(1) }), {
    name: "RangeError",
    message: "Expected classes below 1, the number of names, got 1.",
  });
  assert.throws(() => subClusters({ points, clusters, strips: Array(11).fill(strips[0]) }), {
    name: "RangeError",
    message: "There are 10 colours to tell things apart, too few for 11.",
  });
  assert.throws(() => subClusters({ points, clusters, strips: [] }), {
    name: "RangeError",
    message: "Strips: there is nothing to draw.",
  });
});
