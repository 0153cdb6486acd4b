/**
 * Runs as a page: what defines them, how they learnt, and what became of them.
 *
 * @module
 */
import { readableJson } from "../base/json.ts";
import { runCurves } from "../charts/run_curves.ts";
import { lastTerms, trainingCurves } from "../charts/training_curves.ts";
import { composedPage, type Part } from "./composed_page.ts";
import type { Figure } from "./maps.ts";
import { chartBundle } from "../notebook/show.ts";
import { tableBundle } from "../notebook/table.ts";
import { onlineMeasures } from "../experiments/run_summaries.ts";
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
  const table = (columns: readonly string[], rows: Measured["rows"], caption: string): Part => ({
    data: tableBundle({ columns, rows }, { caption }),
  });
  const online = logs.flatMap(({ name, steps }) =>
    steps.flatMap(({ epoch, online }) =>
      Object.entries(online ? onlineMeasures(online) : {}).flatMap(([measure, stacks]) =>
        stacks.map((value, stack) => ({
          run: name,
          stack: `stack ${stack}`,
          measure,
          epoch: epoch + 1,
          value,
        }))
      )
    )
  );
  const measures = "k-NN and RankMe of held-out images while it trained";
  const curves = "Terms of the loss", last = `${curves}, mean over the last epoch`;
  const drawn: Part[] = [];
  for (const { title, above, chart, caption, below } of figures) {
    drawn.push(`## ${title}\n\n${above}`, { data: await chartBundle(chart, { caption }), caption }, below);
  }
  const differing = "Fields in which they differ", columns = ["field", ...runs.map(({ id }) => id)];
  return await composedPage(
    title,
    [["Data", [...new Set(runs.map(({ spec }) => spec.data.dataset.name))].join(", ")]],
    [
      `# ${title}\n\n${
        runs.map(({ id, name, done, steps }) => `${id}: ${name}, ${done} of ${steps} steps`).join("; ")
      }.`,
      "## How they learnt",
      { data: await chartBundle(trainingCurves(logs), { caption: curves }) },
      { data: tableBundle(lastTerms(logs), { caption: last }) },
      ...online.length > 0
        ? [{ data: await chartBundle(runCurves(online), { caption: measures }), caption: measures }]
        : [],
      ...measured.flatMap(({ caption, columns, rows }) => [`## ${caption}`, table(columns, rows, caption)]),
      ...drawn,
      "## What defines them",
      ...runs.length === 2 ? [table(columns, differences(runs[0].spec, runs[1].spec), differing)] : [],
      ...runs.map(({ id, spec }) => `${id}:\n\n\`\`\`json\n${readableJson(spec)}\n\`\`\``),
    ],
  );
}
