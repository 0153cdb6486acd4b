/**
 * A map that forms while a run learns: a picture that moves.
 *
 * @module
 */
import { demandFinite, demandLength, demandSome } from "./check.ts";
import { FAMILY, textWidth } from "./font.ts";
import { square } from "./points.ts";
import { CLASS_COLOURS, colours, FAINT, INK } from "./theme.ts";

/** How one representation forms. */
export interface Formed {
  /** Whose it is. */
  readonly title: string;
  /** Its maps, earliest first: x and y in turn, `[count, 2]` each. */
  readonly maps: readonly Float32Array[];
  /** Said below each map, such as how far the training is. */
  readonly notes: readonly string[];
}

/** In pixels: a map, between maps, of the head, of a line of text, and a point's radius. */
const SIDE = 360, GAP = 24, HEAD = 34, LINE = 26, RADIUS = 3.2;

/** Seconds from one map to the next, and those that the last one stays. */
const PACE = 0.7, REST = 4;

/**
 * Draws maps of the same points, each of which moves from map to map, stays at the last one and begins again. It
 * is one SVG document without scripts, on white.
 *
 * @param panels Representations beside each other, with equally many maps.
 * @param labels Class of each point.
 * @param classes Names of the classes.
 * @returns The SVG document.
 * @throws {RangeError} There are no maps, panels have unequally many, a map has too few or too many points, a number
 * is not finite, or there are too many classes for the colours.
 * @example
 * ```ts
 * import { forming } from "./forming.ts";
 * const maps = [Float32Array.of(0, 0, 1, 1), Float32Array.of(0, 0, 2, 1)], notes = ["epoch 1", "epoch 2"];
 * const svg = forming([{ title: "stack 0", maps, notes }], [0, 1], ["cat", "dog"]);
 * if (svg.match(/<path/g)!.length !== 2) throw new Error("one path a class");
 * ```
 */
export function forming(
  panels: readonly Formed[],
  labels: ArrayLike<number>,
  classes: readonly string[],
): string {
  demandSome(panels, "Representations");
  const [{ maps: { length: frames } }] = panels, palette = colours(CLASS_COLOURS, classes.length);
  for (const { title, maps, notes } of panels) {
    demandSome(maps, `Maps of ${title}`);
    demandLength(maps, frames, `Maps of ${title}`);
    demandLength(notes, frames, `Notes of ${title}`);
    for (const map of maps) {
      demandLength(map, 2 * labels.length, `Coordinates of ${title}`);
      demandFinite(map, `Coordinates of ${title}`);
    }
  }
  const seconds = (frames - 1) * PACE + REST,
    times = Array.from(
      { length: frames + 1 },
      (_, at) => at < frames ? at * PACE / seconds : 1,
    );
  const timing = `dur="${seconds}s" repeatCount="indefinite" keyTimes="${times.map(short).join(";")}"`;
  const moving = (name: string, values: readonly string[]) =>
    `<animate attributeName="${name}" values="${[...values, values.at(-1)].join(";")}" ${timing}/>`;
  const drawn = panels.map(({ title, maps, notes }, panel) => {
    const placed = maps.map(inPixels);
    // A class is one path of dots: what moves is said once a class, not once a point.
    const points = classes.map((_, label) => {
      const dots = placed.map((map) =>
        Array.from(
          labels,
          (of, at) => of === label ? `M${Math.round(map[2 * at])} ${Math.round(map[2 * at + 1])}h0` : "",
        ).join("")
      );
      return `<path d="${dots.at(-1)}" stroke="${palette[label]}">${moving("d", dots)}</path>`;
    });
    const words = notes.map((note, at) => {
      const seen = [...notes.keys(), frames].map((now) =>
        now === at || now === frames && at === frames - 1 ? 1 : 0
      );
      return `<text y="${SIDE + LINE - 6}" opacity="${seen.at(-1)}">${
        escaped(note)
      }<animate attributeName="opacity" ` +
        `calcMode="discrete" values="${seen.join(";")}" ${timing}/></text>`;
    });
    return `<g transform="translate(${
      GAP + panel * (SIDE + GAP)
    } ${HEAD})"><text y="-10" font-weight="bold">${
      escaped(title)
    }</text><rect width="${SIDE}" height="${SIDE}" fill="none" stroke="${FAINT}"/><g stroke-opacity="0.75" stroke-linecap="round" stroke-width="${
      2 * RADIUS
    }">${points.join("")}</g>${words.join("")}</g>`;
  });
  const width = GAP + panels.length * (SIDE + GAP), below = HEAD + SIDE + 2 * LINE;
  let left = GAP;
  const legend = classes.map((name, at) => {
    const entry = `<circle cx="${left + 5}" cy="${below - 4}" r="5" fill="${palette[at]}"/><text x="${
      left + 15
    }" y="${below}">${escaped(name)}</text>`;
    left += 33 + textWidth(name, 13);
    return entry;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${
    below + 14
  }" width="${width}" height="${
    below + 14
  }" font-family="${FAMILY}, Arial, Helvetica, sans-serif" font-size="13" fill="${INK}"><rect width="100%" height="100%" fill="white"/>${
    drawn.join("")
  }${legend.join("")}</svg>`;
}

/** Points in pixels of a map. */
function inPixels(map: Float32Array): Float32Array {
  const axes = square(map);
  return map.map((value, at) => {
    const [low, high] = axes[at % 2];
    return SIDE * (value - low) / (high - low);
  });
}

const short = (value: number) => +value.toFixed(4);

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
