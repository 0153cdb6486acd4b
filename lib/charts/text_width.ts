/**
 * How wide a text is where there is no canvas to ask.
 *
 * @module
 */

/** Widths in the theme's typefaces, in parts of the font size. */
const WIDTHS: readonly (readonly [RegExp, number])[] = [
  [/[ijl'|]/, 0.22],
  [/[ft.,:;/!I[\]()\-r ]/, 0.3],
  [/[cksvxyzJ]/, 0.5],
  [/[A-LN-VX-Zw]/, 0.69],
  [/[mMW%@…]/, 0.88],
];

/** Of digits, most letters and everything else. */
const COMMON = 0.56;

/** Bold letters are so much wider. */
const BOLD = 1.06;

/**
 * The width of a line of text, to a few per cent.
 *
 * @param text The text.
 * @param size Font size.
 * @param bold Whether it is bold.
 * @returns Its width in the unit of the font size.
 * @example
 * ```ts
 * import { textWidth } from "./text_width.ts";
 * if (!(textWidth("ill", 12) < textWidth("mow", 12))) throw new Error("m is wider than i");
 * ```
 */
export function textWidth(text: string, size: number, bold = false): number {
  let width = 0;
  for (const letter of text) width += WIDTHS.find(([letters]) => letters.test(letter))?.[1] ?? COMMON;
  return width * size * (bold ? BOLD : 1);
}
