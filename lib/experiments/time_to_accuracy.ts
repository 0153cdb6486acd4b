/**
 * Time to accuracy: what a sweep over epochs says of how errors fall with epochs and with core-hours, and of where
 * width pays.
 *
 * @module
 */
import { join } from "@std/path";
import { UsageError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { places } from "../base/places.ts";
import type { ErrorLine } from "../charts/error_curves.ts";
import { engineTitle } from "../compute/engine.ts";
import {
  costOf,
  type Crossing,
  crossing,
  errorAt,
  type PowerLaw,
  powerLaw,
  type Ratio,
  ratioAt,
} from "./power_law.ts";
import { planSweep, readSweepFile } from "./sweep.ts";
import { measureSweep, readSweep, type SweepResults } from "./sweep_results.ts";
import type { ResultsTable } from "./table.ts";

/**
 * What a sweep found; where `deno task sweep` has not been run on it, what another, smaller one finds, whose runs are
 * trained now unless they have been.
 *
 * @param path The sweep's file.
 * @param instead The other one's.
 * @returns What one of the two found.
 * @throws {DataError} A file is missing or damaged.
 */
export async function sweepOrElse(path: string, instead: string): Promise<SweepResults> {
  const folder = join(places.results, "sweeps", (await readSweepFile(path)).id);
  if (await exists(folder)) return await readSweep(folder);
  return await measureSweep(await planSweep(instead, { runs: places.runs }), () => Promise.resolve());
}

/** What a configuration of such a sweep is called. */
const NAME = /^(.+), width (\d+), epochs (\d+)$/;

/** What is paid for a training. */
const COSTS = ["epochs", "core-hours"] as const;

/** A line of the chart, and the law through its points. */
interface Line extends ErrorLine {
  readonly method: string;
  readonly width: number;
  readonly cost: typeof COSTS[number];
  /** Null for points of one cost. */
  readonly law: PowerLaw | null;
}

/** What a sweep over epochs says. */
export interface TimeToAccuracy {
  /** Errors in per cent and their laws, for the chart. */
  readonly lines: readonly ErrorLine[];
  /** A row a law: its exponent with its 95 % interval, and what the error that was asked for costs by it. */
  readonly table: ResultsTable;
  /** Where width pays: a sentence and a list in Markdown. */
  readonly remarks: string;
}

/**
 * Fits a power law to each configuration's errors over epochs and over core-hours.
 *
 * @param results What the sweep found; its variants are called `METHOD, width W`, and its grid is of epochs.
 * @param measure Name of an accuracy, such as `top-1`.
 * @param error An error in per cent, whose cost is asked for.
 * @returns Lines, laws and words.
 * @throws {UsageError} The sweep has no such accuracy, or is of something else.
 * @throws {RangeError} An error is 0, which no power law reaches.
 */
export function timeToAccuracy(results: SweepResults, measure: string, error: number): TimeToAccuracy {
  const { accuracies, runs, environment, sweep } = results;
  if (!accuracies.includes(measure)) {
    throw new UsageError(
      `The sweep has no accuracy "${measure}". It has ${accuracies.join(", ") || "none"}.`,
    );
  }
  const lines = linesOf(results, measure), origins = runs.flatMap(({ origins }) => origins);
  const threads = [...new Set(runs.map((run) => threadsOf(run, results)))].join(" or ");
  const engines = [...new Set(origins.map(engineTitle))].join(" or ");
  const scored = sweep.evaluate.images === "test" ? "test" : "held-out";
  const pairs = COSTS.flatMap((cost) => pairsOf(lines.filter((line) => line.cost === cost)));
  const rows = lines.flatMap(({ name, stack, cost, law }) => {
    if (!law) return [];
    const { b, interval, n } = law;
    return [[
      ...[name, `${stack}`, cost, `${n}`],
      `${b.toFixed(3)}${interval === null ? "" : ` ± ${interval.toFixed(3)}`}`,
      reached(law, error),
    ]];
  });
  return {
    lines,
    table: {
      columns: ["configuration", "stack", "over", "n", "exponent b", `cost of ${error} %`],
      rows,
      notes: [
        `The law is error = a · cost^−b of ${measure} on ${results.dataset.images.test} ${scored} images, with Student's 95 % ` +
        "interval of b over n trainings; two leave none.",
        `Core-hours are seconds of training times threads (${threads}) on ${environment.cpu} with ${engines}.`,
      ],
    },
    remarks: [summaryOf(pairs), pairs.map(widthRemark).join("\n")].join("\n\n"),
  };
}

/** One line a configuration, stack and kind of cost: stacks and widths rise, methods are in the sweep's order. */
function linesOf({ rows, runs, ...results }: SweepResults, measure: string): Line[] {
  const points = rows.filter(({ trained }) => trained).flatMap(({ configuration, stack, seeds, values }) => {
    const [, method, width, epochs] = configuration.match(NAME) ?? [];
    if (method === undefined) {
      throw new UsageError(
        `${configuration}: expected a variant called METHOD, width W, and a grid of epochs.`,
      );
    }
    return seeds.map((seed, at) => {
      const run = runs.find((run) => run.configuration === configuration && run.seed === seed)!;
      return {
        ...{ method, width: Number(width), stack, error: 100 - values[measure].values[at] },
        paid: { epochs: Number(epochs), "core-hours": run.seconds * threadsOf(run, results) / 3600 },
      };
    });
  });
  const order = Object.keys(results.sweep.variants);
  const groups = Map.groupBy(points, ({ method, width, stack }) => `${method}, width ${width}|${stack}`);
  return [...groups.values()].flatMap((group) => {
    const [{ method, width, stack }] = group, name = `${method}, width ${width}`;
    return COSTS.map((cost): Line => {
      const points = group.map(({ paid, error }) => ({ cost: paid[cost], error }));
      const law = new Set(points.map(({ cost }) => cost)).size > 1 ? powerLaw(points) : null;
      return { name, method, width, stack, cost, points, law, fit: law ? drawn(law) : [] };
    });
  }).toSorted((a, b) => a.stack - b.stack || order.indexOf(a.name) - order.indexOf(b.name));
}

/** Threads that trained a run, the most where it was several. */
function threadsOf(
  { origins }: SweepResults["runs"][number],
  { environment }: Pick<SweepResults, "environment">,
): number {
  return origins.length > 0 ? Math.max(...origins.map(({ threads }) => threads)) : environment.threads;
}

/** Places of a law that a chart draws, so that the band, which is bent, looks it. */
const PLACES = 24;

function drawn(law: PowerLaw): ErrorLine["fit"] {
  const [least, largest] = law.measured;
  return Array.from({ length: PLACES }, (_, at) => {
    const cost = least * (largest / least) ** (at / (PLACES - 1)), { error, interval } = errorAt(law, cost);
    return { cost, error, band: interval };
  });
}

/** Beyond so many times what was measured a law says nothing. */
const FAR = 100;

function reached(law: PowerLaw, error: number): string {
  const { cost, extrapolated } = costOf(law, error), [least, largest] = law.measured;
  if (cost === null) return "never: it does not fall";
  if (cost > FAR * largest) return `over ${FAR} times what was measured`;
  if (cost < least) return `less than ${short(least)}`;
  return `${short(cost)}${extrapolated ? " (extrapolated)" : ""}`;
}

type Fitted = Line & { readonly law: PowerLaw };

/** A method's lines of one width and the next. */
function pairsOf(lines: readonly Line[]): [narrow: Fitted, wide: Fitted][] {
  const fitted = lines.filter((line): line is Fitted => line.law !== null);
  const families = Map.groupBy(fitted, ({ method, stack }) => `${method}|${stack}`);
  return [...families.values()].flatMap((family) => {
    const rising = family.toSorted((a, b) => a.width - b.width);
    return rising.slice(1).map((wide, at): [Fitted, Fitted] => [rising[at], wide]);
  });
}

/** How the errors of two widths compare, and how well that is known. */
function widthRemark([narrow, wide]: readonly [Fitted, Fitted]): string {
  const { method, stack, cost: unit } = narrow, [from, to] = shared(narrow, wide);
  const compared = [from, to].map((cost, at) => {
    const ratio = ratioAt(wide.law, narrow.law, cost), known = ratio.interval?.map((end) => end.toFixed(2));
    const place = at > 0 ? `it at ${short(cost)} ${unit}` : `that of width ${narrow.width} at ${short(cost)}`;
    return `${wordFor(ratio)} ${place} (${ratio.ratio.toFixed(2)} times, ${
      known ? `95 % interval ${known.join(" to ")}` : "**not judged**"
    })`;
  });
  return `- ${method}, stack ${stack}, over ${unit}: ${
    from < to
      ? `the error of width ${wide.width} is ${compared.join(" and ")}`
      : "the two have no cost in common at which they were measured"
  }. ${crossingRemark(narrow, wide)}`;
}

/** The range of costs in which both were measured; it falls where there is none. */
function shared(...lines: readonly Fitted[]): [from: number, to: number] {
  const ends = lines.map(({ law }) => law.measured);
  return [Math.max(...ends.map(([least]) => least)), Math.min(...ends.map(([, largest]) => largest))];
}

function wordFor({ ratio, interval }: Ratio): "below" | "above" | "not told apart from" {
  if (interval && interval[0] <= 1 && interval[1] >= 1) return "not told apart from";
  return ratio < 1 ? "below" : "above";
}

/** What is known of where the laws of two widths cross. */
function crossingRemark(narrow: Fitted, wide: Fitted): string {
  const { cost, interval, unjudged } = crossing(narrow.law, wide.law), [from, to] = shared(narrow, wide);
  const measured = [narrow, wide].flatMap(({ law }) => law.measured);
  const least = Math.min(...measured) / FAR, largest = Math.max(...measured) * FAR;
  if (cost === null || cost < least || cost > largest) return "The laws do not cross anywhere near.";
  const crossed = `The laws cross at ${short(cost)}${from < cost && cost < to ? "" : ", extrapolated"}`;
  if (unjudged !== null) return `${crossed} (**not judged**: ${UNJUDGED[unjudged]}).`;
  const [low, high] = interval!;
  const ends = [low < least ? "0" : short(low), high > largest ? `over ${short(largest)}` : short(high)];
  return `${crossed} (95 % interval ${ends.join(" to ")}).`;
}

const UNJUDGED = {
  points: "two points a law leave no spread",
  exponents: "the exponents are not told apart",
} as const satisfies Record<NonNullable<Crossing["unjudged"]>, string>;

/** How often width pays, of all comparisons at the largest cost that both widths were measured at. */
function summaryOf(pairs: readonly (readonly [Fitted, Fitted])[]): string {
  const words = pairs.flatMap(([narrow, wide]) => {
    const [from, to] = shared(narrow, wide), ratio = ratioAt(wide.law, narrow.law, to);
    return from < to && ratio.interval ? [wordFor(ratio)] : [];
  });
  const count = (word: typeof words[number]) => words.filter((other) => other === word).length;
  return `At the largest cost that both widths were measured at, the wider one's error is below the narrower one's in ${
    count("below")
  }, above it in ${count("above")} and not told apart from it in ${
    count("not told apart from")
  } of ${words.length} comparisons${
    words.length < pairs.length ? `; ${pairs.length - words.length} more cannot be judged` : ""
  }.`;
}

const short = (value: number) => `${Number(value.toPrecision(2))}`;
