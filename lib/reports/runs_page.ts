/**
 * All runs of a folder as a page: a table to sort and to filter, and the curves of those that are chosen.
 *
 * @module
 */
import { duration } from "../base/progress.ts";
import { runCurves } from "../charts/run_curves.ts";
import type { RunSummary } from "../experiments/run_summaries.ts";
import { escapeHtml } from "../notebook/html.ts";
import { scriptJson } from "./output.ts";
import { INDEX, page, vegaScripts } from "./page.ts";
import script from "./runs_page.js" with { type: "text" };
import style from "./runs_page.css" with { type: "text" };

/** A table of runs as HTML. */
export interface RunsTable {
  /** Its row of titles. */
  readonly head: string;
  /** A row a run, by id, in their order. */
  readonly rows: ReadonlyMap<string, string>;
}

/** A cell: its text, and what it is sorted by if that is not the text. */
type Cell = readonly [text: string, value?: number];

interface Column {
  readonly title: string;
  /** The field of a spec that it shows. */
  readonly field?: string;
  /** Nothing where a run has no such thing. */
  readonly cell: (run: RunSummary) => Cell | undefined;
}

/**
 * A table of runs: of their specs only what differs.
 *
 * @param runs The runs.
 * @returns Its titles and rows.
 */
export function runsTable(runs: readonly RunSummary[]): RunsTable {
  const columns = columnsOf(runs);
  const head = columns.map(({ title, field }) =>
    `<th scope="col"${field === undefined ? "" : " data-field"}>${
      escapeHtml(title).replaceAll(".", ".<wbr>")
    }</th>`
  );
  const row = (run: RunSummary) =>
    `<tr data-run="${escapeHtml(run.id)}"><th scope="row"><label><input type="checkbox">${
      escapeHtml(run.id)
    }</label></th>${
      columns.slice(1).map(({ cell }) => {
        const [text, value] = cell(run) ?? [""];
        return `<td${value === undefined ? "" : ` data-value="${value}"`}>${escapeHtml(text)}</td>`;
      }).join("")
    }</tr>`;
  return { head: `<tr>${head.join("")}</tr>`, rows: new Map(runs.map((run) => [run.id, row(run)])) };
}

/** What a run is called, what it is, how it differs, what came of it, and what it took. */
function columnsOf(runs: readonly RunSummary[]): Column[] {
  const names = (keys: (run: RunSummary) => Iterable<string>) => [
    ...new Set(runs.flatMap((run) => [...keys(run)])),
  ];
  const differing = differingFields(runs, names(({ fields }) => fields.keys()));
  const found = new Map(runs.map((run) => [run, lastOf(run)]));
  const number = (value: number | undefined, digits: number): Cell | undefined =>
    value === undefined || !Number.isFinite(value) ? undefined : [value.toFixed(digits)];
  return [
    { title: "run", cell: ({ id }) => [id] },
    { title: "name", cell: ({ name }) => [name] },
    {
      title: "state",
      cell: ({ state, done, steps }) => [
        state === "finished" ? state : `${state}, ${Math.floor(100 * done / steps)} %`,
        state === "finished" ? 1 : done / (steps + 1),
      ],
    },
    ...differing.map((field): Column => ({
      title: field,
      field,
      cell: ({ fields }) => {
        const json = fields.get(field);
        return json === undefined ? undefined : [json.replace(/^"(.*)"$/, "$1")];
      },
    })),
    ...names(({ scores }) => Object.keys(scores)).sort().map((name): Column => ({
      title: name,
      cell: ({ scores }) => number(scores[name], 1),
    })),
    ...names((run) => found.get(run)!.keys()).sort().map((name): Column => ({
      title: name,
      cell: (run) => number(found.get(run)!.get(name), 2),
    })),
    { title: "duration", cell: ({ seconds }) => [duration(seconds), seconds] },
    { title: "core-hours", cell: ({ coreHours }) => number(coreHours, 2) },
    {
      title: "begun",
      cell: ({ begun }) => [begun.toISOString().slice(0, 16).replace("T", " "), begun.getTime()],
    },
  ];
}

/** Fields in which runs differ; of those that only say that a run has what others have not, such as a level, the first. */
function differingFields(runs: readonly RunSummary[], fields: readonly string[]): string[] {
  const told = new Set<string>();
  return fields.filter((field) => {
    const values = runs.map(({ fields }) => fields.get(field));
    if (new Set(values.filter((value) => value !== undefined)).size > 1) return true;
    const having = values.map((value) => value === undefined ? 0 : 1).join("");
    if (!having.includes("0") || told.has(having)) return false;
    told.add(having);
    return true;
  });
}

/** Where curves stand at their end, by stack and measure. */
function lastOf({ tracks }: RunSummary): Map<string, number> {
  return new Map(
    tracks.flatMap(({ measures }) =>
      Object.entries(measures).flatMap(([measure, stacks]) =>
        stacks.map((curve, stack) => [`stack ${stack}: ${measure} at last`, curve.at(-1)!] as const)
      )
    ),
  );
}

/** What a page of runs says beside them. */
export interface RunsPageOptions {
  /** Their folder. */
  readonly folder: string;
  /** Of a page that asks the server that it came from for news: what it knows. */
  readonly revision?: number;
}

/**
 * Renders runs.
 *
 * @param runs The runs.
 * @param options What else the page says.
 * @returns An HTML document.
 */
export async function renderRunsPage(
  runs: readonly RunSummary[],
  { folder, revision }: RunsPageOptions,
): Promise<string> {
  const { head, rows } = runsTable(runs), live = revision !== undefined;
  const tracks = Object.fromEntries(runs.map(({ id, tracks }) => [id, tracks]));
  const json = (id: string, data: unknown) =>
    `<script type="application/json" id="${id}">${scriptJson(data)}</script>`;
  return page({
    title: "Runs",
    file: INDEX,
    pages: [],
    sections: [{ id: "all_runs", title: "Runs" }, { id: "curves", title: "Curves" }],
    style,
    live,
    scripts: [...await vegaScripts(), script],
    main: `<div class="head"><h1>Runs</h1><p>${escapeHtml(folder)}</p></div>
<section aria-labelledby="all_runs"><h2 id="all_runs">All runs</h2>
<p>The one that was begun last comes first. Of their specs, columns show the fields in which runs differ.</p>
<p class="tools" hidden><label>Filter <input type="search"></label> <button type="button">Choose none</button></p>
<p role="status">${rows.size} runs</p>
<div class="scroll runs" tabindex="0" role="region" aria-label="Runs"><table><thead>${head}</thead><tbody>
${[...rows.values()].join("\n")}
</tbody></table></div></section>
<section aria-labelledby="curves"><h2 id="curves">Curves</h2>
<p>Choose runs in the table. A point is the mean over up to a two-hundredth of the training; after ten runs colours come again.</p>
<div class="chart drawn" tabindex="0" role="group" aria-label="Curves of the chosen runs"></div></section>
${json("chart", runCurves([]))}
${json("tracks", tracks)}${live ? json("revision", revision) : ""}`,
  });
}
