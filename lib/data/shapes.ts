/**
 * Shapes as signed distances to their outline, and how they combine.
 *
 * @module
 */

/** Signed distance to an outline, negative inside; an object spans −10 … 10, y down. */
export type Shape = (x: number, y: number) => number;

const { PI, abs, atan2, cos, hypot, max, min, round, sin, sqrt } = Math;

/** A value kept between two others. */
export const clamp = (value: number, low: number, high: number) =>
  value < low ? low : value > high ? high : value;

export const circle = (cx: number, cy: number, radius: number): Shape => (x, y) =>
  sqrt((x - cx) * (x - cx) + (y - cy) * (y - cy)) - radius;

export const ellipse = (cx: number, cy: number, rx: number, ry: number): Shape => (x, y) => {
  const u = (x - cx) / rx, v = (y - cy) / ry;
  const k = sqrt(u * u + v * v) + 1e-9;
  return k * (k - 1) / (sqrt(u * u / rx / rx + v * v / ry / ry) + 1e-9);
};

/** A box of half width and height, its corners rounded. */
export const box = (cx: number, cy: number, rx: number, ry: number, corner = 0) => (x: number, y: number) => {
  const u = abs(x - cx) - rx + corner, v = abs(y - cy) - ry + corner;
  const outside = u > 0 && v > 0 ? sqrt(u * u + v * v) : max(u, v);
  return outside - corner;
};

/** A round-ended line that may taper. */
export function line(ax: number, ay: number, bx: number, by: number, from: number, to = from): Shape {
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
export function polygon(points: string): Shape {
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

export const union = (...shapes: Shape[]): Shape => (x, y) => {
  let nearest = Infinity;
  for (const shape of shapes) nearest = min(nearest, shape(x, y));
  return nearest;
};
/** Round-ended lines from point to point. */
export const polyline = (points: string, width: number): Shape => {
  const corners = parse(points);
  return union(
    ...corners.slice(1).map(([x, y], from) => line(corners[from][0], corners[from][1], x, y, width)),
  );
};
export const cut = (shape: Shape, hole: Shape): Shape => (x, y) => max(shape(x, y), -hole(x, y));
export const ring = (cx: number, cy: number, radius: number, width: number): Shape =>
  cut(circle(cx, cy, radius), circle(cx, cy, radius - width));
export const at = (cx: number, cy: number, shape: Shape): Shape => (x, y) => shape(x - cx, y - cy);
/** The shape and its mirror image in x. */
export const both = (shape: Shape): Shape => (x, y) => shape(abs(x), y);
/** Copies of a shape on both sides of it, `stepX` and `stepY` apart. */
export const grid =
  (shape: Shape, stepX: number, stepY: number, sidesX: number, sidesY: number): Shape => (x, y) =>
    shape(
      x - stepX * clamp(round(x / stepX), -sidesX, sidesX),
      y - stepY * clamp(round(y / stepY), -sidesY, sidesY),
    );
/** Copies of a shape on the positive x axis, turned about the origin. */
export const around = (count: number, shape: Shape): Shape => (x, y) => {
  const sector = 2 * PI / count, angle = atan2(y, x);
  const turned = angle - sector * round(angle / sector);
  const radius = hypot(x, y);
  return shape(radius * cos(turned), radius * sin(turned));
};
