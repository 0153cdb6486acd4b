/**
 * A drawn data set with a known hierarchy, for machines without a download:
 * 32×32 images of ten classes with three sub-types each, in eight colours and
 * six poses, before six kinds of background. Background and colour dominate the
 * pixels; the class is carried by shape and by a texture of its own.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { UsageError } from "../base/errors.ts";
import { type Generator, generator, permutation } from "../base/random.ts";
import type { Dataset, ImageSet } from "./dataset.ts";

/** What is known of an image; each number is a position in a list of names. */
export interface Factors {
  /** In `classes`; the image's label. */
  readonly class: number;
  /** In `subtypes[class]`. */
  readonly subtype: number;
  /** In `colours`. */
  readonly colour: number;
  /** In `poses`. */
  readonly pose: number;
  /** In `backgrounds`. */
  readonly background: number;
}

/** A data set that also tells how each of its images came about. */
export interface GeneratedDataset extends Dataset {
  /** Factors of each image, in the images' order. */
  readonly factors: { readonly train: readonly Factors[]; readonly test: readonly Factors[] };
}

/** Signed distance to an outline, negative inside; an object spans −10 … 10, y down. */
type Shape = (x: number, y: number) => number;
/** Main and trim get an outline in ink; main also has the texture of its class. */
type Paint = "main" | "trim" | "ink" | "glow";
interface Part {
  readonly paint: Paint;
  readonly shape: Shape;
}

const { PI, abs, atan2, cos, floor, hypot, max, min, round, sin, sqrt } = Math;
const clamp = (value: number, low: number, high: number) => value < low ? low : value > high ? high : value;

const circle = (cx: number, cy: number, radius: number): Shape => (x, y) =>
  sqrt((x - cx) * (x - cx) + (y - cy) * (y - cy)) - radius;

const ellipse = (cx: number, cy: number, rx: number, ry: number): Shape => (x, y) => {
  const u = (x - cx) / rx, v = (y - cy) / ry;
  const k = sqrt(u * u + v * v) + 1e-9;
  return k * (k - 1) / (sqrt(u * u / rx / rx + v * v / ry / ry) + 1e-9);
};

/** A box of half width and height, its corners rounded. */
const box = (cx: number, cy: number, rx: number, ry: number, corner = 0) => (x: number, y: number) => {
  const u = abs(x - cx) - rx + corner, v = abs(y - cy) - ry + corner;
  const outside = u > 0 && v > 0 ? sqrt(u * u + v * v) : max(u, v);
  return outside - corner;
};

/** A round-ended line that may taper. */
function line(ax: number, ay: number, bx: number, by: number, from: number, to = from): Shape {
  const dx = bx - ax, dy = by - ay, square = dx * dx + dy * dy;
  return (x, y) => {
    const u = x - ax, v = y - ay, t = clamp((u * dx + v * dy) / square, 0, 1);
    const p = u - t * dx, q = v - t * dy;
    return sqrt(p * p + q * q) - from - t * (to - from);
  };
}

/** Reads points written "x y, x y, …". */
const parse = (points: string): number[][] => points.split(", ").map((point) => point.split(" ").map(Number));

/** A closed polygon through points. */
function polygon(points: string): Shape {
  const edges = parse(points).flatMap(([x, y], index, corners) => {
    const [fromX, fromY] = corners.at(index - 1)!;
    return [x, y, fromX - x, fromY - y];
  });
  return (x, y) => {
    let nearest = Infinity, sign = 1;
    for (let e = 0; e < edges.length; e += 4) {
      const dx = edges[e + 2], dy = edges[e + 3];
      const u = x - edges[e], v = y - edges[e + 1];
      const t = clamp((u * dx + v * dy) / (dx * dx + dy * dy), 0, 1);
      const p = u - t * dx, q = v - t * dy;
      nearest = min(nearest, p * p + q * q);
      if ((v < 0) !== (v < dy) && (u < v * dx / dy)) sign = -sign;
    }
    return sign * sqrt(nearest);
  };
}

