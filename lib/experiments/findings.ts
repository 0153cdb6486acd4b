/**
 * What the paper's tables come to, in sentences: differences within one run of
 * ours beside the same differences in the paper. A reader's numbers are written
 * here, from the results, so that no sentence can contradict its table.
 *
 * @module
 */
import { PAPER_DATASET } from "./paper.ts";
import type { Results, Row } from "./results.ts";
import { summarise, type Summary } from "./statistics.ts";
import { signed } from "./table.ts";
import { JUDGED } from "./verdict.ts";

const MEASURES = [["top-1", "top1"], ["k-NN", "knn"]] as const;

/** Rows of one side of a difference, and of the other. */
type Sides = readonly [these: readonly Row[], those: readonly Row[]];

/** A difference that a table is read for. */
interface Contrast {
  /** In the table. */
  readonly name: string;
  /** What sentences call its sides. */
  readonly words: readonly [these: string, those: string];
  readonly sides: (rows: readonly Row[]) => Sides;
}

const trained = (method: Row["method"], stack: number | null, encoder?: string) => (rows: readonly Row[]) =>
  rows.filter((row) =>
    row.method === method && row.stack === stack && (encoder === undefined || row.encoder === encoder)
  );
const [stack0, stack1] = [trained("S-JEA", 0), trained("S-JEA", 1)];
const plain = trained("VICReg", null, "ResNet-18"), deep = trained("VICReg", null, "ResNet-50");

const between = (
  words: Contrast["words"],
  these: typeof plain,
  those: typeof plain,
  note = "",
): Contrast => ({
  name: words.join(" − ") + note,
  words,
  sides: (rows) => [these(rows), those(rows)],
});

/** A stack's rows with and without a projector on one of the stacks. */
const projector = (stack: typeof plain, of: number, on: number): Contrast => ({
  name: `a projector on stack ${on}, to stack ${of}`,
  words: [`stack ${of} with a projector on stack ${on}`, `stack ${of} without one`],
  sides: (rows) => {
    const { true: those = [], false: others = [] } = Object.groupBy(
      stack(rows),
      ({ projectors }) => `${projectors![on]}` as "true" | "false",
    );
    return [those, others];
  },
});

const CONTRASTS: Readonly<Record<Results["experiment"], readonly Contrast[]>> = {
  "linear-evaluation": [
    between(["stack 1", "stack 0"], stack1, stack0),
    between(["stack 0", "VICReg"], stack0, plain),
    between(["stack 0", "its untrained self"], stack0, trained("untrained", 0)),
    between(["stack 1", "its untrained self"], stack1, trained("untrained", 1)),
    between(["stack 1", "a random one on the trained stack 0"], stack1, trained("half-trained", 1)),
    between(["VICReg", "raw pixels"], plain, trained("raw pixels", null)),
  ],
  "deep-vs-stacked": [
    between(["ResNet-50", "ResNet-18"], deep, plain),
    between(["stack 1", "ResNet-50"], stack1, deep),
    between(["stack 0", "ResNet-18"], stack0, plain),
  ],
  "projector-ablation": [
    projector(stack0, 0, 0),
    projector(stack0, 0, 1),
    projector(stack1, 1, 0),
    projector(stack1, 1, 1),
    between(["stack 1", "stack 0"], stack1, stack0, ", mean of the four"),
  ],
};

/** The differences that can be taken: a table may have been measured before it had all rows of today. */
const contrasts = (experiment: Results["experiment"], rows: readonly Row[]) =>
  CONTRASTS[experiment].filter(({ sides }) => sides(rows).every(({ length }) => length > 0));

/**
 * The differences that a table is read for, in points, as Markdown: ours, paired
 * by seed, with Student's 95 % interval from three seeds on, and the paper's.
 *
 * @param results A table's results.
 * @returns A table and the sentences below it.
 * @example
 * ```ts
 * import { join } from "@std/path";
 * import { places } from "../base/places.ts";
 * import { findings } from "./findings.ts";
 * import { readResults } from "./results.ts";
 * const results = await readResults(join(places.results, "cpu", "linear-evaluation.json"));
 * if (!findings(results).includes("| stack 1 − stack 0 |")) throw new Error("no such difference");
 * ```
 */
export function findings(results: Results): string {
  return `${differences(results)}\n\n${certainty(results)}`;
}

/**
 * The differences that a table is read for, without the sentences below.
 *
 * @param results A table's results.
 * @returns A table in Markdown.
 */
