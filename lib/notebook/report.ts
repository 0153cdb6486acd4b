/**
 * A notebook as one page that stands for itself: nothing is loaded, nothing is
 * trained, and without scripts or on paper its charts are pictures.
 *
 * @module
 */
import { escapeHtml } from "./html.ts";
import type { CodeCell, Notebook } from "./ipynb.ts";
import { highlight, markdownRenderer, takeTitle } from "./markdown.ts";
import { hasCharts, outputId, type OutputOptions, renderOutput } from "./output.ts";
import { type Fact, factList, page, type PageLink, pageScripts } from "./page.ts";

/** What a page says beside its notebook. */
export interface ReportOptions {
  /** Path of the notebook: its images are looked for beside it, and errors name it. */
  readonly path: string;
  /** File name of the page. */
  readonly file: string;
  /** All pages but the index, in order. */
  readonly pages: readonly PageLink[];
  /** What the outputs come from: preset, copy of the data, seeds, date. */
  readonly facts: readonly Fact[];
}

/**
 * Title and summary of a notebook.
 *
 * @param notebook The notebook.
 * @returns Its first heading and first paragraph, markdown; undefined where it has none.
 */
export function titleOf({ cells: [first] }: Notebook): { title?: string; summary?: string } {
  if (first?.cell_type !== "markdown") return {};
  const { title, summary } = takeTitle(first.source);
  return { title, summary };
}

/**
 * Renders a notebook. The page is for a folder `reports` beside the notebook.
 *
 * @param notebook The notebook, with the outputs that it has.
 * @param options What the page says beside it.
 * @returns An HTML document.
 * @throws {DataError} An image of the text is missing.
 * @example
 * ```ts
 * import { parseNotebook } from "./ipynb.ts";
 * import { renderReport } from "./report.ts";
 * const cells = [{ cell_type: "markdown", id: "a", metadata: {}, source: "# Data" }];
 * const notebook = parseNotebook(JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells }), "data");
 * const options = { path: "notebooks/data.ipynb", file: "data.html", pages: [], facts: [] };
 * const html = await renderReport(notebook, options);
 * if (!html.includes("<h1>Data</h1>")) throw new Error(html);
 * ```
 */
export async function renderReport(notebook: Notebook, options: ReportOptions): Promise<string> {
  const { path, file, pages, facts } = options;
  const markdown = markdownRenderer(path);
  const { title } = titleOf(notebook);
  const outputs = { interactive: true, markdown: markdown.render };
  const parts: string[] = [];
  for (const [at, cell] of notebook.cells.entries()) {
    if (cell.cell_type === "code") parts.push(await codeCell(cell, outputs));
    else parts.push(await markdown.render(at === 0 ? takeTitle(cell.source).rest : cell.source));
  }
  return page({
    title: title ?? file,
    file,
    pages,
    main: [
      `<div class="head"><h1>${escapeHtml(title ?? file)}</h1>${factList(facts)}</div>`,
      ...parts,
    ].join("\n"),
    sections: markdown.sections,
    tools: `<button type="button" aria-pressed="false" hidden>Hide code</button>`,
    scripts: await pageScripts(hasCharts(notebook)),
  });
}

async function codeCell(cell: CodeCell, options: OutputOptions): Promise<string> {
  const { source, execution_count: count, outputs } = cell;
  const shown: string[] = [];
  for (const [at, output] of outputs.entries()) {
    shown.push(await renderOutput(output, { ...options, id: outputId(cell, at) }));
  }
  if (source.trim() === "") return shown.join("\n");
  const lines = source.trimEnd().split("\n").length;
  return `<details class="code" open><summary>Cell ${count ?? "not run"}<span>, ${lines} ${
    lines === 1 ? "line" : "lines"
  }</span></summary><pre><code>${highlight(source.trimEnd(), "typescript")}</code></pre></details>
${shown.join("\n")}`;
}