const union = (...shapes: Shape[]): Shape => (x, y) => {
  let nearest = Infinity;
  for (const shape of shapes) nearest = min(nearest, shape(x, y));
  return nearest;
};
/** Round-ended lines from point to point. */
const polyline = (points: string, width: number): Shape => {
  const corners = parse(points);
  return union(
    ...corners.slice(1).map(([x, y], from) => line(corners[from][0], corners[from][1], x, y, width)),
  );
};
const cut = (shape: Shape, hole: Shape): Shape => (x, y) => max(shape(x, y), -hole(x, y));
const ring = (cx: number, cy: number, radius: number, width: number): Shape =>
  cut(circle(cx, cy, radius), circle(cx, cy, radius - width));
const at = (cx: number, cy: number, shape: Shape): Shape => (x, y) => shape(x - cx, y - cy);
/** The shape and its mirror image in x. */
const both = (shape: Shape): Shape => (x, y) => shape(abs(x), y);
/** Copies of a shape on both sides of it, `stepX` and `stepY` apart. */
const grid = (shape: Shape, stepX: number, stepY: number, sidesX: number, sidesY: number): Shape => (x, y) =>
  shape(
    x - stepX * clamp(round(x / stepX), -sidesX, sidesX),
    y - stepY * clamp(round(y / stepY), -sidesY, sidesY),
  );
/** Copies of a shape on the positive x axis, turned about the origin. */
const around = (count: number, shape: Shape): Shape => (x, y) => {
  const sector = 2 * PI / count, angle = atan2(y, x);
  const turned = angle - sector * round(angle / sector);
  const radius = hypot(x, y);
  return shape(radius * cos(turned), radius * sin(turned));
};

const main = (shape: Shape): Part => ({ paint: "main", shape });
const trim = (shape: Shape): Part => ({ paint: "trim", shape });
const ink = (shape: Shape): Part => ({ paint: "ink", shape });
const glow = (shape: Shape): Part => ({ paint: "glow", shape });

const wheel = (cx: number, cy: number, radius: number) => [
  ink(circle(cx, cy, radius)),
  glow(circle(cx, cy, radius * 0.45)),
];
const eye = (cx: number, cy: number, radius: number) => [
  glow(circle(cx, cy, radius)),
  ink(circle(cx, cy, radius * 0.55)),
];
const stem = [trim(line(0, 0, 0, 10, 0.75)), trim(both(ellipse(3.6, 7.6, 3.2, 1.5)))];
const hull = main(polygon("-9.5 3, 9.8 3, 7 9, -7 9"));

/** A class and how its sub-types are drawn, parts from back to front. */
interface Kind {
  readonly name: string;
  /** Shade of the main paint, −1 … 1. */
  readonly texture: Shape;
  readonly subtypes: Readonly<Record<string, readonly Part[]>>;
}

