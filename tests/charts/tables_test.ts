import assert from "node:assert/strict";
import { comparison } from "../../lib/charts/comparison.ts";
import { confusionMatrix } from "../../lib/charts/confusion.ts";
import { imageGrid } from "../../lib/charts/image_grid.ts";
import { INK } from "../../lib/charts/theme.ts";
import { thumbnail } from "../../lib/charts/thumbnails.ts";
import { draw, photograph, words } from "./drawn.ts";

Deno.test("confusion matrix: per cent of each row, classes in their order on both axes", async () => {
  const { svg } = await draw(confusionMatrix([[30, 10], [0, 200]], ["zebra", "ant <b>"]));
  const found = words(svg);
  assert.deepEqual(found.filter((word) => /^\d+$/.test(word)), ["75", "25", "0", "100"]);
  assert.deepEqual(found.filter((word) => /zebra|ant/.test(word)), [
    "zebra",
    "ant &lt;b&gt;",
    "zebra",
    "ant &lt;b&gt;",
  ]);
});

Deno.test("confusion matrix: every number can be read on its cell", async () => {
  const size = 10, classes = Array.from({ length: size }, (_, at) => `class ${at}`);
  const cells: string[] = [], numbers: string[] = [];
  // All per cents from 0 to 100.
  for (let first = 0; first <= 50; first += size) {
    const counts = classes.map((_, row) =>
      classes.map((_, at) => at === 0 ? first + row : at === 1 ? 100 - first - row : 0)
    );
    const { svg } = await draw(confusionMatrix(counts, classes));
    const marks = (of: string) =>
      Array.from(
        svg.matchAll(new RegExp(`<${of}[^>]*aria-label="[^"]*"[^>]*fill="([^"]*)"`, "g")),
        ([, fill]) => fill,
      );
    cells.push(...marks("path").filter((fill) => fill.startsWith("rgb")));
    numbers.push(...marks("text"));
  }
  assert.equal(cells.length, 6 * size * size);
  assert.equal(numbers.length, 6 * size * size);
  const luminance = (fill: string) => {
    const rgb = fill.startsWith("#")
      ? Array<number>(3).fill(fill === "#fff" ? 255 : 0)
      : fill.match(/\d+/g)!.map(Number);
    const [red, green, blue] = rgb.map((value) => value / 255).map((value) =>
      value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
    );
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const worst = Math.min(...cells.map((cell, at) => {
    const [low, high] = [luminance(cell), luminance(numbers[at])].toSorted((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  }));
  assert(worst > 4.5, `contrast ${worst}`);
});

Deno.test("confusion matrix refuses what it cannot draw", () => {
  const refuse = (counts: number[][], message: string) =>
    assert.throws(() => confusionMatrix(counts, ["cat", "dog"]), { name: "RangeError", message });
  refuse([[1, 2]], "Rows of the confusion matrix: expected 2 of them, got 1.");
  refuse([[1, 2], [3]], "Counts of class dog: expected 2 of them, got 1.");
  refuse([[1, NaN], [3, 4]], "Counts of class cat: expected finite numbers, got NaN at position 1.");
  refuse([[1, 2], [0, 0]], "Counts of class dog: there are no images of it.");
  assert.throws(() => confusionMatrix([], []), {
    name: "RangeError",
    message: "Classes: there is nothing to draw.",
  });
});

Deno.test("comparison: dots, hollow ones only where the paper has a number, bars only where there is a spread", async () => {
  const { svg } = await draw(comparison([
    { label: "zebra", metric: "top-1 (%)", ours: 80, std: 2, paper: 81 },
    { label: "ant", metric: "top-1 (%)", ours: 70 },
    { label: "ant", metric: "k-NN (%)", ours: 60, std: 0 },
  ]));
  const marks = (kind: string) => svg.split(`aria-roledescription="${kind}"`).length - 1;
  assert.equal(marks("point"), 4);
  assert.equal(marks("rule mark"), 1);
  const found = words(svg);
  assert.deepEqual(found.filter((word) => /zebra|ant$/.test(word)), ["zebra", "ant"]);
  for (const word of ["ours (± standard deviation)", "paper", "top-1 (%)", "k-NN (%)"]) {
    assert(found.includes(word), word);
  }
  const alone = words((await draw(comparison([{ label: "a", metric: "b", ours: 1 }]))).svg);
  assert(alone.includes("ours") && !alone.includes("paper"), `${alone}`);
});

Deno.test("comparison refuses what it cannot draw", () => {
  assert.throws(() => comparison([{ label: "VICReg", metric: "top-1 (%)", ours: 80, std: NaN }]), {
    name: "RangeError",
    message: "top-1 (%) of VICReg: expected finite numbers, got NaN at position 1.",
  });
  assert.throws(() => comparison([]), {
    name: "RangeError",
    message: "Numbers to compare: there is nothing to draw.",
  });
});

Deno.test("image grid: images and captions in their order, frames that differ by line and colour", async () => {
  const images = [0, 1, 2].map((seed) => thumbnail(photograph(seed, 8), 8));
  const captions = ["a & b", "<i>", ""];
  const { svg } = await draw(
    imageGrid([{ images, captions, frame: [false, true, false] }, { images: [images[2]] }]),
  );
  const drawn = Array.from(svg.matchAll(/xlink:href="([^"]*)"/g), ([, url]) => url);
  assert.deepEqual(drawn, [...images, images[2]]);
  const frames = svg.split('aria-roledescription="point"').slice(1).map((mark) =>
    mark.slice(0, mark.indexOf(">"))
  );
  const of = (attribute: string) => frames.map((frame) => frame.match(`${attribute}="([^"]*)"`)?.[1] ?? "");
  assert.deepEqual(of("stroke"), [INK, "#3f90da", "#bd1f01"]);
  assert.deepEqual(of("stroke-dasharray"), ["", "", "4,3"]);
  assert.deepEqual(words(svg).slice(0, 2), ["a &amp; b", "&lt;i&gt;"]);
});

Deno.test("image grid refuses what it cannot draw", () => {
  const images = [thumbnail(photograph(0, 8), 8)];
  const refuse = (rows: Parameters<typeof imageGrid>[0], message: string) =>
    assert.throws(() => imageGrid(rows), { name: "RangeError", message });
  refuse([], "Rows of images: there is nothing to draw.");
  refuse([{ images }, { images: [] }], "Images of row 1: there is nothing to draw.");
  refuse(
    [{ images: Array(33).fill(images[0]) }],
    "Images of a row: there is no room for 33 beside each other.",
  );
  refuse([{ images, captions: [] }], "Captions of row 0: expected 1 of them, got 0.");
  refuse([{ images, frame: [true, true] }], "Frames of row 0: expected 1 of them, got 2.");
});
