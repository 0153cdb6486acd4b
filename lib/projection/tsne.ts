/**
 * t-SNE (van der Maaten and Hinton 2008, https://jmlr.org/papers/v9/vandermaaten08a.html): points
 * of the plane whose similarities q ∝ 1 / (1 + r²) come close to those of the data, p, a
 * Gaussian's of a width that gives each point `perplexity` neighbours: min KL(p ‖ q) = Σ p log p/q.
 *
 * @module
 */
import { generator } from "../base/random.ts";
import { tf } from "../compute/tf.ts";
import { field } from "./field.ts";
import { type Neighbours, neighbours } from "./neighbours.ts";
import { pca } from "./pca.ts";

/** How to project. */
export interface TsneOptions {
  /** Seed of the noise that parts equal points. */
  readonly seed: number;
  /** Effective number of neighbours; unless said otherwise 30, and a third of the others where these are few. */
  readonly perplexity?: number;
  /** 1,000 unless said otherwise, the first 250 of which exaggerate. */
  readonly iterations?: number;
  /** Called with the number of iterations done, now and then. */
  readonly progress?: (done: number) => void;
}

/** Iterations with exaggerated attraction and low momentum. */
const EARLY = { iterations: 250, exaggeration: 12, momentum: 0.5 };
/** The other iterations. */
const LATE = { exaggeration: 1, momentum: 0.8 };
/** Standard deviation of the first component at the start, and of the noise on it. */
const INITIAL = 1e-4, NOISE = 1e-6;
/** Iterations between two calls of `progress` and turns of the event loop. */
const PAUSE = 10;

/**
 * Projects points to the plane by the recipe of scikit-learn's Barnes-Hut t-SNE, with
 * the repulsion interpolated on a grid instead of summed over a tree.
 *
 * @param x Points, `[count, features]`.
 * @param options How to project.
 * @returns The projected points, `[count · 2]`, the Kullback-Leibler divergence that is left, and the
 * perplexity.
 * @throws {RangeError} The perplexity is not from 1 to below the number of points.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { tsne } from "./tsne.ts";
 * await start();
 * const x = tf.tensor2d([[0, 0], [0, 1], [1, 0], [90, 0], [90, 1], [91, 0]]);
 * const { points } = await tsne(x, { seed: 0, perplexity: 2, iterations: 300 });
 * const [a, b, c] = [points[0], points[2], points[6]];
 * if (Math.abs(a - b) > Math.abs(a - c)) throw new Error("two groups");
 * ```
 */
export async function tsne(
  x: tf.Tensor2D,
  { seed, perplexity: asked, iterations = 1000, progress }: TsneOptions,
): Promise<{ points: Float32Array; divergence: number; perplexity: number }> {
  const [count] = x.shape;
  const perplexity = asked ?? Math.max(1, Math.min(30, (count - 1) / 3));
  if (!(perplexity >= 1 && perplexity < count)) {
    throw new RangeError(
      `The perplexity of ${count} points has to be from 1 to below ${count}, not ${perplexity}.`,
    );
  }
  const near = await neighbours(x, Math.min(count - 1, Math.floor(3 * perplexity) + 1));
  const graph = similarities(near, perplexity);
  const points = initialise(x, seed);
  const repulsion = field(count);
  const rate = Math.max(count / EARLY.exaggeration / 4, 50);
  const pulls = new Float64Array(2 * count), step = new Float64Array(2 * count);
  const gains = new Float64Array(2 * count).fill(1);
  for (let iteration = 0; iteration < iterations; iteration++) {
    if (iteration === EARLY.iterations) {
      step.fill(0);
      gains.fill(1);
    }
    const { exaggeration, momentum } = iteration < EARLY.iterations ? EARLY : LATE;
    const pending = repulsion.repulsion(points);
    attract(graph, points, pulls); // Meanwhile.
    const { sum, pushes } = await pending;
    for (let at = 0; at < points.length; at++) {
      const gradient = 4 * (exaggeration * pulls[at] - pushes[at] / sum);
      gains[at] = Math.max(gradient * step[at] < 0 ? gains[at] + 0.2 : gains[at] * 0.8, 0.01);
      step[at] = momentum * step[at] - rate * gains[at] * gradient;
      points[at] += step[at];
    }
    centre(points);
    if ((iteration + 1) % PAUSE === 0 || iteration + 1 === iterations) {
      progress?.(iteration + 1);
      await new Promise((resume) => setTimeout(resume));
    }
  }
  const { sum } = await repulsion.repulsion(points);
  repulsion.dispose();
  return { points: Float32Array.from(points), divergence: divergence(graph, points, sum), perplexity };
}

/** Symmetric similarities p, every pair once: those of point i with `others` from `offsets[i]` on. */
interface Similarities {
  readonly offsets: Int32Array;
  readonly others: Int32Array;
  /** pᵢⱼ = pⱼᵢ, which sum to 1 over both directions. */
  readonly p: Float64Array;
}

