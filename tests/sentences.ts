/**
 * Fails unless the sentences of executed notebooks agree with the tables beside them: `deno run --allow-read
 * tests/sentences.ts data/reports/smoke`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { ownNotebooks } from "../lib/notebook/own.ts";
import { readNotebook } from "../lib/notebook/ipynb.ts";
import { compareSentences } from "./notebook/sentences.ts";

let compared = 0;
for (const path of (await ownNotebooks(Deno.args[0])).own) {
  compared += compareSentences(await readNotebook(path));
}
console.log(`${compared} sentences agree with their tables`);
// Those of the curves, differences, speeds, directions and silhouettes.
assert.ok(compared >= 26, `${compared} sentences are fewer than the notebooks have`);
