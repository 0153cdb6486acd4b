import assert from "node:assert/strict";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { tasks } = JSON.parse(await Deno.readTextFile(join(root, "deno.json"))) as {
  tasks: Record<string, { command: string }>;
};

/** Tasks that run programs of others with all rights: tests, a measurement against PyTorch. */
const UNRESTRICTED = ["bench", "test", "test:faults"];

/** Where nothing may be written, below the folders that stand for the project and for the user's home. */
const ELSEWHERE = [
  "lib/mod.ts",
  "deno.json",
  "README.md",
  "../beside",
  "home/.bashrc",
  "home/.ssh/authorized_keys",
];

/** Tries to write each of its arguments and prints those where it could. */
const PROBE = `for (const path of Deno.args) {
  try {
    Deno.writeTextFileSync(path, "", { append: true });
    console.log(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
  }
}`;

for (const [name, { command }] of Object.entries(tasks)) {
  if (UNRESTRICTED.includes(name)) continue;
  Deno.test(`deno task ${name} can write nowhere but where it has to`, async () => {
    const folder = await Deno.makeTempDir({ dir: join(root, "data") });
    try {
      // The task's own flags, in a project and a home directory of their own.
      const project = join(folder, "project"), home = join(project, "home");
      for (const path of ["lib", "data/runs", "home/.ssh", "notebooks/reports"]) {
        await Deno.mkdir(join(project, path), { recursive: true });
      }
      await Deno.copyFile(join(root, "deno.json"), join(project, "deno.json"));
      await Deno.writeTextFile(join(project, "probe.ts"), PROBE);
      const [, ...flags] = command.replaceAll("$HOME", home).split(" ").slice(0, -1);
      const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
        args: [...flags, "--no-prompt", "--no-lock", "probe.ts", ...ELSEWHERE, "data/runs/file"],
        cwd: project,
        env: { HOME: home },
      }).output();
      assert.ok(success, new TextDecoder().decode(stderr));
      const written = new TextDecoder().decode(stdout).trim();
      assert.equal(
        written,
        flags.some((flag) => flag.startsWith("--allow-write=data")) ? "data/runs/file" : "",
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("only tests and the measurement against others run with all rights", () => {
  const all = Object.keys(tasks).filter((name) => /-A|--allow-all|-P=(test|bench)/.test(tasks[name].command));
  assert.deepEqual(all.toSorted(), UNRESTRICTED);
});
