/**
 * Prints the folder of the cache, for the tasks' right to write there.
 *
 * @module
 */
import { EnvironmentError } from "../base/errors.ts";
import { cacheFolder } from "../base/places.ts";
import { runCommand } from "./command.ts";

await runCommand(() => {
  const folder = cacheFolder();
  // Deno would take it for two folders, and let a task write in both.
  if (folder.includes(",")) {
    throw new EnvironmentError(
      `The cache is ${folder}, but Deno cannot give a task the right to write in a folder with a comma in ` +
        "its name. Set SJEA_CACHE to another folder.",
    );
  }
  console.log(folder);
});
