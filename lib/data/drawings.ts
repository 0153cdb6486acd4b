/**
 * What the generated data set draws: ten classes with three sub-types each.
 *
 * @module
 */
import {
  around,
  at,
  both,
  box,
  circle,
  cut,
  ellipse,
  grid,
  line,
  polygon,
  polyline,
  ring,
  type Shape,
  union,
} from "./shapes.ts";

const { abs, atan2, floor, hypot, sin } = Math;

/** Main and trim get an outline in ink; main also has the texture of its class. */
export type Paint = "main" | "trim" | "ink" | "glow";

/** A shape in one paint. */
export interface Part {
  readonly paint: Paint;
  readonly shape: Shape;
}

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
export interface Kind {
  readonly name: string;
  /** Shade of the main paint, −1 … 1. */
  readonly texture: Shape;
  readonly subtypes: Readonly<Record<string, readonly Part[]>>;
}

/** The classes, by label. */
// deno-fmt-ignore: a line a group of parts reads better than one a part
export const KINDS: readonly Kind[] = [{
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
