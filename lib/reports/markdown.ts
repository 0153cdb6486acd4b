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
import { z } from "zod";
import { DataError } from "../base/errors.ts";
import { escapeHtml } from "../notebook/html.ts";
import { safeParts } from "./safe_html.ts";

hljs.registerLanguage("typescript", typescript);
hljs.registerLanguage("bash", bash);
hljs.registerLanguage("json", json);

/** A section of the page. */
export interface Section {
  readonly id: string;
  /** HTML without links. */
  readonly title: string;
}

/** What belongs to a text. */
export interface MarkdownOptions {
  /** Its cell's pictures by name: `attachment:NAME` is their address. */
  readonly attachments?: unknown;
  /** Is told of each part that cannot be shown; in its place are words or nothing. */
  readonly leaveOut: (fault: string) => void;
}

/** Texts of one page, rendered in order. */
export interface MarkdownRenderer {
  render(markdown: string, options: MarkdownOptions): Promise<string>;
  /** The headings of the second level so far. */
  readonly sections: readonly Section[];
}

/**
 * A renderer for the texts of one page in a folder beside their file; the ids
 * of its headings are unique. HTML inside a text is made harmless by `safeParts`, links lead
 * to web pages, mail, files or, as JupyterLab writes them (`#Its-Heading`), into the page,
 * and images of files become data URIs.
 *
 * @param path The file that the texts are from: images are looked for beside it.
 * @returns The renderer.
 * @example
 * ```ts
 * import { markdownRenderer } from "./markdown.ts";
 * const { render } = markdownRenderer("notebooks/01_data.ipynb");
 * const html = await render("[next](02_train.ipynb) of [lib](../lib)", { leaveOut: console.warn });
 * if (html !== '<p><a href="02_train.html">next</a> of <a href="../../lib">lib</a></p>\n') throw new Error(html);
 * ```
 */
