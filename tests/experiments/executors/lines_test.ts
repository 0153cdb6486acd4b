import assert from "node:assert/strict";
import { exists } from "../../../lib/base/files.ts";

/** Shows lines three times, with a message between. */
const SCRIPT = `
  import { say } from ${JSON.stringify(import.meta.resolve("../../../lib/base/say.ts"))};
  import { liveLines } from ${
  JSON.stringify(import.meta.resolve("../../../lib/experiments/executors/lines.ts"))
};
  {
    using lines = liveLines();
    lines.show(["first", "a"]);
    lines.show(["second"]);
    say("message");
    lines.show(["third", "x".repeat(200)]);
  }
  say("over");`;

async function script(): Promise<string> {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(path, SCRIPT);
  return path;
}

const options = { cwd: new URL("../../..", import.meta.url) };

Deno.test("where there is no terminal lines are lines, the first and the last at once", async () => {
  const args = ["run", "--quiet", "--config=deno.json", "-A", await script()];
  const { stderr } = await new Deno.Command(Deno.execPath(), { ...options, args }).output();
  assert.equal(
    new TextDecoder().decode(stderr),
    `first\na\n\nmessage\nthird\n${"x".repeat(200)}\n\nover\n`,
  );
});

Deno.test({
  name: "on a terminal lines take the place of those before, none is broken, and a message stands above them",
  ignore: !await exists("/usr/bin/script"),
  async fn() {
    const command =
      `stty columns 80; exec "${Deno.execPath()}" run --quiet --config=deno.json -A "${await script()}"`;
    const { stdout } = await new Deno.Command("script", { ...options, args: ["-qec", command, "/dev/null"] })
      .output();
    const screen = new TextDecoder().decode(stdout).replaceAll("\r", "").replaceAll("\x1b", "^");
    assert.equal(
      screen,
      `first\na\n^[2A^[Jsecond\nmessage\nsecond\n^[1A^[Jthird\n${"x".repeat(79)}…\n\nover\n`,
    );
  },
});
