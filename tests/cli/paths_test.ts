import assert from "node:assert/strict";
import { basename, dirname, join } from "@std/path";
import { fileURLToPath } from "node:url";
import { DENO_DIR } from "./deno_dir.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** Where the user stands: a folder of the project that is not its root. */
const here = join(root, "tests", "cli");
const home = Deno.env.get("HOME") ?? Deno.env.get("USERPROFILE")!;

/** Runs a task from here; says what it said. */
async function said(words: string[], env: Record<string, string> = {}): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", ...words],
    cwd: here,
    env: { DENO_DIR, NO_COLOR: "1", INIT_CWD: here, SJEA_DATA: "", SJEA_LIBTENSORFLOW: "", ...env },
  }).output();
  return [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
}

const asked = "--preset=smoke --dataset=cifar10".split(" ");
const missing = (path: string) => `${path}, but there is no such folder.`;

Deno.test("every path on the command line is seen from where the user stands", async () => {
  const runs = join(root, "data", "temporary", "runs");
  const cases: [string[], string][] = [
    [["reproduce", ...asked, "--data=no #1"], missing(`--data is ${join(here, "no #1")}`)],
    [["reproduce", ...asked, "--data=~/no such"], missing(`--data is ${join(home, "no such")}`)],
    [["reproduce", ...asked, "--data="], "error: --data is empty: name a path, or leave it out."],
    [["train", "quick/s-jea", "--print", "--data=no"], missing(`--data is ${join(here, "no")}`)],
    [["import", "../base/no.safetensors", ...asked], join(root, "tests", "base", "no.safetensors")],
    [["runs", "--runs=../../data/temporary/runs"], `There are no runs in ${runs}.`],
  ];
  for (const [words, expected] of cases) {
    const text = await said(words);
    assert.ok(text.includes(expected), `${words.join(" ")}: ${text}\n${expected}`);
  }
});

Deno.test("so is every path in the environment", async () => {
  assert.ok(
    (await said(["data"], { SJEA_DATA: "no" })).includes(missing(`SJEA_DATA is ${join(here, "no")}`)),
  );
  const named = await said(["doctor"], { SJEA_LIBTENSORFLOW: "no", SJEA_CACHE: "../c" });
  assert.ok(named.includes(`SJEA_LIBTENSORFLOW is ${join(here, "no")}:`), named);
  assert.ok(named.includes(join(root, "tests", "c")), named);
  if (Deno.build.os !== "linux") return;
  const system = await said(["doctor"], { SJEA_LIBTENSORFLOW: "no", SJEA_CACHE: "", XDG_CACHE_HOME: "c" });
  assert.ok(system.includes(join(here, "c", "sjea")), system);
});

Deno.test("processes that a command starts find absolute paths, and stand where they are started", async () => {
  const script = join(await Deno.makeTempDir(), "program.ts");
  const module = JSON.stringify(import.meta.resolve("../../lib/cli/command.ts"));
  await Deno.writeTextFile(
    script,
    `import { runCommand } from ${module};
    await runCommand(() => console.log(Deno.env.get("SJEA_DATA"), Deno.env.get("INIT_CWD")));`,
  );
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--config=deno.json", "--allow-env", script],
    cwd: root,
    env: { INIT_CWD: here, SJEA_DATA: "images" },
  }).output();
  assert.equal(new TextDecoder().decode(stdout), `${join(here, "images")} undefined\n`);
});

Deno.test("no command reads its words or its paths by itself", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
  const programs = Object.values<{ command: string }>(tasks).flatMap(({ command }) =>
    command.match(/lib\/cli\/\w+\.ts/g) ?? []
  );
  for (const program of new Set([...programs, "lib/cli/train.ts"])) {
    const text = await Deno.readTextFile(join(root, program));
    assert.match(text, /await runCommand\(/, program);
    assert.doesNotMatch(text, /parseArgs|(data|runs|out|json|file|dir): \{ type: "string"/, program);
    if (basename(dirname(program)) !== "cli") assert.fail(program);
  }
});
