import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { join } from "@std/path";
import { parseOptions } from "../../lib/cli/options.ts";
import { DEFAULT_PRESET, preset } from "../../lib/experiments/presets.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const { tasks } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json"))) as {
  tasks: Record<string, { command: string }>;
};

/** Those that are commands of this project; the others run tests. */
const COMMANDS = Object.keys(tasks).filter((name) => / lib\/cli\/\w+\.ts$/.test(tasks[name].command));

async function task(name: string, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", name, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trimEnd());
  return { code, out, errors };
}

const helps = new Map<string, string>();

Deno.test("every command has a help of at most 80 columns", async () => {
  assert.ok(COMMANDS.length > 10);
  for (const name of COMMANDS) {
    const { code, out, errors } = await task(name, "--help");
    assert.deepEqual([code, errors], [0, ""], name);
    assert.ok(out.startsWith(`deno task ${name}`), out);
    assert.match(out, /\n {2}--help +this text/);
    assert.deepEqual(out.split("\n").filter((line) => line.length > 80), [], name);
    helps.set(name, out);
  }
});

Deno.test("every command refuses what it does not know, with what was meant", async () => {
  for (const name of COMMANDS) {
    assert.deepEqual(await task(name, "--hepl"), {
      ...{ code: 1, out: "", errors: "error: Unknown option '--hepl'. Did you mean --help?" },
    });
  }
  for (
    const [args, message] of [
      [["data", "mnist"], '"mnist" cannot be fetched. Valid: cifar10, cifar100, stl10.'],
      [["data", "cifar-10"], '"cifar-10" cannot be fetched. Did you mean cifar10?'],
      [["runs", "comprae"], '"comprae" is nothing to do with runs. Did you mean compare?'],
      [["bench", "--case=step64"], "--case step64 does not exist. Did you mean step-64?"],
      [["bench", "--against=tourch"], "--against tourch does not exist. Did you mean torch?"],
      [["evaluate", "x", "--preset=smok"], 'There is no preset "smok". Did you mean smoke?'],
      [["import", "x", "--preset=smok"], "--preset smok does not exist. Did you mean smoke?"],
    ] as const
  ) {
    const [name, ...rest] = args;
    assert.deepEqual(await task(name, ...rest), { code: 1, out: "", errors: `error: ${message}` });
  }
});

/** A command that a text names: its task, and what follows in its line. */
const ADVICE = /\bdeno(?:@[\d.]+)? task ([a-z:]*[a-z])([^\n`"#\\]*)/g;

Deno.test("every command that a message or a text names is one, with options that there are", async () => {
  const files = (await Promise.all(
    ["lib", "notebooks"].map(async (folder) =>
      (await readdir(join(ROOT, folder), { recursive: true })).map((file) => join(folder, file))
    ),
  )).flat().filter((file) => /\.(ts|py|ipynb|md)$/.test(file)).concat("README.md");
  const found: string[] = [];
  for (const file of files) {
    for (const [command, name, rest] of (await Deno.readTextFile(join(ROOT, file))).matchAll(ADVICE)) {
      found.push(command);
      assert.ok(name in tasks, `${file}: ${command}`);
      for (const [option] of rest.matchAll(/(?<= )--[a-z]+/g)) {
        assert.match(helps.get(name)!, RegExp(`(^|\\s)${option}\\s`), `${file}: ${command}`);
      }
      if (name === "data") {
        assert.match(rest, /^( (cifar10|cifar100|stl10)\b| \$\{name\}| \[NAME\]|$)/, `${file}: ${command}`);
      }
      const [options] = /^( --[a-z]+([= ][^\s-]\S*)?)*/.exec(rest)!;
      if (name !== "reproduce" || options === "") continue;
      const { preset: size = DEFAULT_PRESET, set } = parseOptions(options.trim().split(" "));
      preset(size, set);
    }
  }
  assert.ok(found.length > 50);
  for (
    const command of [
      "deno task data cifar10",
      "deno task export 3f2a --stack all",
      "deno task reproduce --set lowCovariance=0",
      "deno task train --schema > spec.schema.json",
    ]
  ) assert.ok(found.some((text) => text.startsWith(command)), command);
});
