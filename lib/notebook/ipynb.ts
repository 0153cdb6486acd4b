/**
 * Notebook files: nbformat 4.5
 * (https://nbformat.readthedocs.io/en/latest/format_description.html), read with
 * every text in one piece, written with the bytes that JupyterLab would write.
 *
 * @module
 */
import { z } from "zod";
import { DataError } from "../base/errors.ts";
import { writeAtomically } from "../base/files.ts";

/** Levels of nesting that are read; what walks a notebook needs some stack for each. */
const DEEPEST = 200;

/** A text that the format allows to be a list of its lines. */
const text = z.union([z.string(), z.array(z.string())], { error: "expected a text or a list of lines" })
  .transform((lines) => typeof lines === "string" ? lines : lines.join(""));

const fields = z.record(z.string(), z.unknown());

/** One content in several forms; JSON ones may be lists in their own right. */
const bundle = fields.transform((data) =>
  Object.fromEntries(
    Object.entries(data).map(([mime, value]) => [
      mime,
      !isJson(mime) && isLines(value) ? value.join("") : value,
    ]),
  )
);

/** What an unknown kind is answered; other faults have messages of their own. */
const kinds = (names: string) => ({
  error: ({ code }: { code?: string }) => code === "invalid_union" ? `expected ${names}` : undefined,
});

const output = z.discriminatedUnion("output_type", [
  z.looseObject({ output_type: z.literal("stream"), name: z.enum(["stdout", "stderr"]), text }),
  z.looseObject({ output_type: z.literal("display_data"), data: bundle, metadata: fields }),
  z.looseObject({
    output_type: z.literal("execute_result"),
    execution_count: z.int().nullable(),
    data: bundle,
    metadata: fields,
  }),
  z.looseObject({
    output_type: z.literal("error"),
    ename: z.string(),
    evalue: z.string(),
    traceback: z.array(z.string()),
  }),
], kinds('"stream", "display_data", "execute_result" or "error"'));

const id = z.string().regex(/^[\w-]{1,64}$/, "expected 1 to 64 letters, digits, - or _");

const cell = z.discriminatedUnion("cell_type", [
  z.looseObject({ cell_type: z.literal("markdown"), id, metadata: fields, source: text }),
  z.looseObject({
    cell_type: z.literal("code"),
    id,
    metadata: fields,
    source: text,
    execution_count: z.int().nullable(),
    outputs: z.array(output),
  }),
], kinds('"markdown" or "code"'));

const notebook = z.looseObject({
  nbformat: z.literal(4),
  nbformat_minor: z.int().min(5),
  metadata: fields,
  cells: z.array(cell).superRefine((cells, context) => {
    const known = new Map<string, number>();
    cells.forEach(({ id }, at) => {
      const before = known.get(id);
      if (before !== undefined) {
        context.addIssue({ code: "custom", path: [at, "id"], message: `cell ${before + 1} has the same` });
      }
      known.set(id, at);
    });
  }),
});

/** What a code cell put out: a stream, something displayed, its value or an error. */
export type Output = z.infer<typeof output>;
/** A markdown cell or a code cell; its source is one text. */
export type Cell = z.infer<typeof cell>;
/** A cell with code. */
export type CodeCell = Extract<Cell, { cell_type: "code" }>;
/** A notebook; fields that the format does not know are kept. */
export type Notebook = z.infer<typeof notebook>;

/**
 * Reads a notebook.
 *
 * @param path An `.ipynb` file.
 * @returns Its content.
 * @throws {DataError} There is no such file, or it is no notebook of nbformat 4.5.
 */
export async function readNotebook(path: string): Promise<Notebook> {
  let content: string;
  try {
    content = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new DataError(`${path}: there is no such notebook.`);
    throw error;
  }
  return parseNotebook(content, path);
}

