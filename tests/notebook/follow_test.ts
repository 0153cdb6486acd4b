import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";
import { exists } from "../../lib/base/files.ts";
import { follow } from "../../lib/notebook/follow.ts";
import { type Published, startKernel } from "../../lib/notebook/kernel.ts";

const MODULE = new URL("../../lib/notebook/follow.ts", import.meta.url).href;
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * A training: each step adds a line to the file `steps`, the start one to `starts`. Before its last step it waits
 * for a file `go`.
 */
const STEPS = 8;
const SCRIPT = `
  const [folder] = Deno.args;
  const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
  Deno.writeTextFileSync(folder + "/starts", "start\\n", { append: true });
  for (let step = 1; step <= ${STEPS}; step++) {
    while (step === ${STEPS} && !await Deno.stat(folder + "/go").catch(() => false)) await pause();
    Deno.writeTextFileSync(folder + "/steps", "step\\n", { append: true });
    console.log("step", step);
  }
`;

/** However slow the machine is. */
const LIMIT = 300_000;

async function training(): Promise<{ folder: string; code: string }> {
  const folder = await Deno.makeTempDir(), script = join(folder, "train.ts");
  await Deno.writeTextFile(script, SCRIPT);
  const args = JSON.stringify(["run", "-A", script, folder]);
  const code = `const { follow } = await import("${MODULE}");
const count = async () => (await Deno.readTextFile("${folder}/steps").catch(() => "")).split("step").length - 1;
const command = () => Promise.resolve(${args});
await follow({ title: "short", command, folder: "${folder}", done: count, steps: ${STEPS} });`;
  return { folder, code };
}

/** What starts a program of one line. */
const command = (program: string) => () => Promise.resolve(["eval", program]);

const lines = async (path: string) => (await Deno.readTextFile(path)).trim().split("\n").length;

Deno.test("a cell follows its training with one display that is updated", async () => {
  const { folder, code } = await training();
  await using kernel = await startKernel({ folder: ROOT });
  const published: Published[] = [];
  const execution = await kernel.execute(code, {
    limit: LIMIT,
    output: async (message) => {
      // The training ends once it has been seen some times.
      if (published.push(message) === 8) await Deno.writeTextFile(join(folder, "go"), "");
    },
  });
  assert.deepEqual(execution, { status: "ok" });
  const [first, ...updates] = published.filter(({ type }) => type.endsWith("display_data"));
  assert.equal(first.type, "display_data");
  assert.ok(updates.every(({ type }) => type === "update_display_data"));
  assert.equal(new Set([first, ...updates].map(({ content }) => JSON.stringify(content.transient))).size, 1);
  assert.deepEqual(updates.at(-1)!.content.data, {
    "text/html": '<progress value="8" max="8"></progress> short: 8/8 steps',
    "text/plain": "short: 8/8 steps",
  });
  assert.equal(await lines(join(folder, "training.log")), STEPS);
  assert.equal(await exists(join(folder, "training.pid")), false);
});

Deno.test({
  name: "a training outlives its kernel, and the cell run again follows it",
  ignore: Deno.build.os === "windows",
  async fn() {
    const { folder, code } = await training();
    {
      await using kernel = await startKernel({ folder: ROOT });
      // The kernel is killed, as by an interrupt, while the cell follows.
      void kernel.execute(code, { limit: LIMIT, output: () => {} });
      while (!await exists(join(folder, "training.pid"))) await pause(20);
    }
    const pid = (await Deno.readTextFile(join(folder, "training.pid"))).trim();
    const { stdout } = await new Deno.Command("ps", { args: ["-o", "pgid=", "-p", pid] }).output();
    assert.equal(new TextDecoder().decode(stdout).trim(), pid, "it leads a process group of its own");
    await using kernel = await startKernel({ folder: ROOT });
    const execution = await kernel.execute(code, {
      limit: LIMIT,
      output: ({ type }) => type === "display_data" && Deno.writeTextFile(join(folder, "go"), ""),
    });
    assert.deepEqual(execution, { status: "ok" });
    assert.equal(await lines(join(folder, "starts")), 1);
    assert.equal(await lines(join(folder, "steps")), STEPS);
  },
});

Deno.test("a training that fails is a TrainingError with the end of its log", async () => {
  const folder = await Deno.makeTempDir();
  const program = "for (let i = 0; i < 30; i++) console.log('line', i); Deno.exit(7);";
  await assert.rejects(
    follow({ title: "bad", command: command(program), folder, done: () => Promise.resolve(3), steps: 5 }),
    {
      name: "TrainingError",
      message: `bad: the training failed with exit code 7. The last lines of ${
        join(folder, "training.log")
      }:\n${Array.from({ length: 10 }, (_, at) => `line ${20 + at}`).join("\n")}`,
    },
  );
});

Deno.test("a process id that went to somebody else does not count", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(join(folder, "training.pid"), `${Deno.pid}\n`);
  await follow({
    ...{ title: "stale", command: command("console.log('ran')"), folder },
    ...{ done: async () => Number(await exists(join(folder, "training.log"))), steps: 1 },
  });
  assert.equal(await Deno.readTextFile(join(folder, "training.log")), "ran\n");
});

Deno.test("already done: nothing is started", async () => {
  const folder = await Deno.makeTempDir();
  const done = () => Promise.resolve(5);
  await follow({ title: "finished", command: command("Deno.exit(1)"), folder, done, steps: 5 });
  assert.deepEqual(await Array.fromAsync(Deno.readDir(folder)), []);
});
