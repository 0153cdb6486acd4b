import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { DataError } from "../../lib/base/errors.ts";
import type { ClaimVerdict } from "../../lib/experiments/claims.ts";
import { renderIndex } from "../../lib/reports/index_page.ts";
import { type Notebook, type Output, parseNotebook } from "../../lib/notebook/ipynb.ts";
import { renderReports } from "../../lib/reports/render_reports.ts";
import { renderReport, titleOf } from "../../lib/reports/report.ts";
import { tableBundle } from "../../lib/notebook/table.ts";
import { cell, exampleFolder, exampleNotebook, HOSTILE, notebook, shown } from "../notebook/example.ts";

const faults: string[] = [];
const leaveOut = (fault: string) => void faults.push(fault);
const options = { path: "notebooks/01_a.ipynb", file: "01_a.html", pages: [], facts: [], leaveOut };

/** What was left out since it was asked last. */
const missing = () => faults.splice(0);

/** The page of a notebook without its style and scripts. */
async function mainOf(notebook: Notebook): Promise<string> {
  const html = await renderReport(notebook, options);
  return /<main [^>]*>([^]*)<\/main>/.exec(html)![1];
}

const markdown = (source: string) => mainOf(notebook([cell("m", source)]));
const output = (output: Output) => mainOf(notebook([cell("c", "1;", [output])]));

/** Names of elements and attributes that no page should have in its main part. */
const DANGER =
  /<(?:script(?! type="application\/gzip")|iframe|object|embed|style|form|svg|link|meta|base)|<[^>]*\son\w+=/i;

/** What an attribute says does not count. */
const bare = (html: string) =>
  html.replace(/="[^"<>]*"/g, (value) => value === '="application/gzip"' ? value : '=""');

/** What three seeds said of a claim. */
const UNDECIDED: ClaimVerdict = {
  ...{ id: "C1", says: "S-JEA outperforms VICReg", sweep: "evening.json", dataset: "cifar10", control: null },
  verdict: "undecided",
  comparisons: [{
    name: "top-1 %: stack 1 − VICReg",
    judgement: { verdict: "undecided", mean: 0.5, interval: [-1, 2], n: 3, p: 0.3 },
    ...{ paper: 1.1, margin: null, worth: 1 },
  }],
};

Deno.test("nothing hostile comes through, whatever it stands in", async () => {
  const spec = { title: HOSTILE, data: { values: [{ class: HOSTILE }] }, mark: "point" };
  const label = { exhibit: HOSTILE, caption: HOSTILE };
  const hostile: Output[] = [
    { output_type: "stream", name: "stdout", text: HOSTILE },
    { output_type: "error", ename: HOSTILE, evalue: HOSTILE, traceback: [] },
    { output_type: "error", ename: "Error", evalue: "", traceback: [HOSTILE] },
    ...[
      { "text/plain": HOSTILE },
      { "text/html": HOSTILE },
      { "text/html": "<table><tr><td>1</td></tr></table></main><div style='position:fixed'>" },
      { "text/markdown": HOSTILE },
      { "image/png": `"${HOSTILE}`, "text/plain": HOSTILE },
      { "image/svg+xml": HOSTILE },
      { [HOSTILE]: HOSTILE },
      { "application/vnd.vegalite.v5+json": spec, "text/plain": HOSTILE },
      tableBundle({ columns: [HOSTILE], rows: [[HOSTILE]], notes: [HOSTILE] }, {}),
    ].flatMap((data) => [shown(data), shown(data, label)]),
  ];
  const page = notebook([
    cell("m", `# ${HOSTILE}\n\n## ${HOSTILE}\n\n${HOSTILE}`),
    cell("c", `// ${HOSTILE}`, hostile),
  ]);
  const facts = [[HOSTILE, HOSTILE]] as const;
  const pages = [{ file: "01_a.html", title: HOSTILE }, { file: `"${HOSTILE}.html`, title: HOSTILE }];
  const index = await renderIndex({
    notebooks: pages.map((link) => ({ ...link, summary: HOSTILE, notebook: page })),
    texts: pages.map((link) => ({ ...link, summary: HOSTILE, notebook: page })),
    facts,
    judged: [],
    differences: HOSTILE,
    path: "",
    leaveOut,
  });
  for (const html of [await renderReport(page, { ...options, facts, pages }), index]) {
    assert.equal(html.match(/<\/main>/g)!.length, 1);
    const [before, main, after] = html.split(/<main [^>]*>|<\/main>/);
    const nav = after.slice(0, after.indexOf("<script>") >>> 0);
    for (const part of [before.replace(/<style>[^]*<\/style>/, ""), main, nav]) {
      assert.doesNotMatch(bare(part).replace(/<(meta|link) [^>]*>/g, ""), DANGER);
    }
    assert(main.includes("&lt;script&gt;"), "shown as text");
  }
});

