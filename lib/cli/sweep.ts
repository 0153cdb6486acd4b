/**
 * `deno task sweep`: many runs as one file says, and what they found as one table.
 *
 * @module
 */
import { join } from "@std/path";
import { UsageError } from "../base/errors.ts";
import { writeAtomically } from "../base/files.ts";
import { places } from "../base/places.ts";
import { duration } from "../base/progress.ts";
import { start } from "../compute/backend.ts";
import { deviceSpeed, trainingSeconds } from "../experiments/estimate.ts";
import type { ExecutorKind, Wishes } from "../experiments/executors/executor.ts";
import { EXECUTORS } from "../experiments/executors/executors.ts";
import type { Run } from "../experiments/run.ts";
import { type PlannedSweep, planSweep, sizeOf } from "../experiments/sweep.ts";
import { measureSweep, missingOf, sweepTable, writeSweep } from "../experiments/sweep_results.ts";
import { tableBundle } from "../notebook/table.ts";
import { renderSweep } from "../reports/sweep_page.ts";
import { runCommand } from "./command.ts";
import { entry } from "./help.ts";
import { oneOf } from "./options.ts";
import { parse } from "./parse.ts";

/** Executors whose jobs can be printed. */
const PREVIEWED = Object.entries<ExecutorKind>(EXECUTORS).filter(([, { preview }]) => preview).map(([name]) =>
  name
).join(" or ");

const HELP = `deno task sweep FILE [options]

Trains and evaluates what is missing of many runs, and writes one table
(Markdown, CSV, parquet) and one page. FILE says what they have in common,
in what they differ, and by what they are judged:

  { "title": "Which weight for stack 1?",
    "base": "quick/s-jea",
    "variants": { "joint": {}, "stopped": { "stopGradient": true } },
    "grid": { "levels.1.weight": [0.3, 1] },
    "seeds": [0, 1, 2],
    "evaluate": { "preset": "quick", "metric": ["knn"] } }

base is a spec's file or a preset's run. Each variant is trained with each
combination of the grid, by each seed. Numbers are of held-out images, unless
evaluate.images is "test"; "untrained": true adds encoders before training,
and random ones on trained stacks below. A run that other sweeps or commands
trained is taken as it is. With "halving": { "epochs": [5, 15, 45],
"keep": 0.33 } all are trained for 5 epochs, the best third of them by stack
0's first measure anew for 15, and so on ("stack" and "measure" name others).

${entry("--plan", "prints what there is to do, with its time, and does nothing")}
${entry("--data DIR", "folder with data sets (default: SJEA_DATA, then data/datasets)")}
${entry("--runs DIR", "folder of all runs (default: data/runs)")}
${
  entry(
    "--executor NAME",
    "who trains what is missing of a round, each run in a process of its own, before it is evaluated here " +
      "(default: nobody else, one after the other):",
  )
}
${
  Object.entries(EXECUTORS).map(([name, { what, options }]) =>
    [
      entry(name, what),
      ...Object.entries(options).map(([name, { value, what }]) => entry(`  --${name} ${value}`, what)),
    ].join("\n")
  ).join("\n")
}
${entry("--dry-run", `with --executor ${PREVIEWED}: prints the jobs of the first round, and submits none`)}
${entry("--help", "this text")}`;

/** Options of the executors. */
const OPTIONS = Object.fromEntries(
  Object.values(EXECUTORS).flatMap(({ options }) => Object.keys(options)).map((name) =>
    [name, { type: "string" }] as const
  ),
);

await runCommand(async () => {
  const { values, positionals } = parse({
    files: true,
    options: {
      plan: { type: "boolean", default: false },
      data: { type: "path" },
      runs: { type: "path" },
      executor: { type: "string" },
      "dry-run": { type: "boolean", default: false },
      ...OPTIONS,
      help: { type: "boolean", default: false },
    },
  });
  const { help, plan, "dry-run": dry, data, runs = places.runs, executor: name, ...wishes } = values;
  if (help) return console.log(HELP);
  if (positionals.length !== 1) throw new UsageError(`Name one file, not ${positionals.length}.`);
  const kind = kindOf(name, wishes), executor = kind?.open(wishes);
  if (dry && !kind?.preview) throw new UsageError(`--dry-run is an option of --executor ${PREVIEWED}.`);
  const planned = await planSweep(positionals[0], { runs, data });
  if (dry && kind?.preview) {
    const [first] = planned.rounds, missing = await missingOf(first.flatMap(({ runs }) => runs));
    return console.log(await kind.preview(wishes, missing));
  }
  await start();
  console.log(await outlook(planned));
  if (plan) return;
  const folder = join(places.results, "sweeps", planned.id);
  const page = join(places.reports, "sweeps", `${planned.id}.html`);
  const results = await measureSweep(planned, (results) => writeSweep(folder, results), executor);
  await writeAtomically(page, await renderSweep(results));
  console.log(`\n${tableBundle(sweepTable(results), {})["text/plain"]}\n\n${folder}\n${page}`);
});

/** Who is to train, if anybody else; all options are its own. */
function kindOf(given: string | undefined, wishes: Wishes): ExecutorKind | undefined {
  const names = Object.keys(EXECUTORS) as (keyof typeof EXECUTORS)[];
  const kind = given === undefined ? undefined : EXECUTORS[oneOf("executor", given, names)];
  const foreign = Object.keys(wishes).find((option) => !(option in (kind?.options ?? {})));
  if (foreign === undefined) return kind;
  const owner = names.find((name) => foreign in EXECUTORS[name].options);
  throw new UsageError(`--${foreign} is an option of --executor ${owner}.`);
}

/** What there is to train, and about how long it takes. */
async function outlook(planned: PlannedSweep): Promise<string> {
  const speed = await deviceSpeed(), [first, ...later] = planned.rounds;
  let seconds = 0, missing = 0, all = 0;
  const rows: string[][] = [];
  const add = (name: string, done: number, count: number, left: number, time: number) => {
    seconds += time;
    missing += left;
    all += count;
    rows.push([name, `${done} of ${count}`, left > 0 ? `about ${duration(time)}` : "–"]);
  };
  const timeOf = (runs: readonly Run[]) =>
    runs.reduce((sum, { spec }) => sum + trainingSeconds(spec, speed), 0);
  for (const { name, runs } of first) {
    const left = await missingOf(runs);
    add(name, runs.length - left.length, runs.length, left.length, timeOf(left));
  }
  for (const [at, configurations] of later.entries()) {
    // Which ones, the rounds before tell.
    const part = sizeOf(planned, at + 1), runs = configurations.flatMap(({ runs }) => runs);
    const count = part * runs.length / configurations.length, { epochs } = runs[0].spec;
    const time = timeOf(runs) * part / configurations.length;
    add(`the best ${part} for ${epochs} epochs, at most`, 0, count, count, time);
  }
  const table = tableBundle({ columns: ["configuration", "trained", "left"], rows }, {});
  const cores = navigator.hardwareConcurrency, hours = (seconds * cores / 3600).toFixed(1);
  return `${table["text/plain"]}\n${missing} of ${all} trainings are left: about ${
    duration(seconds)
  } here, ${hours} core-hours`;
}
