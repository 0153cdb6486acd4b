/**
 * Errors over what was paid for them, with the laws that were fitted to them.
 *
 * @module
 */
import { demandFinite, demandSome } from "./check.ts";
import { csv, type CsvRow } from "./csv.ts";
import { legendLayout } from "./legend.ts";
import { SYMBOL } from "./scales.ts";
import { type Chart, CLASS_COLOURS, colours, themed, WIDTH } from "./theme.ts";

/** One stack of one configuration: its errors, in per cent, over one kind of cost. */
export interface ErrorLine {
  /** What a reader calls the configuration. */
  readonly name: string;
  /** 0 for the lowest. */
  readonly stack: number;
  /** What was paid: `epochs`, `core-hours`. */
  readonly cost: string;
  /** What was measured. */
  readonly points: readonly { readonly cost: number; readonly error: number }[];
  /** A law at rising costs; none where nothing was fitted. The band has the errors that it allows for. */
  readonly fit: readonly {
    readonly cost: number;
    readonly error: number;
    readonly band: readonly [low: number, high: number] | null;
  }[];
}

/** Marks, a kind a configuration: colour is not all that tells them apart. */
const SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"];

/** Room on both sides of what is shown, as a factor. */
const ROOM = 1.15;

/**
 * Draws errors over costs, both logarithmic, so that a power law is a straight line: a row of panels a stack, a
 * panel a kind of cost, a colour a configuration. Dots were measured; lines are fits, and bands what these allow for.
 *
 * @param lines What to draw; stacks and kinds of cost keep their order.
 * @returns The chart. All panels have the same errors, a column the same costs; bands end where the panel does.
 * @throws {RangeError} There are no lines or too many, one has no points, or a value is not finite or not above zero.
 * @example
 * ```ts
 * import { errorCurves } from "./error_curves.ts";
 * const points = [{ cost: 3, error: 50 }, { cost: 9, error: 40 }];
 * const chart = errorCurves([{ name: "VICReg", stack: 0, cost: "epochs", points, fit: [] }]);
 * if (!JSON.stringify(chart).includes("error (%)")) throw new Error("errors are per cent");
 * ```
 */
export function errorCurves(lines: readonly ErrorLine[]): Chart {
  demandSome(lines, "Lines");
  for (const { name, stack, cost, points, fit } of lines) {
    demandAbove(points, `Points of ${name}, stack ${stack}, over ${cost}`);
    if (fit.length > 0) demandAbove(fit, `Fit of ${name}, stack ${stack}, over ${cost}`);
  }
  const names = unique(lines.map(({ name }) => name)), costs = unique(lines.map(({ cost }) => cost));
  const stacks = unique(lines.map(({ stack }) => stack));
  const errors = scale(lines.flatMap(({ points, fit }) => [...points, ...fit].map(({ error }) => error)));
  const [columns, apart] = [costs.length, 74], range = colours(CLASS_COLOURS, names.length);
  const symbols = names.map((_, at) => SHAPES[at % SHAPES.length]);
  const legend = { title: null, orient: "top", ...legendLayout(names, SYMBOL) } as const;
  const configuration = { field: "name", type: "nominal", legend } as const;
  const panels = stacks.flatMap((stack) =>
    costs.flatMap((cost) => {
      const own = lines.filter((line) => line.stack === stack && line.cost === cost);
      return own.length > 0 ? [{ stack, cost, own }] : [];
    })
  );
  return themed({
    columns,
    concat: panels.map(({ stack, cost, own }) => {
      const points = own.flatMap(({ name, points }) =>
        points.map((point) => ({ name, cost: short(point.cost), error: short(point.error) }))
      );
      const fits = own.flatMap(({ name, fit }) =>
        fit.map(({ cost, error, band }): CsvRow => ({
          ...{ name, cost: short(cost), error: short(error) },
          ...band && { low: short(band[0]), high: short(band[1]) },
        }))
      );
      const banded = fits.filter(({ low }) => low !== undefined);
      return {
        title: `stack ${stack}`,
        width: Math.floor(WIDTH / columns) - apart,
        height: 220,
        encoding: {
          x: {
            ...{ field: "cost", type: "quantitative", title: cost },
            ...costScale(lines.filter((line) => line.cost === cost)),
          },
          y: { field: "error", type: "quantitative", title: "error (%)", ...errors },
          color: { ...configuration, scale: { domain: names, range } },
        },
        layer: [
          ...banded.length > 0
            ? [{
              data: csv(banded),
              mark: { type: "area", opacity: 0.12, clip: true } as const,
              encoding: { y: { field: "low" }, y2: { field: "high" } },
            }]
            : [],
          ...fits.length > 0
            ? [{ data: csv(fits), mark: { type: "line", strokeWidth: 1.5, clip: true } as const }]
            : [],
          {
            data: csv(points),
            mark: { type: "point", size: 60, filled: true, opacity: 1 },
            encoding: {
              shape: { ...configuration, scale: { domain: names, range: symbols } },
              tooltip: [
                { field: "name", title: "of" },
                { field: "cost", type: "quantitative", title: cost },
                { field: "error", type: "quantitative", title: "error (%)" },
              ],
            },
          },
        ],
      };
    }),
  });
}

const unique = <Value>(values: readonly Value[]) => [...new Set(values)];

function demandAbove(
  points: readonly { readonly cost: number; readonly error: number }[],
  what: string,
): void {
  const values = points.flatMap(({ cost, error }) => [cost, error]);
  demandFinite(values, what);
  const wrong = values.find((value) => value <= 0);
  if (wrong !== undefined) throw new RangeError(`${what}: ${wrong} has no place on a logarithmic axis.`);
}

/** Costs that are ticks themselves, at most: such as the few numbers of epochs. */
const FEW = 5;

function costScale(lines: readonly ErrorLine[]) {
  const measured = unique(lines.flatMap(({ points }) => points.map(({ cost }) => cost)));
  const all = scale([...measured, ...lines.flatMap(({ fit }) => fit.map(({ cost }) => cost))]);
  return measured.length > FEW
    ? all
    : { ...all, axis: { ...all.axis, values: measured.toSorted((a, b) => a - b) } };
}

/** A logarithmic scale with ticks at 1, 2 and 5 of each decade, or at all its steps where these are too few. */
function scale(values: readonly number[]) {
  const low = Math.min(...values) / ROOM, high = Math.max(...values) * ROOM;
  const powers = range(Math.floor(Math.log10(low)), Math.ceil(Math.log10(high)));
  const ticks = (steps: readonly number[]) =>
    powers.flatMap((power) => steps.map((step) => Number(`${step}e${power}`)))
      .filter((tick) => low <= tick && tick <= high);
  const coarse = ticks([1, 2, 5]);
  return {
    scale: { type: "log" as const, domain: [low, high], nice: false },
    axis: {
      ...{ values: coarse.length > 2 ? coarse : ticks(range(1, 9)), format: "~g" },
      ...{ labelOverlap: "greedy" as const },
    },
  };
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** Four digits: more than a chart shows. */
const short = (value: number) => Number(value.toPrecision(4));
