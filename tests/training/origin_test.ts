import assert from "node:assert/strict";
import { join } from "@std/path";
import { start } from "../../lib/compute/backend.ts";
import { ENGINES } from "../../lib/compute/engine.ts";
import { addOrigin, readOrigins } from "../../lib/training/origin.ts";

Deno.test("a run that goes on on another engine says so, and names both", async () => {
  const { engine, version } = await start(), folder = await Deno.makeTempDir();
  const said = await listening(async () => {
    await addOrigin(folder, 0);
    await addOrigin(folder, 5);
  });
  assert.deepEqual(said, []);
  const [first, second] = await readOrigins(folder);
  assert.deepEqual([first.step, second.step, second[engine]], [0, 5, version]);
  const { [engine]: _, ...rest } = first;
  const other = engine === "tensorflow" ? "onnxruntime" : "tensorflow";
  await Deno.writeTextFile(join(folder, "origins.json"), JSON.stringify([{ ...rest, [other]: "1.2.3" }]));
  assert.deepEqual(await listening(() => addOrigin(folder, 5)), [
    `This run was begun on ${ENGINES[other]} 1.2.3 and goes on on ${ENGINES[engine]} ${version}: ` +
    "its numbers will be neither's, bit by bit.",
  ]);
  assert.deepEqual(
    (await readOrigins(folder)).map((origin) => Object.keys(origin).find((key) => key in ENGINES)),
    [
      other,
      engine,
    ],
  );
  await Deno.remove(folder, { recursive: true });
});

/** What is said on standard error meanwhile. */
async function listening(action: () => Promise<void>): Promise<string[]> {
  const said: string[] = [], original = console.error;
  console.error = (line: string) => said.push(line);
  try {
    await action();
  } finally {
    console.error = original;
  }
  return said;
}
