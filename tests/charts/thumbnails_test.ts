import assert from "node:assert/strict";
import { decode } from "fast-png";
import { quantise } from "../../lib/charts/quantise.ts";
import { contactSheet, pngSize, thumbnail } from "../../lib/charts/thumbnails.ts";
import { decodeImage } from "../../lib/data/decode.ts";
import { photograph } from "./drawn.ts";

/** RGB of a palette PNG, read by another reader than the writer's. */
function pixels(uri: string) {
  const { data, palette, width, height } = decode(Uint8Array.fromBase64(uri.split(",")[1]));
  return { width, height, at: (x: number, y: number) => palette![data[y * width + x]] };
}

/** RGB of a JPEG, read by another reader than the writer's. */
const decoded = (uri: string) => decodeImage(Uint8Array.fromBase64(uri.split(",")[1]), 32, "thumbnail");

Deno.test("a thumbnail is nearly the image", async () => {
  const image = photograph(1, 32), seen = await decoded(thumbnail(image, 32));
  assert.equal(seen.length, image.length);
  const error = Math.sqrt(seen.reduce((sum, value, at) => sum + (value - image[at]) ** 2, 0) / seen.length);
  assert(error < 16, `off by ${error} of 255`);
});

Deno.test("a single colour stays what it is, whatever the side", async () => {
  const seen = await decoded(thumbnail(new Uint8Array(3 * 3 * 3).fill(7), 3));
  assert(seen.every((value) => Math.abs(value - 7) <= 2), seen.join());
});

Deno.test("thumbnails of one size begin alike, and what is their own is small", () => {
  const uris = Array.from({ length: 50 }, (_, seed) => thumbnail(photograph(seed, 32), 32));
  const shared = 800;
  for (const uri of uris) {
    assert.equal(uri.slice(0, shared), uris[0].slice(0, shared));
    assert(uri.length - shared < 900, `${uri.length - shared}`);
  }
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
