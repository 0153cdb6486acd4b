import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { DataError } from "../../lib/base/errors.ts";
import { decodeImage } from "../../lib/data/decode.ts";

/** Red on the left, blue on the right, with a green bar above them: 90×60. */
function drawn(): ReturnType<typeof sharp> {
  const data = new Uint8Array(90 * 60 * 3);
  for (let at = 0; at < 90 * 60; at++) {
    data[3 * at + (at < 90 * 15 ? 1 : at % 90 < 45 ? 0 : 2)] = 250;
  }
  return sharp(data, { raw: { width: 90, height: 60, channels: 3 } });
}

/** Colours in the middle of the upper edge, and of the left and right half, of `[12, 12, 3]`. */
const seen = (image: Uint8Array) =>
  [1, 7 * 12 + 2, 7 * 12 + 9].map((at) => [...image.subarray(3 * at, 3 * at + 3)]);
const GREEN = [0, 250, 0], RED = [250, 0, 0], BLUE = [0, 0, 250];

function assertNear(found: number[][], expected: number[][], within: number, name: string): void {
  const most = Math.max(...found.flat().map((value, at) => Math.abs(value - expected.flat()[at])));
  assert.ok(most <= within, `${name}: ${JSON.stringify(found)}`);
}

Deno.test("images of all kinds are decoded, scaled by the shorter side and cut to the middle", async () => {
  const lossless: Record<string, ReturnType<typeof sharp>> = {
    "PNG": drawn().png(),
    "interlaced PNG": drawn().png({ progressive: true }),
    "PNG with a palette": drawn().png({ palette: true }),
    "PNG of 16 bits": drawn().toColourspace("rgb16").png(),
    "PNG with alpha": drawn().ensureAlpha().png(),
    "WebP": drawn().webp({ lossless: true }),
    "GIF": drawn().gif(),
  };
  for (const [name, made] of Object.entries(lossless)) {
    assertNear(seen(await decodeImage(await made.toBuffer(), 12, name)), [GREEN, RED, BLUE], 6, name);
  }
  const lossy = {
    JPEG: drawn().jpeg(),
    "progressive JPEG": drawn().jpeg({ progressive: true }),
    "lossy WebP": drawn().webp(),
  };
  for (const [name, made] of Object.entries(lossy)) {
    assertNear(seen(await decodeImage(await made.toBuffer(), 12, name)), [GREEN, RED, BLUE], 25, name);
  }
});

Deno.test("grey, CMYK, transparency, a camera's turn, frames and a single pixel", async () => {
  const decoded = async (made: ReturnType<typeof sharp>) => decodeImage(await made.toBuffer(), 12, "it");
  const greys = await Promise.all(
    ["b-w", "grey16"].map((space) => decoded(drawn().toColourspace(space).png())),
  );
  for (const image of greys) {
    for (const [red, green, blue] of seen(image)) assert.ok(red === green && green === blue && red < 220);
  }
  // Inks cannot be as bright, but the largest of the three stays the largest.
  const inks = seen(await decoded(drawn().toColourspace("cmyk").jpeg()));
  assert.deepEqual(inks.map((colour) => colour.indexOf(Math.max(...colour))), [1, 0, 2]);
  const faint = { r: 0, g: 0, b: 0, alpha: 0.2 };
  const half = sharp({ create: { width: 20, height: 20, channels: 4, background: faint } });
  assertNear([[...(await decoded(half.png())).subarray(0, 3)]], [[204, 204, 204]], 1, "laid on white");
  const turned = seen(await decoded(drawn().withMetadata({ orientation: 3 }).png()));
  assertNear(turned.slice(1), [BLUE, RED], 6, "upright");
  const frames = ["red", "blue"].map((background) =>
    sharp({ create: { width: 20, height: 20, channels: 3, background } }).png().toBuffer()
  );
  for (const format of ["gif", "webp"] as const) {
    const moving = sharp(await Promise.all(frames), { join: { animated: true } }).toFormat(format);
    assertNear([[...(await decoded(moving)).subarray(0, 3)]], [[255, 0, 0]], 3, `first frame of ${format}`);
  }
  const dot = sharp({ create: { width: 1, height: 1, channels: 3, background: "blue" } });
  assert.deepEqual([...(await decoded(dot.png())).subarray(-3)], [0, 0, 255]);
});

Deno.test("what is no image, truncated or damaged is named", async () => {
  const refused = async (bytes: Uint8Array, message: RegExp) =>
    await assert.rejects(() => decodeImage(bytes, 8, "cat.png"), (error) => {
      assert.ok(error instanceof DataError);
      assert.match(error.message, message);
      return true;
    });
  await refused(new Uint8Array(), /^cat\.png is empty, and no image\. Fetch it or save it again\.$/);
  await refused(
    new TextEncoder().encode("<!doctype html><title>404"),
    /^cat\.png is an HTML page, and no image/,
  );
  await refused(new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"/>'), /and no image/);
  await refused(Uint8Array.of(0x42, 0x4d, 0, 0, 0, 0), /^cat\.png is no PNG, JPEG, WebP or GIF\. Convert it/);
  const noise = sharp(Uint8Array.from({ length: 60 * 60 * 3 }, (_, at) => at * at * 31 >> 5), {
    raw: { width: 60, height: 60, channels: 3 },
  });
  for (const format of ["png", "jpeg", "webp", "gif"] as const) {
    const whole = await noise.clone().toFormat(format).toBuffer();
    for (const part of [0.02, 0.3, 0.9]) {
      await refused(
        whole.subarray(0, Math.ceil(part * whole.length)),
        /^cat\.png cannot be decoded \(.+\)\. If it is damaged, fetch it/,
      );
    }
  }
  const progressive = await noise.jpeg({ progressive: true }).toBuffer();
  await refused(
    progressive.subarray(0, progressive.length / 2),
    /cannot be decoded \(VipsJpeg: premature end/,
  );
  // A small file that says of itself to be 17,000 pixels high and wide.
  const huge = await noise.png().toBuffer(), header = new DataView(huge.buffer, huge.byteOffset);
  for (const at of [16, 20]) header.setUint32(at, 17_000);
  header.setUint32(29, crc32(huge.subarray(12, 29)));
  await refused(huge, /cannot be decoded \(.*pixel limit\)/);
});
