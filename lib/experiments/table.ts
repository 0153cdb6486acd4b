/**
 * Tables of results beside the paper's numbers.
 *
 * @module
 */
import { duration } from "../base/progress.ts";
import { TABLE_1_NOTES } from "./paper.ts";
import type { Results, Row, Summary } from "./results.ts";

const HEADER = ["method", "encoder", "stack", "param. (M)", "top-1 %", "paper", "k-NN %", "paper"];

/** The first columns are words, the others numbers. */
const WORDS = 2;

/** Columns of a terminal. */
const WIDTH = 100;

/**
 * A table for the terminal.
 *
 * @param results What was measured.
 * @returns Text of several lines, none over 100 columns.
 */
export function renderTable(results: Results): string {
  const rows = results.rows.map(cells);
  const widths = HEADER.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column].length))
  );
  const line = (row: readonly string[]) =>
    row.map((cell, column) => column < WORDS ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))
      .join("  ");
  const rule = "─".repeat(line(HEADER).length);
  return [
    title(results),
    rule,
    line(HEADER),
    rule,
    ...rows.filter((_, at) => isTrained(results.rows[at])).map(line),
    rule,
    ...rows.filter((_, at) => !isTrained(results.rows[at])).map(line),
    rule,
    ...caption(results).map((sentence) => wrap(sentence)),
    ...TABLE_1_NOTES.map((note) => wrap(`Note: ${note}`, "  ")),
  ].join("\n");
}

/**
 * The same table in Markdown, without the notes.
 *
 * @param results What was measured.
 * @returns Text of several lines.
 */
export function renderMarkdown(results: Results): string {
  const line = (row: readonly string[]) => `| ${row.join(" | ")} |`;
  return [
    line(HEADER),
    line(HEADER.map((_, column) => column < WORDS ? "---" : "---:")),
    ...results.rows.map((row) => line(cells(row))),
    "",
    `${title(results)}. ${caption(results).join(" ")}`,
  ].join("\n");
}

const isTrained = ({ method }: Row) => method === "VICReg" || method === "S-JEA";

function cells(row: Row): string[] {
  return [
    row.method,
    row.encoder,
    row.stack === null ? "–" : `${row.stack}`,
    row.parameters === 0 ? "–" : (row.parameters / 1e6).toFixed(2),
    number(row.top1),
    row.paper ? row.paper.top1.toFixed(1) : "–",
    number(row.knn),
    row.paper ? row.paper.knn.toFixed(1) : "–",
  ];
}

function number({ mean, std }: Summary): string {
  return std === null ? mean.toFixed(1) : `${mean.toFixed(1)} ± ${std.toFixed(1)}`;
}

function title({ recipe }: Results): string {
  return `Table 1, CIFAR-10: linear evaluation and k-NN (k = ${recipe.neighbours[0]})`;
}

/** What the numbers are numbers of, one sentence each. */
function caption(
  { preset, overrides, dataset, seeds, recipe, durations, environment, versions }: Results,
): string[] {
  const { train, test } = dataset.images;
  const generated = dataset.copy === "generated";
  const source = generated
    ? `(generated, fingerprint ${dataset.fingerprint})`
    : `of ${dataset.name} (${dataset.copy} copy, fingerprint ${dataset.fingerprint})`;
  const spread = seeds.length === 1 ? "n = 1 seed" : `n = ${seeds.length} seeds, mean ± standard deviation`;
  const changes = overrides.length > 0 ? ` with ${overrides.join(", ")}` : "";
  const time = duration(durations.training);
  return [
    `Preset ${preset}${changes}: ${recipe.epochs} epochs, ${train} training and ${test} test images ` +
    `${source}, ${spread}, ${recipe.precision}, ${recipe.probe} probe.`,
    ...generated
      ? ["These are not CIFAR-10's images: the paper's numbers cannot be compared with these."]
      : [],
    `Training took ${time} with ${environment.threads} threads of ${environment.cpu} ` +
    `(${environment.device}, TensorFlow ${versions.tensorflow}).`,
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