Deno.test("the escaped words of a chart are still the chart's", async () => {
  const chart = {
    title: "</script><!--",
    mark: "point",
    data: { values: [] },
    usermeta: { embedOptions: { loader: {} } },
  };
  const html = await output(shown({ "application/vnd.vegalite.v5+json": chart, "text/plain": "a chart" }));
  const [, json] = /<script type="application\/gzip">([^<]*)<\/script>/.exec(html)!;
  assert.deepEqual(JSON.parse(gunzipSync(Uint8Array.fromBase64(json)).toString()), {
    description: "a chart",
    title: chart.title,
    mark: "point",
    data: { values: [] },
  });
});

Deno.test("links and images: no scheme that runs, no address that loads", async () => {
  const link = async (href: string) => /<a href="([^"]*)">/.exec(await markdown(`[x](${href})`))?.[1];
  assert.equal(await link("https://arxiv.org/abs/2305.11701"), "https://arxiv.org/abs/2305.11701");
  assert.equal(await link("03_probe.ipynb#The-Numbers"), "03_probe.html#the-numbers");
  assert.equal(await link("./03_probe.ipynb"), "03_probe.html");
  assert.equal(await link("../lib/mod.ts"), "../../lib/mod.ts");
  assert.equal(await link("#numbers"), "#numbers");
  const refused = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "//host/x",
  ];
  assert.equal(await link("javascript&colon;alert(1)"), "../javascript&amp;colon;alert(1)");
  refused.push("\u0001javascript:alert(1)", "file:///etc/passwd");
  for (const href of refused) assert.equal(await link(href), undefined, href);
  missing();
  for (const href of ["https://host/x.png", "//host/x.png", "/etc/passwd", "notes.txt", "file:///x.png"]) {
    for (const image of [`![a >b](${href})`, `<img alt='a >b' width=3 src=${href}>`]) {
      const html = await markdown(image);
      assert.match(html, /a &gt;b/);
      assert.doesNotMatch(html, /<img/);
      assert.deepEqual(missing(), [
        `notebooks/01_a.ipynb: cell 1 (m): the image ${href} is not shown, for pages load nothing. ` +
        "Expected a relative path of a file: .gif, .jpeg, .jpg, .png, .svg, .webp.",
      ]);
    }
  }
  assert.equal(await markdown("![x](images/none.png)").then((html) => html.includes("<img")), false);
  assert.deepEqual(missing(), [
    "notebooks/01_a.ipynb: cell 1 (m): there is no image notebooks/images/none.png.",
  ]);
  assert.match(
    await markdown("![two stacks](images/architecture.svg)"),
    /<img src="data:image\/svg\+xml;base64,[\w+/=]+" alt="two stacks">/,
  );
  assert.match(
    await markdown("words <img src='images/architecture.svg?raw=true' width=200 height=50% onclick=x> words"),
    /<img src="data:image\/svg\+xml;base64,[\w+/=]+" alt="" width="200" \/>/,
  );
  assert.deepEqual(missing(), []);
});

