/**
 * What a notebook says of a sweep: chosen measures as a chart and a table, and differences between stacks, paired by
 * seed.
 *
 * @module
 */
import { suggest } from "../base/schema.ts";
import type { Comparison } from "../charts/comparison.ts";
import type { ReadoutPoint } from "../charts/readout_curves.ts";
import { summarise } from "./statistics.ts";
import { type SweepResults, type SweepRow, sweepTable } from "./sweep_results.ts";
import { type ResultsTable, signed } from "./table.ts";

/** A stack of a configuration. */
export type Side = readonly [configuration: string, stack: number];

/** A sweep, as a notebook shows it. */
export interface SweepFindings {
  /** Which trainings its numbers are of; of a tiny sweep, that they answer nothing and what does. In markdown. */
  readonly remark: string;
  /** Measures that a pattern picks, of the configurations that another one does: for a chart. */
  compared(measures: RegExp, configurations?: RegExp): Comparison[];
  /** The same as a table, a row a stack. */
  table(measures: RegExp, configurations?: RegExp): ResultsTable;
  /** What a measure is at each place of the trained stacks, from the lowest stage on, for a chart. */
  readouts(measure: string): ReadoutPoint[];
  /**
   * By how much the first of two stacks is above the other, paired by seed: a line a pair that there is, in markdown.
   *
   * @throws {RangeError} Nobody measured that.
   */
  differences(measure: string, pairs: readonly (readonly [first: Side, second: Side])[]): string;
}

/**
 * What a notebook says of a sweep.
 *
 * @param results What it found.
 * @param file Path of the sweep whose results answer, where these may be a tiny one's.
 * @returns Its findings.
 */
export function sweepFindings(results: SweepResults, file: string): SweepFindings {
  const { sweep, runs, rows, dataset } = results;
  const names = [...new Set(rows.flatMap(({ values }) => Object.keys(values)))];
  const of = (configurations: RegExp) =>
    rows.filter(({ configuration }) => configurations.test(configuration));
  return {
    remark: sweep.title.endsWith("Tiny")
      ? `These are ${runs.length} tiny trainings: they show what there is to look at, and answer nothing. ` +
        `\`deno task sweep ${file}\` makes the numbers that do; execute this notebook again then.`
      : `${sweep.title}: ${runs.length} trainings, ${sweep.seeds.length} seeds, ${dataset.images.test} test images.`,
    compared: (measures, configurations = /^/) =>
      of(configurations).flatMap((row) =>
        names.filter((name) => measures.test(name) && name in row.values).map((metric) => {
          const { mean: ours, std } = row.values[metric];
          return { label: nameOf(row), metric, ours, ...std !== null && { std } };
        })
      ),
    table: (measures, configurations = /^/) =>
      sweepTable({ ...results, rows: of(configurations) }, names.filter((name) => measures.test(name))),
    readouts: (measure) =>
      // As the sweep names them: the first is what others are compared with.
      [...new Set(runs.map(({ configuration }) => configuration))].flatMap((name) =>
        rows.filter(({ trained, configuration }) => trained && configuration === name)
      ).flatMap(({ configuration: name, stack, values }) =>
        Object.entries(values).filter(([key]) => key === measure || key.endsWith(`: ${measure}`))
          .map(([key, { mean: value, std }]) => {
            const place = key === measure ? REPRESENTATION : key.slice(0, -measure.length - 2);
            return { name, stack, place, value, ...std !== null && { std } };
          })
          .toSorted((a, b) => rankOf(a.place) - rankOf(b.place))
      ),
    differences: (measure, pairs) => {
      if (!names.includes(measure)) {
        throw new RangeError(`${sweep.title}: nothing is known of ${measure}. ${suggest(measure, names)}`);
      }
      return pairs.flatMap(([first, second]) => {
        const values = differencesOf(results, first, second, measure);
        if (values.length === 0) return [];
        const { mean, interval, n } = summarise(values);
        const range = interval === null
          ? ""
          : ` [${[mean - interval, mean + interval].map(signed).join(", ")}]`;
        return [`- ${pairName(first, second)}: **${signed(mean)}**${range}, n = ${n}`];
      }).join("\n");
    },
  };
}

const REPRESENTATION = "representation";

/** Where a place is on the way from a level's input to its embedding. */
const rankOf = (place: string) =>
  place.startsWith("input")
    ? -1
    : place.startsWith("stage ")
    ? Number(place.slice(6))
    : place === REPRESENTATION
    ? 100
    : 101;

/** Two stacks, what they have in common once. */
function pairName([one, high]: Side, [other, low]: Side): string {
  if (one === other) return `${one}: stack ${high} − stack ${low}`;
  if (high === low) return `stack ${high}: ${one} − ${other}`;
  return `${one}, stack ${high} − ${other}, stack ${low}`;
}

const nameOf = ({ configuration, stack }: Pick<SweepRow, "configuration" | "stack">) =>
  `${configuration}, stack ${stack}`;

/**
 * A stack's values of a measure.
 *
 * @param results What a sweep found.
 * @param side The stack.
 * @param measure What was measured.
 * @returns By seed; empty where there are none.
 */
export function valuesOf(
  { rows }: Pick<SweepResults, "rows">,
  [configuration, stack]: Side,
  measure: string,
): ReadonlyMap<number, number> {
  const row = rows.find((row) => row.configuration === configuration && row.stack === stack);
  const values = row?.values[measure]?.values ?? [];
  return new Map(
    row?.seeds.map((seed, at) => [seed, values[at]] as const).filter(([, value]) => value !== undefined),
  );
}

/**
 * By how much one stack is above another in a measure.
 *
 * @param results What a sweep found.
 * @param one The one.
 * @param other The other.
 * @param measure What was measured of both.
 * @param otherMeasure What of the other, if not the same.
 * @returns A difference a seed that both have.
 */
export function differencesOf(
  results: Pick<SweepResults, "rows">,
  one: Side,
  other: Side,
  measure: string,
  otherMeasure: string = measure,
): number[] {
  const those = valuesOf(results, other, otherMeasure);
  return [...valuesOf(results, one, measure)]
    .flatMap(([seed, value]) => those.has(seed) ? [value - those.get(seed)!] : []);
}
