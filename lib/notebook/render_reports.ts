/**
 * All notebooks of a folder as pages, from the outputs that they have.
 *
 * @module
 */
import { basename, join } from "@std/path";
import { z } from "zod";
import { DataError } from "../base/errors.ts";
import { exists, humanBytes, writeAtomically } from "../base/files.ts";
import { duration } from "../base/progress.ts";
import { renderIndex } from "./index_page.ts";
import { type Notebook, readNotebook } from "./ipynb.ts";
import { type Fact, INDEX } from "./page.ts";
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

/** Text for the first page: what differs from the paper and why. */
const DIFFERENCES = "differences.md";

/**
 * Renders the notebooks of a folder into its folder `reports`: `index.html` and
 * a page a notebook; other pages there are removed, large ones named on standard error. Nothing is executed. What differs from the paper and why
 * comes from a file `differences.md` of the folder, if there is one.
 *
 * @param folder The folder.
 * @returns The files, the first page first.
 * @throws {DataError} There are no notebooks, or one has no outputs or is damaged, or lacks an image.
 */
export async function renderReports(folder: string): Promise<string[]> {
  const notebooks = await notebooksOf(folder);
  const entries = notebooks.map(({ path, notebook }) => {
    const file = `${basename(path, ".ipynb")}.html`, { title = file, summary = "" } = titleOf(notebook);
    return { path, notebook, file, title, summary, run: runOf(notebook, path) };
  });
  const pages = entries.map(({ file, title }) => ({ file, title }));
  const documents: [file: string, html: string][] = [];
  for (const { path, notebook, file, run } of entries) {
    const options = { path, file, pages, facts: Object.entries(run.facts) };
    documents.push([file, await renderReport(notebook, options)]);
  }
  const differences = join(folder, DIFFERENCES);
  const index = await renderIndex({
    pages: entries,
    facts: indexFacts(entries),
    differences: await exists(differences) ? await Deno.readTextFile(differences) : "",
    path: differences,
  });
  const reports = join(folder, "reports");
  const written = await Promise.all([[INDEX, index], ...documents].map(async ([file, html]) => {
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
    if (name.endsWith(".html") && !written.includes(path)) await Deno.remove(path);
  }
  return written;
}

async function notebooksOf(folder: string): Promise<{ path: string; notebook: Notebook }[]> {
  if (!await exists(folder)) throw new DataError(`${folder}: there is no such folder of notebooks.`);
  const names = (await Array.fromAsync(Deno.readDir(folder)))
    .filter(({ isFile, name }) => isFile && name.endsWith(".ipynb")).map(({ name }) => name).sort();
  if (names.length === 0) throw new DataError(`${folder}: there are no notebooks (*.ipynb) in it.`);
  return await Promise.all(names.map(async (name) => {
    const path = join(folder, name), notebook = await readNotebook(path);
    const code = notebook.cells.filter((cell) => cell.cell_type === "code");
    if (code.length > 0 && code.every(({ outputs }) => outputs.length === 0)) {
      throw new DataError(`${path} has no outputs to show. Run it first: deno task reproduce.`);
    }
    return { path, notebook };
  }));
}

function runOf({ metadata }: Notebook, path: string): z.output<typeof runSchema> {
  const result = runSchema.safeParse(metadata.sjea ?? {});
  if (result.success) return result.data;
  const [{ path: field, message }] = result.error.issues;
  throw new DataError(`${path}: field metadata.sjea.${field.join(".")}: ${message}.`);
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
