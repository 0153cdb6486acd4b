/**
 * Runs as a page: what defines them, how they learnt, and what became of them.
 *
 * @module
 */
import { lastTerms, trainingCurves } from "../charts/training_curves.ts";
import { parseNotebook } from "../notebook/ipynb.ts";
import type { Figure } from "./maps.ts";
import { renderReport } from "./report.ts";
import { chartBundle } from "../notebook/show.ts";
import { type Bundle, tableBundle } from "../notebook/table.ts";
import { readMetrics } from "../training/log.ts";
import { differences, type StoredRun } from "../experiments/run_folders.ts";

/** Beside the curves: what was measured. */
export interface Measured {
  readonly caption: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/**
 * Renders one run, or two beside each other.
 *
 * @param runs The runs.
 * @param measured Scores, if there are any.
 * @param figures Charts beside the curves.
 * @returns An HTML document.
 */
export async function renderRuns(
  runs: readonly StoredRun[],
  measured: readonly Measured[],
  figures: readonly Figure[] = [],
): Promise<string> {
  const logs = await Promise.all(runs.map(async ({ id, folder, spec, steps }) => ({
    name: id,
    steps: await readMetrics(folder),
    stepsPerEpoch: steps / spec.epochs,
  })));
  const title = runs.map(({ id }) => id).join(" and ");
  const cells: object[] = [];
  const add = (cell: object) => cells.push({ id: `run-${cells.length}`, metadata: {}, ...cell });
  const text = (source: string) => add({ cell_type: "markdown", source });
  const output = (data: Bundle, metadata = {}) =>
    add({
      cell_type: "code",
      source: "",
      execution_count: null,
      outputs: [{ output_type: "display_data", data, metadata }],
    });
  text(
    `# ${title}\n\n${
      runs.map(({ id, name, done, steps }) => `${id}: ${name}, ${done} of ${steps} steps`).join("; ")
    }.`,
  );
  text("## How they learnt");
  output(await chartBundle(trainingCurves(logs), { caption: "Terms of the loss" }));
  output(tableBundle(lastTerms(logs), { caption: "Terms of the loss, mean over the last epoch" }));
  for (const { caption, columns, rows } of measured) {
    text(`## ${caption}`);
    output(tableBundle({ columns, rows }, { caption }));
  }
  for (const { title, above, chart, caption, below } of figures) {
    text(`## ${title}\n\n${above}`);
    output(await chartBundle(chart, { caption }), { sjea: { caption } });
    text(below);
  }
  text("## What defines them");
  if (runs.length === 2) {
    const columns = ["field", ...runs.map(({ id }) => id)];
    const rows = differences(runs[0].spec, runs[1].spec);
    output(tableBundle({ columns, rows }, { caption: "Fields in which they differ" }));
  }
  for (const { id, spec } of runs) text(`${id}:\n\n\`\`\`json\n${JSON.stringify(spec, null, 2)}\n\`\`\``);
  const notebook = parseNotebook(
    JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells }),
    title,
  );
  return await renderReport(notebook, {
    path: title,
    file: "run.html",
    pages: [],
    facts: [["Data", [...new Set(runs.map(({ spec }) => spec.data.dataset.name))].join(", ")]],
    leaveOut: (fault) => console.error(`left out: ${fault}`),
  });
}
