/**
 * `deno task test:tfjs`: TensorFlow.js's own unit tests on this project's backend. With a text, only the
 * tests that have it in their names.
 *
 * The tests run in a process with a copy of the lock file: what only they need would otherwise be fetched by
 * everybody who runs anything here.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { join } from "@std/path";

const folder = await Deno.makeTempDir({ prefix: "sjea-tfjs-" });
try {
  const lock = join(folder, "deno.lock");
  await Deno.copyFile(new URL("../../deno.lock", import.meta.url), lock);
  const suite = fileURLToPath(new URL("suite.ts", import.meta.url));
  const args = ["run", "--quiet", "-P=test", `--lock=${lock}`, suite, ...Deno.args];
  const { code, signal } = await new Deno.Command(Deno.execPath(), {
    args,
    stdout: "inherit",
    stderr: "inherit",
  })
    .output();
  if (signal) console.error(`The tests were ended by ${signal}.`);
  Deno.exitCode = code;
} finally {
  await Deno.remove(folder, { recursive: true });
}
