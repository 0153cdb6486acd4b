import assert from "node:assert/strict";
import { decode } from "fast-png";
import { comparison } from "../../lib/charts/comparison.ts";
import { chartBundle, show, showMarkdown, showTable } from "../../lib/notebook/show.ts";
import { tableBundle } from "../../lib/notebook/table.ts";

const chart = comparison([{ label: "VICReg", metric: "top-1 (%)", ours: 79.1, paper: 80.5 }]);
const table = {
  columns: ["method", "stack", "top-1 %", "paper", "time"],
  rows: [
    ["VICReg", "–", "79.1 ± 0.4", 80.5, "3 min 20 s"],
    ["S-JEA", 1, "80.9 ± 1.1", "–", "10 h"],
    ["raw <b>pixels</b>", "", 45, "", '"&'],
  ],
  notes: ["n = 3 seeds, mean ± standard deviation.", "<script>alert(1)</script>"],
};

/** What is written to the console meanwhile. */
async function written(run: () => Promise<void>): Promise<string[]> {
  const lines: string[] = [], log = console.log;
  console.log = (...words: unknown[]) => void lines.push(words.join(" "));
  try {
    await run();
  } finally {
    console.log = log;
  }
  return lines;
}

Deno.test("a chart: vega-lite as it is, a picture of twice its size, the caption as text", async () => {
  const bundle = await chartBundle(chart, { exhibit: "Table 1", caption: "Ours beside the paper's." });
  assert.deepEqual(Object.keys(bundle), ["application/vnd.vegalite.v5+json", "image/png", "text/plain"]);
  assert.equal(bundle["application/vnd.vegalite.v5+json"], chart);
  assert.equal(bundle["text/plain"], "Table 1: Ours beside the paper's.");
  assert(decode(Uint8Array.fromBase64(String(bundle["image/png"]))).width > 800);
  assert.equal((await chartBundle(chart, {}))["text/plain"], "Chart");
  assert.equal((await chartBundle(chart, { exhibit: "Table 1" }))["text/plain"], "Table 1");
});

Deno.test("a table as text: words left, numbers right, caption above, notes below", () => {
  assert.deepEqual(String(tableBundle(table, { caption: "Accuracy." })["text/plain"]).split("\n"), [
    "Accuracy.",
    "method             stack     top-1 %  paper  time",
    "─".repeat(55),
    "VICReg                 –  79.1 ± 0.4   80.5  3 min 20 s",
    "S-JEA                  1  80.9 ± 1.1      –  10 h",
    'raw <b>pixels</b>                 45         "&',
    "n = 3 seeds, mean ± standard deviation.",
    "<script>alert(1)</script>",
  ]);
});

Deno.test("a table as HTML: escaped, aligned as the text", () => {
  const html = String(tableBundle(table, {})["text/html"]);
  assert.doesNotMatch(html, /<script|<b>/);
  assert(html.includes('<td style="text-align: left">raw &lt;b&gt;pixels&lt;/b&gt;</td>'));
  assert(html.includes('<td style="text-align: right">79.1 ± 0.4</td>'));
  assert(html.includes('<th style="text-align: left">time</th>'));
  assert(html.includes("<p><small>&lt;script&gt;alert(1)&lt;/script&gt;</small></p>"));
  assert.equal(html.match(/<tr>/g)?.length, 4);
});

Deno.test("a table without rows, and with a row that does not fit", () => {
  const empty = tableBundle({ columns: ["a", "bc"], rows: [] }, {});
  assert.equal(empty["text/plain"], "a  bc\n─────");
  assert.throws(() => tableBundle({ columns: ["a", "b"], rows: [["1", "2"], ["3"]] }, {}), {
    name: "RangeError",
    message: "Row 1 of the table has 1 cells, not 2.",
  });
});

Deno.test("outside a notebook the text goes to the console", async () => {
  assert.deepEqual(await written(() => show(chart, { caption: "Ours." })), ["Ours."]);
  assert.deepEqual(await written(() => showMarkdown("**bold**")), ["**bold**"]);
  assert.deepEqual(await written(() => showTable({ columns: ["a"], rows: [["x"]] })), ["a\n─\nx"]);
});