// deno-fmt-ignore
const KINDS: readonly Kind[] = [{
  name: "car",
  texture: (_x, y) => y > 1.5 ? -0.8 : 0.4,
  subtypes: {
    "sedan": [
      main(polygon("-9.5 5, -9.5 0, -6 -1, -4 -6, 3 -6, 6 -1, 9.5 1, 9.5 5")),
      glow(polygon("-4.4 -1, -3.2 -4.6, -0.7 -4.6, -0.7 -1")),
      glow(polygon("0.7 -1, 0.7 -4.6, 2.4 -4.6, 4.4 -1")),
      ...wheel(-5.2, 5, 2.8), ...wheel(5.2, 5, 2.8),
    ],
    "van": [
      main(box(0, -1, 9.5, 6.5, 1.5)),
      glow(box(-5.6, -3.4, 2, 2)), glow(box(-0.4, -3.4, 2, 2)),
      glow(polygon("3.4 -5.4, 7 -5.4, 9 -1.4, 3.4 -1.4")),
      ...wheel(-5.2, 5.5, 2.8), ...wheel(5.2, 5.5, 2.8),
    ],
    "racing car": [
      ink(line(-8, -3, -8, 2, 0.6)), trim(box(-7.8, -4, 2.2, 1)), glow(circle(-0.4, -1.8, 2)),
      main(polygon("-9.6 5, -9.6 0.6, -4.6 -2.6, -2.6 -0.4, 2 -0.4, 10 3.6, 10 5")),
      ...wheel(-5.8, 4.6, 3.2), ...wheel(5.4, 5, 2.8),
    ],
  },
}, {
  name: "boat",
  texture: (_x, y) => sin(2.6 * y),
  subtypes: {
    "sailing boat": [
      ink(line(0, 4, 0, -9.5, 0.6)), trim(polygon("1 -9.5, 1 1.8, 8.5 1.8")),
      glow(polygon("-1 -7, -1 1.8, -6.5 1.8")), hull,
    ],
    "steamer": [
      trim(box(-3, -4, 1.5, 4.5)), trim(box(2, -4, 1.5, 4.5)),
      ink(box(-3, -7.6, 1.8, 1.2)), ink(box(2, -7.6, 1.8, 1.2)),
      glow(box(-0.5, 0.6, 6.2, 2.6)), ink(at(-0.5, 0.6, grid(circle(0, 0, 0.9), 3, 1, 1, 0))), hull,
    ],
    "rowing boat": [
      trim(line(-1, 3, -1.8, -2, 2.2, 1.6)), glow(circle(-2, -5.4, 2.1)), hull,
      trim(polyline("-1.6 -1.6, 2.6 -0.4", 0.8)), ink(line(2.6, -1.6, 7, 7.5, 0.5)),
      ink(line(7, 7.5, 7.8, 9.4, 1.2)),
    ],
  },
}, {
  name: "aircraft",
  texture: (x) => sin(2.4 * x),
  subtypes: {
    "airliner": [
      trim(polygon("-9.8 -7.5, -7 -7.5, -3.5 -0.5, -8 -0.5")), trim(polygon("3 -1, -1.5 -7, -4 -7, -2.5 -1")),
      main(line(-7.5, 0.3, 7, 0.3, 1.8, 2.6)), ink(polygon("7 -1.8, 8.6 -1.2, 9.4 0, 7 0")),
      ink(grid(circle(0, -0.4, 0.55), 2.2, 1, 2, 0)), trim(polygon("3.5 1.4, -3.5 8.5, -6.5 8.5, -2.5 1.4")),
    ],
    "biplane": [
      ink(grid(line(0.8, -5.5, 0.8, 4, 0.5), 5, 1, 1, 0)), trim(polygon("-9.6 -5, -7 -5, -5.4 0, -9.6 0")),
      main(line(-8.5, 0, 6, 0, 0.9, 2.6)), trim(box(1, -6.4, 7, 1.2, 1)), trim(box(1, 3, 7, 1.2, 1)),
      ink(ellipse(9, 0, 0.8, 5.5)), ...wheel(1.5, 7.3, 2),
    ],
    "helicopter": [
      ink(line(-8, -6.6, 9.8, -6.6, 0.6)), ink(line(1, -6, 1, -2, 0.8)),
      main(line(-0.5, 0, -9, -1.6, 1.8, 0.7)), main(ellipse(2, 1, 6, 4.6)),
      glow(cut(ellipse(2.6, 0.8, 4.6, 3.4), box(-1, 0, 4.4, 9))), ink(ellipse(-9, -1.6, 0.7, 2.6)),
      ink(line(-2.5, 8, 6.8, 8, 0.6)), ink(grid(line(2, 5, 2, 8, 0.45), 2, 1, 1, 0)),
    ],
  },
}, {
  name: "house",
  texture: (x, y) => {
    const row = floor(y / 2.2), u = x / 4 + row / 2;
    return y - row * 2.2 < 0.8 || u - floor(u) < 0.2 ? -1 : 0.4;
  },
  subtypes: {
    "cottage": [
      ink(box(5.2, -6, 1.3, 3)), main(box(0, 4, 7.5, 5.5)), trim(polygon("-10 -0.5, 0 -9.5, 10 -0.5")),
      ink(box(-3.6, 6.4, 1.7, 3.1)), glow(box(3, 4.2, 2.4, 2)), ink(box(3, 4.2, 0.35, 2)),
    ],
    "tower block": [
      main(box(0, 0.5, 6, 9)), trim(box(0, -8.4, 7, 1.1)),
      glow(at(0, -1.6, grid(box(0, 0, 1, 1.1), 3.4, 3.6, 1, 1))), ink(box(0, 7, 1.7, 2.5)),
    ],
    "castle": [
      main(box(0, 4.5, 7, 5)), main(at(0, -1, grid(box(0, 0, 0.9, 1.3), 3, 1, 1, 0))),
      main(both(box(7, 1.5, 2.6, 8))), trim(both(polygon("3.6 -4.5, 7 -9.8, 10.2 -4.5"))),
      ink(circle(0, 5.6, 2.2)), ink(box(0, 7.6, 2.2, 2)), glow(both(box(7, 0, 0.8, 1.5))),
    ],
  },
}, {
  name: "tree",
  texture: (x, y) => sin(2 * x + y) * sin(2 * y - x),
  subtypes: {
    "broadleaf": [
      trim(polygon("-1.4 1, 1.4 1, 2.2 9.8, -2.2 9.8")),
      main(union(both(circle(4.8, -1, 4)), both(circle(2.7, -5.4, 4.2)), circle(0, 0, 4))),
    ],
    "conifer": [
      trim(box(0, 8, 1.5, 2)), main(polygon("-7.5 7, 0 -1, 7.5 7")),
      main(polygon("-6 2.4, 0 -5, 6 2.4")), main(polygon("-4.4 -3, 0 -9.8, 4.4 -3")),
    ],
    "palm": [
      trim(polyline("1 10, 1.4 4, 0 -3", 1.3)), main(line(0, -4, 0.5, -9, 1.5, 0.6)),
      main(both(union(line(0, -4, 5, -7, 1.5), line(5, -7, 9, -3.5, 1.5, 0.3)))),
      main(both(union(line(0, -4, 5, -2.5, 1.5), line(5, -2.5, 7, 2.5, 1.5, 0.3)))),
      ink(both(circle(1.2, -2.2, 1.1))),
    ],
  },
}, {
  name: "fish",
  texture: (x, y) => {
    const column = floor(x / 2.4), u = x / 2.4 - column - 1;
    const v = y / 2.4 + column / 2, w = v - floor(v) - 0.5;
    return hypot(u, w) > 0.78 ? -1 : 0.4;
  },
  subtypes: {
    "carp": [
      trim(polygon("-4 0, -9.8 -5, -8.4 0, -9.8 5")), trim(polygon("-3 -3, 0 -7.5, 4 -3")),
      trim(polygon("-2 3, 0 7, 3 3")), main(ellipse(1.5, 0, 7.8, 4.6)), ...eye(6, -1.2, 1.5),
    ],
    "angelfish": [
      trim(polygon("-4 0, -9.5 -4, -9.5 4")), trim(polygon("6 0, -5 -10, -1 0, -5 10")),
      main(polygon("9.6 0, 2 -6, -5.5 0, 2 6")), ink(box(0.4, 0, 0.8, 4.4)), ...eye(5.4, -0.6, 1.5),
    ],
    "shark": [
      trim(polygon("-6.5 0, -10 -6.5, -8.4 0, -9.6 4")), trim(polygon("-2.4 -2, -1 -7.6, 2.8 -2")),
      trim(polygon("-1 2, -3 7.4, 3.4 2")),
      main(polygon("-8 -0.6, -2 -3.4, 4 -3.6, 9.9 -0.6, 5 3, -2 2.6, -8 0.8")),
      ink(polygon("8 0.4, 5 0.4, 5.6 1.6")), ...eye(6, -1.2, 1.1),
    ],
  },
}, {
  name: "bird",
  texture: (x, y) => sin(2.2 * (x + abs(y))),
  subtypes: {
    "songbird": [
      ink(line(-0.5, 5, -0.5, 9.5, 0.5)), ink(line(2, 5, 2, 9.5, 0.5)),
      trim(polygon("-4 0, -10 1, -9.4 4.2, -3 4")), glow(polygon("7 -6, 10 -4.4, 7 -3")),
      main(union(ellipse(0.6, 1.4, 5.8, 4.6), circle(4.4, -4.4, 3.6))),
      trim(polygon("2.6 0, -2 -1.6, -6.4 3.6, -1 4")), ...eye(5.2, -5, 1.3),
    ],
    "flamingo": [
      ink(line(-1.6, 3, -1, 9.8, 0.55)), ink(line(-0.4, 3, 2.4, 9.8, 0.55)),
      main(polyline("2 0, 5 -2.4, 3 -6, 4 -8", 1.1)), ink(polygon("4.6 -9.6, 8.8 -8, 8.2 -4.4, 6 -7")),
      main(circle(4.4, -8, 1.8)), main(ellipse(-1.6, 0.8, 5.4, 3.4)),
      trim(polygon("1.4 0.6, -2 -1, -8.6 2.6, -2 3.2")), ...eye(4.6, -8.4, 0.8),
    ],
    "penguin": [
      glow(polygon("3 -8.4, 7.8 -6.4, 3 -5.2")), trim(ellipse(-1, 9, 2, 1)), trim(ellipse(3, 9, 2, 1)),
      main(union(ellipse(0, 2, 4.8, 7), circle(1, -6.2, 3.6))), glow(ellipse(2, 2.8, 2.7, 5)),
      trim(line(-3.4, -1.4, -6.4, 4.6, 1.5, 0.8)), ...eye(2.2, -6.8, 1.2),
    ],
  },
}, {
  name: "vessel",
  texture: (_x, y) => sin(1.3 * y) > 0.2 ? -0.8 : 0.4,
  subtypes: {
    "mug": [
      trim(ring(5, 1.6, 4.8, 1.9)), main(box(-1.8, 1.5, 6, 7.6, 1.6)), ink(ellipse(-1.8, -5.4, 5, 1.5)),
    ],
    "goblet": [
      trim(line(0, 2, 0, 9, 0.9)), trim(ellipse(0, 9, 5.4, 1.1)),
      main(cut(ellipse(0, -6, 6.6, 9.4), box(0, -14, 9, 6.6))), ink(ellipse(0, -7.2, 5.6, 1.5)),
    ],
    "teapot": [
      trim(ring(-6, 1, 4, 1.5)), trim(polygon("3 2, 9.6 -5, 8.4 -5.6, 5 -2, 2 6")),
      trim(circle(0, -7.2, 1.6)), main(ellipse(0, 2, 6.6, 6)), trim(ellipse(0, -4.2, 3.6, 1.4)),
    ],
  },
}, {
  name: "flower",
  texture: (x, y) => sin(9 * atan2(y + 2.5, x)),
  subtypes: {
    "daisy": [
      ...stem, main(at(0, -2.5, around(7, ellipse(4.9, 0, 3, 1.9)))), glow(circle(0, -2.5, 2.4)),
    ],
    "tulip": [
      ...stem, main(polygon("-6 -9.5, -2.8 -6, 0 -9.8, 2.8 -6, 6 -9.5, 5.8 -2, 2 1.8, -2 1.8, -5.8 -2")),
    ],
    "bluebell": [
      trim(polyline("-4 10, -3 -5, 1 -8.4, 6 -7", 0.75)), trim(ellipse(-6.4, 7, 1.6, 3)),
      main(polygon("4.6 -7, 7.4 -7, 9.8 0, 7.8 -1.4, 6 0.4, 4.2 -1.4, 2.2 0")),
      main(polygon("-1 -5, 1.8 -5, 4.2 5, 2.2 3.6, 0.4 5.4, -1.4 3.6, -3.4 5")),
    ],
  },
}, {
  name: "insect",
  texture: (x, y) => hypot(abs(x) % 3.6 - 1.8, (y + 36) % 3.6 - 1.8) < 1 ? -1 : 0.4,
  subtypes: {
    "butterfly": [
      ink(both(line(0.4, -5, 3, -9.4, 0.45))), main(both(polygon("0 0, 3.4 -7, 9 -8, 9.6 -3, 6 0.4"))),
      main(both(polygon("0 0, 6 0.4, 8 4, 6 8, 3 7"))), ink(ellipse(0, 0.5, 1.1, 6)),
    ],
    "ladybird": [
      ink(both(line(0.8, -7, 3, -9.6, 0.5))), ink(grid(line(-9, 0, 9, 0, 0.55), 1, 4.2, 0, 1)),
      ink(circle(0, -5.4, 3.2)), main(ellipse(0, 1.6, 6.6, 7.2)), ink(box(0, 1.6, 0.5, 7)),
    ],
    "dragonfly": [
      trim(both(line(1, -4.4, 8.4, -6.6, 1, 1.7))), trim(both(line(1, -2.6, 8.4, 0.4, 1, 1.7))),
      main(line(0, -4, 0, 9.2, 1.8, 0.8)), ink(both(circle(1.2, -6.6, 1.6))),
    ],
  },
}];

