import "../needs.ts";
import assert from "node:assert/strict";
import { decode } from "fast-png";
import { imageOf } from "../../lib/data/dataset.ts";
import { generate } from "../../lib/data/generated.ts";
import { sprite } from "../../lib/data/sprite.ts";

/** Cuts an image out of a sprite again: its RGB bytes. */
function cut(picture: ReturnType<typeof decode>, side: number, at: number): Uint8Array {
  const columns = picture.width / side, top = Math.floor(at / columns) * side, left = (at % columns) * side;
  const lines = Array.from({ length: side }, (_, row) => {
    const from = ((top + row) * picture.width + left) * 3;
    return Array.from(picture.data.slice(from, from + side * 3));
  });
  return Uint8Array.from(lines.flat());
}

Deno.test("a sprite has all images as they are, row by row", () => {
  const { train } = generate({ seed: 0, train: 10, test: 0 }), { png, side } = sprite(train);
  const picture = decode(png);
  assert.deepEqual([side, picture.width, picture.height, picture.channels], [32, 4 * 32, 3 * 32, 3]);
  for (let at = 0; at < 10; at++) assert.deepEqual(cut(picture, side, at), imageOf(train, at));
  assert.ok([10, 11].every((at) => cut(picture, side, at).every((value) => value === 0)));
});

Deno.test("images that would make it larger than 8192 pixels are shrunk as far as they have to", () => {
  const size = 4200,
    images = new Uint8Array(2 * size * size * 3).fill(10, 0, size * size * 3).fill(200, size * size * 3);
  const { png, side } = sprite({ images, labels: new Uint8Array(2), height: size, width: size });
  const { width, height, data } = decode(png);
  assert.deepEqual([side, width, height], [4096, 8192, 4096]);
  for (const row of [0, 2000, 4095]) {
    const line = data.slice(row * 8192 * 3, (row + 1) * 8192 * 3);
    assert.deepEqual(line, new Uint8Array(8192 * 3).fill(10).fill(200, 4096 * 3));
  }
});
