/**
 * What all pages have in common: the frame, its style, and a policy by which a
 * browser loads nothing and runs nothing but the page's own scripts.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { escapeHtml } from "../notebook/html.ts";
import script from "./page.js" with { type: "text" };
import common from "./page.css" with { type: "text" };

/** A page of the set. */
export interface PageLink {
  /** File name. */
  readonly file: string;
  /** Text. */
  readonly title: string;
}

/** A line of what a page is made from, such as `["Seeds", "0"]`. */
export type Fact = readonly [label: string, value: string];

/** The parts of a page. Those of the body are HTML. */
export interface PageParts {
  /** Text. */
  readonly title: string;
  readonly file: string;
  /** All pages but the index, in order. */
  readonly pages: readonly PageLink[];
  readonly main: string;
  /** Links into the page. */
  readonly sections: readonly { readonly id: string; readonly title: string }[];
  /** Buttons of the top bar. */
  readonly tools?: string;
  /** Rules beside those of all pages. */
  readonly style?: string;
  /** File beside the page whose script runs before the others. */
  readonly beside?: string;
  /** Run in order, after the body. */
  readonly scripts?: readonly string[];
  /** Whether its scripts may ask the server that it came from. */
  readonly live?: boolean;
  /** Whether its scripts run WebAssembly, which the page holds as data URLs. */
  readonly wasm?: boolean;
}

/** File name of the first page. */
export const INDEX = "index.html";

/**
 * Puts a page together.
 *
 * @param parts Its parts.
 * @returns The document.
 */
export function page(parts: PageParts): string {
  const { title, file, pages, main, sections, tools = "", style = "", beside, scripts = [] } = parts;
  const { live = false, wasm = false } = parts;
  const hashes = scripts.map((text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`);
  const connected = [...live ? ["'self'"] : [], ...wasm ? ["data:"] : []];
  const policy = [
    "default-src 'none'",
    "img-src data:",
    "style-src 'unsafe-inline'",
    `script-src ${
      [...beside ? ["'self'"] : [], ...hashes, ...wasm ? ["'wasm-unsafe-eval'"] : []].join(" ") || "'none'"
    }`,
    ...connected.length > 0 ? [`connect-src ${connected.join(" ")}`] : [],
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const inside = `<ul>${
    sections.map(({ id, title }) => `<li><a href="#${escapeHtml(id)}">${title}</a></li>`).join("")
  }</ul>`;
  const link = (to: PageLink) => {
    const here = to.file === file;
    const mark = here ? ' aria-current="page"' : "";
    return `<li><a href="${encodeURIComponent(to.file)}"${mark}>${escapeHtml(to.title)}</a>${
      here ? inside : ""
    }</li>`;
  };
  const at = pages.findIndex((page) => page.file === file);
  const neighbour = (rel: "prev" | "next", to: PageLink | undefined) =>
    to
      ? `<a rel="${rel}" href="${encodeURIComponent(to.file)}"><small>${
        rel === "prev" ? "Before" : "Next"
      }</small>${escapeHtml(to.title)}</a>`
      : "";
  const pager = neighbour("prev", pages[at - 1]) + neighbour("next", pages[at + 1]);
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)}</title>
<style>
${common}${style}</style>
</head>
<body>
<a class="skip" href="#page_main">Skip to the text</a>
<header class="bar"><a class="home" href="${INDEX}">S-JEA notebooks</a>${tools}<a class="jump" href="#page_contents">Contents</a></header>
<div class="columns">
<nav class="contents" id="page_contents" aria-label="Contents">
<ol>${[{ file: INDEX, title: "Overview" }, ...pages].map(link).join("\n")}</ol>
</nav>
<main id="page_main" tabindex="-1">
${main}
${pager ? `<nav class="pager" aria-label="Neighbouring pages">${pager}</nav>` : ""}
</main>
</div>
${beside ? `<script src="${encodeURIComponent(beside)}"></script>\n` : ""}${
    scripts.map((text) => `<script>${text}</script>`).join("\n")
  }
</body>
</html>
`;
}

/**
 * Facts as a list of one line.
 *
 * @param facts The facts.
 * @returns HTML.
 */
export function factList(facts: readonly Fact[]): string {
  if (facts.length === 0) return "";
  const lines = facts.map(([label, value]) =>
    `<div><dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}</dd></div>`
  );
  return `<dl class="facts">${lines.join("")}</dl>`;
}

/** Browser builds in the order in which they need each other. */
const BUILDS = [["vega", "vega.min.js"], ["vega-lite", "vega-lite.min.js"], [
  "vega-embed",
  "vega-embed.min.js",
]] as const;

/** What makes a page of a notebook answer. */
export const pageScript = script;

/** What draws charts, as texts of scripts. */
export async function vegaScripts(): Promise<string[]> {
  // Only what is imported somewhere is in the cache, where its address is then that of a file.
  await import("vega-embed");
  return await Promise.all(
    BUILDS.map(([name, file]) => Deno.readTextFile(new URL(file, import.meta.resolve(name)))),
  );
}
