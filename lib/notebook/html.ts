/**
 * HTML from words that may be hostile: escaped, or let through tag by tag.
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

const TAGS = new Set(
  ("a b br caption code col colgroup dd del details div dl dt em h3 h4 hr i img kbd li mark ol p pre progress s small span " +
    "strong sub summary sup table tbody td tfoot th thead tr u ul").split(" "),
);
const VOID = new Set(["br", "col", "hr", "img"]);

/** What an attribute may say. There is no `id`, `on…` or free `style` among them. */
const ATTRIBUTES: Record<string, RegExp> = {
  alt: /^/,
  colspan: /^\d{1,3}$/,
  height: /^\d{1,4}$/,
  href: /^(https?:|mailto:|#)/i,
  max: /^\d+$/,
  open: /^$/,
  rowspan: /^\d{1,3}$/,
  scope: /^(col|row|colgroup|rowgroup)$/,
  src: /^data:image\/(png|jpeg|gif|webp|svg\+xml);base64,[\w+/=]+$/,
  style: /^text-align: ?(left|right|center|start|end);?$/,
  title: /^/,
  value: /^\d+$/,
  width: /^\d{1,4}$/,
};

/** A comment, a well-formed tag, an entity, or one of the characters that HTML gives a meaning. */
const PIECE =
  /<!--[^]*?-->|<(\/?)([a-z][a-z0-9]*)((?:\s+[a-z-]+(?:="[^"<>]*")?)*)\s*\/?>|&(?:#\d+|#x[\da-f]+|\w+);|[<>&"']/gi;

/**
 * A filter that lets harmless HTML through and shows everything else as text.
 * It builds its own tags from a short list of elements and attributes; what it
 * does not know to the letter is escaped. Nothing it lets through can run, load,
 * look like the page around it, or reach out of the element it stands in.
 *
 * @returns `pass` for the pieces of a text, in order, and `rest`: the end tags still missing.
 * @example
 * ```ts
 * import { htmlFilter } from "./html.ts";
 * const { pass, rest } = htmlFilter();
 * const html = pass("<b onclick=x>1</b> <i>2") + rest();
 * if (html !== "&lt;b onclick=x&gt;1&lt;/b&gt; <i>2</i>") throw new Error(html);
 * ```
 */
export function htmlFilter(): { pass(html: string): string; rest(): string } {
  const open: string[] = [];
  const endTag = (name: string) => {
    const at = open.lastIndexOf(name);
    if (at < 0) return undefined;
    return open.splice(at).reverse().map((name) => `</${name}>`).join("");
  };
  const startTag = (name: string, words: string) => {
    const attributes = [...words.matchAll(/([a-z-]+)(?:="([^"]*)")?/gi)].map(([, name, value = ""]) =>
      [name.toLowerCase(), value] as const
    );
    if (!TAGS.has(name) || !attributes.every(([name, value]) => ATTRIBUTES[name]?.test(value))) {
      return undefined;
    }
    if (!VOID.has(name)) open.push(name);
    return `<${name}${attributes.map(([name, value]) => ` ${name}="${value}"`).join("")}>`;
  };
  return {
    pass: (html) =>
      html.replace(PIECE, (piece, slash: string, tag: string | undefined, words: string) => {
        if (piece.startsWith("<!--")) return "";
        if (piece.length > 1 && piece.startsWith("&")) return piece;
        const name = tag?.toLowerCase();
        return name && (slash ? endTag(name) : startTag(name, words)) || escapeHtml(piece);
      }),
    rest: () => open.splice(0).reverse().map((name) => `</${name}>`).join(""),
  };
}
