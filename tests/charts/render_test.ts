import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { decode } from "fast-png";
import { toPng, toSvg } from "../../lib/charts/render.ts";
import { themed } from "../../lib/charts/theme.ts";
import { thumbnail } from "../../lib/charts/thumbnails.ts";
import { picture } from "./drawn.ts";
import { EXAMPLES } from "./examples.ts";

const text = (words: string) =>
  themed({ data: { values: [{}] }, mark: { type: "text" }, encoding: { text: { value: words } } });

Deno.test("scale: pixels of the picture a pixel of the chart", async () => {
  const chart = text("scale");
  const [one, three] = [decode(await toPng(chart, 1)), decode(await toPng(chart, 3))];
  assert.equal(three.width, 3 * one.width);
  assert.equal(three.height, 3 * one.height);
});

Deno.test("text shows", async () => {
  const { inked } = await picture(text("covariance"));
  assert((await picture(text(""))).inked === 0);
  assert(inked > 100, `${inked} pixels`);
});

Deno.test("a chart's picture is the same on every machine", async () => {
  const hash = createHash("sha256").update(await toPng(EXAMPLES.comparison)).digest("hex");
  // Another release of vega, resvg, fast-png or the typeface may change it; another machine must not.
  assert.equal(hash, "0b51eb8a7c25d8d48b2fd02d38dc06feac0fb7d928d582bfa1033a1bffa8b14d");
});

Deno.test("data URIs of images are drawn", async () => {
  const red = thumbnail(Uint8Array.from({ length: 8 * 8 * 3 }, (_, at) => at % 3 === 0 ? 200 : 10), 8);
  const chart = themed({
    data: { values: [{ red }] },
    mark: { type: "image", width: 40, height: 40 },
    encoding: { url: { field: "red" } },
  });
  const inked = [...(await picture(chart)).colours].filter(([colour]) => colour !== "#ffffff");
  const [[colour, pixels]] = inked.sort(([, a], [, b]) => b - a);
  // A JPEG's red is not quite the image's.
  assert.match(colour, /^#c[0-9a-f]0[0-9a-f]{3}$/);
  assert.ok(pixels > 1500, `${pixels}`);
});

Deno.test("words that look like markup survive as words", async () => {
  const words = `<script>alert("1")</script> & 'ß' ☃ 猫`;
  const svg = await toSvg(text(words));
  assert.doesNotMatch(svg, /<script/);
  assert(svg.includes("&lt;script&gt;alert"), svg);
  assert((await picture(text(words))).inked > 100);
});

Deno.test("what is no chart is refused", async () => {
  await assert.rejects(toSvg(JSON.parse('{ "mark": "hologram" }')));
});
