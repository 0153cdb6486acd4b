/**
 * The repulsion of t-SNE: every point pushes every other one with the Student
 * kernel K(r) = 1 / (1 + r²). Both the pushes and their normalisation follow from
 * one potential S(p) = Σⱼ K(|p − yⱼ|), as ∇K(r) = −2 K(r)² r, and the potential is
 * a convolution, for which an FFT on a grid takes linear time (Linderman et al.
 * 2019, FIt-SNE). Onto the grid and back leads the smooth particle-mesh scheme
 * with quintic B-splines, whose derivative gives the slope (Essmann et al. 1995).
 *
 * @module
 */
import { compile } from "../compute/compile.ts";
import { filtered, realSpectrum } from "../compute/ops.ts";
import { tf } from "../compute/tf.ts";

/** Distance of two grid nodes; the kernel's own width is 1. The pushes within a map are then right to 0.3 %. */
const SPACING = 1 / 4;

/** Most nodes along an axis; beyond them the grid gets coarser instead. */
const MOST_NODES = 1024;

/** Nodes along an axis that a point touches: the order of its B-spline, which is of degree 5. */
const ORDER = 6;

/** Up to so many points, to sum over all pairs is faster; it is exact even where hardly a pair is close. */
const DIRECT = 1000;

/** What points feel. */
export interface Repulsion {
  /** Σᵢ Σⱼ≠ᵢ K(|yᵢ − yⱼ|). */
  readonly sum: number;
  /** Σⱼ K² · (yᵢ − yⱼ), `[count · 2]`; overwritten by the next call. */
  readonly pushes: Float64Array;
}

/** Repulsion between points of the plane; with many of them computed on TensorFlow's threads. */
export interface Field {
  /**
   * @param points `[count · 2]`; read before the first await only.
   * @returns The repulsion.
   */
  repulsion(points: Float64Array): Promise<Repulsion>;
  /** Frees what it holds. */
  dispose(): void;
}

/**
 * A field for some number of points.
 *
 * @param count How many.
 * @returns The field.
 */
export function field(count: number): Field {
  return count > DIRECT
    ? grid(count)
    : { repulsion: (points) => Promise.resolve(direct(points)), dispose: () => {} };
}

/** The repulsion, summed over all pairs. */
function direct(points: Float64Array): Repulsion {
  const pushes = new Float64Array(points.length);
  let sum = 0;
  for (let one = 0; one < points.length; one += 2) {
    const x = points[one], y = points[one + 1];
    let sumX = 0, sumY = 0;
    for (let other = 0; other < one; other += 2) {
      const dx = x - points[other], dy = y - points[other + 1];
      const kernel = 1 / (1 + dx * dx + dy * dy), push = kernel * kernel;
      sum += 2 * kernel;
      sumX += push * dx;
      sumY += push * dy;
      pushes[other] -= push * dx;
      pushes[other + 1] -= push * dy;
    }
    pushes[one] += sumX;
    pushes[one + 1] += sumY;
  }
  return { sum, pushes };
}