/**
 * The notebook in a text.
 *
 * @param content JSON.
 * @param name What an error should call it.
 * @returns The notebook.
 * @throws {DataError} It is none of nbformat 4.5.
 * @example
 * ```ts
 * import { parseNotebook } from "./ipynb.ts";
 * const cell = { cell_type: "markdown", id: "title", metadata: {}, source: ["# Ti\n", "tle"] };
 * const notebook = { nbformat: 4, nbformat_minor: 5, metadata: {}, cells: [cell] };
 * const { cells: [{ source }] } = parseNotebook(JSON.stringify(notebook), "title.ipynb");
 * if (source !== "# Ti\ntle") throw new Error(source);
 * ```
 */
export function parseNotebook(content: string, name: string): Notebook {
  let json: unknown;
  try {
    json = JSON.parse(content);
  } catch (error) {
    throw new DataError(`${name}: not a notebook, for it is not JSON: ${(error as Error).message}.`);
  }
  if (isDeeper(json, DEEPEST)) {
    throw new DataError(`${name}: not a notebook, for it is nested more than ${DEEPEST} levels deep.`);
  }
  const { nbformat: major, nbformat_minor: minor } = Object(json);
  if (Number.isInteger(major) && Number.isInteger(minor) && (major !== 4 || minor < 5)) {
    throw new DataError(
      `${name}: expected nbformat 4.5, got ${major}.${minor}. Saving it in JupyterLab brings it up to date.`,
    );
  }
  const result = notebook.safeParse(json);
  if (result.success) return result.data;
  const [{ path, message }] = result.error.issues;
  const [first, at, ...inside] = path;
  if (first !== "cells" || typeof at !== "number") {
    throw new DataError(`${name}: ${path.length > 0 ? `field ${path.join(".")}: ` : ""}${message}.`);
  }
  const id = Object((json as { cells: unknown[] }).cells[at]).id;
  const where = typeof id === "string" ? `cell ${at + 1} (${id})` : `cell ${at + 1}`;
  throw new DataError(
    `${name}: ${where}: ${inside.length > 0 ? `field ${inside.join(".")}: ` : ""}${message}.`,
  );
}

/**
 * Writes a notebook, whole or not at all.
 *
 * @param path An `.ipynb` file.
 * @param notebook Its content.
 * @throws {EnvironmentError} The disk is full.
 */
export async function writeNotebook(path: string, notebook: Notebook): Promise<void> {
  await writeAtomically(path, formatNotebook(notebook));
}

/**
 * A notebook as text: keys sorted, an indent of one space, texts as lists of
 * their lines.
 *
 * @param notebook The notebook.
 * @returns JSON.
 */
export function formatNotebook(notebook: Notebook): string {
  const cells = notebook.cells.map((cell) => ({
    ...cell,
    source: lines(cell.source),
    ...(cell.cell_type === "code" && { outputs: cell.outputs.map(splitOutput) }),
  }));
  return `${JSON.stringify(sorted({ ...notebook, cells }), null, 1)}\n`;
}

function splitOutput(output: Output): Record<string, unknown> {
  switch (output.output_type) {
    case "stream":
      return { ...output, text: lines(output.text) };
    case "error":
      return output;
    default: {
      const split = Object.entries(output.data).map(([mime, value]) => [
        mime,
        typeof value === "string" && isText(mime) ? lines(value) : value,
      ]);
      return { ...output, data: Object.fromEntries(split) };
    }
  }
}

/** The lines of a text, each with its end, cut where Python's `splitlines` cuts. */
function lines(text: string): string[] {
  return text === "" ? [] : text.split(/(?<=\n|\r(?!\n)|[\v\f\x85\u2028\u2029])/);
}

function isDeeper(value: unknown, levels: number): boolean {
  return typeof value === "object" && value !== null &&
    (levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1)));
}

function isLines(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((line) => typeof line === "string");
}

function isJson(mime: string): boolean {
  return /^application\/(.*\+)?json$/.test(mime);
}

function isText(mime: string): boolean {
  return mime.startsWith("text/") || mime === "application/javascript" || mime === "image/svg+xml";
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, sorted(inner)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => a < b ? -1 : 1));
}
