/**
 * Signs of a stack that collapses: all images look alike to it, or differ in
 * one direction alone.
 *
 * @module
 */
import { demandFinite } from "../compute/finite.ts";
import { tf } from "../compute/tf.ts";
import { rankMe } from "../evaluation/rank.ts";
import type { Level } from "../model/stack.ts";

/** How a batch spreads. */
export interface Spread {
  /** Standard deviation over root mean square, 0 for a constant and at most 1. */
  readonly deviation: number;
  /** RankMe, from 1. */
  readonly rank: number;
}

/** How a batch spreads in a stack. Behind batch norm a representation may look well where the embedding does not. */
export type LevelSpread = { readonly [part in keyof Level]: Spread };

/** Rows that RankMe looks at. */
const ROWS = 256;

/** Healthy runs have 0.5 and more. */
const LEAST_DEVIATION = 0.01;
/** Healthy runs have over ten. */
const LEAST_RANK = 1.5;

/**
 * Measures how a batch spreads in a stack.
 *
 * @param level What the stack makes of a batch.
 * @returns Its spread.
 * @throws {RangeError} A number is NaN or infinite.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { isCollapsed, spreadOf } from "./collapse.ts";
 * await start();
 * const [alike, different] = [tf.ones([8, 4]) as tf.Tensor2D, tf.eye(8)];
 * const collapsed = [alike, different].map((embedding) =>
 *   isCollapsed(spreadOf({ representation: different, embedding }))
 * );
 * if (!collapsed[0] || collapsed[1]) throw new Error("only the first has one point for all");
 * ```
 */
export function spreadOf({ representation, embedding }: Level): LevelSpread {
  return { representation: spread(representation), embedding: spread(embedding) };
}

/**
 * Measures how a batch spreads.
 *
 * @param batch `[count, features]`.
 * @returns Its spread, with the rank of its first rows.
 * @throws {RangeError} A number is NaN or infinite.
 */
export function spread(batch: tf.Tensor2D): Spread {
  return tf.tidy(() => {
    const some = batch.slice(0, Math.min(ROWS, batch.shape[0]));
    const largest = some.dataSync<"float32">().reduce(
      (largest, value) => Math.max(largest, Math.abs(value)),
      0,
    );
    if (largest === 0) return { deviation: 0, rank: 1 };
    // Neither measure knows a scale, and squares of large and small numbers leave float32.
    const x = some.div(largest) as tf.Tensor2D;
    demandFinite(x, "a batch's spread");
    const square = x.square().mean().dataSync()[0];
    const variance = tf.moments(x, 0).variance.mean().dataSync()[0];
    return { deviation: Math.sqrt(variance / square), rank: rankMe(x) };
  });
}

/**
 * Whether a stack is collapsed.
 *
 * @param spread How a batch spreads in it.
 * @returns True if its representation or its embedding is nearly one point or one line.
 */
export function isCollapsed({ representation, embedding }: LevelSpread): boolean {
  return [representation, embedding].some(({ deviation, rank }) =>
    deviation < LEAST_DEVIATION || rank < LEAST_RANK
  );
}

/**
 * A spread for people.
 *
 * @param spread The spread.
 * @returns Its four numbers, named.
 */
export function describe({ representation, embedding }: LevelSpread): string {
  const words = ({ deviation, rank }: Spread) =>
    `relative deviation ${deviation.toPrecision(2)}, RankMe ${rank.toFixed(1)}`;
  return `representation: ${words(representation)}; embedding: ${words(embedding)}`;
}
