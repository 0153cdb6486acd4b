/**
 * Executes a notebook from top to bottom and keeps what its cells put out.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { SourceMap } from "node:module";
import { stripVTControlCharacters } from "node:util";
import { NotebookError } from "../base/errors.ts";
import { temporaryFolder } from "../base/places.ts";
import { type CodeCell, type Notebook, type Output, readNotebook, writeNotebook } from "./ipynb.ts";
import { type Execution, type Kernel, type Published, startKernel } from "./kernel.ts";

/** How to execute. */
export interface ExecuteNotebookOptions {
  /** Variables for the kernel, beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Where the executed notebook is written; in its own place by default. */
  readonly out?: string;
  /** Milliseconds a cell may take; 10 minutes by default. */
  readonly limit?: number;
  /** Is told before each code cell, and at the end, how many are done and of how many. */
  readonly progress?: (done: number, total: number) => void;
}

/** Outputs of the cells by the id under which they may be updated. */
type Displays = Map<string, Shown[]>;
type Shown = Extract<Output, { output_type: "display_data" | "execute_result" }>;

/**
 * Executes all code cells of a notebook on one new kernel, in the notebook's
 * folder, and writes the outputs into the file. Where a cell fails, the cells
 * below it are not run and have no outputs.
 *
 * @param path An `.ipynb` file.
 * @param options How.
 * @returns The notebook as written.
 * @throws {NotebookError} A cell threw, could not be parsed, took too long or ended the kernel.
 * @throws {DataError} It is no notebook.
 * @throws {EnvironmentError} The kernel does not start.
 * @example
 * ```ts
 * import { executeNotebook } from "./execute.ts";
 * import { writeNotebook } from "./ipynb.ts";
 * const path = `${await Deno.makeTempDir()}/sum.ipynb`;
 * const source = "console.log(6 * 7);";
 * await writeNotebook(path, {
 *   cells: [{ cell_type: "code", id: "sum", metadata: {}, source, execution_count: null, outputs: [] }],
 *   ...{ metadata: {}, nbformat: 4, nbformat_minor: 5 },
 * });
 * const { cells: [cell] } = await executeNotebook(path);
 * if (cell.cell_type !== "code" || cell.outputs[0].text !== "42\n") throw new Error("it put out something else");
 * ```
 */
export async function executeNotebook(path: string, options: ExecuteNotebookOptions = {}): Promise<Notebook> {
  const { environment, limit = 600_000, out = path, progress } = options;
  const notebook = await readNotebook(path);
  const codes = notebook.cells.filter((cell) => cell.cell_type === "code");
  for (const cell of codes) Object.assign(cell, { outputs: [], execution_count: null });
  const displays: Displays = new Map();
  let failure: NotebookError | undefined;
  {
    await using kernel = await startKernel({ folder: dirname(path), environment });
    notebook.metadata.language_info = kernel.language;
    for (const [done, cell] of codes.entries()) {
      progress?.(done, codes.length);
      const { error } = await executeCell(kernel, cell, limit, displays);
      if (!error) continue;
      const where = `${path}: cell ${notebook.cells.indexOf(cell) + 1} (${cell.id})`;
      failure = new NotebookError(`${where}: ${error.name}: ${error.message}${error.place}`);
      break;
    }
  }
  await writeNotebook(out, notebook);
  if (failure) throw failure;
  progress?.(codes.length, codes.length);
  return notebook;
}

type Located = NonNullable<Execution["error"]> & { readonly place: string };

/** Runs a cell and fills its outputs and its count. A cell without code is not run. */
async function executeCell(
  kernel: Kernel,
  cell: CodeCell,
  limit: number,
  displays: Displays,
): Promise<{ error?: Located }> {
  if (cell.source.trim() === "") return {};
  const output = collector(cell, displays);
  const { error } = await kernel.execute(cell.source, { limit, output });
  if (!error) return {};
  const located = await locate(cell.source, error);
  if (cell.outputs.at(-1)?.output_type !== "error") {
    const { name: ename, message: evalue, traceback } = located;
    cell.outputs.push({ output_type: "error", ename, evalue, traceback: [...traceback] });
  }
  return { error: located };
}

/**
 * Keeps what a cell puts out, as a notebook shows it: neighbouring pieces of a
 * stream are one, a display with a known id takes the place of its forerunners
 * in all cells, and outputs are cleared when the cell asks for it.
 */
function collector(cell: CodeCell, displays: Displays): (published: Published) => void {
  const { outputs } = cell;
  let clearing = false;
  const add = (output: Output) => {
    if (clearing) outputs.length = 0;
    clearing = false;
    const last = outputs.at(-1);
    if (output.output_type === "stream" && last?.output_type === "stream" && last.name === output.name) {
      last.text += output.text;
    } else outputs.push(output);
  };
  return ({ type, content: { transient, ...content } }) => {
    const id = (transient as { display_id?: string } | undefined)?.display_id;
    switch (type) {
      case "execute_input":
        cell.execution_count = content.execution_count as number;
        break;
      case "clear_output":
        if (content.wait) clearing = true;
        else outputs.length = 0;
        break;
      case "update_display_data":
        for (const shown of displays.get(id!) ?? []) Object.assign(shown, content);
        break;
      case "stream":
      case "error":
        add({ output_type: type, ...content } as Output);
        break;
      case "display_data":
      case "execute_result": {
        const shown = { output_type: type, ...content } as Shown;
        add(shown);
        if (id) displays.set(id, [...displays.get(id) ?? [], shown]);
      }
    }
  };
}

/**
 * Where in a cell it failed. The kernel counts lines of the JavaScript that the
 * cell became, and is silent about what is wrong with a cell that it cannot
 * parse; making the JavaScript once more tells both.
 */
async function locate(source: string, error: NonNullable<Execution["error"]>): Promise<Located> {
  const frame = error.traceback.findLast((line) => /<anonymous>:\d+:\d+/.test(line));
  const unparsed = error.message === "Execution failed" && error.traceback.length === 0;
  if (!frame && !unparsed) return { ...error, place: "" };
  const folder = await Deno.makeTempDir({ dir: await temporaryFolder() });
  try {
    const input = join(folder, "cell.ts"), out = join(folder, "cell.js");
    await Deno.writeTextFile(input, source);
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["transpile", "--no-config", "--source-map=separate", "--output", out, input],
      env: { NO_COLOR: "1" },
    }).output();
    if (!success) {
      const complaint = stripVTControlCharacters(new TextDecoder().decode(stderr));
      const [, message] = complaint.match(/SyntaxError: (.*)/) ?? [];
      const [, line] = complaint.match(/cell\.ts:(\d+):\d+/) ?? [];
      return { ...error, name: "SyntaxError", message: message ?? complaint, place: ` (line ${line})` };
    }
    const [, line, column] = frame?.match(/<anonymous>:(\d+):(\d+)/) ?? [];
    if (!line) return { ...error, place: "" };
    const map = new SourceMap(JSON.parse(await Deno.readTextFile(`${out}.map`)));
    const entry = map.findEntry(Number(line) - 1, Number(column) - 1);
    return { ...error, place: "originalLine" in entry ? ` (line ${entry.originalLine + 1})` : "" };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