Deno.test("links to headings as JupyterLab makes them lead to the heading", async () => {
  const headings = ["My Part", "What's *new*?", "`code` and [a link](https://x.org)", "Größe", "$x$ & y"];
  const anchors = ["My-Part", "What's-new?", "code-and-a-link", "Gr%C3%B6%C3%9Fe", "$x$-&-y"];
  const html = await markdown(
    [...headings.map((words) => `## ${words}`), ...anchors.map((id) => `[x](<#${id}>)`)].join("\n\n"),
  );
  const ids = [...html.matchAll(/<h2 id="([^"]*)"/g)].map(([, id]) => id);
  assert.equal(ids.length, headings.length);
  assert.deepEqual([...html.matchAll(/<a href="#([^"]*)">x/g)].map(([, id]) => id), ids);
});

Deno.test("a cell's own pictures are shown", async () => {
  const attachments = { "a b.png": { "image/png": "iVBORw0K\n" }, toString: {} };
  const render = (source: string) => {
    const cells = [{ ...cell("m", source), attachments }];
    return mainOf(
      parseNotebook(JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells }), "a"),
    );
  };
  assert.match(
    await render("![x](attachment:a%20b.png)"),
    /<img src="data:image\/png;base64,iVBORw0K" alt="x">/,
  );
  assert.doesNotMatch(await render("![x](attachment:b.png) ![x](attachment:toString)"), /<img/);
  assert.deepEqual(
    missing(),
    ["b.png", "toString"].map((name) =>
      `notebooks/01_a.ipynb: cell 1 (m): the image ${name} is not among the cell's attachments.`
    ),
  );
});

Deno.test("equations become MathML, also between brackets", async () => {
  const html = await markdown("The loss ($\\ell$) is\n\n$$\\ell(Z) = \\sum_j v(z_j)$$");
  assert.equal(html.match(/<math /g)!.length, 2);
  assert.match(html, /<math [^>]*display="block">/);
  assert.match(html, /<mo>∑<\/mo>/);
  assert(!html.includes("katex-html"), "needs no style or fonts of its own");
});

Deno.test("code is highlighted, in cells and in text", async () => {
  const html = await mainOf(
    notebook([cell("m", "```bash\ncd x\n```\n\n```nothing\na<b\n```"), cell("c", "const a = 1;\n", [])]),
  );
  assert.match(html, /<span class="hljs-built_in">cd<\/span>/);
  assert.match(html, /<code>a&lt;b<\/code>/);
  assert.match(html, /<details class="code" open>.*<span class="hljs-keyword">const<\/span> a/);
});

Deno.test("an output is shown in its richest form", async () => {
  const plain = { "text/plain": "words" };
  assert.match(await output(shown(plain)), /<pre class="stream">words<\/pre>/);
  assert.match(await output(shown({ ...plain, "text/markdown": "**a**" })), /<strong>a<\/strong>/);
  assert.match(await output(shown({ ...plain, "text/html": "<b>a</b>" })), /<b>a<\/b>/);
  const bar = `<progress value="3" max="4"></progress> 3/4`;
  assert((await output(shown({ ...plain, "text/html": bar }))).includes(bar));
  const png = new Uint8Array(33);
  new DataView(png.buffer).setUint32(16, 1200);
  new DataView(png.buffer).setUint32(20, 600);
  assert.match(
    await output(shown({ ...plain, "image/png": png.toBase64() }, { caption: 'a "b"' })),
    /<img class="still" src="data:image\/png;base64,A[A-Za-z+/=0]+" alt="a &quot;b&quot;" width="600" height="300">/,
  );
  missing();
  assert.match(await output(shown({ "audio/wav": "x" })), /Not shown here: audio\/wav\./);
  assert.deepEqual(missing(), ["notebooks/01_a.ipynb: cell 1 (c): audio/wav is nothing that a page shows."]);
});

Deno.test("streams are shown as a terminal would in the end", async () => {
  const text = "\u001b[31m10 %\u001b[0m\r20 %\r30 %\nnext\r\n";
  assert.match(
    await output({ output_type: "stream", name: "stderr", text }),
    /<pre class="stream stderr">30 %\nnext\n<\/pre>/,
  );
});

Deno.test("the title is the first heading; headings have ids of their own", async () => {
  const page = notebook([
    cell("t", "# Data *sets*\n\nTen classes.\n\n## Views\n\n## Views"),
    cell("x", "# Not this"),
  ]);
  assert.deepEqual(titleOf(page), {
    title: "Data *sets*",
    summary: "Ten classes.",
  });
  const html = await renderReport(page, options);
  assert.match(
    html,
    /<h2 id="views">Views <a class="anchor" href="#views"[^>]*>#<\/a><\/h2>\n<h2 id="views-2">/,
  );
  assert.equal(titleOf(notebook([cell("c", "1;", [])])).title, undefined);
});

