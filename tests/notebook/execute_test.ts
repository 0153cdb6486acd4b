import assert from "node:assert/strict";
import { join } from "@std/path";
import { executeNotebook } from "../../lib/notebook/execute.ts";
import { type Cell, type Output, readNotebook, writeNotebook } from "../../lib/notebook/ipynb.ts";

/** Writes a notebook of code cells (a leading # makes it markdown) and returns its path. */
async function notebook(...sources: string[]): Promise<string> {
  const cells = sources.map((source, at): Cell =>
    source.startsWith("#")
      ? { cell_type: "markdown", id: `cell-${at}`, metadata: {}, source }
      : { cell_type: "code", id: `cell-${at}`, metadata: {}, source, execution_count: 9, outputs: [] }
  );
  const path = join(await Deno.makeTempDir(), "it.ipynb");
  await writeNotebook(path, { cells, metadata: {}, nbformat: 4, nbformat_minor: 5 });
  return path;
}

/** The outputs of each code cell in the file. */
async function outputs(path: string): Promise<Output[][]> {
  return (await readNotebook(path)).cells.flatMap((cell) => cell.cell_type === "code" ? [cell.outputs] : []);
}

const DISPLAY = `const show = (type: string, id: string, text: string) =>
  Deno.jupyter.broadcast(type, { data: { "text/plain": text }, metadata: {}, transient: { display_id: id } });`;

const display = (text: string): Output => ({
  output_type: "display_data",
  data: { "text/plain": text },
  metadata: {},
});
const stream = (name: "stdout" | "stderr", text: string): Output => ({ output_type: "stream", name, text });

Deno.test("a notebook keeps what its cells put out, and twice gives the same bytes", async () => {
  const path = await notebook(
    "# Títle",
    'const word: string = await Promise.resolve("wörd 😀");\nconsole.log(word);\nconsole.log(Deno.cwd());',
    "",
    "await Promise.resolve(word.length)",
    'console.log("a");\nconsole.log("b");\nconsole.error("c");\nconsole.error("d");',
  );
  const seen: string[] = [];
  const returned = await executeNotebook(path, { progress: (done, total) => seen.push(`${done}/${total}`) });
  const bytes = await Deno.readTextFile(path);
  assert.deepEqual(seen, ["0/4", "1/4", "2/4", "3/4", "4/4"]);
  assert.deepEqual(await readNotebook(path), returned);
  assert.deepEqual(await outputs(path), [
    [stream("stdout", `wörd 😀\n${await Deno.realPath(join(path, ".."))}\n`)],
    [],
    [{
      output_type: "execute_result",
      execution_count: 2,
      data: { "text/plain": "\x1b[33m7\x1b[39m" },
      metadata: {},
    }],
    [stream("stdout", "a\nb\n"), stream("stderr", "c\nd\n")],
  ]);
  assert.deepEqual(
    returned.cells.map((cell) => cell.cell_type === "code" ? cell.execution_count : "text"),
    ["text", 1, null, 2, 3],
  );
  await executeNotebook(path);
  assert.equal(await Deno.readTextFile(path), bytes);
});

Deno.test("what one cell declared another declares anew, as papermill's parameters do", async () => {
  const path = await notebook(
    "const width = 8, batch = 64;",
    "const width = 4;",
    "console.log(width, batch);",
  );
  await executeNotebook(path);
  assert.deepEqual((await outputs(path))[2], [stream("stdout", "4 64\n")]);
});

Deno.test("displays are updated where they stand, and cleared when asked for", async () => {
  const path = await notebook(
    DISPLAY,
    'await show("display_data", "p", "0 %");\nawait show("display_data", "q", "other");\nawait show("update_display_data", "p", "50 %");',
    'await show("update_display_data", "p", "100 %");',
    'await show("display_data", "r", "old");\nawait Deno.jupyter.broadcast("clear_output", { wait: false });\nawait show("display_data", "s", "new");',
    'await show("display_data", "t", "kept");\nawait Deno.jupyter.broadcast("clear_output", { wait: true });',
    'await show("display_data", "u", "old");\nawait Deno.jupyter.broadcast("clear_output", { wait: true });\nawait show("display_data", "v", "new");',
  );
  await executeNotebook(path);
  assert.deepEqual(await outputs(path), [
    [],
    [display("100 %"), display("other")],
    [],
    [display("new")],
    [display("kept")],
    [display("new")],
  ]);
});

Deno.test("the environment reaches the cells", async () => {
  const path = await notebook('console.log(Deno.env.get("SJEA_WORD"));');
  await executeNotebook(path, { environment: { SJEA_WORD: "here" } });
  assert.deepEqual(await outputs(path), [[stream("stdout", "here\n")]]);
});

Deno.test("a failing cell names itself and its line, is written, and ends the notebook", async () => {
  const cases: [string, string, number?][] = [
    [
      'type Unused = { a: number };\n\n// A comment.\nconst fail = () => {\n\n  throw new RangeError("too far");\n};\n\nfail();',
      "RangeError: too far (line 9)",
    ],
    ["\nconst a: number = 1;\n\nmissing(a);", "ReferenceError: missing is not defined (line 4)"],
    ["\n\nconst = 3;", "SyntaxError: Unexpected token `=`. Expected yield, an identifier, [ or { (line 3)"],
    ["while (true);", "TimeLimit: the cell ran for more than 3 s; its kernel was killed", 3000],
    ["Deno.exit(3);", "KernelDied: the kernel ended with exit code 3 while the cell ran"],
  ];
  await Promise.all(cases.map(async ([code, message, limit]) => {
    const path = await notebook("# Title", 'console.log("before");', code, 'console.log("after");');
    await assert.rejects(executeNotebook(path, { limit }), {
      name: "NotebookError",
      message: `${path}: cell 3 (cell-2): ${message}`,
    });
    const [before, [error], after] = await outputs(path);
    assert.deepEqual(before, [stream("stdout", "before\n")]);
    assert.equal(error.output_type, "error");
    assert.ok(message.startsWith(`${error.ename}: ${error.evalue}`));
    assert.deepEqual(after, []);
  }));
});

Deno.test("what a cell said before it failed is kept", async () => {
  const path = await notebook('for (let at = 0; at < 100; at++) console.log(at);\nthrow new Error("then");');
  await assert.rejects(executeNotebook(path), { message: `${path}: cell 1 (cell-0): Error: then (line 2)` });
  const [[said, error, ...rest]] = await outputs(path);
  assert.deepEqual(said, stream("stdout", Array.from({ length: 100 }, (_, at) => `${at}\n`).join("")));
  assert.equal(error.evalue, "then");
  assert.deepEqual(rest, []);
});

Deno.test("a display after the end of its cell is in the notebook", async () => {
  const path = await notebook(
    `${DISPLAY}\nconst { promise, resolve } = Promise.withResolvers();
const late = promise.then(() => show("display_data", "late", "late"));`,
    "setTimeout(resolve, 10);\nawait late;",
  );
  await executeNotebook(path);
  assert.deepEqual(await outputs(path), [[], [display("late")]]);
});

Deno.test("a file that is no notebook is left alone", async () => {
  const path = join(await Deno.makeTempDir(), "no.ipynb");
  await Deno.writeTextFile(path, "text");
  await assert.rejects(executeNotebook(path), { name: "DataError" });
  assert.equal(await Deno.readTextFile(path), "text");
});