/** The repulsion, interpolated on a grid. */
function grid(count: number): Field {
  const pushes = new Float64Array(2 * count);
  const weights = new Float64Array(2 * ORDER * count), slopes = new Float64Array(2 * ORDER * count);
  const cells = new Int32Array(count);
  const convolved = compile(convolve, { name: "potential" });
  let density = new Float32Array(0), nodes = 0, spacing = 0;
  let spectrum: tf.Tensor2D | undefined;

  /** Fits the grid to the points and hands out the coordinates of its corner. */
  const fit = (points: Float64Array): [number, number] => {
    const low = [Infinity, Infinity], high = [-Infinity, -Infinity];
    for (let at = 0; at < points.length; at++) {
      low[at & 1] = Math.min(low[at & 1], points[at]);
      high[at & 1] = Math.max(high[at & 1], points[at]);
    }
    const extent = Math.max(high[0] - low[0], high[1] - low[1]);
    const wanted = Math.max(SPACING, extent / (MOST_NODES - ORDER - 1));
    const size = smooth(Math.ceil(extent / wanted) + ORDER + 1);
    if (size !== nodes || wanted !== spacing) {
      spectrum?.dispose();
      [nodes, spacing] = [size, wanted];
      spectrum = kernelSpectrum(nodes, spacing);
      density = new Float32Array(nodes ** 2);
    }
    // Half the spline's nodes lie before a point; one half more is for rounding.
    return [low[0] - ORDER / 2 * spacing, low[1] - ORDER / 2 * spacing];
  };

  return {
    async repulsion(points) {
      const [left, top] = fit(points);
      density.fill(0);
      for (let at = 0; at < count; at++) {
        const x = (points[2 * at] - left) / spacing, y = (points[2 * at + 1] - top) / spacing;
        const column = Math.floor(x), row = Math.floor(y), from = 2 * ORDER * at;
        spline(x - column, weights, slopes, from);
        spline(y - row, weights, slopes, from + ORDER);
        const cell = cells[at] = (row + 1 - ORDER / 2) * nodes + column + 1 - ORDER / 2;
        for (let i = 0; i < ORDER; i++) {
          for (let j = 0; j < ORDER; j++) {
            density[cell + i * nodes + j] += weights[from + ORDER + i] * weights[from + j];
          }
        }
      }
      const charges = tf.tensor2d(density, [nodes, nodes]);
      const result = await convolved(charges, spectrum!);
      const potential = result.dataSync();
      charges.dispose();
      result.dispose();
      let sum = 0;
      const slope = -0.5 / spacing;
      for (let at = 0; at < count; at++) {
        const from = 2 * ORDER * at;
        let value = 0, alongX = 0, alongY = 0;
        for (let i = 0; i < ORDER; i++) {
          let rowValue = 0, rowSlope = 0;
          for (let j = 0, cell = cells[at] + i * nodes; j < ORDER; j++, cell++) {
            rowValue += weights[from + j] * potential[cell];
            rowSlope += slopes[from + j] * potential[cell];
          }
          value += weights[from + ORDER + i] * rowValue;
          alongX += weights[from + ORDER + i] * rowSlope;
          alongY += slopes[from + ORDER + i] * rowValue;
        }
        sum += value;
        pushes[2 * at] = slope * alongX;
        pushes[2 * at + 1] = slope * alongY;
      }
      // Each point has felt itself, with K(0) = 1.
      return { sum: sum - count, pushes };
    },
    dispose() {
      spectrum?.dispose();
      convolved.dispose();
    },
  };
}

/** Values and slopes of the B-splines over a point at 0 ≤ t < 1 between two nodes, by de Boor's recursion. */
function spline(t: number, values: Float64Array, slopes: Float64Array, at: number): void {
  values[at] = 1;
  for (let order = 2; order <= ORDER; order++) {
    const last = order - 1;
    if (order === ORDER) {
      slopes[at] = -values[at];
      for (let node = 1; node < last; node++) slopes[at + node] = values[at + node - 1] - values[at + node];
      slopes[at + last] = values[at + last - 1];
    }
    values[at + last] = t * values[at + last - 1] / last;
    for (let node = last - 1; node > 0; node--) {
      values[at + node] = ((t + last - node) * values[at + node - 1] + (node + 1 - t) * values[at + node]) /
        last;
    }
    values[at] *= (1 - t) / last;
  }
}

/** The least number of nodes from 16 on that is 4, 5 or 6 times a power of two, which keeps FFTs fast. */
function smooth(nodes: number): number {
  for (let power = 4;; power *= 2) {
    for (const factor of [4, 5, 6]) if (factor * power >= nodes) return factor * power;
  }
}

/** The kernel's real spectrum on a grid twice as wide, so that nothing wraps around. */
function kernelSpectrum(nodes: number, spacing: number): tf.Tensor2D {
  const size = 2 * nodes;
  const squares = Float64Array.from({ length: size }, (_, at) => (spacing * Math.min(at, size - at)) ** 2);
  const [atNodes, unused] = [new Float64Array(ORDER), new Float64Array(ORDER)];
  spline(0, atNodes, unused, 0);
  // The splines' spectrum along an axis, once for the way onto the grid and once for the way back.
  const smoothing = Float32Array.from({ length: size }, (_, frequency) => {
    const phase = 2 * Math.PI * frequency / size;
    return atNodes.reduce((sum, value, node) => sum + value * Math.cos(phase * (node + 1 - ORDER / 2)), 0) **
      2;
  });
  const kernel = new Float32Array(size * size);
  for (let row = 0, at = 0; row < size; row++) {
    for (let column = 0; column < size; column++) kernel[at++] = 1 / (1 + squares[row] + squares[column]);
  }
  return tf.tidy(() => {
    const real = realSpectrum(tf.tensor2d(kernel, [size, size]));
    return real.div(tf.tensor2d(smoothing, [size, 1])).div(tf.tensor1d(smoothing.slice(0, nodes + 1)));
  });
}

/** The convolution of a grid of charges with the kernel. */
function convolve(charges: tf.Tensor2D, spectrum: tf.Tensor2D): tf.Tensor2D {
  const [nodes] = charges.shape;
  const filled = charges.pad([[0, nodes], [0, nodes]]) as tf.Tensor2D;
  return filtered(filled, spectrum).slice([0, 0], [nodes, nodes]);
}
