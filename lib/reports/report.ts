/**
 * A notebook as one page: nothing is trained, and without scripts or on paper its
 * charts are pictures.
 *
 * @module
 */
import { basename } from "@std/path";
import { escapeHtml } from "../notebook/html.ts";
import type { CodeCell, Notebook } from "../notebook/ipynb.ts";
import { withoutCaptions } from "../notebook/label.ts";
import { highlight, markdownRenderer, takeTitle } from "./markdown.ts";
import { hasCharts, outputId, type OutputOptions, renderOutput } from "./output.ts";
import { type Fact, factList, page, type PageLink, pageScript, vegaScripts } from "./page.ts";

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
  /** File beside the page with what draws charts; absent: it is in the page, if there are any. */
  readonly vega?: string;
  /** Address of what the page shows, as it is; absent: there is none. */
  readonly source?: string;
  /** Is told of each part that cannot be shown, with its cell. */
  readonly leaveOut: (fault: string) => void;
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
 * @example
 * ```ts
 * import { parseNotebook } from "../notebook/ipynb.ts";
 * import { renderReport } from "./report.ts";
 * const cells = [{ cell_type: "markdown", id: "a", metadata: {}, source: "# Data" }];
 * const notebook = parseNotebook(JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells }), "data");
 * const leaveOut = (fault: string) => console.warn(fault);
 * const options = { path: "notebooks/data.ipynb", file: "data.html", pages: [], facts: [], leaveOut };
 * const html = await renderReport(notebook, options);
 * if (!html.includes("<h1>Data</h1>")) throw new Error(html);
 * ```
 */
export async function renderReport(notebook: Notebook, options: ReportOptions): Promise<string> {
  const { path, file, pages, facts, vega, source } = options, charts = hasCharts(notebook);
  const code = notebook.cells.some(({ cell_type }) => cell_type === "code");
  const markdown = markdownRenderer(path);
  const { title } = titleOf(notebook);
  const language = languageOf(notebook);
  const parts: string[] = [];
  for (const [at, cell] of notebook.cells.entries()) {
    const leaveOut = (fault: string) => options.leaveOut(`${path}: cell ${at + 1} (${cell.id}): ${fault}`);
    const { source, attachments } = cell;
    const render = (text: string) => markdown.render(text, { attachments, leaveOut });
    if (cell.cell_type === "raw") parts.push(`<pre class="stream">${escapeHtml(source)}</pre>`);
    else if (cell.cell_type === "markdown") {
      parts.push(await render(at === 0 ? takeTitle(source).rest : source));
    } else parts.push(await codeCell(cell, language, { interactive: true, markdown: render, leaveOut }));
  }
  return page({
    title: title ?? file,
    file,
    pages,
    main: [
      `<div class="head"><h1>${escapeHtml(title ?? file)}</h1>${factList(facts)}${
        source === undefined
          ? ""
          : `<p>Source: <a href="${escapeHtml(source)}">${escapeHtml(basename(path))}</a></p>`
      }</div>`,
      ...parts,
    ].join("\n"),
    sections: markdown.sections,
    ...code && { tools: `<button type="button" aria-pressed="false" hidden>Show code</button>` },
    ...charts && vega && { beside: vega },
    scripts: [...charts && !vega ? await vegaScripts() : [], ...code ? [pageScript] : []],
  });
}

/** The language of the code as `highlight` knows it. */
function languageOf({ metadata: { kernelspec, language_info } }: Notebook): string {
  const names = [Object(language_info).name, Object(kernelspec).language];
  const language = names.find((name) => typeof name === "string") ?? "typescript";
  return language === "javascript" ? "typescript" : language;
}

async function codeCell(cell: CodeCell, language: string, options: OutputOptions): Promise<string> {
  const { source, execution_count: count, outputs } = cell;
  const shown: string[] = [];
  for (const [at, output] of withoutCaptions(outputs).entries()) {
    shown.push(await renderOutput(output, { ...options, id: outputId(cell, at) }));
  }
  if (source.trim() === "") return shown.join("\n");
  const lines = source.trimEnd().split("\n").length;
  const [first] = source.trim().split("\n", 1);
  return `<details class="code" open><summary>Cell ${count ?? "not run"}<span>, ${lines} ${
    lines === 1 ? "line" : "lines"
  }: <code>${escapeHtml(first)}</code></span></summary><pre tabindex="0"><code>${
    highlight(source.trimEnd(), language)
  }</code></pre></details>
${shown.join("\n")}`;
}
