/**
 * `deno run -A lib/cli/check_notebooks.ts notebooks`: checks the types, the lint rules and the
 * format of notebooks, which `deno check` and `deno lint` do not read.
 *
 * @module
 */
import { dirname, resolve } from "@std/path";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { z } from "zod";
import { UsageError } from "../base/errors.ts";
import { type Cell, formatNotebook, type Notebook, parseNotebook, readNotebook } from "../notebook/ipynb.ts";
import { ownNotebooks } from "../notebook/own.ts";
import { runCommand } from "./command.ts";

/** The code of a notebook as one module: its cells one after another, each beginning on a new line. */
interface Extracted {
  readonly path: string;
  readonly notebook: Notebook;
  readonly code: string;
  /** The place in the notebook of a line of the module. */
  readonly place: (line: number) => string;
}

/** What `deno lint --json` prints. */
const lintReport = z.object({
  diagnostics: z.array(z.object({
    message: z.string(),
    code: z.string(),
    range: z.object({ start: z.object({ line: z.number() }) }),
  })),
});

await runCommand(async () => {
  const paths = await notebooksIn(Deno.args);
  const modules = (await Promise.all(paths.map((path) => readNotebook(path)))).map((notebook, at) =>
    extract(paths[at], notebook)
  );
  const findings = [
    ...await checkTypes(modules),
    ...(await Promise.all(modules.map(lint))).flat(),
    ...(await Promise.all(modules.map(checkFormat))).flat(),
  ];
  findings.forEach((finding) => console.error(finding));
  console.log(`Notebooks: ${paths.length}, findings: ${findings.length}`);
  if (findings.length > 0) Deno.exit(1);
});

async function notebooksIn(places: readonly string[]): Promise<string[]> {
  if (places.length === 0) {
    throw new UsageError("Name the notebooks to check, or a folder, whose numbered ones are.");
  }
  const paths: string[] = [];
  for (const place of places) {
    if (place.endsWith(".ipynb")) paths.push(place);
    else paths.push(...(await ownNotebooks(place)).own);
  }
  return paths.sort();
}

function extract(path: string, notebook: Notebook): Extracted {
  const places: string[] = [], lines: string[] = [];
  notebook.cells.forEach((cell, at) => {
    if (cell.cell_type !== "code") return;
    cell.source.split("\n").forEach((text, line) => {
      places.push(`${where(path, cell, at)}, line ${line + 1}`);
      lines.push(text);
    });
  });
  // Without an import or export it would be no module, and could not await.
  return {
    path,
    notebook,
    code: `${lines.join("\n")}\nexport {};\n`,
    place: (line) => places[line - 1] ?? path,
  };
}

function where(path: string, cell: Cell, at: number): string {
  return `${path}: cell ${at + 1} (${cell.id})`;
}

/** Puts the modules beside their notebooks, where relative imports hold, for as long as Deno reads them. */
async function checkTypes(modules: readonly Extracted[]): Promise<string[]> {
  const files = modules.map(({ path }) => resolve(dirname(path), `.check_${crypto.randomUUID()}.ts`));
  try {
    await Promise.all(files.map((file, at) => Deno.writeTextFile(file, modules[at].code)));
    const { success, errors } = await deno(["check", "--quiet", ...files], ".");
    if (success) return [];
    const found = errors.split("\n\n").flatMap((block) => {
      const [, message, url, line] = block.match(/^(?:error: )?([^]*?)\n\s*at (file:.*?):(\d+):\d+$/m) ?? [];
      const at = files.findIndex((file) => pathToFileURL(file).href === url);
      return at < 0 ? [] : [`${modules[at].place(Number(line))}: ${message}`];
    });
    return found.length > 0 ? found : [errors];
  } finally {
    await Promise.all(files.map((file) => Deno.remove(file).catch(() => {})));
  }
}

async function lint({ path, code, place }: Extracted): Promise<string[]> {
  const { output } = await deno(["lint", "--json", "--ext=ts", "-"], dirname(path), code);
  // What cannot be parsed is a finding of the type check already.
  return lintReport.parse(JSON.parse(output)).diagnostics
    .map(({ message, code, range }) => `${place(range.start.line)}: ${message} (${code})`);
}

/** `deno fmt --check` itself calls every cell without a final line break unformatted: compares the outcome. */
async function checkFormat({ path, notebook }: Extracted): Promise<string[]> {
  // It passes over the code of a notebook that does not name its language.
  const metadata = { language_info: { name: "typescript" }, ...notebook.metadata };
  const text = formatNotebook({ ...notebook, metadata });
  const { success, output, errors } = await deno(["fmt", "--ext=ipynb", "-"], dirname(path), text);
  if (!success) return [`${path}: ${errors}`];
  const formatted = parseNotebook(output, path).cells;
  return notebook.cells.flatMap((cell, at) =>
    cell.source === formatted[at].source
      ? []
      : [`${where(path, cell, at)}: not formatted; deno fmt ${path} does it`]
  );
}

async function deno(
  args: readonly string[],
  folder: string,
  input = "",
): Promise<{ success: boolean; output: string; errors: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: folder,
    env: { NO_COLOR: "1" },
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
  });
  const process = command.spawn();
  const writer = process.stdin.getWriter();
  // A command that does not read its input may be gone by now.
  const written = writer.write(new TextEncoder().encode(input)).then(() => writer.close()).catch(() => {});
  const [{ success, stdout, stderr }] = await Promise.all([process.output(), written]);
  const decode = (bytes: Uint8Array) => stripVTControlCharacters(new TextDecoder().decode(bytes)).trim();
  return { success, output: decode(stdout), errors: decode(stderr) };
}
