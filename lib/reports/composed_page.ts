/**
 * A page of parts that code puts together, with no notebook behind it.
 *
 * @module
 */
import { parseNotebook } from "../notebook/ipynb.ts";
import type { Bundle } from "../notebook/label.ts";
import { renderReport } from "./report.ts";

/** A part of a page: Markdown, or what a cell would show, with its caption if it is a figure. */
export type Part = string | { readonly data: Bundle; readonly caption?: string };

/**
 * Renders a page.
 *
 * @param title What it is called.
 * @param facts Named in its margin.
 * @param parts From top to bottom.
 * @returns An HTML document.
 */
export async function composedPage(
  title: string,
  facts: readonly (readonly [name: string, fact: string])[],
  parts: readonly Part[],
): Promise<string> {
  const cells = parts.map((part, at) => ({
    id: `part-${at}`,
    metadata: {},
    ...typeof part === "string" ? { cell_type: "markdown", source: part } : {
      ...{ cell_type: "code", source: "", execution_count: null },
      outputs: [{
        output_type: "display_data",
        data: part.data,
        metadata: part.caption === undefined ? {} : { sjea: { caption: part.caption } },
      }],
    },
  }));
  const notebook = parseNotebook(
    JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells }),
    title,
  );
  return await renderReport(notebook, {
    path: title,
    file: "run.html",
    pages: [],
    facts,
    leaveOut: (fault) => console.error(`left out: ${fault}`),
  });
}
