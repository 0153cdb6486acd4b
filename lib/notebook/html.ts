/**
 * Words that may be hostile as HTML.
 *
 * @module
 */

/**
 * A text as HTML: it shows as it is, also inside a quoted attribute.
 *
 * @param text The text.
 * @returns HTML.
 * @example
 * ```ts
 * import { escapeHtml } from "./html.ts";
 * if (escapeHtml('<b class="x">') !== "&lt;b class=&quot;x&quot;&gt;") throw new Error("not escaped");
 * ```
 */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character]);
}

const ESCAPES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
