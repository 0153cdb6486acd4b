/**
 * Numbers of README and manual: the parts between their marks are written from presets and stored results.
 *
 * @module
 */
import { commitName } from "../base/code.ts";
import { DataError } from "../base/errors.ts";
import { duration } from "../base/progress.ts";
import { ratios } from "../charts/ratios.ts";
import type { Chart } from "../charts/theme.ts";
import { EXPERIMENTS } from "../experiments/experiments.ts";
import { certainty, differences } from "../experiments/findings.ts";
import { type ClaimVerdict, verdictList } from "../experiments/claims.ts";
import { DEFAULT_PRESET, PURPOSES } from "../experiments/presets.ts";
import type { BenchRow } from "../experiments/bench.ts";
import type { Results, Row } from "../experiments/results.ts";
import { summaryCell, type SweepResults, type SweepRow, sweepTable } from "../experiments/sweep_results.ts";
import { about } from "../experiments/table.ts";
import type { Notebook } from "../notebook/ipynb.ts";

/** Around a part, so that the formatter leaves it as it is. */
const BEGIN = "<!-- deno-fmt-ignore-start -->", END = "<!-- deno-fmt-ignore-end -->";
const mark = (part: string) => `<!-- ${part}: written by deno task report -->\n${BEGIN}\n`;

/**
 * Writes the README's parts anew.
 *
 * @param text The README.
 * @param judged What is said of the paper's claims.
 * @returns The README with the verdicts and the presets.
 * @throws {DataError} A part's mark is missing.
 */
export function renderReadme(text: string, judged: readonly ClaimVerdict[]): string {
  return withParts(text, "README.md", { verdicts: verdictList(judged), presets: presetTable() });
}

/** What the manual shows. */
export interface ManualNumbers {
  /** Results of the paper's tables by one preset, in their order. */
  readonly results: readonly Results[];
  /** What the sweep over losses found. */
  readonly losses: SweepResults;
  /** Speeds beside PyTorch, as `deno task bench` wrote them. */
  readonly speed: readonly BenchRow[];
  /** Speeds of ONNX Runtime beside TensorFlow. */
  readonly engines: readonly BenchRow[];
}

/**
 * Writes the manual's parts anew.
 *
 * @param text The manual.
 * @param numbers What it shows.
 * @returns The manual with these numbers.
 * @throws {DataError} A part's mark is missing.
 */
export function renderManual(text: string, { results, losses, speed, engines }: ManualNumbers): string {
  return withParts(text, "manual.md", {
    results: resultPart(results),
    losses: lossPart(losses),
    speed: speedPart(speed),
    engines: enginePart(engines),
  });
}

function withParts(text: string, file: string, parts: Readonly<Record<string, string>>): string {
  return Object.entries(parts).reduce((text, [part, content]) => {
    const begin = text.indexOf(mark(part)), end = text.indexOf(END, begin);
    if (begin < 0 || end < 0) {
      throw new DataError(`${file} has no part "${part}". Expected: ${JSON.stringify(mark(part) + END)}.`);
    }
    return `${text.slice(0, begin)}${mark(part)}\n${content}\n\n${text.slice(end)}`;
  }, text);
}

function table(heads: readonly string[], words: number, rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [heads, heads.map((_, at) => at < words ? "---" : "---:"), ...rows].map(line).join("\n");
}

function presetTable(): string {
  const rows = Object.entries(PURPOSES).map(([name, { what, time }]) => [
    `\`${name}\`${name === DEFAULT_PRESET ? " (default)" : ""}`,
    what,
    time,
  ]);
  return table(["preset", "what `deno task reproduce` does of it", "time on 2 cores"], 3, rows);
}

/** A line a configuration, with the measures of all its stacks. */
function lossPart(results: SweepResults): string {
  const configurations = [...Map.groupBy(results.rows, ({ configuration }) => configuration).values()];
  const cellsOf = (levels: readonly SweepRow[]) =>
    levels.flatMap(({ stack, values }) =>
      Object.entries(values).map(([name, value]) => {
        const unit = results.accuracies.includes(name) ? " %" : "";
        return [`stack ${stack}: ${name}${unit}`, summaryCell(value)] as const;
      })
    );
  const heads = cellsOf(configurations[0]).map(([head]) => head);
  return [
    table(
      ["loss of both stacks", ...heads, "n"],
      1,
      configurations.map((levels) => [
        levels[0].configuration,
        ...cellsOf(levels).map(([, cell]) => cell),
        `${levels[0].seeds.length}`,
      ]),
    ),
    sweepTable(results).notes.join(" "),
  ].join("\n\n");
}

/** Three digits, and all before the point. */
const number = (value: number | undefined) =>
  value === undefined ? NONE : value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);

