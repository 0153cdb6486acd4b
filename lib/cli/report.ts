/**
 * `deno task report`: the notebooks as they are, as pages to read.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { humanBytes } from "../base/files.ts";
import { renderReports } from "../notebook/render_reports.ts";
import { runCommand } from "./options.ts";

await runCommand(async () => {
  for (const path of await renderReports(fileURLToPath(new URL("../../notebooks", import.meta.url)))) {
    console.log(`${path}  ${humanBytes((await Deno.stat(path)).size)}`);
  }
});
