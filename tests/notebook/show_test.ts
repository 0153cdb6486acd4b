import assert from "node:assert/strict";
import { join } from "@std/path";
import { decode } from "fast-png";
import { comparison } from "../../lib/charts/comparison.ts";
import { executeNotebook } from "../../lib/notebook/execute.ts";
import { type Cell, type Output, readNotebook, writeNotebook } from "../../lib/notebook/ipynb.ts";
import { withoutCaptions } from "../../lib/notebook/label.ts";
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

/** What a notebook's cells put out when it is executed. */
async function executed(...sources: string[]): Promise<Output[][]> {
  const folder = await Deno.makeTempDir(), path = join(folder, "it.ipynb"), metadata = {};
  await Deno.copyFile(new URL("../../deno.json", import.meta.url), join(folder, "deno.json"));
  const rooms = new Map([["notebook", "mod"], ["charts", "comparison"]]);
  const imports = [...rooms].map(([room, file]) =>
    `const ${room} = await import("${new URL(`../../lib/${room}/${file}.ts`, import.meta.url)}");`
  );
  const cells = [imports.join("\n"), ...sources].map((source, at): Cell => ({
    ...{ cell_type: "code", id: `cell-${at}`, metadata, source, execution_count: null, outputs: [] },
  }));
  await writeNotebook(path, { cells, metadata, nbformat: 4, nbformat_minor: 5 });
  await executeNotebook(path);
  return (await readNotebook(path)).cells.flatMap((cell) => cell.cell_type === "code" ? [cell.outputs] : [])
    .slice(1);
}

/** The words or kind of an output. */
function named(output: Output): unknown {
  assert.equal(output.output_type, "display_data");
  return output.data["text/markdown"] ?? Object.keys(output.data)[0];
}

Deno.test("programs that show no metadata show captions: above a table, below all else, once", async () => {
  const bar = `charts.comparison([{ label: "VICReg", metric: "top-1 (%)", ours: 79.1 }])`;
  const [table, chart, following, unlabelled] = await executed(
    `await notebook.showTable({ columns: ["a"], rows: [[1]] }, { exhibit: "Table 1", caption: "Of *stars* & <b>" });`,
    `await notebook.show(${bar}, { caption: "Bars" });`,
    `const one = notebook.live({ exhibit: "Figure 2" }), two = notebook.live({ caption: "Two" });
for (const _ of [1, 2]) for (const output of [one, two]) await output.show(${bar});`,
    `await notebook.show(${bar});\nawait notebook.showMarkdown("words");`,
  );
  assert.deepEqual(table.map(named), ["**Table 1:** *Of \\*stars\\* \\& \\<b\\>*", "text/html"]);
  const drawn = "application/vnd.vegalite.v5+json";
  assert.deepEqual(chart.map(named), [drawn, "*Bars*"]);
  assert.deepEqual(following.map(named), [drawn, "**Figure 2**", drawn, "*Two*"]);
  assert.deepEqual(unlabelled.map(named), [drawn, "words"]);
  // Pages show the label itself.
  assert.deepEqual(withoutCaptions([...table, ...chart, ...unlabelled]), [
    table[1],
    chart[0],
    ...unlabelled,
  ]);
});
