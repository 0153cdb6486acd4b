/**
 * `deno task report`: the notebooks as they are, as pages to read, and the numbers of README and manual.
 *
 * @module
 */
import { join } from "@std/path";
import { humanBytes } from "../base/files.ts";
import { places } from "../base/places.ts";
import { toSvg } from "../charts/render.ts";
import { judgeClaims } from "../experiments/claims.ts";
import { EXPERIMENT_NAMES } from "../experiments/experiments.ts";
import type { BenchRow } from "../experiments/bench.ts";
import { readResults } from "../experiments/results.ts";
import { readSweepFile } from "../experiments/sweep.ts";
import { readSweep } from "../experiments/sweep_results.ts";
import { renderReports } from "../reports/render_reports.ts";
import { readNotebook } from "../notebook/ipynb.ts";
import { movingPicture, renderManual, renderReadme, speedChart } from "../reports/readme.ts";
import { runCommand } from "./command.ts";
import { parse } from "./parse.ts";

const HELP = `deno task report

Renders the notebooks as they are as pages in notebooks/reports, and the
numbers of README and manual from data/results.

  --help             this text`;

await runCommand(async () => {
  const { values } = parse({ options: { help: { type: "boolean", default: false } } });
  if (values.help) return console.log(HELP);
  const judged = await judgeClaims(join(places.results, "sweeps"));
  const stored = EXPERIMENT_NAMES.map((name) => readResults(join(places.results, "cpu", `${name}.json`)));
  const bench = async (name: string): Promise<BenchRow[]> =>
    JSON.parse(await Deno.readTextFile(join(places.results, name)));
  const { id } = await readSweepFile(join(places.lib, "experiments", "sweeps", "losses.json"));
  const losses = await readSweep(join(places.results, "sweeps", id));
  const numbers = {
    ...{ results: await Promise.all(stored), losses },
    ...{ speed: await bench("torch.json"), engines: await bench("engines.json") },
  };
  // In place: the task may write these files, and none beside them.
  const texts = [
    [places.readme, (text: string) => renderReadme(text, judged)],
    [places.manual, (text: string) => renderManual(text, numbers)],
  ] as const;
  for (const [path, render] of texts) {
    await Deno.writeTextFile(path, render(await Deno.readTextFile(path)));
  }
  await Deno.writeTextFile(places.forming, movingPicture(await readNotebook(places.quickstart)));
  await Deno.writeTextFile(places.speed, await toSvg(speedChart(numbers.speed)));
  // The manual is among the pages.
  const { files, leftOut } = await renderReports(places.notebooks, judged);
  for (const path of files) console.log(`${path}  ${humanBytes((await Deno.stat(path)).size)}`);
  for (const fault of leftOut) console.error(`left out: ${fault}`);
  if (leftOut.length > 0) Deno.exitCode = 1;
});
