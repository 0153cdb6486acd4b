import assert from "node:assert/strict";
import { decode } from "fast-png";
import { quantise } from "../../lib/charts/quantise.ts";
import { contactSheet, pngSize, thumbnail } from "../../lib/charts/thumbnails.ts";
import { photograph } from "./drawn.ts";

/** RGB of a palette PNG, read by another reader than the writer's. */
function pixels(uri: string) {
  const { data, palette, width, height, depth } = decode(Uint8Array.fromBase64(uri.split(",")[1]));
  const index = (at: number) => depth === 8 ? data[at] : (data[at >> 1] >> (at % 2 ? 0 : 4)) & 15;
  return {
    width,
    height,
    colours: palette!.length,
    at: (x: number, y: number) => palette![index(y * width + x)],
  };
}

Deno.test("a thumbnail is the image in few colours, every pixel four times", () => {
  const image = photograph(1, 32);
  const { width, height, colours, at } = pixels(thumbnail(image, 32));
  assert.deepEqual([width, height, colours], [64, 64, 16]);
  let squares = 0;
  for (let y = 0; y < 64; y++) {
    for (let x = 0; x < 64; x++) {
      const from = ((y >> 1) * 32 + (x >> 1)) * 3;
      at(x, y).forEach((value, channel) => squares += (value - image[from + channel]) ** 2);
    }
  }
  const error = Math.sqrt(squares / (64 * 64 * 3));
  assert(error < 10, `off by ${error} of 255`);
});

Deno.test("an odd side and a single colour", () => {
  const { width, colours, at } = pixels(thumbnail(new Uint8Array(3 * 3 * 3).fill(7), 3));
  assert.deepEqual([width, colours, at(5, 5)], [6, 1, [7, 7, 7]]);
});

Deno.test("thumbnails are small: 1 kB for a photograph, 1.2 kB for noise", () => {
  const length = (noise: number) =>
    Math.max(...Array.from({ length: 50 }, (_, seed) => thumbnail(photograph(seed, 32, noise), 32).length));
  assert(length(12) < 1100, `${length(12)}`);
  assert(length(1000) < 1200, `${length(1000)}`);
});

Deno.test("a contact sheet: images in rows with white gaps", () => {
  const colour = (red: number) => Uint8Array.from({ length: 4 * 4 * 3 }, (_, at) => at % 3 === 0 ? red : 0);
  const sheet = contactSheet([10, 20, 30, 40, 50].map(colour), 4, 3);
  const { width, height, at } = pixels(sheet);
  assert.deepEqual([width, height], [16, 10]);
  assert.deepEqual(pngSize(sheet), { width: 16, height: 10 });
  assert.deepEqual([at(0, 0), at(6, 3), at(15, 0), at(9, 9)], [[10, 0, 0], [20, 0, 0], [30, 0, 0], [
    50,
    0,
    0,
  ]]);
  for (const [x, y] of [[4, 0], [0, 4], [15, 9]]) assert.deepEqual(at(x, y), [255, 255, 255]);
});

Deno.test("quantise: few colours stay as they are, many become the best few", () => {
  const rgb = Uint8Array.from([[1, 2, 3], [200, 0, 0], [1, 2, 3], [0, 0, 90]].flat());
  const { palette, indices } = quantise(rgb, 16);
  assert.deepEqual([...indices].map((index) => palette[index]), [[1, 2, 3], [200, 0, 0], [1, 2, 3], [
    0,
    0,
    90,
  ]]);
  const two = quantise(Uint8Array.from([10, 12, 14, 200, 202, 204].flatMap((grey) => [grey, grey, grey])), 2);
  assert.deepEqual(two.palette.toSorted(([a], [b]) => a - b), [[12, 12, 12], [202, 202, 202]]);
});

Deno.test("bytes of another size, no images and foreign URIs are refused", () => {
  const message = "Bytes of a 32 × 32 RGB image: expected 3072 of them, got 3073.";
  assert.throws(() => thumbnail(new Uint8Array(3073), 32), { name: "RangeError", message });
  assert.throws(() => contactSheet([new Uint8Array(3073)], 32, 1), { name: "RangeError", message });
  assert.throws(() => contactSheet([], 32, 1), {
    name: "RangeError",
    message: "Images of a contact sheet: there is nothing to draw.",
  });
  assert.throws(() => pngSize("data:image/jpeg;base64,/9j/4AAQ"), {
    name: "RangeError",
    message: "Expected data:image/png;base64,…, got data:image/jpeg;base64,/9j/4AAQ.",
  });
});

Deno.test("a large picture of one colour is one box, whatever rounding says of its sums", () => {
  // 1,000,003 times 95, squared and divided, is a little less than the sum of squares.
  const { palette } = quantise(new Uint8Array(3 * 1_000_003).fill(95), 256);
  assert.deepEqual(palette, [[95, 95, 95]]);
});
