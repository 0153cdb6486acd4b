/**
 * Coarser and finer classes of the same images.
 *
 * @module
 */
import { DataError } from "../base/errors.ts";
import type { Labels } from "../data/dataset.ts";
import { encode } from "./agreement.ts";
import type { Labelled } from "./metric.ts";

/**
 * Whether one grouping only divides the groups of the other.
 *
 * @param fine The group of each thing in one grouping.
 * @param coarse In the other one.
 * @returns Whether each of the fine groups lies in one of the coarse ones.
 * @example
 * ```ts
 * import { divides } from "./levels.ts";
 * if (!divides([0, 1, 2], [5, 5, 7])) throw new Error("0 and 1 lie in 5, 2 lies in 7");
 * if (divides([0, 0, 2], [5, 7, 7])) throw new Error("0 lies in 5 and in 7");
 * ```
 */
export function divides(fine: ArrayLike<number>, coarse: ArrayLike<number>): boolean {
  const inside = new Map<number, number>();
  return Array.from(fine).every((group, at) => {
    if (!inside.has(group)) inside.set(group, coarse[at]);
    return inside.get(group) === coarse[at];
  });
}

/**
 * The test images' classes and those of levels, each dividing those before it: a tree, from below its root
 * to its leaves. Of groupings that are the same but for names there is one.
 *
 * @param test The images.
 * @param names Which levels; if absent all that divide the classes or are divided by them.
 * @returns Groupings, coarsest first.
 * @throws {DataError} There is no such level, or the groups of one lie across those of another.
 */
export function lineage(
  { labels, levels = {} }: Pick<Labelled, "labels" | "levels">,
  names: readonly string[] = Object.keys(levels)
    .filter((name) => divides(levels[name], labels) || divides(labels, levels[name])),
): Labels[] {
  const missing = names.find((name) => !(name in levels));
  if (missing !== undefined) {
    throw new DataError(
      `These images have no level ${missing}. Levels: ${Object.keys(levels).join(", ") || "none"}.`,
    );
  }
  const all = [["classes", labels] as const, ...names.map((name) => [name, levels[name]] as const)]
    .toSorted(([, a], [, b]) => encode(a).sizes.length - encode(b).sizes.length);
  const tree = all.slice(0, 1);
  for (const [name, labels] of all.slice(1)) {
    const [above, coarser] = tree.at(-1)!;
    if (!divides(labels, coarser)) {
      throw new DataError(`No tree: ${name} lie across ${above}. Name the levels that divide each other.`);
    }
    if (!divides(coarser, labels)) tree.push([name, labels]);
  }
  return tree.map(([, labels]) => labels);
}
