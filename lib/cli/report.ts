/**
 * `deno task report`: the notebooks as they are, as pages to read, and the README's numbers.
 *
 * @module
 */
import { join } from "@std/path";
import { humanBytes } from "../base/files.ts";
import { places } from "../base/places.ts";
import { EXPERIMENT_NAMES } from "../experiments/experiments.ts";
import type { BenchRow } from "../experiments/bench.ts";
import { readResults } from "../experiments/results.ts";
import { readSweepFile } from "../experiments/sweep.ts";
import { readSweep } from "../experiments/sweep_results.ts";
import { renderReports } from "../reports/render_reports.ts";
import { renderReadme } from "../reports/readme.ts";
import { runCommand } from "./command.ts";
import { parse } from "./parse.ts";

const HELP = `deno task report

Renders the notebooks as they are as pages in notebooks/reports, and the
README's numbers from data/results/cpu.

  --help             this text`;

await runCommand(async () => {
  const { values } = parse({ options: { help: { type: "boolean", default: false } } });
  if (values.help) return console.log(HELP);
  const { files, leftOut } = await renderReports(places.notebooks);
  for (const path of files) console.log(`${path}  ${humanBytes((await Deno.stat(path)).size)}`);
  for (const fault of leftOut) console.error(`left out: ${fault}`);
  if (leftOut.length > 0) Deno.exitCode = 1;
  const stored = EXPERIMENT_NAMES.map((name) => readResults(join(places.results, "cpu", `${name}.json`)));
  const engines: BenchRow[] = JSON.parse(await Deno.readTextFile(join(places.results, "engines.json")));
  const { id } = await readSweepFile(join(places.lib, "experiments", "sweeps", "losses.json"));
  const losses = await readSweep(join(places.results, "sweeps", id));
  const text = renderReadme(
    await Deno.readTextFile(places.readme),
    await Promise.all(stored),
    losses,
    engines,
  );
  // In place: the task may write this file, and none beside it.
  await Deno.writeTextFile(places.readme, text);
});
