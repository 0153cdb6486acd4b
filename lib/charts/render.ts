/**
 * Charts as pictures, for readers without a program that draws vega-lite.
 *
 * @module
 */
import { encode } from "fast-png";
import * as vega from "vega";
import { compile } from "vega-lite";
import { fontsFor, textWidth } from "./font.ts";
import { quantise } from "./quantise.ts";
import type { Chart } from "./theme.ts";

/** What vega knows of a text. */
interface TextItem {
  readonly fontSize?: number;
  readonly fontWeight?: unknown;
  /** Pixels after which it is cut; 0 for none. */
  readonly limit?: number;
}

/** Vega's own estimate, 0.8 of the font size a letter, leaves gaps beside every text. Its types lack this. */
const { textMetrics } = vega as typeof vega & {
  textMetrics: { width: (item: TextItem, text: unknown) => number };
};
textMetrics.width = ({ fontSize = 11, fontWeight, limit }, text) =>
  // Of a text that is cut, what is left of it.
  Math.min(textWidth(`${text ?? ""}`, fontSize, fontWeight === "bold"), limit || Infinity);

/**
 * Draws a chart as SVG.
 *
 * @param chart The chart.
 * @returns The SVG document.
 */
export async function toSvg(chart: Chart): Promise<string> {
  const view = new vega.View(vega.parse(compile(chart).spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** Colours of a picture: marks need few, photographs more. */
const COLOURS = { marks: 64, images: 128 };

/**
 * Draws a chart as PNG, in few colours. The same chart gives the same bytes on every machine, but for letters that are
 * taken from the machine's fonts.
 *
 * @param chart The chart.
 * @param scale Pixels of the picture a pixel of the chart.
 * @returns The PNG file.
 */
export async function toPng(chart: Chart, scale = 2): Promise<Uint8Array> {
  const svg = await toSvg(chart);
  const options = {
    fitTo: { mode: "zoom", value: scale },
    font: fontsFor(svg),
    background: "white",
  } as const;
  // It opens its library when it is imported, which needs rights that a chart alone does not.
  const { Resvg } = await import("@resvg/resvg-js");
  const { width, height, pixels } = new Resvg(svg, options).render();
  const rgb = new Uint8Array(3 * width * height);
  for (let at = 0; at < width * height; at++) rgb.set(pixels.subarray(4 * at, 4 * at + 3), 3 * at);
  const { palette, indices: data } = quantise(rgb, svg.includes("<image") ? COLOURS.images : COLOURS.marks);
  return encode({ width, height, depth: 8, channels: 1, palette, data }, { zlib: { level: 9 } });
}
