/**
 * The first page: every table and figure of the paper beside ours at a glance.
 *
 * @module
 */
import { escapeHtml } from "../notebook/html.ts";
import type { Notebook } from "../notebook/ipynb.ts";
import { markdownRenderer } from "./markdown.ts";
import { type Exhibit, exhibits, renderOutput } from "./output.ts";
import { type Fact, factList, INDEX, page, type PageLink } from "./page.ts";

/** The paper's tables and figures in the order of its argument. */
const ORDER = ["Table 1", "Figure 2", "Table 2", "Table 3", "Figure 3", "Figure 4"];

/** A notebook and its page. */
export interface IndexEntry extends PageLink {
  /** Markdown. */
  readonly summary: string;
  readonly notebook: Notebook;
}

/** What the first page says. */
export interface IndexOptions {
  readonly pages: readonly IndexEntry[];
  /** What is said of the paper's claims, in markdown. */
  readonly verdicts: string;
  /** Environment and durations. */
  readonly facts: readonly Fact[];
  /** What differs from the paper and why, in markdown; no such section if empty. */
  readonly differences: string;
  /** File that `differences` is from. */
  readonly path: string;
  /** Is told of each part of `differences` that cannot be shown. */
  readonly leaveOut: (fault: string) => void;
}

/**
 * Renders the first page. It has no scripts: charts are pictures that lead to
 * the interactive ones.
 *
 * @param options What it says.
 * @returns An HTML document.
 */
export async function renderIndex(options: IndexOptions): Promise<string> {
  const { pages, verdicts, facts, differences, path } = options;
  const { render } = markdownRenderer(path);
  // The notebooks' own pages are where their faults are told.
  const leaveOut = () => {}, markdown = (text: string) => render(text, { leaveOut });
  const found = ordered(
    pages.flatMap((page) => exhibits(page.notebook).map((exhibit) => ({ ...exhibit, page }))),
  );
  const glance = ORDER.map((name) => {
    const at = found.findIndex((exhibit) => rank(exhibit.name) === ORDER.indexOf(name));
    return at < 0
      ? `<li>${name}<small>not in these notebooks</small></li>`
      : `<li><a href="#exhibit_${at}">${name}</a></li>`;
  });
  const figures: string[] = [];
  for (const [at, { name, output, id, page }] of found.entries()) {
    const href = escapeHtml(`${encodeURIComponent(page.file)}#${id}`);
    const after = ` <a href="${href}" aria-label="${escapeHtml(`${name} in ${page.title}`)}">${
      escapeHtml(page.title)
    } →</a>`;
    figures.push(
      await renderOutput(output, { id: `exhibit_${at}`, interactive: false, markdown, leaveOut, after }),
    );
  }
  const list: string[] = [];
  for (const { file, title, summary } of pages) {
    list.push(
      `<li><a href="${encodeURIComponent(file)}">${escapeHtml(title)}</a>${await markdown(summary)}</li>`,
    );
  }
  const sections = [
    {
      id: "what_was_found",
      title: "What was found",
      html: await markdown(verdicts),
    },
    {
      id: "tables_and_figures",
      title: "Tables and figures",
      html: `<ul class="glance">${glance.join("")}</ul>\n${figures.join("\n")}`,
    },
    {
      id: "what_differs",
      title: "What differs, and why",
      html: await render(differences, { leaveOut: (fault) => options.leaveOut(`${path}: ${fault}`) }),
    },
    {
      id: "the_notebooks",
      title: "Notebooks",
      html: list.length > 0 ? `<ol class="notebooks">${list.join("\n")}</ol>` : "",
    },
    { id: "the_environment", title: "Environment and durations", html: factList(facts) },
  ].filter(({ html }) => html !== "");
  return page({
    title: "S-JEA: the paper beside ours",
    file: INDEX,
    pages,
    main: [
      `<div class="head"><h1>S-JEA: the paper beside ours</h1><p>The tables and figures of <a href="https://arxiv.org/abs/2305.11701">Stacked Joint Embedding Architectures</a> as these notebooks reproduce them, beside the paper’s numbers; STL-10’s half of Table 1 is missing. Each leads to the notebook that made it.</p></div>`,
      ...sections.map(({ id, title, html }) =>
        `<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>\n${html}</section>`
      ),
    ].join("\n"),
    sections,
  });
}

/** In the paper's order; what it does not know comes last, in the notebooks' order. */
function ordered<Known extends Exhibit>(exhibits: readonly Known[]): Known[] {
  return exhibits.toSorted((a, b) => rank(a.name) - rank(b.name));
}

/** `Figure 4, left` ranks as `Figure 4`. */
function rank(name: string): number {
  const at = ORDER.findIndex((known) => name.startsWith(known) && !/^\d/.test(name.slice(known.length)));
  return at < 0 ? ORDER.length : at;
}
