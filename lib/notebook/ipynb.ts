/**
 * Notebook files: nbformat 4.0 to 4.5
 * (https://nbformat.readthedocs.io/en/latest/format_description.html), read with
 * every text in one piece and an id for each cell, written in the version that
 * they have, with the bytes that JupyterLab would write, but for JSON outputs such as charts, each of which is one line.
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

/** Fields of the days before nbformat 4, which programs went on writing: the kinds of an output and their new names. */
const KINDS = new Map([["pyout", "execute_result"], ["pyerr", "error"]]);
const MIMES = new Map(Object.entries({
  ...{ text: "text/plain", html: "text/html", latex: "text/latex", javascript: "application/javascript" },
  ...{ json: "application/json", svg: "image/svg+xml", png: "image/png", jpeg: "image/jpeg" },
}));

/** An output in today's fields. */
function modernOutput(value: unknown): unknown {
  if (!isObject(value)) return value;
  const { output_type: kind, prompt_number, stream, ...rest } = value;
  const output_type = KINDS.get(kind as string) ?? kind;
  const output: Fields = {
    ...{ output_type, ...rest },
    ...stream !== undefined && { name: stream },
    ...prompt_number !== undefined && { execution_count: prompt_number },
  };
  if (output_type !== "display_data" && output_type !== "execute_result" || "data" in output) return output;
  const entries = Map.groupBy(Object.entries(output), ([name]) => MIMES.has(name));
  const data = entries.get(true)?.map(([name, content]) => [MIMES.get(name), content]);
  return data ? { ...Object.fromEntries(entries.get(false) ?? []), data: Object.fromEntries(data) } : output;
}

const metadata = fields.default({});
const execution_count = z.int().nullable().default(null);

const output = z.preprocess(
  modernOutput,
  z.discriminatedUnion("output_type", [
    z.looseObject({ output_type: z.literal("stream"), name: z.string().default("stdout"), text }),
    z.looseObject({ output_type: z.literal("display_data"), data: bundle, metadata }),
    z.looseObject({ output_type: z.literal("execute_result"), execution_count, data: bundle, metadata }),
    z.looseObject({
      output_type: z.literal("error"),
      ename: z.string().default("Error"),
      evalue: z.string().default(""),
      traceback: z.array(z.string()).default([]),
    }),
  ], kinds('"stream", "display_data", "execute_result" or "error"')),
);

const ID = /^[\w-]{1,64}$/;
const id = z.string().regex(ID);

const cell = z.discriminatedUnion("cell_type", [
  z.looseObject({ cell_type: z.literal("markdown"), id, metadata, source: text }),
  z.looseObject({ cell_type: z.literal("raw"), id, metadata, source: text }),
  z.looseObject({
    cell_type: z.literal("code"),
    id,
    metadata,
    source: text,
    execution_count,
    outputs: z.array(output).default([]),
  }),
], kinds('"markdown", "code" or "raw"'));

const notebook = z.looseObject({
  nbformat: z.literal(4),
  nbformat_minor: z.int().min(0),
  metadata,
  cells: z.array(cell),
});

/** What a code cell put out: a stream, something displayed, its value or an error. */
export type Output = z.infer<typeof output>;
/** A cell of markdown, of code, or of what is neither; its source is one text. */
export type Cell = z.infer<typeof cell>;
/** A cell with code. */
export type CodeCell = Extract<Cell, { cell_type: "code" }>;
/** A notebook; fields that the format does not know are kept. */
export type Notebook = z.infer<typeof notebook>;

type Fields = Record<string, unknown>;

/**
 * Reads a notebook.
 *
 * @param path An `.ipynb` file.
 * @param leaveOut As for {@linkcode parseNotebook}.
 * @returns Its content.
 * @throws {DataError} There is no such file, or it is no notebook of nbformat 4.
 */
export async function readNotebook(path: string, leaveOut?: (fault: string) => void): Promise<Notebook> {
  let content: string;
  try {
    content = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new DataError(`${path}: there is no such notebook.`);
    throw error;
  }
  return parseNotebook(content, path, leaveOut);
}

