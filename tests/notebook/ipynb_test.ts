import assert from "node:assert/strict";
import { join } from "@std/path";
import { formatNotebook, parseNotebook, readNotebook, writeNotebook } from "../../lib/notebook/ipynb.ts";
import { renderReport } from "../../lib/reports/report.ts";
import { DAMAGED, mutatedJson, survive } from "../mutate.ts";

/** As JupyterLab writes it, with keys sorted, one space and texts as lists of lines; but JSON outputs are one line each. */
const WRITTEN = `{
 "cells": [
  {
   "attachments": {},
   "cell_type": "markdown",
   "id": "title",
   "metadata": {},
   "source": [
    "# Títle 😀\\n",
    "\\n",
    "Text."
   ]
  },
  {
   "cell_type": "code",
   "execution_count": 1,
   "id": "Code_1-a",
   "metadata": {
    "tags": [
     "a",
     "b"
    ]
   },
   "outputs": [
    {
     "name": "stdout",
     "output_type": "stream",
     "text": [
      "one\\r\\n",
      "two\\r",
      "three\\n"
     ]
    },
    {
     "data": {
      "application/json": ["stays","a list"],
      "application/vnd.vegalite.v5+json": {"mark":"bar"},
      "image/png": "iVBORw0K",
      "image/svg+xml": [
       "<svg>\\n",
       "</svg>"
      ],
      "text/plain": [
       "chart"
      ]
     },
     "metadata": {},
     "output_type": "display_data"
    },
    {
     "data": {
      "text/plain": [
       "5"
      ]
     },
     "execution_count": 1,
     "metadata": {},
     "output_type": "execute_result"
    },
    {
     "ename": "TypeError",
     "evalue": "bad",
     "output_type": "error",
     "traceback": [
      "TypeError: bad"
     ]
    }
   ],
   "source": []
  }
 ],
 "metadata": {
  "kernelspec": {
   "display_name": "Deno",
   "language": "typescript",
   "name": "deno"
  },
  "unknown": 1
 },
 "nbformat": 4,
 "nbformat_minor": 5
}
`;

Deno.test("a notebook is written with the bytes that were read, unknown fields among them", async () => {
  const path = join(await Deno.makeTempDir(), "a.ipynb");
  await Deno.writeTextFile(path, WRITTEN);
  const notebook = await readNotebook(path);
  await Deno.remove(path);
  await writeNotebook(path, notebook);
  assert.equal(await Deno.readTextFile(path), WRITTEN);
});

Deno.test("texts are read in one piece, JSON as it is", () => {
  const [title, code] = parseNotebook(WRITTEN, "a.ipynb").cells;
  assert.equal(title.source, "# Títle 😀\n\nText.");
  assert.ok(code.cell_type === "code");
  assert.equal(code.source, "");
  const [stream, display] = code.outputs;
  assert.equal(stream.text, "one\r\ntwo\rthree\n");
  assert.deepEqual(display.data, {
    "application/json": ["stays", "a list"],
    "application/vnd.vegalite.v5+json": { mark: "bar" },
    "image/png": "iVBORw0K",
    "image/svg+xml": "<svg>\n</svg>",
    "text/plain": "chart",
  });
});

Deno.test("the order of keys and the shape of texts in a file do not matter", () => {
  const shuffled = JSON.parse(WRITTEN);
  shuffled.cells[0].source = shuffled.cells[0].source.join("");
  shuffled.cells = shuffled.cells.map((cell: object) => Object.fromEntries(Object.entries(cell).reverse()));
  assert.equal(formatNotebook(parseNotebook(JSON.stringify(shuffled), "a.ipynb")), WRITTEN);
});

Deno.test("what is no notebook of nbformat 4 is refused, and the place is named", () => {
  const cell = { cell_type: "code", id: "a", metadata: {}, source: "", execution_count: null, outputs: [] };
  const notebook = (...cells: unknown[]) => ({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells });
  const output = (fields: object) => notebook(cell, { ...cell, id: "b", outputs: [fields] });
  const cases: [unknown, string][] = [
    [[], "Invalid input: expected object, received array."],
    [
      { nbformat: 3, nbformat_minor: 0 },
      "expected nbformat 4, got 3.0. Opening and saving it in JupyterLab brings it up to date.",
    ],
    [{ nbformat: 5 }, "expected nbformat 4, got 5.0."],
    [{ cells: [] }, "field nbformat: Invalid input: expected 4."],
    [{ ...notebook(), cells: 3 }, "field cells: Invalid input: expected array, received number."],
    [notebook(cell, 7), "cell 2: Invalid input: expected object, received number."],
    [
      notebook({ ...cell, cell_type: "heading" }),
      'cell 1 (a): field cell_type: expected "markdown", "code" or "raw".',
    ],
    [notebook({ ...cell, source: 5 }), "cell 1 (a): field source: expected a text or a list of lines."],
    [
      notebook({ ...cell, execution_count: "1" }),
      "cell 1 (a): field execution_count: Invalid input: expected number, received string.",
    ],
    [
      output({ output_type: "log" }),
      'cell 2 (b): field outputs.0.output_type: expected "stream", "display_data", "execute_result" or "error".',
    ],
  ];
  for (const [content, message] of cases) {
    assert.throws(() => parseNotebook(JSON.stringify(content), "n.ipynb"), {
      name: "DataError",
      message: `n.ipynb: ${message}`,
    });
  }
});

