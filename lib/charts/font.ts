/**
 * The charts' typeface: Arimo, which comes with the packages, so that charts have their words on machines without
 * fonts, and their pictures are the same on all. Its letters are as wide as Arial's and Helvetica's.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
// Brings the package's files onto the machine.
import "@expo-google-fonts/arimo/package.json" with { type: "json" };
import type { ResvgRenderOptions } from "@resvg/resvg-js";

/** The family's name. */
export const FAMILY = "Arimo";

const FILES = ["400Regular", "700Bold"].map((name) =>
  fileURLToPath(import.meta.resolve(`@expo-google-fonts/arimo/${name}/${FAMILY}_${name}.ttf`))
);

const known = new Map<string, ReadonlyMap<number, number>>();

/** Of a letter that the typeface lacks, in parts of the font size: Chinese and Japanese ones are square. */
const SQUARE = 1;

/** Width of each letter, in parts of the font size, by code point: tables `cmap` and `hmtx` of a TrueType file. */
function letterWidths(path: string): ReadonlyMap<number, number> {
  const before = known.get(path);
  if (before) return before;
  const bytes = Deno.readFileSync(path), file = new DataView(bytes.buffer);
  const u16 = (at: number) => file.getUint16(at), u32 = (at: number) => file.getUint32(at);
  const tables = new Map(
    Array.from({ length: u16(4) }, (_, at) => 12 + 16 * at).map((entry) => [
      new TextDecoder().decode(bytes.subarray(entry, entry + 4)),
      u32(entry + 8),
    ]),
  );
  const [head, hhea, hmtx, cmap] = ["head", "hhea", "hmtx", "cmap"].map((tag) => tables.get(tag)!);
  const size = u16(head + 18), measured = u16(hhea + 34);
  // In format 4: segments of code points, each with its last, its first, a shift, and a way to a list of glyphs or 0.
  const segments = cmap + u32(cmap + 8) + 14, length = u16(segments - 8);
  const widths = new Map<number, number>();
  for (let last = segments; last < segments + length; last += 2) {
    const first = last + length + 2, shift = first + length, way = shift + length;
    for (let letter = u16(first); letter <= u16(last); letter++) {
      const from = u16(way) === 0 ? letter : u16(way + u16(way) + 2 * (letter - u16(first)));
      const glyph = from === 0 ? 0 : (from + u16(shift)) % 65536;
      if (glyph > 0) widths.set(letter, u16(hmtx + 4 * Math.min(glyph, measured - 1)) / size);
    }
  }
  known.set(path, widths);
  return widths;
}

/**
 * The width of a line of text, but for pairs of letters that stand closer than their widths say.
 *
 * @param text The text.
 * @param size Font size.
 * @param bold Whether it is bold.
 * @returns Its width in the unit of the font size.
 * @example
 * ```ts
 * import { textWidth } from "./font.ts";
 * if (!(textWidth("ill", 12) < textWidth("mow", 12))) throw new Error("m is wider than i");
 * ```
 */
export function textWidth(text: string, size: number, bold = false): number {
  const widths = letterWidths(FILES[bold ? 1 : 0]);
  let width = 0;
  for (const letter of text) width += widths.get(letter.codePointAt(0)!) ?? SQUARE;
  return width * size;
}

/**
 * The typeface for a renderer. The machine's fonts, which differ, are looked at only for letters that it lacks.
 *
 * @param svg What is to be drawn.
 * @returns The renderer's option.
 */
export function fontsFor(svg: string): NonNullable<ResvgRenderOptions["font"]> {
  const foreign = svg.match(/[^\0-\x7f]/gu) ?? [], regular = letterWidths(FILES[0]);
  return {
    fontFiles: FILES,
    defaultFontFamily: FAMILY,
    loadSystemFonts: foreign.some((letter) => !regular.has(letter.codePointAt(0)!)),
  };
}
