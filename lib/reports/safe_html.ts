/**
 * HTML that may be hostile, made harmless.
 *
 * @module
 */
import sanitize from "sanitize-html";
import { escapeHtml } from "../notebook/html.ts";

const TAGS =
  ("a b br caption code col colgroup dd del details div dl dt em h3 h4 hr i img kbd li mark ol p pre progress s small " +
    "span strong sub summary sup table tbody td tfoot th thead tr u ul").split(" ");

/** What an attribute may say. There is no `id`, `class`, `on…` or free `style` among them. */
const ATTRIBUTES: Readonly<Record<string, RegExp>> = {
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

/**
 * HTML without what could run, load, look like the page around it, or reach
 * out of the element it stands in: attributes are left out, elements shown as
 * text, missing end tags added.
 *
 * @param html HTML from anywhere.
 * @param hole The name of an element that is let through as it is, which nobody can guess.
 * @returns HTML.
 * @example
 * ```ts
 * import { safeHtml } from "./safe_html.ts";
 * const html = safeHtml("<b onclick=x>1</b> <i>2<form>");
 * if (html !== "<b>1</b> <i>2&lt;form&gt;</i>") throw new Error(html);
 * ```
 */
export function safeHtml(html: string, hole?: string): string {
  // Its types lack the one below.
  const options: sanitize.IOptions & { preserveEscapedAttributes: boolean } = {
    allowedTags: hole ? [...TAGS, hole] : TAGS,
    allowedAttributes: { "*": Object.keys(ATTRIBUTES) },
    allowedSchemesByTag: { img: ["data"] },
    disallowedTagsMode: "escape",
    preserveEscapedAttributes: true,
    parseStyleAttributes: false,
    transformTags: {
      "*": (tagName, attribs) => ({
        tagName,
        attribs: TAGS.includes(tagName)
          ? Object.fromEntries(
            Object.entries(attribs).filter(([name, value]) => ATTRIBUTES[name]?.test(value)),
          )
          : attribs,
      }),
    },
  };
  return sanitize(html, options);
}

/**
 * HTML of our own in which pieces of it are from elsewhere: those are made
 * harmless together, for one may end what another began. Where one hides some
 * of our own, as an open comment does, all of them are shown as text.
 *
 * @param parts In turn ours and from elsewhere.
 * @returns HTML.
 * @example
 * ```ts
 * import { safeParts } from "./safe_html.ts";
 * const html = safeParts(["<h1>1 ", "<b onclick=x>", "2", "</b>", "</h1>"]);
 * if (html !== "<h1>1 <b>2</b></h1>") throw new Error(html);
 * ```
 */
export function safeParts(parts: readonly string[]): string {
  const hole = `own-${crypto.randomUUID()}`, tag = `<${hole}></${hole}>`;
  const safe = safeHtml(parts.map((part, at) => at % 2 === 0 ? tag : part).join(""), hole).split(tag);
  const ours = parts.filter((_, at) => at % 2 === 0);
  if (safe.length !== ours.length + 1) {
    return parts.map((part, at) => at % 2 === 0 ? part : escapeHtml(part)).join("");
  }
  return safe.map((theirs, at) => theirs + (ours[at] ?? "")).join("");
}
