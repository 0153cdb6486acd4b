/**
 * Markdown with equations and code as HTML that needs nothing from elsewhere.
 *
 * @module
 */
import { dirname, extname, join } from "@std/path";
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import json from "highlight.js/lib/languages/json";
import typescript from "highlight.js/lib/languages/typescript";
import { Marked, type Token, type Tokens } from "marked";
import katex from "marked-katex-extension";
import { DataError } from "../base/errors.ts";
import { escapeHtml, htmlFilter } from "./html.ts";

hljs.registerLanguage("typescript", typescript);
hljs.registerLanguage("bash", bash);
hljs.registerLanguage("json", json);

/** A section of the page. */
export interface Section {
  readonly id: string;
  /** HTML without links. */
  readonly title: string;
}

/** Texts of one page, rendered in order. */
export interface MarkdownRenderer {
  render(markdown: string): Promise<string>;
  /** The headings of the second level so far. */
  readonly sections: readonly Section[];
}

/**
 * A renderer for the texts of one page in a folder beside their file; the ids
 * of its headings are unique. HTML inside a text passes `htmlFilter`, links lead
 * to web pages, mail, files or into the page, and images of files become data URIs.
 *
 * @param path The file that the texts are from: images are looked for beside it, and errors name it.
 * @returns The renderer.
 * @example
 * ```ts
 * import { markdownRenderer } from "./markdown.ts";
 * const { render } = markdownRenderer("notebooks/01_data.ipynb");
 * const html = await render("[next](02_train.ipynb) of [lib](../lib)");
 * if (html !== '<p><a href="02_train.html">next</a> of <a href="../../lib">lib</a></p>\n') throw new Error(html);
 * ```
 */
export function markdownRenderer(path: string): MarkdownRenderer {
  const sections: Section[] = [];
  const taken = new Map<string, number>();
  let filter = htmlFilter();

  const marked = new Marked({
    renderer: {
      html: ({ text }) => filter.pass(text),
      code: ({ text, lang }) => `<pre><code>${highlight(text, lang ?? "")}</code></pre>\n`,
      image: ({ href, text, title }) =>
        `<img src="${escapeHtml(href)}" alt="${escapeHtml(text)}"${
          title ? ` title="${escapeHtml(title)}"` : ""
        }>`,
      link({ href, tokens }) {
        const target = linkTarget(href), inner = this.parser.parseInline(tokens);
        return target === undefined ? inner : `<a href="${escapeHtml(target)}">${inner}</a>`;
      },
      heading({ depth, tokens, text }) {
        const title = this.parser.parseInline(tokens);
        const id = unique(slug(text), taken);
        if (depth === 2) sections.push({ id, title: title.replace(/<\/?a\b[^>]*>/g, "") });
        return `<h${depth} id="${escapeHtml(id)}">${title}</h${depth}>\n`;
      },
      table(token) {
        const row = (cells: Tokens.TableCell[], tag: string) =>
          `<tr>${
            cells.map(({ tokens, align }) => {
              const style = align ? ` style="text-align: ${align}"` : "";
              return `<${tag}${style}>${this.parser.parseInline(tokens)}</${tag}>`;
            }).join("")
          }</tr>`;
        return `<div class="scroll" tabindex="0" role="region" aria-label="Table"><table><thead>${
          row(token.header, "th")
        }</thead><tbody>${token.rows.map((cells) => row(cells, "td")).join("")}</tbody></table></div>\n`;
      },
    },
  }, katex({ output: "mathml", throwOnError: false, nonStandard: true, strict: false }));

  return {
    sections,
    async render(markdown) {
      const tokens = shallow(markdown, () => marked.lexer(markdown));
      await Promise.all(marked.walkTokens(tokens, async (token) => {
        if (token.type === "image") token.href = await imageUri(path, token.href);
      }));
      filter = htmlFilter();
      return shallow(markdown, () => marked.parser(tokens)) + filter.rest();
    },
  };
}

/**
 * Code as HTML with the classes of highlight.js.
 *
 * @param code The code.
 * @param language `ts`, `bash`, `json`, or one that is left plain.
 * @returns HTML.
 */
export function highlight(code: string, language: string): string {
  return hljs.getLanguage(language) ? hljs.highlight(code, { language }).value : escapeHtml(code);
}

/** The title of a text and what comes after it. */
export interface Titled {
  /** Its first heading if it is of the first level. */
  readonly title?: string;
  /** Its first paragraph. */
  readonly summary?: string;
  /** The text without the title. */
  readonly rest: string;
}

/**
 * Takes the title off a text.
 *
 * @param markdown The text.
 * @returns Title, first paragraph and rest, all of them markdown.
 * @throws {DataError} It is nested too deeply.
 */
export function takeTitle(markdown: string): Titled {
  const tokens: Token[] = shallow(markdown, () => new Marked().lexer(markdown))
    .filter(({ type }) => type !== "space");
  const [first] = tokens;
  const summary = tokens.find(({ type }) => type === "paragraph")?.raw.trim();
  if (first?.type !== "heading" || first.depth !== 1) return { summary, rest: markdown };
  return { title: first.text, summary, rest: markdown.trimStart().slice(first.raw.length).trimStart() };
}

const IMAGE_TYPES: Record<string, string> = {
  ".gif": "image/gif",
  ".jpeg": "image/jpeg",
  ".jpg": "image/jpeg",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".webp": "image/webp",
};

async function imageUri(path: string, href: string): Promise<string> {
  if (/^data:image\/[\w+.-]+[;,]/.test(href)) return href;
  const type = IMAGE_TYPES[extname(href).toLowerCase()];
  if (!type || /^[a-z]+:|^\//i.test(href)) {
    throw new DataError(
      `${path}: the image ${href} cannot be put into the page. Expected a relative path of a file: ${
        Object.keys(IMAGE_TYPES).join(", ")
      }.`,
    );
  }
  try {
    const bytes = await Deno.readFile(join(dirname(path), decodeURI(href)));
    return `data:${type};base64,${bytes.toBase64()}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new DataError(`${path}: there is no image ${join(dirname(path), decodeURI(href))}.`);
    }
    throw new DataError(`${path}: the image ${href} cannot be read (${(error as Error).message}).`);
  }
}

/** Links between notebooks become links between their pages; a scheme that could run something is none. */
function linkTarget(href: string): string | undefined {
  if (/^(https?:|mailto:|#)/i.test(href)) return href;
  if (/^[\s\p{Cc}]*[a-z][\w+.-]*:|^[/\\]{2}/iu.test(href)) return undefined;
  const notebook = /^(?:\.\/)?([^/]+)\.ipynb(#.*)?$/.exec(href);
  return notebook ? `${notebook[1]}.html${notebook[2] ?? ""}` : `../${href}`;
}

/** Ids of headings have no `_`, those that pages give to other things have one. */
function slug(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "") || "section";
}

/** `taken` has the number of each id's latest namesake. */
function unique(id: string, taken: Map<string, number>): string {
  let free = id, namesakes = taken.get(id) ?? 1;
  while (taken.has(free)) free = `${id}-${++namesakes}`;
  taken.set(free, 1).set(id, namesakes);
  return free;
}

/** Lists in lists, quotes in quotes and braces in braces end the stack at some thousand levels. */
function shallow<Result>(markdown: string, walk: () => Result): Result {
  try {
    return walk();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new DataError(
      `The text that begins with ${
        JSON.stringify(markdown.slice(0, 40))
      } is nested too deeply to be shown. ` +
        "Take its lists, quotes or braces apart.",
    );
  }
}
