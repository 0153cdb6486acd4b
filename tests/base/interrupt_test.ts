import assert from "node:assert/strict";
import { exitCode, watchSignals } from "../../lib/base/interrupt.ts";

/** A process that watches for signals, says so, and leaves by itself once it saw one. */
const SCRIPT = `
  import { watchSignals } from ${JSON.stringify(import.meta.resolve("../../lib/base/interrupt.ts"))};
  using watch = watchSignals("stopping.");
  console.log("watching");
  while (watch.signal === undefined || Deno.args.includes("stubborn")) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  console.log("left after", watch.signal);`;

async function started(...args: string[]) {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(path, SCRIPT);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--config=deno.json", "-A", path, ...args],
    cwd: new URL("../..", import.meta.url),
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  reader.releaseLock();
  return child;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`${signal} is noted, and the task leaves when it can`, async () => {
    const child = await started();
    child.kill(signal);
    const { code, stdout, stderr } = await child.output();
    assert.equal(code, 0);
    assert.equal(new TextDecoder().decode(stdout), `left after ${signal}\n`);
    assert.equal(new TextDecoder().decode(stderr), "\nstopping. Once more ends it at once.\n");
  });
}

Deno.test("a second signal ends at once; one that a parent passes on is no second one", async () => {
  const child = await started("stubborn");
  child.kill("SIGINT");
  child.kill("SIGTERM");
  // The time between signals counts from when the first was noted.
  const reader = child.stderr.getReader();
  await reader.read();
  await new Promise((resolve) => setTimeout(resolve, 700));
  child.kill("SIGTERM");
  const { code } = await child.status;
  await Promise.all([child.stdout.cancel(), reader.cancel()]);
  assert.equal(code, exitCode("SIGTERM"));
});

Deno.test("exit codes are those of a shell", () => {
  assert.deepEqual([exitCode("SIGINT"), exitCode("SIGTERM")], [130, 143]);
});

Deno.test("a watch that is over leaves signals to others", () => {
  const watch = watchSignals("stopping.");
  assert.equal(watch.signal, undefined);
  watch[Symbol.dispose]();
  // Deno's test runner reports a listener that is left.
});
