import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { join } from "@std/path";
import { duration, progress } from "../../lib/base/progress.ts";

/** Lines that a program writes where there is no terminal. */
async function lines(...updates: string[]): Promise<string[]> {
  const path = join(await Deno.makeTempDir(), "program.ts");
  const module = new URL("../../lib/base/progress.ts", import.meta.url);
  await Deno.writeTextFile(path, `import { progress } from "${module}";\n${updates.join("\n")}`);
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const { stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--allow-all", "--config", config, path],
    env: { NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
  }).output();
  // How long it takes is the machine's affair.
  return new TextDecoder().decode(stderr).trim().replace(/\b\d+ s\b/g, "0 s").split("\n");
}

Deno.test("without a terminal: a line at the start and one at the end, none for each update", async () => {
  const written = await lines(
    'const bar = progress("Reading", 4, (value) => value + " files");',
    'for (let at = 1; at <= 4; at++) bar.update(at, "note " + at);',
    "bar.stop();",
  );
  assert.deepEqual(written, [
    "Reading: 1 files/4 files, 0 s, note 1",
    "Reading: 4 files/4 files, 0 s, note 4",
  ]);
});

Deno.test("a total that nobody knows is not written", async () => {
  const written = await lines('const bar = progress("Reading", 0);', "bar.update(7);", "bar.stop();");
  assert.deepEqual(written, ["Reading: 7, 0 s"]);
});

Deno.test("it can stop before anything happened", () => {
  progress("Nothing", 10).stop();
});

Deno.test("times for people", () => {
  const times = { 0: "0 s", 59.4: "59 s", 59.6: "1 min 0 s", 3599: "59 min 59 s", 7500: "2 h 5 min" };
  for (const [seconds, text] of Object.entries(times)) assert.equal(duration(Number(seconds)), text);
});
