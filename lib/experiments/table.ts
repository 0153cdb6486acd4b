/**
 * Tables of results beside the paper's numbers.
 *
 * @module
 */
import { engineTitle } from "../compute/engine.ts";
import { commitName } from "../base/code.ts";
import { duration } from "../base/progress.ts";
import type { Origin } from "../training/origin.ts";
import { EXPERIMENTS } from "./experiments.ts";
import { PAPER_DATASET } from "./paper.ts";
import type { Results, Row } from "./results.ts";
import { intervalFactor, type Summary } from "./statistics.ts";

/** A column of a table. */
interface Column {
  readonly title: string;
  /** Words stand on the left, numbers on the right. */
  readonly words?: true;
  /** What it is about, if that is more than which row it is. */
  readonly about?: "parameters" | "top-1" | "k-NN";
  readonly cell: (row: Row) => string;
}

const NONE = "–";

function columns({ rows }: Results): Column[] {
  const has = (present: (row: Row) => unknown) => rows.some(present);
  const million = (count: number) => count === 0 ? NONE : (count / 1e6).toFixed(2);
  const paper = (
    about: Column["about"],
    read: (paper: NonNullable<Row["paper"]>) => number | null,
  ): Column[] =>
    has(({ paper }) => paper && read(paper))
      ? [{ title: "paper", about, cell: ({ paper }) => (paper && read(paper))?.toFixed(1) ?? NONE }]
      : [];
  const measured = (title: string, about: Column["about"], read: "top1" | "knn"): Column[] => [
    { title, about, cell: (row) => number(row[read]) },
    ...paper(about, (paper) => paper[read]),
    ...has(({ paper }) => paper)
      ? [{
        title: "diff.",
        about,
        cell: (row: Row) => row.paper ? signed(row[read].mean - row.paper[read]) : NONE,
      }]
      : [],
  ];
  return [
    { title: "method", words: true, cell: ({ method }) => method },
    { title: "encoder", words: true, cell: ({ encoder }) => encoder },
    { title: "stack", cell: ({ stack }) => stack === null ? NONE : `${stack}` },
    ...has(({ projectors }) => projectors)
      ? [{
        title: "projector",
        cell: ({ projectors }: Row) => projectors?.map((yes) => yes ? "✓" : "✗").join(" ") ?? NONE,
      }]
      : [],
    { title: "param. M", about: "parameters", cell: ({ parameters }) => million(parameters) },
    ...paper("parameters", ({ parameters }) => parameters),
    { title: "live M", about: "parameters", cell: ({ live }) => million(live) },
    ...measured("top-1 %", "top-1", "top1"),
    ...measured("k-NN %", "k-NN", "knn"),
  ];
}

/** A table for people: cells as text, and what the numbers are numbers of. */
export interface ResultsTable {
  /** Titles. */
  readonly columns: readonly string[];
  /** Cells. */
  readonly rows: readonly (readonly string[])[];
  /** Sentences below it. */
  readonly notes: readonly string[];
}

/**
 * Results as a table, for a notebook.
 *
 * @param results What was measured.
 * @returns Its columns, rows and notes.
 */
export function tableOf(results: Results): ResultsTable {
  const all = columns(results);
  return {
    columns: all.map(({ title }) => title),
    rows: results.rows.map((row) => all.map(({ cell }) => cell(row))),
    notes: [...caption(results), ...notes(results)],
  };
}

/**
 * A table for the terminal. One that is too wide is shown in two parts, top-1
 * above k-NN.
 *
 * @param results What was measured.
 * @param width Columns of the terminal, at least 80.
 * @returns Text of several lines, none longer.
 */
export function renderTable(results: Results, width: number): string {
  const all = columns(results), { rows } = tableOf(results);
  const widths = all.map(({ title }, at) => Math.max(title.length, ...rows.map((row) => row[at].length)));
  const part = (shown: (column: Column) => boolean) => {
    const at = [...all.keys()].filter((at) => shown(all[at]));
    const line = (cells: readonly string[]) =>
      at.map((at) => all[at].words ? cells[at].padEnd(widths[at]) : cells[at].padStart(widths[at])).join(
        "  ",
      );
    const header = line(all.map(({ title }) => title)), rule = "─".repeat(header.length);
    const trained = rows.filter((_, at) => isTrained(results.rows[at]));
    const others = rows.filter((_, at) => !isTrained(results.rows[at]));
    return [
      ...[rule, header, rule],
      ...[...trained.map(line), rule],
      ...others.length > 0 ? [...others.map(line), rule] : [],
    ];
  };
  const whole = part(() => true);
  return [
    ...wrap(title(results), width),
    ...whole[0].length <= width ? whole : [
      ...part(({ about }) => about !== "k-NN"),
      "",
      ...part(({ about }) => about === undefined || about === "k-NN"),
    ],
    ...caption(results).flatMap((sentence) => wrap(sentence, width)),
    ...notes(results).flatMap((note) => wrap(`Note: ${note}`, width, "  ")),
  ].join("\n");
}

