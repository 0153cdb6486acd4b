/**
 * What cells put out beside busy processes is in the notebook, all of it and in
 * its order: `deno task test:faults`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { join } from "@std/path";
import { executeNotebook } from "../../lib/notebook/execute.ts";
import { type Cell, type Output, readNotebook, writeNotebook } from "../../lib/notebook/ipynb.ts";

const REPETITIONS = Number(Deno.env.get("SJEA_REPETITIONS") ?? 500);
/** Cells a notebook; of those that throw only the first would be run. */
const CELLS = 20;
/** Notebooks at once. */
const LANES = 4;

const LINES = Array.from({ length: 100 }, (_, at) => `${at}\n`).join("");
const LARGE = 1_000_000;

/** The code of a cell, what it puts out, and whether that ends its notebook. */
const CASES: Readonly<Record<string, { code: string; expected: Output[]; throws?: boolean }>> = {
  "a loop, then an error": {
    code: `for (let at = 0; at < 100; at++) console.log(at);\nthrow new Error("then");`,
    expected: [
      { output_type: "stream", name: "stdout", text: LINES },
      { output_type: "error", ename: "Error", evalue: "then", traceback: ["Error: then"] },
    ],
    throws: true,
  },
  "a loop, then the end": {
    code: "for (let at = 0; at < 100; at++) console.log(at);",
    expected: [{ output_type: "stream", name: "stdout", text: LINES }],
  },
  "a loop on standard error, then a value": {
    code: "for (let at = 0; at < 100; at++) console.error(at);\nawait Promise.resolve(3);",
    expected: [
      { output_type: "stream", name: "stderr", text: LINES },
      {
        ...{ output_type: "execute_result", execution_count: 0, metadata: {} },
        data: { "text/plain": "\x1b[33m3\x1b[39m" },
      },
    ],
  },
  "large displays between lines": {
    code: `for (const letter of "ab") {
  console.log(letter);
  await Deno.jupyter.display({ "text/plain": letter.repeat(${LARGE}) }, { raw: true });
}`,
    expected: ["a", "b"].flatMap((letter): Output[] => [
      { output_type: "stream", name: "stdout", text: `${letter}\n` },
      { output_type: "display_data", data: { "text/plain": letter.repeat(LARGE) }, metadata: {} },
    ]),
  },
};

/** Executes a notebook of such cells; returns the outputs of each. */
async function outputs(path: string, code: string, count: number, throws: boolean): Promise<Output[][]> {
  const cells = Array.from({ length: count }, (_, at): Cell => ({
    ...{ cell_type: "code", id: `cell-${at}`, metadata: {}, source: code },
    ...{ execution_count: null, outputs: [] },
  }));
  await writeNotebook(path, { cells, metadata: {}, nbformat: 4, nbformat_minor: 5 });
  if (throws) await assert.rejects(executeNotebook(path), { name: "NotebookError" });
  else await executeNotebook(path);
  return (await readNotebook(path)).cells.flatMap((cell) => cell.cell_type === "code" ? [cell.outputs] : []);
}

const busy: Deno.ChildProcess[] = [];

Deno.test.beforeAll(() => {
  // Each ends with this process at the latest.
  const args = ["eval", "const { ppid } = Deno; while (Deno.ppid === ppid);"];
  for (let at = 0; at < 2 * navigator.hardwareConcurrency; at++) {
    busy.push(new Deno.Command(Deno.execPath(), { args }).spawn());
  }
});

for (const [name, { code, expected, throws = false }] of Object.entries(CASES)) {
  Deno.test(`${REPETITIONS} times beside busy processes: ${name}`, async () => {
    const folder = await Deno.makeTempDir(), wrong: string[] = [];
    let left = REPETITIONS;
    await Promise.all(Array.from({ length: LANES }, async (_, lane) => {
      while (left > 0) {
        const count = throws ? 1 : Math.min(CELLS, left);
        left -= count;
        for (const found of await outputs(join(folder, `${lane}.ipynb`), code, count, throws)) {
          // Where in the kernel's own code it was, and the how-manieth it is, is beside the point.
          for (const output of found) {
            if (output.output_type === "execute_result") output.execution_count = 0;
            if (output.output_type === "error") output.traceback.length = 1;
          }
          if (isDeepStrictEqual(found, expected)) continue;
          wrong.push(found.map(({ output_type, text }) => `${output_type} ${text ?? ""}`).join("\n"));
        }
      }
    }));
    await Deno.remove(folder, { recursive: true });
    assert.equal(wrong.length, 0, `${wrong.length} of ${REPETITIONS} are wrong, such as\n${wrong[0]}`);
  });
}

Deno.test.afterAll(async () => {
  for (const process of busy) process.kill("SIGKILL");
  await Promise.all(busy.map(({ status }) => status));
});