/**
 * Speeds beside PyTorch as a picture: those of the first machine.
 *
 * @param rows As `deno task bench` wrote them.
 * @returns The chart.
 */
export function speedChart(rows: readonly BenchRow[]): Chart {
  const here = rows.filter(({ machine, unit, peer }) => machine === rows[0].machine && unit !== "GB" && peer);
  return ratios(
    here.map(({ case: label, ours, peer, unit }) => ({ label, ours, peer: peer!, unit })),
    "PyTorch",
  );
}

/**
 * The picture that moves which a notebook shows.
 *
 * @param notebook The notebook, as it was executed.
 * @returns The SVG document.
 * @throws {DataError} It shows none.
 */
export function movingPicture({ cells }: Notebook): string {
  const outputs = cells.flatMap((cell) => cell.cell_type === "code" ? cell.outputs : []);
  const pictures = outputs.map((output) =>
    "data" in output ? Object(output.data)["image/svg+xml"] : undefined
  );
  const moving = pictures.find((picture) => typeof picture === "string" && picture.includes("<animate "));
  if (moving === undefined) {
    throw new DataError("The quickstart shows no picture that moves: execute it again.");
  }
  return `${moving}\n`;
}

/** Ours beside PyTorch, eager and compiled; a table a machine. */
function speedPart(rows: readonly BenchRow[]): string {
  const command = "By `deno task bench --against torch --rounds 3`.";
  const tables = [...Map.groupBy(rows, ({ machine }) => machine)].map(([machine, rows]) => {
    const peers = Object.keys(rows[0].peers);
    const lines = rows.map(({ case: name, unit, ours, ratio, peers: theirs, share }) => [
      ...[`\`${name}\``, unit, number(ours), ...peers.map((peer) => number(theirs[peer]))],
      ...[ratio?.toFixed(2) ?? NONE, share === undefined ? NONE : `${(100 * share).toFixed(0)} %`],
    ]);
    const heads = ["case", "unit", "ours", ...peers, "ours ÷ the better", "of the matrix rate"];
    return `${table(heads, 2, lines)}\n\n${machine}.`;
  });
  return [...tables, command].join("\n\n");
}

/** ONNX Runtime beside TensorFlow, and WebAssembly where it was measured. */
function enginePart(rows: readonly BenchRow[]): string {
  const lines = rows.map(({ case: name, unit, ours, ratio, peers }) => [
    `\`${name}\``,
    unit,
    number(ours),
    number(peers.TensorFlow),
    ratio?.toFixed(2) ?? NONE,
    number(peers.WebAssembly),
  ]);
  return [
    table(["case", "unit", "ONNX Runtime", "TensorFlow", "ratio", "WebAssembly"], 2, lines),
    `By \`deno task bench --against tensorflow\`, whose \`--help\` says what the cases are; WebAssembly is ` +
    `TensorFlow.js's, op by op. ${rows[0].machine}.`,
  ].join("\n\n");
}

function resultPart(results: readonly Results[]): string {
  const heads = [
    "",
    "method",
    "encoder",
    "stack",
    "param. M",
    "live M",
    "top-1 %",
    "paper",
    "k-NN %",
    "paper",
  ];
  const rows = results.flatMap(({ experiment, rows }) =>
    rows.map((row, at) => [at === 0 ? EXPERIMENTS[experiment].table : "", ...cells(row)])
  );
  const runs = [...new Map(results.flatMap(({ runs }) => runs).map((run) => [run.id, run])).values()];
  const seconds = runs.reduce((sum, { seconds }) => sum + seconds, 0);
  const commits = new Set(runs.flatMap(({ origins }) => origins.map(commitName)));
  return [
    table(heads, 3, rows),
    `${about(results[0]).join(" ")} The ${runs.length} trainings took ${
      duration(seconds)
    } together, by code ` +
    `${[...commits].join(", ")}.`,
    "Differences within one run, ours beside the paper's:",
    ...results.map((each) =>
      `${differences(each).replace("difference", EXPERIMENTS[each.experiment].table)}`
    ),
    certainty(results[0]),
  ].join("\n\n");
}

const NONE = "–";

function cells({ method, projectors, encoder, stack, parameters, live, top1, knn, paper }: Row): string[] {
  const million = (count: number) => count === 0 ? NONE : (count / 1e6).toFixed(2);
  return [
    [method, ...projectors?.map((has) => has ? "✓" : "✗") ?? []].join(" "),
    encoder,
    stack === null ? NONE : `${stack}`,
    million(parameters),
    million(live),
    top1.mean.toFixed(1),
    paper?.top1.toFixed(1) ?? NONE,
    knn.mean.toFixed(1),
    paper?.knn.toFixed(1) ?? NONE,
  ];
}
