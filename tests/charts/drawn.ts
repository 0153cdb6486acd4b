/** Helpers: what comes out when a chart is drawn. */
import { convertIndexedToRgb, decode } from "fast-png";
import { logger, parse, View, Warn } from "vega";
import { compile, type Config } from "vega-lite";
import { generator } from "../../lib/base/random.ts";
import { toPng } from "../../lib/charts/render.ts";
import type { Chart } from "../../lib/charts/theme.ts";

/** Draws a chart as a page would whose own look is the config, and keeps what vega and vega-lite complain of. */
export async function draw(
  chart: Chart,
  config: Config = {},
): Promise<{ svg: string; complaints: string[] }> {
  const complaints: string[] = [];
  const log = logger(Warn);
  log.warn = log.error = (...words: readonly unknown[]) => {
    // There is no browser here.
    if (!`${words}`.includes("event source: window")) complaints.push(words.join(" "));
    return log;
  };
  const { spec } = compile(chart, { logger: log, config });
  const view = new View(parse(spec), { renderer: "none", logger: log });
  return { svg: await view.toSVG(), complaints };
}

/** The different colours of a chart's picture and how many of its pixels are not white. */
export async function picture(chart: Chart) {
  const image = decode(await toPng(chart, 1)), data = convertIndexedToRgb(image), { width, height } = image;
  const colours = new Map<string, number>();
  for (let at = 0; at < data.length; at += 3) {
    const colour = `#${
      [0, 1, 2].map((channel) => data[at + channel].toString(16).padStart(2, "0")).join("")
    }`;
    colours.set(colour, (colours.get(colour) ?? 0) + 1);
  }
  return { width, height, colours, inked: width * height - (colours.get("#ffffff") ?? 0) };
}

/** The words of an SVG. */
export function words(svg: string): string[] {
  return Array.from(svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g), ([, text]) => text);
}

/** Bytes of an image with shades, edges and noise, as photographs have them. */
export function photograph(seed: number, size: number, noise = 12): Uint8Array {
  const random = generator("photograph", seed);
  const sky = [0, 1, 2].map(() => random.uniform(40, 215)),
    thing = [0, 1, 2].map(() => random.uniform(40, 215));
  const [x, y, radius] = [
    random.uniform(0, size),
    random.uniform(0, size),
    random.uniform(size / 5, size / 2),
  ];
  return Uint8Array.from({ length: size * size * 3 }, (_, at) => {
    const pixel = Math.floor(at / 3), row = Math.floor(pixel / size), column = pixel % size;
    const inside = Math.hypot(column - x, row - y) < radius;
    const value = (inside ? thing : sky)[at % 3] + row + noise * random.normal();
    return Math.min(255, Math.max(0, value));
  });
}

/** Points in clouds, one a group: x and y in turn. */
export function clouds(groups: Uint8Array, seed: number): Float32Array {
  const random = generator("clouds", seed);
  const centres = Array.from({ length: 10 }, () => [random.uniform(-70, 70), random.uniform(-70, 70)]);
  return Float32Array.from(
    [...groups].flatMap((group) => centres[group].map((at) => at + 8 * random.normal())),
  );
}