Deno.test("every id of a page is there once", async () => {
  const headings = [
    "Views",
    "Views",
    "Views 2",
    "Page contents",
    "Out c 0",
    "Exhibit 0",
    "…",
    "[Link](#views)",
  ];
  const source = headings.map((words) => `## ${words}`).join("\n\n");
  const page = notebook([
    cell("m", source),
    cell("c", "1;", [shown({ "text/markdown": source }, { exhibit: "Table 1" })]),
  ]);
  const index = {
    notebooks: [{ file: "a.html", title: "A", summary: "", notebook: page }],
    ...{ texts: [], facts: [], judged: [UNDECIDED] },
    differences: source,
  };
  for (
    const html of [await renderReport(page, options), await renderIndex({ ...index, path: "", leaveOut })]
  ) {
    const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    assert.equal(new Set(ids).size, ids.length, `${ids}`);
    for (const [, id] of html.matchAll(/href="#([^"]*)"/g)) assert(ids.includes(id), id);
    assert.doesNotMatch(html, /<a [^>]*>(?:(?!<\/a>)[^])*<a /, "a link in a link");
  }
});

Deno.test("a folder becomes pages of a few MB that ask the network for nothing", async () => {
  const folder = await exampleFolder();
  const { files, leftOut } = await renderReports(folder);
  assert.deepEqual(leftOut, []);
  assert.deepEqual(
    files,
    ["index", "00_data", "01_train", "differences"].map((name) => `${folder}/reports/${name}.html`),
  );
  for (const file of files) {
    const html = await Deno.readTextFile(file);
    assert(html.length < 5e6, `${file}: ${html.length}`);
    const policy = /<meta http-equiv="Content-Security-Policy" content="([^"]*)">/.exec(html)![1];
    assert.match(policy, /^default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src /);
    assert.doesNotMatch(policy, /unsafe-eval|script-src[^;]*unsafe-inline/);
    const withoutScripts = html.replace(/<script[^]*?<\/script>/g, "");
    assert.doesNotMatch(
      withoutScripts,
      /\b(?:src|srcset|poster)="(?!data:)|url\(|@import|<link(?! rel="icon" href="data:,")/,
    );
    for (const [, address] of withoutScripts.matchAll(/(.{9})https?:/g)) {
      assert.match(address, /<a href="$|xmlns="$/);
    }
  }
  const [index, data, train, differences] = await Promise.all(files.map((file) => Deno.readTextFile(file)));
  for (const html of [index, differences]) assert(!html.includes("<script"), "texts have no scripts");
  assert.equal(data.match(/<script/g)!.length, 1, "no vega where there is no chart");
  assert.equal(train.match(/<script>/g)!.length, 1);
  assert.match(train, /<script src="vega\.js"><\/script>\n<script>/);
  assert.match(train, /Source: <a href="\.\.\/01_train\.ipynb">01_train\.ipynb<\/a>/);
  assert.match(train, /<dt>Seeds<\/dt><dd>0<\/dd>/);
  assert.match(index, /<dt>Training two stacks<\/dt><dd>3 min 12 s<\/dd>/);
  assert.match(index, /<li>Width 16 instead of 64\.<\/li>/);
});

Deno.test("pages of notebooks that are gone go too; other files stay", async () => {
  const folder = await exampleFolder(), reports = `${folder}/reports`;
  const { files } = await renderReports(folder);
  await Promise.all(
    ["99_gone.html", "notes.txt"].map((name) => Deno.writeTextFile(`${reports}/${name}`, "")),
  );
  await Deno.remove(`${folder}/01_train.ipynb`);
  assert.deepEqual((await renderReports(folder)).files, files.filter((file) => !file.includes("train")));
  const left = (await Array.fromAsync(Deno.readDir(reports))).map(({ name }) => name).sort();
  assert.deepEqual(left, ["00_data.html", "differences.html", "index.html", "notes.txt", "vega.js"]);
});