/** Hue in turns, saturation and lightness of the main paint; hue of the trim. */
const PALETTES: Readonly<Record<string, readonly number[]>> = {
  red: [0, 0.75, 0.5, 0.12],
  orange: [0.07, 0.9, 0.52, 0.6],
  yellow: [0.14, 0.9, 0.55, 0.95],
  green: [0.34, 0.6, 0.42, 0.1],
  turquoise: [0.48, 0.7, 0.5, 0.02],
  blue: [0.62, 0.75, 0.52, 0.15],
  violet: [0.78, 0.6, 0.55, 0.4],
  white: [0.6, 0.1, 0.88, 0.56],
};

/** Turn in radians, horizontal squeeze, shear; a negative squeeze mirrors. */
const POSES: Readonly<Record<string, readonly number[]>> = {
  "facing right": [0, 1, 0],
  "facing left": [0, -1, 0],
  "nose up": [-0.5, 1, 0],
  "nose down": [0.5, 1, 0],
  "turned away": [0, 0.62, 0],
  "sheared": [0, 0.9, 0.4],
};

/** Mixture of the two background colours, 0 … 1, at −1 … 1. */
const BACKGROUNDS: Readonly<Record<string, (random: Generator) => Shape>> = {
  gradient: (random) => {
    const [u, v] = direction(random, 0.5);
    return (x, y) => 0.5 + u * x + v * y;
  },
  stripes: (random) => {
    const [u, v] = direction(random, random.uniform(5, 12));
    return (x, y) => 0.5 + 0.5 * clamp(3 * sin(u * x + v * y), -1, 1);
  },
  checks: (random) => {
    const [u, v] = direction(random, random.uniform(5, 9));
    return (x, y) => 0.5 + 0.5 * clamp(4 * sin(u * x + v * y) * sin(u * y - v * x), -1, 1);
  },
  rings: (random) => {
    const cx = random.uniform(-1, 1), cy = random.uniform(-1, 1);
    const frequency = random.uniform(6, 12);
    return (x, y) => 0.5 + 0.5 * sin(frequency * hypot(x - cx, y - cy));
  },
  blobs: (random) => {
    const spot = () => circle(random.uniform(-1, 1), random.uniform(-1, 1), random.uniform(0.2, 0.5));
    const shape = union(...Array.from({ length: 6 }, spot));
    return (x, y) => clamp(0.5 - 8 * shape(x, y), 0, 1);
  },
  clouds: (random) => {
    const heights = Float64Array.from({ length: 64 }, () => random.uniform());
    return (x, y) => {
      const u = 3.4 * (x + 1), v = 3.4 * (y + 1), i = floor(u), j = floor(v);
      const s = u - i, t = v - j, from = 8 * j + i;
      const above = heights[from] + s * (heights[from + 1] - heights[from]);
      const below = heights[from + 8] + s * (heights[from + 9] - heights[from + 8]);
      return above + t * (below - above);
    };
  },
};

