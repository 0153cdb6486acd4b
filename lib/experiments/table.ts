/**
 * Tables of results beside the paper's numbers.
 *
 * @module
 */
import { commitName } from "../base/code.ts";
import { duration } from "../base/progress.ts";
import type { Origin } from "../training/origin.ts";
import { EXPERIMENTS } from "./experiments.ts";
import { intervalFactor, type Results, type Row, type Summary } from "./results.ts";

/** A column of a table. */
interface Column {
  readonly title: string;
  /** Words stand on the left, numbers on the right. */
  readonly words?: true;
  readonly cell: (row: Row) => string;
}

const NONE = "–";

function columns({ rows }: Results): Column[] {
  const has = (present: (row: Row) => unknown) => rows.some(present);
  const paper = (read: (paper: NonNullable<Row["paper"]>) => number | null): Column => ({
    title: "paper",
    cell: (row) => (row.paper && read(row.paper))?.toFixed(1) ?? NONE,
  });
  const measured = (title: string, read: "top1" | "knn"): Column[] => [
    { title, cell: (row) => number(row[read]) },
    paper((paper) => paper[read]),
    { title: "diff.", cell: (row) => row.paper ? signed(row[read].mean - row.paper[read]) : NONE },
  ];
  return [
    { title: "method", words: true, cell: ({ method }) => method },
    { title: "encoder", words: true, cell: ({ encoder }) => encoder },
    { title: "stack", cell: ({ stack }) => stack === null ? NONE : `${stack}` },
    ...has(({ projectors }) => projectors)
      ? [{
        title: "projectors",
        cell: ({ projectors }: Row) => projectors?.map((yes) => yes ? "✓" : "✗").join(" ") ?? NONE,
      }]
      : [],
    {
      title: "param. M",
      cell: ({ parameters }) => parameters === 0 ? NONE : (parameters / 1e6).toFixed(2),
    },
    ...has(({ paper }) => paper?.parameters) ? [paper(({ parameters }) => parameters)] : [],
    ...measured("top-1 %", "top1"),
    ...measured("k-NN %", "knn"),
  ];
}

/** Columns of a terminal. */
const WIDTH = 100;

/** A table for people: cells as text, and what the numbers are numbers of. */
export interface Table {
  readonly columns: readonly string[];
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
export function tableOf(results: Results): Table {
  const all = columns(results);
  return {
    columns: all.map(({ title }) => title),
    rows: results.rows.map((row) => all.map(({ cell }) => cell(row))),
    notes: [...caption(results), ...EXPERIMENTS[results.experiment].notes],
  };
}

/**
 * A table for the terminal.
 *
 * @param results What was measured.
 * @returns Text of several lines, none over 100 columns.
 */
export function renderTable(results: Results): string {
  const all = columns(results), { rows } = tableOf(results);
  const widths = all.map(({ title }, at) => Math.max(title.length, ...rows.map((row) => row[at].length)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, at) => all[at].words ? cell.padEnd(widths[at]) : cell.padStart(widths[at])).join("  ");
  const header = line(all.map(({ title }) => title)), rule = "─".repeat(header.length);
  const trained = rows.filter((_, at) => isTrained(results.rows[at]));
  const others = rows.filter((_, at) => !isTrained(results.rows[at]));
  return [
    title(results),
    rule,
    header,
    rule,
    ...trained.map(line),
    rule,
    ...others.length > 0 ? [...others.map(line), rule] : [],
    ...caption(results).map((sentence) => wrap(sentence)),
    ...EXPERIMENTS[results.experiment].notes.map((note) => wrap(`Note: ${note}`, "  ")),
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

/** With its sign, a minus as long as a plus. */
function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;
}

function title({ experiment, recipe }: Results): string {
  const { table, title } = EXPERIMENTS[experiment];
  return `${table}, CIFAR-10: ${title} (k = ${recipe.neighbours[0]})`;
}

/** What the numbers are numbers of, one sentence each. */
function caption(results: Results): string[] {
  const { preset, overrides, dataset, seeds, recipe, durations, environment, versions, code } = results;
  const { train, test } = dataset.images;
  const generated = dataset.copy === "generated";
  const source = generated
    ? `(generated, fingerprint ${dataset.fingerprint})`
    : `of ${dataset.name} (${dataset.copy} copy, fingerprint ${dataset.fingerprint})`;
  const spread = seeds.length === 1 ? "n = 1 seed" : `n = ${seeds.length} seeds, mean ± standard deviation`;
  const changes = overrides.length > 0 ? ` with ${overrides.join(", ")}` : "";
  const time = duration(durations.training);
  return [
    `Preset ${preset}${changes}: width ${recipe.width}, ${recipe.epochs} epochs, ${train} training and ${test} test images ` +
    `${source}, ${spread}, ${recipe.precision}, ${recipe.probe} probe.`,
    ...seeds.length > 1
      ? [`Student's 95 % interval of such a mean is ± ${intervalFactor(seeds.length).toFixed(2)} deviations.`]
      : [],
    ...generated
      ? ["These are not CIFAR-10's images: the paper's numbers cannot be compared with these."]
      : [],
    `Training took ${time} with ${environment.threads} threads of ${environment.cpu} ` +
    `(${environment.device}, TensorFlow ${versions.tensorflow}), code ${commitName(code)}.`,
    ...warnings(results),
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
function wrap(text: string, indent = ""): string {
  const [first, ...words] = text.split(" ");
  const lines = [first];
  for (const word of words) {
    const longer = `${lines.at(-1)} ${word}`;
    if (longer.length <= WIDTH) lines[lines.length - 1] = longer;
    else lines.push(indent + word);
  }
  return lines.join("\n");
}