/**
 * The same table in Markdown, without the notes.
 *
 * @param results What was measured.
 * @returns Text of several lines.
 */
export function renderMarkdown(results: Results): string {
  const all = columns(results), { rows } = tableOf(results);
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(all.map(({ title }) => title)),
    line(all.map(({ words }) => words ? "---" : "---:")),
    ...rows.map(line),
    "",
    `${title(results)}. ${caption(results).join(" ")}`,
  ].join("\n");
}

const isTrained = ({ method }: Row) => method === "VICReg" || method === "S-JEA";

function number({ mean, std }: Summary): string {
  return std === null ? mean.toFixed(1) : `${mean.toFixed(1)} ± ${std.toFixed(1)}`;
}

/** A difference with its sign, a minus as long as a plus. */
export function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;
}

/** Whether the paper's numbers are for the same data set. */
const isPapers = ({ dataset }: Results) => dataset.name === PAPER_DATASET;

function title(results: Results): string {
  const { table, title } = EXPERIMENTS[results.experiment];
  const where = isPapers(results) ? `${table}, CIFAR-10` : `Like ${table}, on ${results.dataset.name} images`;
  return `${where}: ${title} (k = ${results.recipe.neighbours[0]})`;
}

/** What a reader should know of the paper's numbers, where they are shown. */
function notes(results: Results): readonly string[] {
  return isPapers(results) ? EXPERIMENTS[results.experiment].notes : [];
}

/** What the numbers are numbers of, one sentence each. */
function caption(results: Results): string[] {
  const { durations, environment, versions, code } = results;
  return [
    ...about(results),
    `Training took ${
      duration(durations.training)
    } with ${environment.threads} threads of ${environment.cpu} ` +
    `(${environment.device}, ${engineTitle(versions)}), code ${commitName(code)}.`,
    ...warnings(results),
  ];
}

/**
 * What was measured, on what and how.
 *
 * @param results What was measured.
 * @returns One sentence each.
 */
export function about(results: Results): string[] {
  const { preset, overrides, dataset, seeds, recipe, rows } = results;
  const { train, test } = dataset.images;
  const source = dataset.copy === "generated"
    ? `(generated, fingerprint ${dataset.fingerprint})`
    : `of ${dataset.name} (${dataset.copy} copy, fingerprint ${dataset.fingerprint})`;
  const spread = seeds.length === 1 ? "n = 1 seed" : `n = ${seeds.length} seeds, mean ± standard deviation`;
  const changes = overrides.length > 0 ? ` with ${overrides.join(", ")}` : "";
  return [
    `Preset ${preset}${changes}: width ${recipe.width}, ${recipe.epochs} epochs, ${train} training and ${test} test images ` +
    `${source}, ${spread}, ${recipe.precision}, ${recipe.probe} probe.`,
    ...seeds.length > 1
      ? [`Student's 95 % interval of such a mean is ± ${intervalFactor(seeds.length).toFixed(2)} deviations.`]
      : [],
    ...isPapers(results) ? [] : ["The paper's numbers are for CIFAR-10, and left out here."],
    "Parameters are those of the encoders that a representation needs, without a classification head; live " +
    "are those that can touch it, the others only ever meet padding.",
    ...rows.some(({ method }) => method === "half-trained")
      ? [
        "Untrained encoders have no residual branch that starts at zero, and batch norm with the statistics of " +
        "training images; half-trained is such a stack 1 on the trained stack 0.",
      ]
      : [],
    ...rows.some(({ predictions }) => predictions === null)
      ? ["The predictions behind these numbers were not stored."]
      : [],
  ];
}

/** What keeps a run's numbers from standing beside the others. */
function warnings({ runs, code }: Results): string[] {
  const listed = (those: Results["runs"]) =>
    those.map(({ method, seed }) => `${method} (seed ${seed})`).join(", ");
  const say = (what: string, those: Results["runs"]) =>
    those.length > 0 ? [`${what}: ${listed(those)}.`] : [];
  const differs = ({ code: other }: Origin) => other !== code.training;
  const other = runs.filter(({ origins }) => origins.some(differs));
  const commits = new Set(other.flatMap(({ origins }) => origins.filter(differs).map(commitName)));
  return [
    ...say("Trained by code that is not known", runs.filter(({ origins }) => origins.length === 0)),
    ...say(`Trained by other code than today's (${[...commits].join(", ")})`, other),
    ...say(
      "Warning, a stack is collapsed",
      runs.filter(({ collapsed }) => collapsed.length > 0),
    ),
  ];
}

/** Breaks a text into lines between words; all but the first begin with the indent. */
function wrap(text: string, width: number, indent = ""): string[] {
  const [first, ...words] = text.split(" ");
  const lines = [first];
  for (const word of words) {
    const longer = `${lines.at(-1)} ${word}`;
    if (longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(indent + word);
  }
  return lines;
}