Deno.test("every minor version is read and written as it is: ids where they belong", () => {
  for (let minor = 0; minor <= 5; minor++) {
    const older = WRITTEN.replace('"nbformat_minor": 5', `"nbformat_minor": ${minor}`);
    const text = minor < 5 ? older.replace(/^ *"id": ".*",\n/gm, "") : older;
    const notebook = parseNotebook(text, "a.ipynb");
    assert.deepEqual(
      notebook.cells.map(({ id }) => id),
      minor < 5 ? ["cell-1", "cell-2"] : ["title", "Code_1-a"],
    );
    assert.equal(formatNotebook(notebook), text);
  }
});

Deno.test("cells without an id of their own are given one, always the same", () => {
  const ids = [undefined, "a", "a", "cell-1", "a b", 7, "x".repeat(65), "cell-5"];
  const cells = ids.map((id) => ({ cell_type: "raw", id, metadata: {}, source: "" }));
  const text = JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells });
  const notebook = parseNotebook(text, "n.ipynb");
  assert.deepEqual(
    notebook.cells.map(({ id }) => id),
    ["cell-1-", "a", "cell-3", "cell-1", "cell-5-", "cell-6", "cell-7", "cell-5"],
  );
  assert.deepEqual(parseNotebook(formatNotebook(notebook), "n.ipynb"), notebook);
});

Deno.test("fields that are missing, or of the days before nbformat 4", () => {
  const outputs = [
    { output_type: "pyout", prompt_number: 3, text: ["a\n", "b"], png: "iVBORw0K", metadata: {} },
    { output_type: "pyerr", ename: "E", evalue: "v", traceback: ["t"] },
    { output_type: "stream", stream: "stderr", text: "s" },
    { output_type: "stream", name: "log", text: "s" },
    { output_type: "display_data", html: "<b>" },
    { output_type: "display_data", data: { "text/plain": "p" } },
  ];
  const cells = [{ cell_type: "code", source: "1", outputs }, { cell_type: "code", source: "2" }];
  const { cells: read } = parseNotebook(JSON.stringify({ nbformat: 4, nbformat_minor: 0, cells }), "n.ipynb");
  const code = { cell_type: "code", metadata: {}, execution_count: null, outputs: [] };
  assert.deepEqual(read, [
    {
      ...{ ...code, id: "cell-1", source: "1" },
      outputs: [
        {
          ...{ output_type: "execute_result", execution_count: 3, metadata: {} },
          data: { "text/plain": "a\nb", "image/png": "iVBORw0K" },
        },
        { output_type: "error", ename: "E", evalue: "v", traceback: ["t"] },
        { output_type: "stream", name: "stderr", text: "s" },
        { output_type: "stream", name: "log", text: "s" },
        { output_type: "display_data", data: { "text/html": "<b>" }, metadata: {} },
        { output_type: "display_data", data: { "text/plain": "p" }, metadata: {} },
      ],
    },
    { ...code, id: "cell-2", source: "2" },
  ]);
});

Deno.test("a file that is damaged or missing is a DataError", async () => {
  assert.throws(() => parseNotebook(WRITTEN.slice(0, 30), "n.ipynb"), {
    name: "DataError",
    message: /^n\.ipynb: not a notebook, for it is not JSON: .*\.$/,
  });
  await assert.rejects(readNotebook("no/such.ipynb"), {
    name: "DataError",
    message: "no/such.ipynb: there is no such notebook.",
  });
});

Deno.test("a notebook of absurd depth is a DataError", () => {
  const deep = WRITTEN.replace('"mark":"bar"', `"mark":${"[".repeat(10_000)}${"]".repeat(10_000)}`);
  assert.throws(() => parseNotebook(deep, "n.ipynb"), {
    name: "DataError",
    message: "n.ipynb: not a notebook, for it is nested more than 200 levels deep.",
  });
});

Deno.test(`${DAMAGED} damaged notebooks: read, rendered and written again, or a DataError, never worse`, async () => {
  const options = { path: "notebooks/a.ipynb", file: "a.html", pages: [], facts: [], leaveOut: () => {} };
  let number = 0, pages = 0;
  const { read, refused } = await survive(mutatedJson(WRITTEN, "ipynb"), async (text) => {
    const notebook = parseNotebook(text, "a.ipynb");
    const written = formatNotebook(notebook);
    assert.deepEqual(parseNotebook(text, "a.ipynb", () => assert.fail("all of it was read")), notebook);
    assert.equal(formatNotebook(parseNotebook(written, "b.ipynb")), written);
    if (number++ % 2 === 0) pages += Number((await renderReport(notebook, options)).endsWith("</html>\n"));
  });
  assert.ok(read > 0.1 * DAMAGED && refused > 0.3 * DAMAGED, `${read} were read, ${refused} refused`);
  assert.ok(pages > 0.05 * DAMAGED, `${pages} became pages`);
});

Deno.test("deno fmt leaves a notebook as it was written", async () => {
  const formatter = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext=ipynb", "-"],
    ...{ stdin: "piped", stdout: "piped" },
  }).spawn();
  const notebook = parseNotebook(WRITTEN, "a.ipynb");
  notebook.metadata.language_info = { name: "typescript" };
  notebook.cells[1].source = "const a = 1;\nconsole.log(a);";
  const text = formatNotebook(notebook);
  await ReadableStream.from([new TextEncoder().encode(text)]).pipeTo(formatter.stdin);
  assert.equal(new TextDecoder().decode((await formatter.output()).stdout), text);
});