Deno.test("a page of more than 5 MB is written and named", async () => {
  const folder = await Deno.makeTempDir(), lines: string[] = [], { error } = console;
  const words = notebook([cell("c", "1;", [shown({ "text/plain": "x".repeat(5_010_000) })])]);
  await Deno.writeTextFile(`${folder}/a.ipynb`, JSON.stringify(words));
  console.error = (line: string) => void lines.push(line);
  try {
    await renderReports(folder);
  } finally {
    console.error = error;
  }
  assert.deepEqual(lines, [`${folder}/reports/a.html: 5.0 MB is much for a page; fewer thumbnails help.`]);
});

Deno.test("the first page has the exhibits in the paper's order and leads to them", async () => {
  const exhibit = (name: string) => shown({ "text/html": "<table></table>" }, { exhibit: name });
  const names = ["Figure 4, right", "Figure 12", "Table 2", "Figure 2", "Table 1", "Figure 4, left"];
  const page = notebook([cell("c", "1;", names.map(exhibit))]);
  const html = await renderIndex({
    notebooks: [{ file: "01_a.html", title: "A", summary: "", notebook: page }],
    texts: [],
    facts: [],
    judged: [UNDECIDED],
    differences: "",
    path: "",
    leaveOut,
  });
  assert.match(
    html,
    /Of 1 claim, 1 is undecided \(C1\)\..*alt="Differences that decide.*S-JEA outperforms VICReg/s,
  );
  assert.deepEqual(
    [...html.matchAll(/<figcaption><b>([^<]*)<\/b> <a href="([^"]*)"/g)].map((
      [, name, href],
    ) => [name, href]),
    [
      ["Table 1", "01_a.html#out_c_4"],
      ["Figure 2", "01_a.html#out_c_3"],
      ["Table 2", "01_a.html#out_c_2"],
      ["Figure 4, right", "01_a.html#out_c_0"],
      ["Figure 4, left", "01_a.html#out_c_5"],
      ["Figure 12", "01_a.html#out_c_1"],
    ],
  );
  const report = await renderReport(page, options);
  for (const [, id] of html.matchAll(/href="01_a\.html#([^"]*)"/g)) {
    assert(report.includes(` id="${id}"`), id);
  }
  assert.deepEqual(
    [...html.matchAll(/<li>([^<]*)<small>/g)].map(([, name]) => name),
    ["Table 3", "Figure 3"],
    "those not in the notebooks are named",
  );
  assert(!html.includes("What differs"), "no empty section");
});

Deno.test("a folder without notebooks, or one without outputs, is refused", async () => {
  const folder = await Deno.makeTempDir();
  await assert.rejects(
    renderReports(`${folder}/none`),
    new DataError(`${folder}/none: there is no such folder of notebooks.`),
  );
  await assert.rejects(
    renderReports(folder),
    new DataError(`${folder}: there are no notebooks (*.ipynb) in it.`),
  );
  const path = `${folder}/01_a.ipynb`;
  await Deno.writeTextFile(path, JSON.stringify(notebook([cell("c", "1;", [])])));
  await assert.rejects(
    renderReports(folder),
    new DataError(
      `${folder}: no notebook in it has anything to show.\n${path}: no page is written, for it was not run. ` +
        "deno task reproduce runs those with a number.",
    ),
  );
});

