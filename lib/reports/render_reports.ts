/**
 * All notebooks of a folder as pages, from the outputs that they have, and its texts.
 *
 * @module
 */
import { basename, extname, join } from "@std/path";
import { z } from "zod";
import { DataError } from "../base/errors.ts";
import { exists, humanBytes, writeAtomically } from "../base/files.ts";
import { duration } from "../base/progress.ts";
import type { ClaimVerdict } from "../experiments/claims.ts";
import { EXPLORER } from "./explorer.ts";
import { type IndexEntry, renderIndex } from "./index_page.ts";
import { type Notebook, parseNotebook, readNotebook } from "../notebook/ipynb.ts";
import { isNumbered, notebookFiles } from "../notebook/own.ts";
import { hasCharts } from "./output.ts";
import { type Fact, INDEX, vegaScripts } from "./page.ts";
import { takeTitle } from "./markdown.ts";
import { renderReport, titleOf } from "./report.ts";

const words = z.record(z.string(), z.string()).default({});

/** What a notebook's metadata say under `sjea` of the run that made its outputs. */
const runSchema = z.object({
  /** For the top of its page, such as preset, copy of the data, seeds and date. */
  facts: words,
  /** For the first page, such as machine, device and versions. */
  environment: words,
  /** How long it took. */
  seconds: z.number().optional(),
});

/** What a notebook says of the run that made its outputs. */
export type NotebookRun = z.input<typeof runSchema>;

/** Bytes above which a page opens slowly on a telephone. */
const LARGE = 5e6;

/** What draws charts, for all pages; without it their charts are pictures. */
const VEGA = "vega.js";

/** Text for the first page: what differs from the paper and why. */
const DIFFERENCES = "differences.md";

/** The pages of a folder of notebooks. */
export interface Reports {
  /** The files, the first page first. */
  readonly files: string[];
  /** What has no page or is missing in its page, and why. */
  readonly leftOut: string[];
}

interface Entry extends IndexEntry {
  readonly path: string;
  readonly run: z.output<typeof runSchema>;
}

/**
 * Renders the notebooks and texts (`*.md`) of a folder into its folder `reports`: `index.html`,
 * a page each and one file with what draws charts; other pages there but the explorer are removed, large ones named on standard
 * error, as are notebooks without anything to show. Nothing is executed. What cannot
 * be read or shown is left out and does not keep the others from their pages. What differs
 * from the paper and why, on the first page, too, comes from a file `differences.md`, if there is one.
 *
 * @param folder The folder.
 * @param judged What is said of the paper's claims; no such section if nothing.
 * @returns The files, and what is not in them.
 * @throws {DataError} There is no such folder, or no notebook with anything to show in it.
 */
export async function renderReports(
  folder: string,
  judged: readonly ClaimVerdict[] = [],
): Promise<Reports> {
  const leftOut: string[] = [], leaveOut = (fault: string) => void leftOut.push(fault);
  const paths = await notebookFiles(folder);
  if (paths.length === 0) throw new DataError(`${folder}: there are no notebooks (*.ipynb) in it.`);
  const entries = (await Promise.all(paths.map((path) => entryOf(path, leaveOut)))).filter((entry) =>
    !!entry
  );
  if (entries.length === 0) {
    const why = leftOut.length > 0 ? `\n${leftOut.join("\n")}` : " Run them first: deno task reproduce.";
    throw new DataError(`${folder}: no notebook in it has anything to show.${why}`);
  }
  const texts = await textsOf(folder, entries.map(({ file }) => file), leaveOut);
  const pages = [...entries, ...texts].map(({ file, title }) => ({ file, title }));
  const documents: [file: string, html: string][] = [];
  for (const { path, notebook, file, run } of [...entries, ...texts]) {
    const source = `../${encodeURIComponent(basename(path))}`;
    const options = { path, file, pages, facts: Object.entries(run.facts), vega: VEGA, source, leaveOut };
    documents.push([file, await renderReport(notebook, options)]);
  }
  const differences = join(folder, DIFFERENCES), reports = join(folder, "reports");
  const index = await renderIndex({
    ...{ notebooks: entries, texts, judged },
    ...await exists(join(reports, EXPLORER)) && { explorer: EXPLORER },
    facts: indexFacts(entries),
    differences: await exists(differences) ? takeTitle(await Deno.readTextFile(differences)).rest : "",
    path: differences,
    leaveOut,
  });
  if (entries.some(({ notebook }) => hasCharts(notebook))) {
    await writeAtomically(join(reports, VEGA), (await vegaScripts()).join("\n"));
  }
  const files = await Promise.all([[INDEX, index], ...documents].map(async ([file, html]) => {
    const path = join(reports, file);
    await writeAtomically(path, html);
    const { size } = await Deno.stat(path);
    if (size > LARGE) {
      console.error(`${path}: ${humanBytes(size)} is much for a page; fewer thumbnails help.`);
    }
    return path;
  }));
  for await (const { name } of Deno.readDir(reports)) {
    const path = join(reports, name);
    if (name.endsWith(".html") && name !== EXPLORER && !files.includes(path)) await Deno.remove(path);
  }
  return { files, leftOut };
}