export function markdownRenderer(path: string): MarkdownRenderer {
  const sections: Section[] = [];
  const taken = new Map<string, number>();
  /** Stands around each piece of HTML of a text; nobody can guess it. */
  const border = crypto.randomUUID();
  const safe = (rendered: string) => safeParts(rendered.split(border));

  const marked = new Marked({
    renderer: {
      html: ({ text }) => border + text + border,
      code: ({ text, lang }) => `<pre tabindex="0"><code>${highlight(text, lang ?? "")}</code></pre>\n`,
      image: ({ href, text, title }) => href ? imageTag(href, { alt: text, title }) : escapeHtml(text),
      link({ href, tokens }) {
        const target = linkTarget(href), inner = this.parser.parseInline(tokens);
        return target === undefined ? inner : `<a href="${escapeHtml(target)}">${inner}</a>`;
      },
      heading({ depth, tokens }) {
        const title = this.parser.parseInline(tokens);
        const id = unique(slug(wordsOf(tokens)), taken);
        if (depth === 2) sections.push({ id, title: safe(title).replace(/<\/?a\b[^>]*>/g, "") });
        const anchor = `<a class="anchor" href="#${escapeHtml(id)}" aria-label="Link to this part">#</a>`;
        return `<h${depth} id="${escapeHtml(id)}">${title}${depth > 1 ? ` ${anchor}` : ""}</h${depth}>\n`;
      },
      table(token) {
        const row = (cells: Tokens.TableCell[], tag: string) =>
          `<tr>${
            cells.map(({ tokens, align }) => {
              const style = align ? ` style="text-align: ${align}"` : "";
              if (tokens.length === 0) return "<td></td>";
              return `<${tag}${style}>${this.parser.parseInline(tokens)}</${tag}>`;
            }).join("")
          }</tr>`;
        return `<div class="scroll" tabindex="0" role="group" aria-label="Table"><table><thead>${
          row(token.header, "th")
        }</thead><tbody>${token.rows.map((cells) => row(cells, "td")).join("")}</tbody></table></div>\n`;
      },
    },
  }, katex({ output: "mathml", throwOnError: false, nonStandard: true, strict: false }));

  return {
    sections,
    async render(markdown, { attachments, leaveOut }) {
      const uri = (href: string) => imageUri(path, href, attachments, leaveOut);
      try {
        const tokens = shallow(markdown, () => marked.lexer(markdown));
        await Promise.all(marked.walkTokens(tokens, async (token) => {
          if (token.type === "image") token.href = await uri(token.href);
          if (token.type === "html") token.text = await embedImages(token.text, uri);
        }));
        return reachable(safe(shallow(markdown, () => marked.parser(tokens))));
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        leaveOut(error.message);
        return `<p class="stream">Not shown here: a text that is nested too deeply.</p>`;
      }
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
 * Takes the title off a text. One that is nested too deeply has none.
 *
 * @param markdown The text.
 * @returns Title, first paragraph and rest, all of them markdown.
 */
export function takeTitle(markdown: string): Titled {
  let tokens: Token[];
  try {
    tokens = shallow(markdown, () => new Marked().lexer(markdown)).filter(({ type }) => type !== "space");
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    return { rest: markdown };
  }
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

/** An `<img>` of HTML and its attributes, quoted or not. */
const IMG = /<img\b((?:"[^"<]*"|'[^'<]*'|[^"'<>])*)>/gi;
const ATTRIBUTE = /([a-z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+))/gi;

/** HTML whose images, however they are written, are data URIs or words. */
async function embedImages(html: string, uri: (href: string) => Promise<string>): Promise<string> {
  const tags = await Promise.all(
    [...html.matchAll(IMG)].map(async ([, inside]) => {
      const attributes = Object.fromEntries(
        [...inside.matchAll(ATTRIBUTE)].map(([, name, ...values]) => [name.toLowerCase(), values.join("")]),
      );
      const { src = "", alt = "", title, width, height } = attributes;
      const href = await uri(src);
      return href ? imageTag(href, { alt, title, width, height }) : escapeHtml(alt);
    }),
  );
  return html.replace(IMG, () => tags.shift()!);
}

function imageTag(src: string, attributes: Readonly<Record<string, string | null | undefined>>): string {
  const entries = Object.entries({ src, ...attributes }).filter(([name, value]) =>
    typeof value === "string" && (!/^(width|height)$/.test(name) || /^\d{1,4}$/.test(value))
  );
  return `<img ${entries.map(([name, value]) => `${name}="${escapeHtml(value!)}"`).join(" ")}>`;
}

const picturesSchema = z.record(
  z.string(),
  z.record(z.string(), z.union([z.string(), z.array(z.string()).transform((lines) => lines.join(""))])),
).catch({});

/** The data URI of an image; empty if it cannot be shown, of which `leaveOut` is told. */
async function imageUri(
  path: string,
  href: string,
  attachments: unknown,
  leaveOut: (fault: string) => void,
): Promise<string> {
  if (/^data:image\/[\w+.-]+[;,]/.test(href)) return href;
  if (/^attachment:/i.test(href)) {
    const name = decode(href.slice(href.indexOf(":") + 1)), pictures = picturesSchema.parse(attachments);
    const [type, content] = Object.entries(Object.hasOwn(pictures, name) ? pictures[name] : {})
      .find(([type]) => Object.values(IMAGE_TYPES).includes(type)) ?? [];
    if (content !== undefined) return `data:${type};base64,${content.replace(/[^\w+/=]/g, "")}`;
    leaveOut(`the image ${name} is not among the cell's attachments.`);
    return "";
  }
  const file = decode(href.replace(/[?#].*/s, "")), type = IMAGE_TYPES[extname(file).toLowerCase()];
  if (!type || /^[a-z]+:|^\/|^\\/i.test(href)) {
    leaveOut(
      `the image ${href} is not shown, for pages load nothing. Expected a relative path of a file: ${
        Object.keys(IMAGE_TYPES).join(", ")
      }.`,
    );
    return "";
  }
  const place = join(dirname(path), file);
  try {
    return `data:${type};base64,${(await Deno.readFile(place)).toBase64()}`;
  } catch (error) {
    leaveOut(
      error instanceof Deno.errors.NotFound
        ? `there is no image ${place}.`
        : `the image ${place} cannot be read (${(error as Error).message}).`,
    );
    return "";
  }
}

/** Links between notebooks and texts become links between their pages; a scheme that could run something is none. */
function linkTarget(href: string): string | undefined {
  if (/^#./.test(href)) return `#${slug(decode(href))}`;
  if (/^(https?:|mailto:|#)/i.test(href)) return href;
  if (/^[\s\p{Cc}]*[a-z][\w+.-]*:|^[/\\]{2}/iu.test(href)) return undefined;
  const [, name, fragment] = /^(?:\.\/)?([^/]+)\.(?:ipynb|md)(#.*)?$/.exec(href) ?? [];
  return name ? `${name}.html${fragment ? linkTarget(fragment) : ""}` : `../${href}`;
}

/** An address without its percent signs. */
function decode(address: string): string {
  try {
    return decodeURIComponent(address);
  } catch {
    return address;
  }
}

/** Formulas of their own line scroll where they are wide, and so a keyboard has to reach them. */
function reachable(html: string): string {
  return html.replaceAll(
    /<span class="katex">(?=<math[^>]* display="block")/g,
    '<span class="katex" tabindex="0" role="group" aria-label="Formula">',
  );
}

/** The words of a heading as a reader sees them. */
function wordsOf(tokens: readonly Token[]): string {
  return tokens.map((token) => {
    if (token.type === "html" || token.type === "image") return "";
    return "tokens" in token && token.tokens
      ? wordsOf(token.tokens)
      : "text" in token
      ? token.text
      : token.raw;
  }).join("");
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
