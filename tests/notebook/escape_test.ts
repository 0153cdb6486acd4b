/** Names, texts and outputs that would run if a page took them for more than text. */
import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { comparison } from "../../lib/charts/comparison.ts";
import { confusionMatrix } from "../../lib/charts/confusion.ts";
import { covarianceCurves } from "../../lib/charts/covariance.ts";
import { embedding } from "../../lib/charts/embedding.ts";
import { imageGrid } from "../../lib/charts/image_grid.ts";
import { toPng, toSvg } from "../../lib/charts/render.ts";
import { subClusters } from "../../lib/charts/sub_clusters.ts";
import type { Chart } from "../../lib/charts/theme.ts";
import { contactSheet, thumbnail } from "../../lib/charts/thumbnails.ts";
import { trainingCurves } from "../../lib/charts/training_curves.ts";
import type { Output } from "../../lib/notebook/ipynb.ts";
import { renderReports } from "../../lib/reports/render_reports.ts";
import { chartBundle } from "../../lib/notebook/show.ts";
import { tableBundle } from "../../lib/notebook/table.ts";
import { clouds, photograph, words } from "../charts/drawn.ts";
import { log } from "../charts/examples.ts";
import { launch, noBrowser } from "./browser.ts";
import { cell, notebook, shown } from "./example.ts";

const SCRIPT = "<script>alert(1)</script>";
/** One for each place from which a text could break out. */
const HOSTILE = [
  SCRIPT,
  `</script><script>alert(1)</script>`,
  `<img src=x onerror=alert(1)>`,
  `"><svg onload=alert(1)>`,
  `' onmouseover='alert(1)' x='`,
  `--><iframe srcdoc="<script>parent.alert(1)</script>">`,
  `</title></style></pre></main><body onload=alert(1)>`,
  `<a href="javascript:alert(1)">x</a>`,
  `javascript:alert(1)`,
  "${alert(1)}{{alert(1)}}",
];
const ALL = HOSTILE.join(" ");

const labels = Uint8Array.from({ length: 40 }, (_, at) => at % HOSTILE.length);
const image = thumbnail(photograph(1, 16), 16);
const points = clouds(labels, 1);

/** Every chart that takes a name from outside. */
const CHARTS: Readonly<Record<string, Chart>> = {
  embedding: embedding([{ title: SCRIPT, points }], {
    labels,
    classes: HOSTILE,
    images: new Map([...labels].map((_, at) => [at, image])),
  }),
  "confusion matrix": confusionMatrix(HOSTILE.map((_, row) => HOSTILE.map((_, at) => row + at)), HOSTILE),
  "image grid": imageGrid([{ images: HOSTILE.map(() => image), captions: HOSTILE }]),
  comparison: comparison([{ label: SCRIPT, metric: SCRIPT, ours: 79.1, std: 0.4, paper: 80.5 }]),
  "training curves": trainingCurves([log(SCRIPT, 1, 3), log("VICReg", 1, 3)]),
  "covariance curves": covarianceCurves([{ name: SCRIPT, epochs: [1, 2], values: [1, 2] }]),
  "sub-clusters": subClusters({
    ...{ title: SCRIPT, points, clusters: labels.map((label) => label % 2) },
    strips: [1, 2].map((seed) => contactSheet([photograph(seed, 16)], 16, 1)),
  }),
};

for (const [name, chart] of Object.entries(CHARTS)) {
  Deno.test(`a class that is called a script is a word in the picture: ${name}`, async () => {
    const svg = await toSvg(chart);
    const bare = svg.replace(/="[^"<]*"/g, '=""');
    assert.doesNotMatch(bare, /<(script|iframe|foreignObject|a)\b|<[^>]*\son\w+=/i);
    // There may be no room for all of it.
    assert.ok(words(svg).some((word) => word.startsWith("&lt;script&gt;al")), words(svg).join("\n"));
    assert.ok((await toPng(chart, 1)).length > 1000);
  });
}

/** A chart whose author is hostile: names of fields, links, addresses of images and data, options for embedding. */
const hostileSpec = {
  $schema: "https://vega.github.io/schema/vega-lite/v6.json",
  title: HOSTILE,
  description: ALL,
  usermeta: { embedOptions: { actions: true, loader: { sanitize: SCRIPT }, tooltip: { theme: SCRIPT } } },
  data: {
    values: HOSTILE.map((name, x) => ({ x, [SCRIPT]: name, link: name, image: `data:image/png,${name}` })),
  },
  mark: { type: "circle", size: 900 },
  encoding: {
    x: { field: "x", type: "quantitative", title: ALL },
    color: { field: SCRIPT, type: "nominal" },
    href: { field: "link" },
    tooltip: [{ field: SCRIPT }, { field: "image" }, { field: "link", title: SCRIPT }],
  },
};

const svg = `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">${SCRIPT}</svg>`;
const MARKDOWN = `# ${ALL}

## ${ALL}

${ALL}

${HOSTILE.map((text) => `- ${text}\n- **${text}**\n- \`${text}\``).join("\n")}

