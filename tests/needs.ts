/**
 * What the tests need, looked for (or fetched) once before the first of them:
 * each would say by itself that there is no TensorFlow.
 *
 * @module
 */
import { runCommand } from "../lib/cli/command.ts";
import { start } from "../lib/compute/backend.ts";

await runCommand(async () => {
  // Not its substitute, whose every op is compared with it.
  if (!Deno.env.get("SJEA_ENGINE")) Deno.env.set("SJEA_ENGINE", "tensorflow");
  await start();
});
