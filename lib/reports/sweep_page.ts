/**
 * A sweep as a page: a chart of what it found, its table, and what it was.
 *
 * @module
 */
import { readableJson } from "../base/json.ts";
import { type Comparison, comparison } from "../charts/comparison.ts";
import { type SweepResults, sweepTable } from "../experiments/sweep_results.ts";
import { chartBundle } from "../notebook/show.ts";
import { tableBundle } from "../notebook/table.ts";
import { composedPage } from "./composed_page.ts";

/**
 * Renders a sweep's results.
 *
 * @param results What it found.
 * @returns An HTML document.
 */
export async function renderSweep(results: SweepResults): Promise<string> {
  const { sweep, rows, runs, dataset, accuracies, environment } = results, table = sweepTable(results);
  const dots = rows.flatMap(({ configuration, stack, values }) =>
    Object.entries(values).map(([name, { mean, std }]): Comparison => ({
      label: `${configuration}, stack ${stack}`,
      metric: accuracies.includes(name) ? `${name} (%)` : name,
      ours: mean,
      ...std !== null && { std },
    }))
  );
  const trainings = runs.map(({ id, configuration, seed, seconds, failed }) => [
    ...[id, configuration, `${seed}`],
    failed ?? `${Math.round(seconds)} s`,
  ]);
  return await composedPage(
    sweep.title,
    [["Data", `${dataset.name}, ${dataset.copy} copy`], ["Machine", environment.cpu]],
    [
      `# ${sweep.title}\n\n${table.notes[0]}`,
      "## What was found\n\nConfigurations from best to worst; a dot is the mean over the seeds.",
      ...dots.length > 0
        ? [{ data: await chartBundle(comparison(dots), { caption: sweep.title }), caption: sweep.title }]
        : [],
      { data: tableBundle(table, { caption: sweep.title }) },
      "## The trainings",
      { data: tableBundle({ columns: ["run", "configuration", "seed", "training"], rows: trainings }, {}) },
      `## The sweep\n\n\`\`\`json\n${readableJson(sweep)}\n\`\`\``,
    ],
  );
}