[x](javascript:alert(1)) [x](<java\tscript:alert(1)>) [x](data:text/html,${encodeURI(SCRIPT)}) [x][r]
<javascript:alert(1)> <a href="JaVaScRiPt:alert(1)">x</a> <details open ontoggle=alert(1)>x</details>
![${SCRIPT}](data:image/png;base64,x "${SCRIPT.replaceAll('"', "")}")
![x](data:image/png,x"onerror="alert(1))

$\\href{javascript:alert(1)}{x}$ $\\text{${SCRIPT}}$ $\\htmlData{onclick=alert(1)}{x}$

| ${SCRIPT} | <img src=x onerror=alert(1)> |
|---|---|
| ${SCRIPT} | "><b onclick=alert(1)> |

\`\`\`${SCRIPT}
${ALL}
\`\`\`

[r]: javascript:alert(1)
`;

async function hostileFolder(): Promise<string> {
  const label = { exhibit: ALL, caption: ALL };
  const outputs: Output[] = [
    { output_type: "stream", name: "stdout", text: ALL },
    {
      output_type: "stream",
      name: "stderr",
      text: `\u001b[31m${ALL}\u001b]8;;javascript:alert(1)\u0007x\u001b]8;;\u0007`,
    },
    { output_type: "error", ename: ALL, evalue: ALL, traceback: [] },
    { output_type: "error", ename: ALL, evalue: ALL, traceback: [ALL] },
    ...[
      { "text/plain": ALL },
      { "text/html": ALL },
      {
        "text/html":
          `<table><tr><td>${ALL}</td></tr></table><b onclick="alert(1)" style="position:fixed">x</b>`,
      },
      { "text/markdown": MARKDOWN },
      { "image/png": ALL, "text/plain": ALL },
      { "image/svg+xml": svg, "text/plain": ALL },
      { "application/javascript": "alert(1)" },
      { [ALL]: ALL },
      { "application/vnd.vegalite.v5+json": hostileSpec, "text/plain": ALL },
      tableBundle({ columns: [ALL], rows: [[ALL]], notes: [ALL] }, label),
      await chartBundle(CHARTS.embedding, label),
    ].flatMap((data) => [shown(data), shown(data, label)]),
  ];
  const words = { [ALL]: ALL };
  const page = notebook([cell("m", MARKDOWN), cell("c", ALL, outputs)], {
    sjea: { facts: words, environment: words },
  });
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/01_'"><img src=x onerror=alert(1)>.ipynb`, JSON.stringify(page));
  await Deno.writeTextFile(`${folder}/differences.md`, MARKDOWN);
  return folder;
}

let browser: Browser | undefined, pages: string[];

Deno.test.beforeAll(async () => {
  if (noBrowser) return;
  browser = await launch();
  ({ files: pages } = await renderReports(await hostileFolder()));
});
Deno.test.afterAll(async () => await browser?.close());

/** Elements that only something hostile can have made: whatever handles an event, loads, or links to a script. */
const FOREIGN = `[...document.querySelectorAll("*")].filter((element) =>
  ["IFRAME", "OBJECT", "EMBED", "BASE"].includes(element.tagName) ||
  [...element.attributes].some(({ name, value }) =>
    /^on/i.test(name) || /^(xlink:)?(href|src|srcdoc)$/.test(name) && /^\\s*(java\\s*script|data:text|vbscript):?/i.test(value))
).map((element) => element.outerHTML.slice(0, 200))`;

for (const bypassCSP of [false, true]) {
  Deno.test({
    name: `nothing hostile runs in a browser, ${bypassCSP ? "even without" : "with"} the page's policy`,
    ignore: noBrowser,
    // Playwright keeps processes and timers of its own between tests.
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      const context = await browser!.newContext({ bypassCSP, viewport: { width: 1280, height: 900 } });
      context.setDefaultTimeout(60_000);
      for (const file of pages) {
        const page = await context.newPage(), ran: string[] = [];
        page.on("dialog", (dialog) => {
          ran.push(`${dialog.type()} ${dialog.message()}`);
          dialog.dismiss();
        });
        const url = `file://${encodeURI(file)}`, beside = url.replace(/[^/]*$/, "vega.js");
        page.on("request", (request) => {
          const known = request.url().startsWith("data:") || request.url() === beside;
          if (!request.isNavigationRequest() && !known) ran.push(request.url());
        });
        await page.goto(url);
        await useAll(page);
        const scripts = await page.locator("script:not([type])").count();
        assert.equal(scripts, /(index|differences)\.html$/.test(file) ? 0 : 2, "the page's own scripts");
        assert.deepEqual(await page.evaluate(FOREIGN), []);
        const text = await page.locator("main").innerText();
        for (const word of HOSTILE) assert.ok(text.includes(word), word);
        assert.equal(page.url(), url, "no link left the page");
        assert.deepEqual(ran, []);
        await page.close();
      }
      await context.close();
    },
  });
}

/** Draws every chart and points at a mark, whose tooltip shows its name; clicks where a link would run. */
async function useAll(page: Page): Promise<void> {
  for (const chart of await page.locator(".chart").all()) {
    await chart.scrollIntoViewIfNeeded();
    await chart.locator(":is(svg, canvas).marks").waitFor();
    const mark = chart.locator(".mark-symbol.role-mark path").first();
    await mark.hover({ force: true });
    const tooltip = page.locator("#vg-tooltip-element.visible");
    await tooltip.waitFor();
    assert.ok((await tooltip.innerText()).includes(SCRIPT), await tooltip.innerText());
    await chart.locator(".mark-symbol.role-mark path").nth(HOSTILE.indexOf("javascript:alert(1)"))
      .click({ force: true });
  }
}
