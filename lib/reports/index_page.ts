/**
 * The first page: every table and figure of the paper beside ours at a glance.
 *
 * @module
 */
import { intervals } from "../charts/intervals.ts";
import { toSvg } from "../charts/render.ts";
import { ON_DARK } from "../charts/theme.ts";
import { budgetSentence, type ClaimVerdict, verdictList, verdictSummary } from "../experiments/claims.ts";
import { escapeHtml } from "../notebook/html.ts";
import type { Notebook } from "../notebook/ipynb.ts";
import { markdownRenderer } from "./markdown.ts";
import { type Exhibit, exhibits, renderOutput, svgImage } from "./output.ts";
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
  readonly notebooks: readonly IndexEntry[];
  /** Pages of texts. */
  readonly texts: readonly IndexEntry[];
  /** File of the explorer, if there is one. */
  readonly explorer?: string;
  /** What is said of the paper's claims; no such section if none. */
  readonly judged: readonly ClaimVerdict[];
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
  const { notebooks, texts, explorer, judged, facts, differences, path } = options;
  const { render } = markdownRenderer(path);
  // The notebooks' own pages are where their faults are told.
  const leaveOut = () => {}, markdown = (text: string) => render(text, { leaveOut });
  const found = ordered(
    notebooks.flatMap((page) => exhibits(page.notebook).map((exhibit) => ({ ...exhibit, page }))),
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
  const list = async (entries: readonly IndexEntry[]) => {
    const lines: string[] = [];
    for (const { file, title, summary } of entries) {
      lines.push(
        `<li><a href="${encodeURIComponent(file)}">${escapeHtml(title)}</a>${await markdown(summary)}</li>`,
      );
    }
    return lines.length > 0 ? `<ol class="notebooks">${lines.join("\n")}</ol>` : "";
  };
  const sections = [
    {
      id: "what_was_found",
      title: "What was found",
      html: judged.length > 0 ? await answer(judged, markdown) : "",
    },
    { id: "to_run_it_again", title: "To run it again", html: await markdown(AGAIN) },
    {
      id: "tables_and_figures",
      title: "Tables and figures",
      html: `<ul class="glance">${glance.join("")}${
        explorer ? `<li><a href="${encodeURIComponent(explorer)}">Explorer of all images</a></li>` : ""
      }</ul>\n${figures.join("\n")}`,
    },
    {
      id: "what_differs",
      title: "What differs, and why",
      html: await render(differences, { leaveOut: (fault) => options.leaveOut(`${path}: ${fault}`) }),
    },
    {
      id: "the_notebooks",
      title: "Notebooks",
      html: await list(notebooks),
    },
    { id: "to_read_on", title: "To read on", html: await list(texts) },
    { id: "to_cite", title: "To cite", html: await markdown(CITATIONS) },
    { id: "the_environment", title: "Environment and durations", html: factList(facts) },
  ].filter(({ html }) => html !== "");
  return page({
    title: "S-JEA: the paper beside ours",
    file: INDEX,
    pages: [...notebooks, ...texts],
    main: [
      `<div class="head"><h1>S-JEA: the paper beside ours</h1><p>VICReg trains an encoder of images without labels: two views of an image shall be represented alike, two images differently. <a href="https://arxiv.org/abs/2305.11701">Stacked Joint Embedding Architectures</a> (S-JEA) says: put a second encoder on the map of the first one, give each a loss of its own, and the upper one learns a better representation than VICReg’s, with as many parameters as one deep encoder, in which classes fall into sub-categories. Its claims are judged here by rules that stood before the trainings, and its tables and figures stand beside ours; STL-10’s half of Table 1 is missing.</p></div>`,
      ...sections.map(({ id, title, html }) =>
        `<section aria-labelledby="${id}"><h2 id="${id}">${title} <a class="anchor" href="#${id}" aria-label="Link to this part">#</a></h2>\n${html}</section>`
      ),
    ].join("\n"),
    sections,
  });
}

/** What was found, from the whole to each claim. */
async function answer(
  judged: readonly ClaimVerdict[],
  markdown: (text: string) => Promise<string>,
): Promise<string> {
  const rows = judged.flatMap(({ id, comparisons }) =>
    comparisons.flatMap(({ name, judgement: { mean, interval }, paper }) =>
      interval === null ? [] : [{ label: id, name, mean, interval, ...paper !== null && { paper } }]
    )
  );
  const words = "Differences that decide, with 95 % intervals over seeds; rings are the paper’s";
  const picture = rows.length === 0
    ? ""
    : `<figure class="output"><div class="picture themed">${
      svgImage(onBoth(await toSvg(intervals(rows))), words)
    }</div><figcaption>${words}.</figcaption></figure>`;
  return [
    await markdown(
      `${verdictSummary(judged)} ${
        budgetSentence(judged)
      } A claim is supported where the interval of a paired difference over seeds lies ` +
        "on its side of zero, or within its margins, and refuted where it lies on the other side. Top-1 is the " +
        "percentage of test images whose class one linear layer tells by the frozen encoder, RankMe about how many " +
        "directions its representations use, and n the number of trainings, each from a seed of its own.",
    ),
    picture,
    await markdown(verdictList(judged)),
  ].join("\n");
}

/** A chart that follows its page, light or dark. */
function onBoth(svg: string): string {
  const rules = Object.entries(ON_DARK).flatMap(([light, dark]) =>
    ["fill", "stroke"].map((name) => `[${name}="${light}"]{${name}:${dark}}`)
  );
  return svg.replace(
    /<svg[^>]*>/,
    (start) => `${start}<style>@media(prefers-color-scheme:dark){${rules.join("")}}</style>`,
  );
}

/** How all of it is made once more. */
const AGAIN = `\`\`\`
deno task reproduce                      # trains, evaluates, prints Table 1 beside the paper's, makes pages like these
deno task reproduce --preset paper       # the authors' recipe at full size; --help has all presets and their times
deno task verdicts                       # judges the claims from stored scores, without training
\`\`\`

In the project's folder, with [Deno](https://deno.com); \`npx -y deno@${Deno.version.deno} task reproduce\` does without it. TensorFlow
and data are found or fetched. The command that trains anew what a claim is judged by stands behind it, above.
`;

const CITATIONS = `\`\`\`
@misc{sjea,
  archiveprefix = {arXiv},
  title  = {{S-JEA}: Stacked Joint Embedding Architectures},
  author = {Manová and Durrant and Leontidis},
  year   = {2023},
  eprint = {2305.11701}
}
\`\`\`
`;

/** In the paper's order; what it does not know comes last, in the notebooks' order. */
function ordered<Known extends Exhibit>(exhibits: readonly Known[]): Known[] {
  return exhibits.toSorted((a, b) => rank(a.name) - rank(b.name));
}

/** `Figure 4, left` ranks as `Figure 4`. */
function rank(name: string): number {
  const at = ORDER.findIndex((known) => name.startsWith(known) && !/^\d/.test(name.slice(known.length)));
  return at < 0 ? ORDER.length : at;
}