/** pᵢⱼ = (p(j | i) + p(i | j)) / 2 count. */
function similarities({ k, indices, distances }: Neighbours, perplexity: number): Similarities {
  const count = indices.length / k;
  const conditional = new Float64Array(indices.length);
  const sizes = new Int32Array(count + 1);
  for (let point = 0; point < count; point++) {
    const from = point * k, to = from + k;
    gaussian(distances.subarray(from, to), perplexity, conditional.subarray(from, to));
    for (let at = from; at < to; at++) sizes[Math.min(point, indices[at]) + 1]++;
  }
  for (let point = 0; point < count; point++) sizes[point + 1] += sizes[point];
  // All directed pairs by the lower of their two points …
  const fill = sizes.slice(), higher = new Int32Array(indices.length);
  const part = new Float64Array(indices.length);
  for (let at = 0; at < indices.length; at++) {
    const point = Math.floor(at / k), other = indices[at];
    const place = fill[Math.min(point, other)]++;
    higher[place] = Math.max(point, other);
    part[place] = conditional[at] / (2 * count);
  }
  // … of which the two directions of one pair are added up.
  const offsets = new Int32Array(count + 1), seen = new Int32Array(count).fill(-1);
  let end = 0;
  for (let point = 0; point < count; point++) {
    for (let at = sizes[point]; at < sizes[point + 1]; at++) {
      const other = higher[at], value = part[at];
      if (seen[other] >= offsets[point]) {
        part[seen[other]] += value;
        continue;
      }
      seen[other] = end;
      higher[end] = other;
      part[end++] = value;
    }
    offsets[point + 1] = end;
  }
  return { offsets, others: higher.subarray(0, end), p: part.subarray(0, end) };
}

/** p ∝ exp(−β d²) with β such that p's perplexity 2^entropy is the wanted one, found by bisection. */
function gaussian(distances: Float32Array, perplexity: number, p: Float64Array): void {
  const wanted = Math.log(perplexity), nearest = distances[0] ** 2;
  let beta = 1, low = 0, high = Infinity;
  for (let attempt = 0; attempt < 100; attempt++) {
    let sum = 0, moment = 0;
    for (let at = 0; at < p.length; at++) {
      // Relative to the nearest one, which no β can underflow.
      const square = distances[at] ** 2 - nearest;
      sum += p[at] = Math.exp(-beta * square);
      moment += square * p[at];
    }
    const entropy = Math.log(sum) + beta * moment / sum;
    for (let at = 0; at < p.length; at++) p[at] /= sum;
    if (Math.abs(entropy - wanted) < 1e-5) return;
    if (entropy > wanted) low = beta;
    else high = beta;
    beta = high === Infinity ? 2 * beta : (low + high) / 2;
  }
}

/** The first two principal components, scaled down, with a little noise. */
function initialise(x: tf.Tensor2D, seed: number): Float64Array {
  const random = generator("t-SNE", seed);
  // One more feature that says nothing, as there may be only one.
  const { points, variance } = tf.tidy(() => pca(x.pad([[0, 0], [0, 1]]) as tf.Tensor2D, 2));
  const scale = variance[0] > 0 ? INITIAL / Math.sqrt(variance[0]) : 0;
  return Float64Array.from(points, (value) => scale * value + NOISE * random.normal());
}

/** Σⱼ pᵢⱼ K (yᵢ − yⱼ). */
function attract({ offsets, others, p }: Similarities, points: Float64Array, pulls: Float64Array): void {
  pulls.fill(0);
  for (let point = 0; point + 1 < offsets.length; point++) {
    const x = points[2 * point], y = points[2 * point + 1];
    let sumX = 0, sumY = 0;
    for (let at = offsets[point], end = offsets[point + 1]; at < end; at++) {
      const other = 2 * others[at];
      const dx = x - points[other], dy = y - points[other + 1];
      const pull = p[at] / (1 + dx * dx + dy * dy);
      sumX += pull * dx;
      sumY += pull * dy;
      pulls[other] -= pull * dx;
      pulls[other + 1] -= pull * dy;
    }
    pulls[2 * point] += sumX;
    pulls[2 * point + 1] += sumY;
  }
}

/** Σ p log(p / q) over both directions of every pair, with q = K / sum. */
function divergence({ offsets, others, p }: Similarities, points: Float64Array, sum: number): number {
  let total = 0;
  for (let point = 0; point + 1 < offsets.length; point++) {
    for (let at = offsets[point]; at < offsets[point + 1]; at++) {
      const dx = points[2 * point] - points[2 * others[at]];
      const dy = points[2 * point + 1] - points[2 * others[at] + 1];
      if (p[at] > 0) total += 2 * p[at] * Math.log(p[at] * sum * (1 + dx * dx + dy * dy));
    }
  }
  return total;
}

/** Moves points so that their mean is 0. */
function centre(points: Float64Array): void {
  let x = 0, y = 0;
  for (let at = 0; at < points.length; at += 2) {
    x += points[at];
    y += points[at + 1];
  }
  x /= points.length / 2;
  y /= points.length / 2;
  for (let at = 0; at < points.length; at += 2) {
    points[at] -= x;
    points[at + 1] -= y;
  }
}