/** Names of the classes, by label. */
export const classes: readonly string[] = KINDS.map((kind) => kind.name);
/** Names of the sub-types of each class. */
export const subtypes: readonly (readonly string[])[] = KINDS.map((kind) => Object.keys(kind.subtypes));
/** Names of the colours. */
export const colours: readonly string[] = Object.keys(PALETTES);
/** Names of the poses. */
export const poses: readonly string[] = Object.keys(POSES);
/** Names of the kinds of background. */
export const backgrounds: readonly string[] = Object.keys(BACKGROUNDS);

/** Height and width of an image. */
const SIZE = 32;
/** Width of an outline and depth of a texture, in object units and parts of one. */
const OUTLINE = 0.75, TEXTURE = 0.25;

function direction(random: Generator, length: number): [number, number] {
  const angle = random.uniform(0, 2 * PI);
  return [length * cos(angle), length * sin(angle)];
}

/** RGB, 0 … 255, of a hue in turns, a saturation and a lightness. */
function rgb(hue: number, saturation: number, lightness: number): number[] {
  const chroma = saturation * min(lightness, 1 - lightness);
  return [0, 8, 4].map((offset) => {
    const k = (offset + 12 * (hue + 1)) % 12;
    return 255 * (lightness - chroma * max(-1, min(k - 3, 9 - k, 1)));
  });
}