/**
 * The notebook in a text. Cells without an id of their own, as they are before
 * nbformat 4.5, are given one, always the same.
 *
 * @param content JSON.
 * @param name What an error should call it.
 * @param leaveOut Is told of each cell and output that the format does not know, instead of an error; in place of the
 *   cell stands a raw one that says so. A notebook that was read in this way is one to show, not one to write.
 * @returns The notebook.
 * @throws {DataError} It is none of nbformat 4.
 * @example
 * ```ts
 * import { parseNotebook } from "./ipynb.ts";
 * const cell = { cell_type: "markdown", metadata: {}, source: ["# Ti\n", "tle"] };
 * const notebook = { nbformat: 4, nbformat_minor: 4, metadata: {}, cells: [cell] };
 * const { cells: [{ id, source }] } = parseNotebook(JSON.stringify(notebook), "title.ipynb");
 * if (id !== "cell-1" || source !== "# Ti\ntle") throw new Error(source);
 * ```
 */
export function parseNotebook(
  content: string,
  name: string,
  leaveOut?: (fault: string) => void,
): Notebook {
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
  if (Number.isInteger(major) && major !== 4) {
    const advice = major < 4 ? " Opening and saving it in JupyterLab brings it up to date." : "";
    throw new DataError(`${name}: expected nbformat 4, got ${major}.${minor ?? 0}.${advice}`);
  }
  const whole = notebook.extend({ cells: z.array(z.unknown()) }).safeParse(json);
  if (!whole.success) throw new DataError(`${name}: ${explain(whole.error)}`);
  const cells = withIds(whole.data.cells).map((value, at) => {
    const id = isObject(value) ? value.id as string : `cell-${at + 1}`;
    const where = isObject(value) ? `${name}: cell ${at + 1} (${id})` : `${name}: cell ${at + 1}`;
    if (leaveOut && isObject(value) && Array.isArray(value.outputs)) {
      value.outputs = value.outputs.filter((one, at) => {
        const { error } = output.safeParse(one);
        if (error) leaveOut(`${where}: ${explain(error, ["outputs", at])}`);
        return !error;
      });
    }
    const { data, error } = cell.safeParse(value);
    if (data) return data;
    const fault = `${where}: ${explain(error)}`;
    if (!leaveOut) throw new DataError(fault);
    leaveOut(fault);
    return { cell_type: "raw" as const, id, metadata: {}, source: `Not shown here: ${explain(error)}` };
  });
  return { ...whole.data, cells };
}

/** The first thing that is wrong, and where. */
function explain({ issues: [{ path, message }] }: z.ZodError, before: PropertyKey[] = []): string {
  const field = [...before, ...path].join(".");
  return `${field && `field ${field}: `}${message}.`;
}

/** Every cell with an id that no other has; the first of two that share one keeps it. */
function withIds(cells: readonly unknown[]): unknown[] {
  const taken = new Set<unknown>();
  const ids = cells.map((cell) => {
    const { id } = Object(cell);
    if (typeof id !== "string" || !ID.test(id) || taken.has(id)) return undefined;
    taken.add(id);
    return id;
  });
  return cells.map((cell, at) => {
    if (!isObject(cell)) return cell;
    let id = ids[at] ?? `cell-${at + 1}`;
    while (ids[at] === undefined && taken.has(id)) id += "-";
    taken.add(id);
    return { ...cell, id };
  });
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
 * their lines, an output's JSON in one line. Cells have ids from nbformat 4.5 on.
 *
 * @param notebook The notebook.
 * @returns JSON.
 */
export function formatNotebook(notebook: Notebook): string {
  const cells = notebook.cells.map(({ id, ...cell }) => ({
    ...cell,
    ...(notebook.nbformat_minor >= 5 && { id }),
    source: lines(cell.source as string),
    ...(cell.cell_type === "code" && { outputs: cell.outputs.map(splitOutput) }),
  }));
  return `${indented({ ...notebook, cells }, "\n")}\n`;
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

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
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

/** JSON with its keys sorted, one space further in at each level; what a MIME type of JSON names is not spread out. */
function indented(value: unknown, line: string): string {
  const inner = `${line} `;
  if (Array.isArray(value)) {
    return value.length > 0
      ? `[${inner}${value.map((one) => indented(one, inner)).join(`,${inner}`)}${line}]`
      : "[]";
  }
  if (!isObject(value)) return JSON.stringify(value);
  const fields = sortedEntries(value).map(([key, one]) =>
    `${JSON.stringify(key)}: ${isJson(key) ? JSON.stringify(sorted(one)) : indented(one, inner)}`
  );
  return fields.length > 0 ? `{${inner}${fields.join(`,${inner}`)}${line}}` : "{}";
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.fromEntries(sortedEntries(value).map(([key, inner]) => [key, sorted(inner)]));
}

/** Those with a value. */
function sortedEntries(fields: Fields): [string, unknown][] {
  return Object.entries(fields).filter(([, value]) => value !== undefined).sort(([a], [b]) => a < b ? -1 : 1);
}
