/**
 * Prints the host of npm's registry, for the tasks' right to reach it.
 *
 * @module
 */
import { npmRegistry } from "../base/registry.ts";
import { runCommand } from "./command.ts";

await runCommand(async () => console.log(new URL((await npmRegistry()).url).host));
