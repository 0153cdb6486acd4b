import assert from "node:assert/strict";
import { exists } from "../../lib/base/files.ts";
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

/** A training of no end that has a bar on the terminal. */
const DRAWN = `
  import { watchSignals } from ${JSON.stringify(import.meta.resolve("../../lib/base/interrupt.ts"))};
  import { progress } from ${JSON.stringify(import.meta.resolve("../../lib/base/progress.ts"))};
  using watch = watchSignals("stopping.");
  const bar = progress("Training", 1000);
  for (let at = 0, left = 10; left > 0; at++, left -= watch.signal ? 1 : 0) {
    bar.update(at, "going on");
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  bar.stop();
  console.error("left");`;

Deno.test({
  name: "on a terminal the message stands on a line of its own, between the bar and the bar",
  ignore: !await exists("/usr/bin/script"),
  async fn() {
    const path = await Deno.makeTempFile({ suffix: ".ts" });
    await Deno.writeTextFile(path, DRAWN);
    const child = new Deno.Command("script", {
      args: ["-qec", `exec "${Deno.execPath()}" run --quiet --config=deno.json -A "${path}"`, "/dev/null"],
      cwd: new URL("../..", import.meta.url),
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const keyboard = child.stdin.getWriter();
    let screen = "", pressed = false;
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      screen += text;
      if (pressed || !screen.includes("going on")) continue;
      pressed = true;
      await keyboard.write(new TextEncoder().encode("\x03"));
    }
    await keyboard.close();
    assert.equal((await child.status).code, 0);
    // A bar saves the place where it begins, and goes back there when it ends.
    const lines = screen.replaceAll("\x1b7", "<bar>").replaceAll("\x1b8", "</bar>").replaceAll("\r", "");
    assert.match(
      lines,
      /^<bar>(?!.*<bar>).*going on.*<\/bar>\nstopping\. Once more ends it at once\.\n<bar>.*going on.*<\/bar>\nleft\n$/,
    );
  },
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
