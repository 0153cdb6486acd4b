import assert from "node:assert/strict";
import type { Config } from "vega-lite";
import { draw, picture } from "./drawn.ts";
import { EXAMPLES } from "./examples.ts";

/** What dark pages ask for: vega-embed's theme "dark". */
const DARK: Config = {
  background: "#333",
  view: { stroke: "#888" },
  title: { color: "#fff", subtitleColor: "#fff" },
  style: { "guide-label": { fill: "#fff" }, "guide-title": { fill: "#fff" } },
  axis: { domainColor: "#fff", gridColor: "#888", tickColor: "#fff" },
};

for (const [name, chart] of Object.entries(EXAMPLES)) {
  Deno.test(`${name}: drawn without complaints, fits a column, looks the same on a dark page`, async () => {
    const { svg, complaints } = await draw(chart);
    assert.deepEqual(complaints, []);
    assert.doesNotMatch(svg.replaceAll(/base64,[^"]*/g, ""), /NaN|undefined|\[object/);
    // Vega numbers clip paths and gradients through all charts of a process.
    const plain = (svg: string) => svg.replaceAll(/(clip|gradient_)\d+/g, "$1");
    assert.equal(plain((await draw(chart, DARK)).svg), plain(svg));
    const { width, inked, colours } = await picture(chart);
    assert(width <= 720, `${width} pixels wide`);
    assert(inked > 2000, `${inked} pixels are not white`);
    assert(colours.size > 20, `${colours.size} colours`);
  });
}
