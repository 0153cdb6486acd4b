/**
 * Seeded randomness. Nothing in this project calls `Math.random`: a generator
 * is made from a list of keys (seed, epoch, image, view …), so that the same
 * keys give the same numbers on any machine, in any order, after any resume.
 *
 * @module
 */
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** A stream of random numbers. */
export interface Generator {
  /** Uniform in [low, high); [0, 1) without arguments. */
  uniform(low?: number, high?: number): number;
  /** An integer in [0, below). */
  integer(below: number): number;
  /** Standard normal (Box–Muller). */
  normal(): number;
}

/**
 * A generator for a list of keys.
 *
 * @param keys Numbers and words; each change of one gives an independent stream.
 * @returns The generator.
 * @example
 * ```ts
 * import { generator } from "./random.ts";
 * const a = generator(1, "view", 7), b = generator(1, "view", 7);
 * if (a.uniform() !== b.uniform()) throw new Error("not reproducible");
 * ```
 */
export function generator(...keys: readonly (number | string)[]): Generator {
  const stream = xoroshiro128plus(hash(keys));
  const uniform = (low = 0, high = 1) => low + (high - low) * uniformFloat64(stream);
  return {
    uniform,
    integer: (below) => Math.floor(uniform() * below),
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}

/**
 * The numbers 0 … count − 1 in random order (Fisher–Yates).
 *
 * @param count How many.
 * @param random Where the randomness comes from.
 * @returns A permutation.
 */
export function permutation(count: number, random: Generator): Int32Array {
  const order = Int32Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = random.integer(last + 1);
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

/** 32-bit FNV-1a over the keys' text, finished with murmur3's mixer. */
function hash(keys: readonly (number | string)[]): number {
  let state = 0x811c9dc5;
  for (const character of keys.join("\u0000")) {
    state = Math.imul(state ^ character.codePointAt(0)!, 0x01000193);
  }
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return state ^ (state >>> 16);
}
