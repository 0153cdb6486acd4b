import assert from "node:assert/strict";
import { Resvg } from "@resvg/resvg-js";
import { fontsFor, textWidth } from "../../lib/charts/font.ts";
import { toSvg } from "../../lib/charts/render.ts";
import { EXAMPLES } from "./examples.ts";

/** Where the ink of a line begins and how wide it is, in thousandths of the font size. */
function ink(words: string, bold = false): { x: number; width: number } {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text xml:space="preserve" ` +
    `font-size="1000" font-weight="${
      bold ? "bold" : "normal"
    }" font-family="sans-serif">${words}</text></svg>`;
  const { x, width } = new Resvg(svg, { font: { ...fontsFor(svg), loadSystemFonts: false } }).getBBox()!;
  return { x, width };
}

Deno.test("letters are as wide as Helvetica's", () => {
  // Thousandths of the font size, from Adobe's metrics of the 14 standard fonts of PDF.
  const helvetica = { " ": 278, "%": 889, 0: 556, A: 667, M: 833, W: 944, a: 556, i: 222, m: 833, "–": 556 };
  const heavy = { " ": 278, "%": 889, 0: 556, A: 722, M: 833, W: 944, a: 556, i: 278, m: 889, "–": 556 };
  for (const [widths, bold] of [[helvetica, false], [heavy, true]] as const) {
    for (const [letter, width] of Object.entries(widths)) {
      assert.equal(Math.round(textWidth(letter, 1000, bold)), width, `${letter}, bold: ${bold}`);
    }
  }
});

Deno.test("textWidth agrees with the renderer", () => {
  const lines = ["airplane", "0.16", "top-1 accuracy (%)", "WIDTH of 10,000 Images", "S-JEA, stack 1: Größe"];
  for (const words of [...lines, "– − ± × ÷ λ µ υ θ ξ ½ ² ≥ …", "Ж א"]) {
    for (const bold of [false, true]) {
      // Between bars, so that blanks and bearings at the ends count.
      const drawn = ink(`|${words}|`, bold).width - ink("||", bold).width;
      assert(Math.abs(textWidth(words, 1000, bold) - drawn) < 1, `${words}: ${drawn}`);
    }
  }
});

Deno.test("every letter that charts use is drawn, as itself", () => {
  const letters = "–−±×÷·…½²≥≤≈∞→λµυθξαβγÄÖÜäöüßéèêñçåøłčşğıŞДжאİ";
  for (const bold of [false, true]) {
    const missing = ink("\u{10fffe}", bold);
    for (const letter of letters) assert.notDeepEqual(ink(letter, bold), missing, letter);
  }
});

Deno.test("the machine's fonts are looked at only for letters that the typeface lacks", async () => {
  for (const [name, chart] of Object.entries(EXAMPLES)) {
    assert.equal(fontsFor(await toSvg(chart)).loadSystemFonts, false, name);
  }
  assert.equal(fontsFor("<text>Größe ± λ</text>").loadSystemFonts, false);
  for (const letter of ["猫", "✓", "🐈"]) {
    assert.equal(fontsFor(`<text>cat ${letter}</text>`).loadSystemFonts, true, letter);
    assert.equal(textWidth(letter, 12), 12);
  }
});

Deno.test("families that a chart names and nobody has do not leave it without words", () => {
  for (const family of ["serif", "monospace", "Nobody's Sans"]) {
    const svg =
      `<svg xmlns="http://www.w3.org/2000/svg" width="99" height="20"><text y="15" font-family="${family}">` +
      `cat</text></svg>`;
    assert(new Resvg(svg, { font: fontsFor(svg) }).render().pixels.some((value) => value > 0), family);
  }
});