/**
 * Draws one image. Position, size, exact pose and tint, light and noise are
 * random; everything else is in the factors.
 *
 * @param factors What to draw.
 * @param random Where the randomness comes from.
 * @returns RGB bytes, `[32, 32, 3]`.
 * @example
 * ```ts
 * import { generator } from "../base/random.ts";
 * import { classes, draw } from "./generated.ts";
 * const boat = { class: classes.indexOf("boat"), subtype: 0, colour: 5, pose: 0, background: 2 };
 * if (draw(boat, generator(1)).length !== 32 * 32 * 3) throw new Error("wrong size");
 * ```
 */
export function draw(factors: Factors, random: Generator): Uint8Array {
  const kind = KINDS[factors.class];
  const canvas = new Float32Array(SIZE * SIZE * 3);
  const background = Object.values(BACKGROUNDS)[factors.background];
  paintBackground(canvas, background(random), random);
  const paints = mixPaints(Object.values(PALETTES)[factors.colour], random);
  const place = placement(Object.values(POSES)[factors.pose], random);
  for (const part of Object.values(kind.subtypes)[factors.subtype]) {
    paintPart(canvas, place, part, paints, kind.texture);
  }
  return develop(canvas, random);
}

function paintBackground(canvas: Float32Array, mixture: Shape, random: Generator): void {
  const tint = () => rgb(random.uniform(), random.uniform(0.1, 0.7), random.uniform(0.15, 0.85));
  const one = tint(), other = tint();
  for (let pixel = 0; pixel < SIZE * SIZE; pixel++) {
    const share = mixture(pixel % SIZE / 16 - 1, floor(pixel / SIZE) / 16 - 1);
    for (let c = 0; c < 3; c++) canvas[3 * pixel + c] = one[c] + share * (other[c] - one[c]);
  }
}

