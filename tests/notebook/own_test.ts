import assert from "node:assert/strict";
import { ownNotebooks } from "../../lib/notebook/own.ts";
import { cell, notebook } from "./example.ts";

/** A folder of notebooks by name, of these texts. */
async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await Deno.makeTempDir();
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
  return folder;
}

const of = (kernel: object) => JSON.stringify(notebook([cell("c", "1;", [])], { kernelspec: kernel }));

Deno.test("its own are those with a number and Deno's kernel; the others are named with the reason", async () => {
  const folder = await folderOf({
    "01_first.ipynb": of({ name: "deno" }),
    "05_mine.ipynb": JSON.stringify({ ...JSON.parse(of({ name: "deno" })), nbformat_minor: 4 }),
    "06_python.ipynb": of({ name: "python3" }),
    "07_odd_python.ipynb": of({ name: "python3" }).replace('"code"', '"query"'),
    "08_bare.ipynb": JSON.stringify(notebook([])),
    "Untitled.ipynb": "",
    "index.ipynb": of({ name: "deno" }),
    ".01_first.ipynb": "",
    "notes.txt": "",
  });
  await Deno.mkdir(`${folder}/02_folder.ipynb`);
  const number = "its name does not begin with a number, as that of 05_mine.ipynb does";
  assert.deepEqual(await ownNotebooks(folder), {
    own: [`${folder}/01_first.ipynb`, `${folder}/05_mine.ipynb`],
    others: [
      [`${folder}/06_python.ipynb`, "its kernel is python3, not deno"],
      [`${folder}/07_odd_python.ipynb`, "its kernel is python3, not deno"],
      [`${folder}/08_bare.ipynb`, "it names no kernel"],
      [`${folder}/Untitled.ipynb`, number],
      [`${folder}/index.ipynb`, number],
    ],
  });
});

Deno.test("one of its own that cannot be read is an error", async () => {
  for (
    const [text, message] of [
      ["", /^.*\/01_a\.ipynb: not a notebook, for it is not JSON: .*$/],
      [
        of({ name: "deno" }).replace('"code"', '"query"'),
        /01_a\.ipynb: cell 1 \(c\): field cell_type: expected/,
      ],
    ] as const
  ) {
    await assert.rejects(ownNotebooks(await folderOf({ "01_a.ipynb": text })), {
      name: "DataError",
      message,
    });
  }
});
