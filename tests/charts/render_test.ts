import assert from "node:assert/strict";
import { decode } from "fast-png";
import { Resvg, type ResvgRenderOptions } from "@resvg/resvg-js";
import { FONTS, toPng, toSvg } from "../../lib/charts/render.ts";
import { textWidth } from "../../lib/charts/text_width.ts";
import { themed } from "../../lib/charts/theme.ts";
import { thumbnail } from "../../lib/charts/thumbnails.ts";
import { picture } from "./drawn.ts";

const text = (words: string) =>
  themed({ data: { values: [{}] }, mark: { type: "text" }, encoding: { text: { value: words } } });

Deno.test("scale: pixels of the picture a pixel of the chart", async () => {
  const chart = text("scale");
  const [one, three] = [decode(await toPng(chart, 1)), decode(await toPng(chart, 3))];
  assert.equal(three.width, 3 * one.width);
  assert.equal(three.height, 3 * one.height);
});

Deno.test("text shows, in a font of the system or in ours", async () => {
  const { inked } = await picture(text("covariance"));
  assert((await picture(text(""))).inked === 0);
  assert(inked > 100, `${inked} pixels`);
});

Deno.test("text shows on a machine without fonts", async () => {
  const svg = await toSvg(text("n = 3, 81.6 ± 0.4"));
  const ink = (font: ResvgRenderOptions["font"]) =>
    new Resvg(svg, { font: { ...font, loadSystemFonts: false } }).render().pixels.filter((value) =>
      value < 128
    ).length;
  assert.equal(ink({}), 0);
  assert(ink(FONTS) > 100, `${ink(FONTS)}`);
});

Deno.test("data URIs of images are drawn", async () => {
  const red = thumbnail(Uint8Array.from({ length: 8 * 8 * 3 }, (_, at) => at % 3 === 0 ? 200 : 10), 8);
  const chart = themed({
    data: { values: [{ red }] },
    mark: { type: "image", width: 40, height: 40 },
    encoding: { url: { field: "red" } },
  });
  assert((await picture(chart)).colours.get("#c80a0a")! > 1500);
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

Deno.test("textWidth agrees with a renderer within an eighth", () => {
  for (
    const words of ["airplane", "0.16", "covariance term", "top-1 accuracy (%)", "WIDTH of 10,000 Images"]
  ) {
    for (const bold of [false, true]) {
      const svg =
        `<svg xmlns="http://www.w3.org/2000/svg" width="900" height="99"><text y="50" font-size="20" ` +
        `font-weight="${
          bold ? "bold" : "normal"
        }" font-family="Helvetica, Arial, Liberation Sans">${words}</text></svg>`;
      const drawn = new Resvg(svg).getBBox()!.width, ratio = textWidth(words, 20, bold) / drawn;
      assert(Math.abs(ratio - 1) < 0.125, `${words}: ${ratio}`);
    }
  }
});