function mixPaints(
  [hue, saturation, lightness, trimHue]: readonly number[],
  random: Generator,
): Record<Paint, number[]> {
  const tint = hue + random.uniform(-0.02, 0.02);
  return {
    main: rgb(tint, saturation, lightness + random.uniform(-0.06, 0.06)),
    trim: rgb(trimHue, 0.6, random.uniform(0.6, 0.75)),
    ink: rgb(tint, 0.4, random.uniform(0.05, 0.15)),
    glow: rgb(trimHue, 0.4, random.uniform(0.88, 0.96)),
  };
}

/** Where each pixel lies in the object's coordinates. */
interface Placement {
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** Pixels an object unit. */
  readonly scale: number;
}

function placement([turn, squeeze, shear]: readonly number[], random: Generator): Placement {
  const angle = turn + random.uniform(-0.15, 0.15);
  const c = cos(angle), s = sin(angle);
  const aspect = squeeze * random.uniform(0.9, 1.1);
  const scale = random.uniform(1.1, 1.5);
  const cx = 15.5 + random.uniform(-2.5, 2.5), cy = 15.5 + random.uniform(-2.5, 2.5);
  const x = new Float64Array(SIZE * SIZE), y = new Float64Array(SIZE * SIZE);
  for (let pixel = 0; pixel < x.length; pixel++) {
    const u = (pixel % SIZE - cx) / scale, v = (floor(pixel / SIZE) - cy) / scale;
    y[pixel] = v * c - u * s;
    x[pixel] = (u * c + v * s - shear * y[pixel]) / aspect;
  }
  return { x, y, scale };
}

