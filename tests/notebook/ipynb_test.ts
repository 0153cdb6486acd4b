import assert from "node:assert/strict";
import { join } from "@std/path";
import { formatNotebook, parseNotebook, readNotebook, writeNotebook } from "../../lib/notebook/ipynb.ts";
import { renderReport } from "../../lib/notebook/report.ts";
import { mutatedJson, survive } from "../mutate.ts";

/** As JupyterLab writes it: keys sorted, one space, texts as lists of lines. */
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
      "application/json": [
       "stays",
       "a list"
      ],
      "application/vnd.vegalite.v5+json": {
       "mark": "bar"
      },
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

Deno.test("what is no notebook of nbformat 4.5 is refused, and the place is named", () => {
  const cell = { cell_type: "code", id: "a", metadata: {}, source: "", execution_count: null, outputs: [] };
  const notebook = (...cells: unknown[]) => ({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells });
  const output = (fields: object) => notebook(cell, { ...cell, id: "b", outputs: [fields] });
  const cases: [unknown, string][] = [
    [[], "Invalid input: expected object, received array."],
    [
      { nbformat: 3, nbformat_minor: 0 },
      "expected nbformat 4.5, got 3.0. Saving it in JupyterLab brings it up to date.",
    ],
    [
      { ...notebook(), nbformat_minor: 4 },
      "expected nbformat 4.5, got 4.4. Saving it in JupyterLab brings it up to date.",
    ],
    [{ cells: [] }, "field nbformat: Invalid input: expected 4."],
    [{ ...notebook(), cells: 3 }, "field cells: Invalid input: expected array, received number."],
    [notebook(cell, 7), "cell 2: Invalid input: expected object, received number."],
    [notebook({ ...cell, cell_type: "raw" }), 'cell 1 (a): field cell_type: expected "markdown" or "code".'],
    [notebook({ ...cell, id: "a b" }), "cell 1 (a b): field id: expected 1 to 64 letters, digits, - or _."],
    [
      notebook({ ...cell, id: undefined }),
      "cell 1: field id: Invalid input: expected string, received undefined.",
    ],
    [notebook(cell, cell), "cell 2 (a): field id: cell 1 has the same."],
    [notebook({ ...cell, source: 5 }), "cell 1 (a): field source: expected a text or a list of lines."],
    [
      notebook({ ...cell, execution_count: "1" }),
      "cell 1 (a): field execution_count: Invalid input: expected number, received string.",
    ],
    [
      output({ output_type: "pyout" }),
      'cell 2 (b): field outputs.0.output_type: expected "stream", "display_data", "execute_result" or "error".',
    ],
    [
      output({ output_type: "stream", name: "log", text: "" }),
      'cell 2 (b): field outputs.0.name: Invalid option: expected one of "stdout"|"stderr".',
    ],
  ];
  for (const [content, message] of cases) {
    assert.throws(() => parseNotebook(JSON.stringify(content), "n.ipynb"), {
      name: "DataError",
      message: `n.ipynb: ${message}`,
    });
  }
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
  const deep = WRITTEN.replace('"mark": "bar"', `"mark": ${"[".repeat(10_000)}${"]".repeat(10_000)}`);
  assert.throws(() => parseNotebook(deep, "n.ipynb"), {
    name: "DataError",
    message: "n.ipynb: not a notebook, for it is nested more than 200 levels deep.",
  });
});

Deno.test("10,000 damaged notebooks: read, rendered and written again, or a DataError, never worse", async () => {
  const options = { path: "notebooks/a.ipynb", file: "a.html", pages: [], facts: [] };
  let number = 0, pages = 0;
  const { read, refused } = await survive(mutatedJson(WRITTEN, "ipynb"), async (text) => {
    const notebook = parseNotebook(text, "a.ipynb");
    const written = formatNotebook(notebook);
    assert.equal(formatNotebook(parseNotebook(written, "b.ipynb")), written);
    if (number++ % 2 === 0) pages += Number((await renderReport(notebook, options)).endsWith("</html>\n"));
  });
  assert.ok(read > 1_000 && refused > 3_000, `${read} were read, ${refused} refused`);
  assert.ok(pages > 500, `${pages} became pages`);
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