/** A notebook and what its page is called; nothing if it has no page. */
async function entryOf(path: string, leaveOut: (fault: string) => void): Promise<Entry | undefined> {
  const file = `${basename(path, ".ipynb")}.html`;
  if (file.toLowerCase() === INDEX) {
    leaveOut(`${path}: no page is written, for ${INDEX} is the overview. Give the notebook another name.`);
    return;
  }
  let notebook: Notebook;
  try {
    notebook = await readNotebook(path, leaveOut);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    leaveOut(error.message);
    return;
  }
  const code = notebook.cells.filter((cell) => cell.cell_type === "code");
  if (notebook.cells.every(({ source }) => source.trim() === "")) {
    console.error(`${path}: no page is written, for it is empty.`);
  } else if (code.length > 0 && code.every(({ outputs }) => outputs.length === 0)) {
    const tell = isNumbered(path) ? leaveOut : console.error;
    tell(`${path}: no page is written, for it was not run. deno task reproduce runs those with a number.`);
  } else {
    const { title = file, summary = "" } = titleOf(notebook);
    return { path, notebook, file, title, summary, run: runOf(notebook, path, leaveOut) };
  }
}

/** The texts of a folder, each as a notebook of one cell. */
async function textsOf(
  folder: string,
  taken: readonly string[],
  leaveOut: (fault: string) => void,
): Promise<Entry[]> {
  const names = (await Array.fromAsync(Deno.readDir(folder))).filter(({ name, isDirectory }) =>
    !isDirectory && extname(name) === ".md"
  ).map(({ name }) => name).sort();
  const entries: Entry[] = [];
  for (const name of names) {
    const path = join(folder, name), file = `${basename(name, ".md")}.html`;
    const source = await Deno.readTextFile(path);
    if ([INDEX, EXPLORER, ...taken].includes(file.toLowerCase())) {
      leaveOut(`${path}: no page is written, for ${file} is another one. Give the text another name.`);
    } else if (source.trim() !== "") {
      const cells = [{ cell_type: "markdown", id: "text", source }];
      const notebook = parseNotebook(JSON.stringify({ nbformat: 4, nbformat_minor: 5, cells }), path);
      const { title = file, summary = "" } = titleOf(notebook);
      entries.push({ path, notebook, file, title, summary, run: runSchema.parse({}) });
    }
  }
  return entries;
}

function runOf(
  { metadata }: Notebook,
  path: string,
  leaveOut: (fault: string) => void,
): z.output<typeof runSchema> {
  const { data, error } = runSchema.safeParse(metadata.sjea ?? {});
  if (data) return data;
  const [{ path: field, message }] = error.issues;
  leaveOut(`${path}: field metadata.sjea.${field.join(".")}: ${message}.`);
  return runSchema.parse({});
}

/** Environments of all notebooks, each value once, and how long each took. */
function indexFacts(
  entries: readonly { readonly title: string; readonly run: z.output<typeof runSchema> }[],
): Fact[] {
  const environment = Map.groupBy(
    entries.flatMap(({ run }) => Object.entries(run.environment)),
    ([label]) => label,
  );
  return [
    ...[...environment].map(([label, facts]): Fact => [
      label,
      [...new Set(facts.map(([, value]) => value))].join("; "),
    ]),
    ...entries.flatMap(({ title, run: { seconds } }): Fact[] =>
      seconds === undefined ? [] : [[title, duration(seconds)]]
    ),
  ];
}
