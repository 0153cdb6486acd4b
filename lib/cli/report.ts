/**
 * `deno task report`: the notebooks as they are, as pages to read.
 *
 * @module
 */
import { humanBytes } from "../base/files.ts";
import { places } from "../base/places.ts";
import { renderReports } from "../notebook/render_reports.ts";
import { runCommand } from "./options.ts";

await runCommand(async () => {
  for (const path of await renderReports(places.notebooks)) {
    console.log(`${path}  ${humanBytes((await Deno.stat(path)).size)}`);
  }
});
