/**
 * Colours of any number of classes.
 *
 * @module
 */
import { CLASS_COLOURS } from "./theme.ts";

/** Turns of the colour circle from one hue to the next: however many there are, none lies near one of the last few. */
const GOLDEN = (3 - Math.sqrt(5)) / 2;

/** Lightness of the lightest and the darkest, and chroma: seen on white and on black, and within what screens show. */
const LIGHT = 0.82, DARK = 0.48, CHROMA = 0.11;

/** Lightnesses in turn, where no groups are known: neighbours of a hue differ in it. */
const STEPS = 5;

/**
 * A colour a class. Up to ten are told apart by all readers. Of more, classes of one group have one hue and differ in
 * lightness; without groups, hue and lightness both change from each class to the next.
 *
 * @param count Classes.
 * @param groups Group of each class; absent: not known.
 * @returns Colours as `#rrggbb`, no two the same.
 * @example
 * ```ts
 * import { classColours } from "./class_colours.ts";
 * if (new Set(classColours(200)).size !== 200) throw new Error("a colour is used twice");
 * ```
 */
export function classColours(count: number, groups?: ArrayLike<number>): string[] {
  if (count <= CLASS_COLOURS.length) return CLASS_COLOURS.slice(0, count);
  const members = Map.groupBy(Array(count).keys(), (at) => groups?.[at] ?? at);
  const order = [...members.keys()];
  return Array.from({ length: count }, (_, at) => {
    const group = groups?.[at] ?? at, turn = order.indexOf(group);
    const [place, of] = groups
      ? [members.get(group)!.indexOf(at), members.get(group)!.length]
      : [at % STEPS, STEPS];
    const hue = groups ? turn / order.length : turn * GOLDEN;
    return oklch(of > 1 ? LIGHT - (LIGHT - DARK) * place / (of - 1) : (LIGHT + DARK) / 2, CHROMA, hue);
  });
}

/**
 * Groups of classes, where a data set knows them: the fewest into which every class falls as a whole.
 *
 * @param labels Class of each point.
 * @param levels Other labels of each point, by name.
 * @returns Group of each class; undefined if no level is coarser than the classes.
 */
export function coarser(
  labels: ArrayLike<number>,
  levels: Readonly<Record<string, ArrayLike<number>>> = {},
): number[] | undefined {
  const classes = new Set(Array.from(labels)).size;
  const found = Object.values(levels).flatMap((values) => {
    const groups: number[] = [];
    const whole = Array.from(labels).every((label, at) => (groups[label] ??= values[at]) === values[at]);
    const count = new Set(groups.filter((group) => group !== undefined)).size;
    return whole && count > 1 && count < classes ? [{ groups, count }] : [];
  });
  return found.sort((a, b) => a.count - b.count).at(0)?.groups;
}

/**
 * A colour that differs from others by what eyes see (Ottosson 2020, https://bottosson.github.io/posts/oklab/).
 *
 * @param lightness 0..1.
 * @param chroma From grey, 0, on.
 * @param turn Hue, in turns.
 * @returns `#rrggbb`; what no screen shows is cut.
 */
function oklch(lightness: number, chroma: number, turn: number): string {
  const a = chroma * Math.cos(2 * Math.PI * turn), b = chroma * Math.sin(2 * Math.PI * turn);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  const bytes = linear.map((value) => {
    const light = Math.min(1, Math.max(0, value));
    return Math.round(255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055));
  });
  return `#${new Uint8Array(bytes).toHex()}`;
}