Deno.test("an odd notebook and an odd part are left out and named; the other pages are written", async () => {
  const folder = await exampleFolder(), { error } = console, said: string[] = [];
  const write = (name: string, content: unknown) =>
    Deno.writeTextFile(`${folder}/${name}.ipynb`, JSON.stringify(content));
  const text = notebook([cell("m", "# Text\n\n![logo](https://example.org/logo.png)"), cell("n", "words")]);
  const { cells: [, words] } = text;
  await Promise.all([
    write("02_old", { nbformat: 3, nbformat_minor: 0, worksheets: [] }),
    write("03_odd", {
      ...notebook([cell("c", "1;", [shown({ "text/plain": "kept" })])], { sjea: { facts: { Seeds: 3 } } }),
      cells: [
        { ...cell("h", "x"), cell_type: "heading" },
        cell("c", "1;", [shown({ "text/plain": "kept" }), { output_type: "log" } as unknown as Output]),
        cell("d", ">".repeat(20_000)),
      ],
    }),
    write("index", text),
    write("mine", { ...text, nbformat_minor: 4, cells: [text.cells[0], { ...words, cell_type: "raw" }] }),
    write("python", notebook([cell("c", "print(1)", [])], { kernelspec: { name: "python3" } })),
    write("Untitled", notebook([])),
  ]);
  console.error = (line: string) => void said.push(line);
  const { files, leftOut } = await renderReports(folder).finally(() => console.error = error);
  assert.deepEqual(
    files.map((file) => file.slice(folder.length + "/reports/".length)),
    ["index.html", "00_data.html", "01_train.html", "03_odd.html", "mine.html", "differences.html"],
  );
  assert.deepEqual(said.map((line) => line.slice(folder.length + 1)).sort(), [
    "Untitled.ipynb: no page is written, for it is empty.",
    "python.ipynb: no page is written, for it was not run. deno task reproduce runs those with a number.",
  ]);
  assert.deepEqual(leftOut.map((line) => line.slice(folder.length + 1)).sort(), [
    "02_old.ipynb: expected nbformat 4, got 3.0. Opening and saving it in JupyterLab brings it up to date.",
    '03_odd.ipynb: cell 1 (h): field cell_type: expected "markdown", "code" or "raw".',
    '03_odd.ipynb: cell 2 (c): field outputs.1.output_type: expected "stream", "display_data", "execute_result" ' +
    'or "error".',
    `03_odd.ipynb: cell 3 (d): The text that begins with "${
      ">".repeat(40)
    }" is nested too deeply to be shown. ` +
    "Take its lists, quotes or braces apart.",
    "03_odd.ipynb: field metadata.sjea.facts.Seeds: Invalid input: expected string, received number.",
    "index.ipynb: no page is written, for index.html is the overview. Give the notebook another name.",
    "mine.ipynb: cell 1 (m): the image https://example.org/logo.png is not shown, for pages load nothing. " +
    "Expected a relative path of a file: .gif, .jpeg, .jpg, .png, .svg, .webp.",
  ]);
  const [overview, , , odd, mine] = await Promise.all(files.map((file) => Deno.readTextFile(file)));
  assert.match(overview, /the paper beside ours/);
  assert.match(odd, /Not shown here: field cell_type.*kept.*Not shown here/s);
  assert.match(mine, /<pre class="stream">words<\/pre>/);
});

Deno.test("the same notebook gives the same page", async () => {
  const page = notebook([
    cell(
      "c",
      "1;",
      (await exampleNotebook()).cells.flatMap((cell) => cell.cell_type === "code" ? cell.outputs : []),
    ),
  ]);
  assert.equal(await renderReport(page, options), await renderReport(page, options));
});

Deno.test("texts are pages after the notebooks', linked with them and from the first page", async () => {
  const folder = await exampleFolder();
  const write = (name: string, text: string) => Deno.writeTextFile(`${folder}/${name}.md`, text);
  await Promise.all([
    write(
      "manual",
      "# Manual\n\nAll of it.\n\n## Parts\n\n[data](00_data.ipynb#x), [why](differences.md#A-b), [code](../lib)",
    ),
    ...["empty", "00_data", "Index", "explorer"].map((name) =>
      write(name, name === "empty" ? " \n" : "# Another")
    ),
  ]);
  const { files, leftOut } = await renderReports(folder);
  assert.deepEqual(files.slice(3), ["differences", "manual"].map((name) => `${folder}/reports/${name}.html`));
  assert.deepEqual(
    leftOut,
    [["00_data.md", "00_data.html"], ["Index.md", "Index.html"], ["explorer.md", "explorer.html"]].map((
      [text, file],
    ) => `${folder}/${text}: no page is written, for ${file} is another one. Give the text another name.`),
  );
  const [index, manual] = await Promise.all([files[0], files[4]].map((file) => Deno.readTextFile(file)));
  assert.match(index, /<a href="manual\.html">Manual<\/a><p>All of it\.<\/p>/);
  assert.match(manual, /<h1>Manual<\/h1>/);
  assert.match(manual, /<li><a href="#parts">Parts<\/a><\/li>/);
  assert.deepEqual(
    [...manual.matchAll(/<a href="([^"]*)">(?:data|why|code)</g)].map(([, href]) => href),
    ["00_data.html#x", "differences.html#a-b", "../../lib"],
  );
  assert.match(manual, /<a rel="prev" href="differences\.html">/);
});
