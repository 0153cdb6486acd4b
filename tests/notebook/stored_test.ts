import "../needs.ts";
import assert from "node:assert/strict";
import { basename } from "@std/path";
import { places } from "../../lib/base/places.ts";
import {
  type Cell,
  formatNotebook,
  type Notebook,
  parseNotebook,
  readNotebook,
} from "../../lib/notebook/ipynb.ts";
import { ownNotebooks } from "../../lib/notebook/own.ts";
import { compareSentences } from "./sentences.ts";
import { typedResults } from "./typed_results.ts";

const { own } = await ownNotebooks(places.notebooks);
const notebooks = await Promise.all(own.map(async (path) => [path, await readNotebook(path)] as const));

Deno.test("no markdown cell of a notebook states a result", () => {
  assert.equal(own.length, 9);
  assert.deepEqual(
    notebooks.flatMap(([path, notebook]) => typedResults(notebook).map((id) => [path, id])),
    [],
  );
});

Deno.test("no notebook has more than 1,500 lines", async () => {
  for (const path of own) {
    const lines = (await Deno.readTextFile(path)).split("\n").length - 1;
    assert.ok(lines <= 1_500, `${path}: ${lines} lines`);
  }
});

Deno.test("stored sentences agree with the tables beside them", () => {
  const compared = notebooks.map(([, notebook]) => compareSentences(notebook));
  // The quickstart has no tables; those of laws, differences and claims are not of theirs.
  assert.deepEqual(compared, [0, 9, 4, 10, 3, 0, 0, 0, 0]);
});

const fields = { metadata: {}, execution_count: null, outputs: [] };
const code = (source: string): Cell => ({ cell_type: "code", id: "code", source, ...fields });
const notebook = (...cells: Cell[]): Notebook => ({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells });

/** What a markdown cell below a chart, or in the middle of others, is called where it states a result. */
function typed(source: string, before: Cell[] = []): string[] {
  return typedResults(notebook(...before, { cell_type: "markdown", id: "text", metadata: {}, source }));
}

Deno.test("results are known by their place, their words and their numbers", () => {
  const chart = [code("await show(chart);")];
  assert.deepEqual(typed("As in the paper, the term stays low in both stacks.", chart), ["text"]);
  assert.deepEqual(typed("One cloud with directions rather than three.", chart), ["text"]);
  assert.deepEqual(typed("## Next\n\nLook for clouds.", chart), []);
  assert.deepEqual(typed("In the stored run all totals fall."), ["text"]);
  assert.deepEqual(typed("Frogs draw in 22 % of the cats."), ["text"]);
  assert.deepEqual(typed("Stack 0 has 97.5 of them."), ["text"]);
  assert.deepEqual(typed("Of ${97.5}$ and `0.98 = 98 %`, the $k$ from 2 to 8."), []);
  assert.deepEqual(typed("The paper's 11.6 M and 80.09, at width 64."), []);
});

Deno.test("a sentence that says what its table does not is found", () => {
  const changes = [
    ["01", "is below stack 0 in both measures", "is above stack 0 in both measures"],
    ["01", "in the paper it is above it in top-1 and", "in the paper it is below it in top-1 and"],
    ["01", "lowest in VICReg (0.504)", "lowest in S-JEA, stack 0 (0.504)"],
    ["01", "lowest in VICReg (0.504)", "lowest in VICReg (0.503)"],
    ["02", "vicreg-resnet50 on 334", "vicreg-resnet50 on 335"],
    ["02", "above ResNet-18 in both measures, as in the paper", "above ResNet-18 in both measures"],
    ["03", "than stack 0 in 4 of 4 runs", "than stack 0 in 3 of 4 runs"],
    ["04", "is that of S-JEA, stack 1 (0.169)", "is that of VICReg (0.169)"],
    ["04", "untrained is larger (", "untrained is not larger ("],
    ["04", "fewest in stack 1, untrained (16.6", "fewest in VICReg (16.6"],
    ["04", "uses 41.6 directions instead", "uses 41.7 directions instead"],
  ];
  for (const [name, from, to] of changes) {
    const [path, notebook] = notebooks[own.findIndex((path) => basename(path).startsWith(name))];
    const text = formatNotebook(notebook);
    assert.ok(text.includes(from), `${path} does not say: ${from}`);
    const changed = parseNotebook(text.replaceAll(from, to), path);
    assert.throws(() => compareSentences(changed), assert.AssertionError, to);
  }
});