function paintPart(
  canvas: Float32Array,
  { x, y, scale }: Placement,
  { paint, shape }: Part,
  paints: Record<Paint, number[]>,
  texture: Shape,
): void {
  const inside = paints[paint], outline = paints.ink;
  const rim = paint === "main" || paint === "trim" ? OUTLINE * scale : -1;
  for (let pixel = 0; pixel < x.length; pixel++) {
    const distance = scale * shape(x[pixel], y[pixel]);
    if (distance >= 0.5) continue;
    const cover = min(0.5 - distance, 1);
    const fill = clamp(0.5 - distance - rim, 0, 1);
    const shade = paint === "main" ? 1 + TEXTURE * texture(x[pixel], y[pixel]) : 1;
    for (let c = 0; c < 3; c++) {
      const value = outline[c] + fill * (shade * inside[c] - outline[c]);
      canvas[3 * pixel + c] += cover * (value - canvas[3 * pixel + c]);
    }
  }
}

/** Lights the canvas from one side, adds noise and rounds to bytes. */
function develop(canvas: Float32Array, random: Generator): Uint8Array {
  const [u, v] = direction(random, random.uniform(0, 0.25));
  const gain = random.uniform(0.75, 1.2), noise = random.uniform(5, 25);
  let state = random.integer(2 ** 32) | 1;
  const image = new Uint8ClampedArray(canvas.length);
  for (let index = 0; index < image.length; index++) {
    const pixel = floor(index / 3);
    const x = pixel % SIZE / 16 - 1, y = floor(pixel / SIZE) / 16 - 1;
    // xorshift32: a call of the generator a byte would take most of the time.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const grain = ((state & 255) + (state >> 8 & 255)) / 255 - 1;
    image[index] = gain * (1 + u * x + v * y) * canvas[index] + noise * grain;
  }
  return new Uint8Array(image.buffer);
}

/**
 * Generates the data set. An image depends on the seed, its split and its
 * position alone, not on how many there are; any ten images from a multiple of
 * ten on have one of each class.
 *
 * @param options Seed and number of images of each split.
 * @returns The data set with the factors of every image.
 * @throws {UsageError} A count that is not a whole number, 0 or more.
 * @example
 * ```ts
 * import { generate } from "./generated.ts";
 * const { train, factors } = generate({ seed: 1, train: 20, test: 10 });
 * if (train.labels[7] !== factors.train[7].class) throw new Error("wrong label");
 * ```
 */
export function generate(options: { seed: number; train: number; test: number }): GeneratedDataset {
  const train = generateSplit(options.seed, "train", options.train);
  const test = generateSplit(options.seed, "test", options.test);
  const digest = createHash("sha256");
  for (const { images, labels } of [train, test]) digest.update(images).update(labels);
  return {
    name: "generated",
    copy: "generated",
    fingerprint: digest.digest("hex").slice(0, 16),
    classes,
    train,
    test,
    factors: { train: train.factors, test: test.factors },
  };
}

function generateSplit(
  seed: number,
  split: "train" | "test",
  count: number,
): ImageSet & { factors: Factors[] } {
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new UsageError(`generate: ${split} is ${count}; expected a whole number of images, 0 or more.`);
  }
  const images = new Uint8Array(count * SIZE * SIZE * 3), factors: Factors[] = [];
  for (let index = 0; index < count; index++) {
    const random = generator(seed, split, index);
    factors.push(drawFactors(seed, split, index, random));
    images.set(draw(factors[index], random), index * SIZE * SIZE * 3);
  }
  const labels = Uint8Array.from(factors, (known) => known.class);
  return { images, labels, height: SIZE, width: SIZE, factors };
}

function drawFactors(seed: number, split: string, index: number, random: Generator): Factors {
  const order = permutation(classes.length, generator(seed, split, "classes", floor(index / classes.length)));
  const label = order[index % classes.length];
  return {
    class: label,
    subtype: random.integer(subtypes[label].length),
    colour: random.integer(colours.length),
    pose: random.integer(poses.length),
    background: random.integer(backgrounds.length),
  };
}