export function differences({ experiment, dataset, rows }: Results): string {
  const comparable = dataset.name === PAPER_DATASET;
  const lines = contrasts(experiment, rows).map(({ name, sides }) => {
    const [these, those] = sides(rows);
    const cells = MEASURES.flatMap(([, measure]) => [
      ours(these, those, measure),
      ...comparable ? [papers(these, those, measure)] : [],
    ]);
    return `| ${[name, ...cells].join(" | ")} |`;
  });
  const heads = MEASURES.flatMap(([title]) => [title, ...comparable ? ["paper"] : []]);
  return [
    `| difference, in points | ${heads.join(" | ")} |`,
    `| --- |${" ---: |".repeat(heads.length)}`,
    ...lines,
  ].join("\n");
}

/**
 * How sure the differences are.
 *
 * @param results A table's results.
 * @returns Sentences.
 */
export function certainty({ seeds: { length: n }, rows, dataset: { images } }: Results): string {
  const judgement = n < JUDGED
    ? `n = ${n} ${n === 1 ? "seed" : "seeds"}: how much of a difference is chance is **not judged**; ` +
      `${JUDGED} seeds would give an interval.`
    : `± is half of Student's 95 % interval of the paired difference, n = ${n} seeds.`;
  // What the choice of test images alone may change.
  const error = Math.max(...rows.map(({ top1: { mean } }) => Math.sqrt(mean * (100 - mean) / images.test)));
  return `${judgement} The ${
    images.test.toLocaleString("en")
  } test images alone give an accuracy a standard ` +
    `error of up to ${error.toFixed(1)} points.`;
}

/**
 * What the differences say: who is above whom, in our numbers and in the paper's.
 *
 * @param results A table's results.
 * @returns A sentence each, as a list in Markdown. What the table rounds to zero, or to within its interval, is
 * neither above nor below.
 */
export function verdicts({ experiment, seeds: { length: n }, dataset, rows }: Results): string {
  const lines = contrasts(experiment, rows).map(({ words: [these, those], sides }) => {
    const ours = MEASURES.map(([, measure]) => {
      const { mean, interval } = difference(...sides(rows), measure);
      return n >= JUDGED && Math.abs(tenths(mean)) <= tenths(interval!) ? "not told apart from" : place(mean);
    });
    const papers = MEASURES.map(([, measure]) => paperDifference(...sides(rows), measure));
    const sentence = `${capital(these)} is ${eachMeasure(ours, those)}`;
    if (dataset.name !== PAPER_DATASET || papers.some(Number.isNaN)) return `- ${sentence}.`;
    const theirs = papers.map(place);
    return theirs.join() === ours.join()
      ? `- ${sentence}, as in the paper.`
      : `- ${sentence}; in the paper it is ${eachMeasure(theirs, "it")}.`;
  });
  const judgement = n < JUDGED ? "By the signs alone, none of which is judged:" : "By the intervals:";
  return `${judgement}\n\n${lines.join("\n")}`;
}

/** Where one side of a difference stands, as far as the table shows it. */
const place = (difference: number) =>
  tenths(difference) === 0 ? "level with" : difference > 0 ? "above" : "below";

const tenths = (value: number) => Number(value.toFixed(1));

/** Where something stands by something else, in each measure. */
function eachMeasure([top1, knn]: readonly string[], those: string): string {
  const [[first], [second]] = MEASURES;
  return top1 === knn
    ? `${top1} ${those} in ${top1.startsWith("not") ? "either measure" : "both measures"}`
    : `${top1} ${those} in ${first} and ${knn} ${those} in ${second}`;
}

const capital = (text: string) => text[0].toUpperCase() + text.slice(1);

function ours(these: readonly Row[], those: readonly Row[], measure: "top1" | "knn"): string {
  const { mean, interval, n } = difference(these, those, measure);
  return n < JUDGED ? signed(mean) : `${signed(mean)} ± ${interval!.toFixed(1)}`;
}

/** Paired by seed. */
function difference(these: readonly Row[], those: readonly Row[], measure: "top1" | "knn"): Summary {
  // Raw pixels have no seeds: one value for all.
  const side = (rows: readonly Row[], seed: number) =>
    mean(rows.map((row) => row[measure].values[seed] ?? row[measure].values[0]));
  return summarise(these[0][measure].values.map((_, seed) => side(these, seed) - side(those, seed)));
}

function papers(these: readonly Row[], those: readonly Row[], measure: "top1" | "knn"): string {
  const difference = paperDifference(these, those, measure);
  return Number.isNaN(difference) ? "–" : signed(difference);
}

/** NaN where the paper lacks a side. */
function paperDifference(these: readonly Row[], those: readonly Row[], measure: "top1" | "knn"): number {
  const side = (rows: readonly Row[]) => mean(rows.map(({ paper }) => paper?.[measure] ?? NaN));
  return side(these) - side(those);
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
