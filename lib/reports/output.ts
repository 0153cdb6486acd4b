/**
 * Outputs of cells as HTML, each in the richest form that is safe.
 *
 * @module
 */
import { stripVTControlCharacters } from "node:util";
import { gzipSync } from "node:zlib";
import { z } from "zod";
import { PNG_URI, pngSize } from "../charts/thumbnails.ts";
import { escapeHtml } from "../notebook/html.ts";
import type { Cell, Notebook, Output } from "../notebook/ipynb.ts";
import { type Label, labelSchema, withoutCaptions } from "../notebook/label.ts";
import { safeHtml } from "./safe_html.ts";

const VEGA_LITE = "application/vnd.vegalite.v5+json";
const IMAGES = ["image/png", "image/jpeg", "image/svg+xml"] as const;

/** How the HTML of a table begins. */
const TABLE = '<div class="scroll"';

/** Pixels of our pictures a pixel of the page. */
const DENSITY = 2;

/** An output that reproduces a table or figure of the paper. */
export interface Exhibit {
  /** Such as `Figure 2`. */
  readonly name: string;
  readonly output: Output;
  /** Its id in the page. */
  readonly id: string;
}

/**
 * The tables and figures of a notebook.
 *
 * @param notebook The notebook.
 * @returns Its labelled outputs, in their order.
 */
export function exhibits(notebook: Notebook): Exhibit[] {
  return notebook.cells.flatMap((cell) =>
    cell.cell_type === "code"
      ? withoutCaptions(cell.outputs).flatMap((output, at) => {
        const { exhibit: name } = labelOf(output);
        return name ? [{ name, output, id: outputId(cell, at) }] : [];
      })
      : []
  );
}

/**
 * The id of an output in its page.
 *
 * @param cell Its cell.
 * @param at Its place among the cell's outputs but captions.
 * @returns The id.
 */
export function outputId({ id }: Cell, at: number): string {
  return `out_${id}_${at}`;
}

/** How to render an output. */
export interface OutputOptions {
  readonly id?: string;
  /** Whether charts answer to the pointer; pictures otherwise. */
  readonly interactive: boolean;
  /** Renders markdown. */
  readonly markdown: (text: string) => Promise<string>;
  /** Is told of what cannot be shown. */
  readonly leaveOut: (fault: string) => void;
  /** HTML after the caption. */
  readonly after?: string;
}

/**
 * Renders an output. Labelled ones become figures with a caption: of a table above it, of all else below.
 *
 * @param output The output.
 * @param options How.
 * @returns HTML.
 */
export async function renderOutput(output: Output, options: OutputOptions): Promise<string> {
  const { exhibit, caption } = labelOf(output), { id, after = "" } = options;
  const idAttribute = id ? ` id="${escapeHtml(id)}"` : "";
  const content = await renderContent(output, caption ?? exhibit ?? "", options);
  if (!exhibit && !caption) return `<div class="output"${idAttribute}>${content}</div>`;
  const words = [exhibit && `<b>${escapeHtml(exhibit)}</b>`, caption && escapeHtml(caption)].filter(Boolean);
  const title = `<figcaption>${words.join(" ")}${after}</figcaption>`;
  const parts = content.startsWith(TABLE) ? [title, content] : [content, title];
  return `<figure class="output"${idAttribute}>${parts.join("")}</figure>`;
}

async function renderContent(output: Output, words: string, options: OutputOptions): Promise<string> {
  if (output.output_type === "stream") {
    return `<pre class="stream ${output.name === "stderr" ? "stderr" : "stdout"}">${
      escapeHtml(terminalText(output.text))
    }</pre>`;
  }
  if (output.output_type === "error") {
    const lines = output.traceback.length > 0
      ? output.traceback.join("\n")
      : `${output.ename}: ${output.evalue}`;
    return `<pre class="stream error">${escapeHtml(terminalText(lines))}</pre>`;
  }
  const { data } = output;
  const text = (mime: string) => typeof data[mime] === "string" ? data[mime] : undefined;
  const plain = text("text/plain");
  const alt = words || plain || "";
  const picture = IMAGES.map((mime) => [mime, text(mime)] as const).find(([, content]) => content);
  const still = picture && imageHtml(...picture as [string, string], alt);
  const spec = z.record(z.string(), z.unknown()).safeParse(data[VEGA_LITE]);
  if (spec.success && options.interactive) {
    // Options for embedding are the page's own.
    const chart = { description: alt, ...spec.data, usermeta: undefined };
    return `<div class="chart" tabindex="0" role="group" aria-label="${escapeHtml(alt)}">${
      still ?? `<p class="still">${escapeHtml(alt)}</p>`
    }<script type="application/gzip">${
      gzipSync(JSON.stringify(chart), { level: 9 }).toString("base64")
    }</script></div>`;
  }
  if (still) return `<div class="picture">${still}</div>`;
  const html = text("text/html");
  if (html !== undefined) {
    return `${TABLE} tabindex="0" role="region" aria-label="${escapeHtml(words || "Output")}">${
      safeHtml(html)
    }</div>`;
  }
  const markdown = text("text/markdown");
  if (markdown !== undefined) return await options.markdown(markdown);
  if (plain !== undefined) return `<pre class="stream">${escapeHtml(terminalText(plain))}</pre>`;
  const kinds = Object.keys(data).join(", ") || "an empty output";
  options.leaveOut(`${kinds} is nothing that a page shows.`);
  return `<p class="stream">Not shown here: ${escapeHtml(kinds)}.</p>`;
}

/** Whether a notebook has charts to draw. */
export function hasCharts({ cells }: Notebook): boolean {
  return cells.some((cell) =>
    cell.cell_type === "code" &&
    cell.outputs.some((output) => "data" in output && VEGA_LITE in Object(output.data))
  );
}

function labelOf(output: Output): Label {
  if (!("metadata" in output)) return {};
  return labelSchema.safeParse(Object(output.metadata).sjea).data ?? {};
}

/** JSON inside a script element, which nothing in it can end. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

function imageHtml(mime: string, content: string, alt: string): string {
  if (mime === "image/svg+xml") return svgImage(content, alt);
  const base64 = content.replaceAll(/[^\w+/=]/g, "");
  const size = mime === "image/png" ? sizeAttributes(base64) : "";
  return `<img class="still" src="data:${mime};base64,${base64}" alt="${escapeHtml(alt)}"${size}>`;
}

/**
 * An SVG document as an image, in which no script of it runs, a quarter shorter than in base64.
 *
 * @param svg The document.
 * @param alt What it shows.
 * @returns HTML.
 */
export function svgImage(svg: string, alt: string): string {
  const address = svg.replaceAll(/[%#"<>&\n\r\t]/g, encodeURIComponent);
  return `<img class="still" src="data:image/svg+xml;charset=utf-8,${address}" alt="${escapeHtml(alt)}">`;
}

/** Width and height as attributes, from the header of a PNG file. */
function sizeAttributes(base64: string): string {
  try {
    const { width, height } = pngSize(PNG_URI + base64);
    return ` width="${Math.round(width / DENSITY)}" height="${Math.round(height / DENSITY)}"`;
  } catch {
    return "";
  }
}

/** What a terminal would show in the end: without colours, a line overwritten after each carriage return. */
function terminalText(text: string): string {
  const lines = stripVTControlCharacters(text).replace(/\r+$/gm, "").split("\n");
  return lines.map((line) => line.slice(line.lastIndexOf("\r") + 1)).join("\n");
}
