/**
 * `deno task reproduce`: trains what is missing, evaluates, prints the tables,
 * executes the notebooks, renders the reports.
 *
 * @module
 */
import { basename, join } from "@std/path";
import { commit, commitName } from "../base/code.ts";
import { EnvironmentError } from "../base/errors.ts";
import { writeAtomically } from "../base/files.ts";
import { places } from "../base/places.ts";
import { duration, progress } from "../base/progress.ts";
import { type Device, start } from "../compute/backend.ts";
import { ENGINES, engineTitle } from "../compute/engine.ts";
import { judgeClaims } from "../experiments/claims.ts";
import { deviceSpeed, trainingSeconds } from "../experiments/estimate.ts";
import { EXPERIMENT_NAMES, runsOf } from "../experiments/experiments.ts";
import { measure, predictionsOf } from "../experiments/measure.ts";
import { writePredictions } from "../experiments/predictions.ts";
import { DEFAULT_PRESET, PURPOSES, UNASKED } from "../experiments/presets.ts";
import { environment, versions, writeResults } from "../experiments/results.ts";
import { RUN_NAMES, type RunName } from "../experiments/runs.ts";
import { openStudy, type Study } from "../experiments/study.ts";
import { renderMarkdown, renderTable } from "../experiments/table.ts";
import { executeNotebook } from "../notebook/execute.ts";
import { readNotebook, writeNotebook } from "../notebook/ipynb.ts";
import { ownNotebooks } from "../notebook/own.ts";
import { explore } from "../reports/explored.ts";
import { EXPLORER, renderExplorer } from "../reports/explorer.ts";
import { type NotebookRun, renderReports } from "../reports/render_reports.ts";
import { readOrigins, trainingCode } from "../training/origin.ts";
import { runCommand } from "./command.ts";
import { help, parseOptions } from "./options.ts";

/** Minutes that a notebook's cell may take: all training is done before. */
const CELL_LIMIT = 30;

/** Images of an explorer that goes into the repository, at most. */
const PUBLISHED = 2000;

await runCommand(async () => {
  const options = parseOptions(Deno.args);
  if (options.help) return console.log(help(options.preset ?? DEFAULT_PRESET));
  const presetName = options.preset ?? DEFAULT_PRESET;
  const experiment = options.experiment ?? PURPOSES[presetName].experiment, all = experiment === "all";
  // A table that is named is all that is wanted.
  const pages = all || options.experiment === undefined;
  const notebooks = pages ? await ownNotebooks(places.notebooks) : { own: [], others: [] };
  for (const [path, reason] of notebooks.others) console.log(`${path} is left as it is, for ${reason}.`);
  const device = await start(), { engine } = device;
  const unasked = options.preset === undefined && options.set.length === 0 ? UNASKED[engine] : [];
  if (unasked.length > 0) {
    console.log(
      `Scaled      ${presetName}, the preset where none is named, with ${
        unasked.join(" ")
      }: all of it would take ` +
        `over half an hour on ${ENGINES[engine]}. --preset ${presetName} does all of it.`,
    );
  }
  const study = await openStudy({
    ...options,
    preset: presetName,
    set: [...options.set, ...unasked],
  });
  const kind = study.dataset.copy === "generated" ? "drawn from a seed" : `${study.dataset.copy} copy`;
  console.log(`Data        ${study.dataset.name}, ${kind}, fingerprint ${study.dataset.fingerprint}`);
  console.log(
    `Engine      ${ENGINES[engine]} ${device.version} (${device.library.origin}) on ${device.name}, ` +
      `${device.threads} threads`,
  );
  const experiments = EXPERIMENT_NAMES.filter((name) => all || name === experiment);
  if (pages && !all) {
    console.log(
      `Part        ${experiment} and its notebook, which is what preset ${presetName} has time for;\n` +
        "            --experiment all does the other tables and figures, too",
    );
  }
  console.log(await plan(study, all ? RUN_NAMES : experiments.flatMap(runsOf)));
  const folder = options.publish ? places.notebooks : join(places.reports, basename(study.results));
  if (pages && !options.publish) await copyBeside(places.notebooks, folder);
  /** Executes notebooks, and renders all that have been. */
  const show = async (paths: readonly string[]) => {
    for (const path of paths) await execute(path, join(folder, basename(path)), study, device, options.data);
    if (paths.length === 0) return;
    const { files: [index], leftOut } = await renderReports(
      folder,
      await judgeClaims(join(places.results, "sweeps")),
    );
    for (const fault of leftOut) console.error(`left out: ${fault}`);
    if (leftOut.length > 0) Deno.exitCode = 1;
    console.log(`\nReports: ${index}\n`);
  };
  const left = new Set(notebooks.own);
  for (const path of left) if (!options.all && await showsSweep(path)) left.delete(path);
  for (const name of experiments) {
    const results = await measure(study, name);
    const path = join(study.results, `${name}.json`);
    await writePredictions(path, await predictionsOf(study, name));
    await writeResults(path, results);
    await writeAtomically(path.replace(/json$/, "md"), renderMarkdown(results) + "\n");
    console.log(`\n${renderTable(results, terminalWidth())}\n\nWritten to ${path}\n`);
    if (pages && name === "linear-evaluation") {
      await exploreInto(join(folder, "reports"), study, options.publish ? PUBLISHED : undefined);
    }
    const about = notebooks.own.filter((path) => path.includes(name.replaceAll("-", "_")));
    await show(about);
    about.forEach((path) => left.delete(path));
  }
  if (!all) return;
  // Figure 4 needs a run that no table does.
  for (const seed of study.seeds) {
    for (const name of RUN_NAMES) await study.run(name, seed).train();
  }
  await show([...left]);
});

/** Writes the explorer of Table 1's runs of the first seed beside the pages; without libvips there is none. */
async function exploreInto(reports: string, study: Study, most?: number): Promise<void> {
  const runs = runsOf("linear-evaluation").map((run) => study.run(run, study.seeds[0]));
  try {
    await writeAtomically(join(reports, EXPLORER), await renderExplorer(await explore(runs, most)));
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    console.error(`left out: ${EXPLORER}: ${error.message}`);
  }
}

/** Whether a notebook reproduces nothing of the paper, but shows what a sweep found. */
async function showsSweep(path: string): Promise<boolean> {
  const { cells } = await readNotebook(path, () => {});
  return cells.some(({ source }) => source.includes("sweepOrElse("));
}

/** Copies what notebooks show: pictures, and the text for the first page. */
async function copyBeside(from: string, to: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory && name === "images") {
      await Deno.mkdir(join(to, name), { recursive: true });
      for await (const image of Deno.readDir(join(from, name))) {
        await Deno.copyFile(join(from, name, image.name), join(to, name, image.name));
      }
    } else if (name.endsWith(".md")) {
      await Deno.mkdir(to, { recursive: true });
      await Deno.copyFile(join(from, name), join(to, name));
    }
  }
}

/** Columns of the terminal; `COLUMNS` overrules it, and where there is none a file may be this wide. */
function terminalWidth(): number {
  const asked = Number(Deno.env.get("COLUMNS"));
  if (asked > 0) return asked;
  return Deno.stdout.isTerminal() ? Deno.consoleSize().columns : 100;
}

/** What there is to train and about how long that takes. */
async function plan(study: Study, names: readonly RunName[]): Promise<string> {
  const speed = await deviceSpeed(), code = await trainingCode(), lines: string[] = [];
  let seconds = 0;
  for (const seed of study.seeds) {
    for (const name of new Set(names)) {
      const run = study.run(name, seed);
      let work: string;
      if (await run.isFinished()) {
        const origins = await readOrigins(run.folder);
        const ours = origins.length > 0 && origins.every((origin) => origin.code === code);
        work = ours ? "trained already" : "trained by other code";
      } else {
        const time = trainingSeconds(run.spec, speed);
        seconds += time;
        work = `about ${duration(time)}`;
      }
      lines.push(`  ${run.id}  ${run.title.padEnd(32)}  seed ${seed}  ${work}`);
    }
  }
  const { trainImages, testImages, epochs, batch } = study.preset;
  return [
    `Plan        ${epochs} epochs of ${trainImages} images in batches of ${batch}; runs in`,
    `            ${study.runs}:`,
    ...lines,
    `  about ${duration(seconds)} of training, then probes and k-NN of ${testImages} test images`,
  ].join("\n");
}

async function execute(
  path: string,
  out: string,
  study: Study,
  device: Device,
  data: string | undefined,
): Promise<void> {
  const bar = progress(`Executing ${basename(path)}`, 0, (cells) => `cell ${cells}`);
  const began = performance.now();
  const notebook = await executeNotebook(path, {
    environment: {
      SJEA_PRESET: study.presetName,
      SJEA_DATASET: study.dataset.name,
      SJEA_SEEDS: `${study.seeds.length}`,
      SJEA_SET: study.overrides.join(" "),
      ...data ? { SJEA_DATA: data } : {},
    },
    out,
    limit: CELL_LIMIT * 60_000,
    progress: (done) => bar.update(done),
  });
  bar.stop();
  const { os, cpu, cores, memoryGiB } = environment(device), software = versions(device);
  const { name, copy, fingerprint } = study.dataset;
  // A notebook that does not read the environment has settings of its own.
  const ours = notebook.cells.some(({ source }) => source.includes("fromEnvironment("));
  const run: NotebookRun = {
    facts: {
      ...ours && {
        Preset: [study.presetName, ...study.overrides].join(" "),
        Data: `${name}, ${copy === "generated" ? "drawn from a seed" : `${copy} copy`} (${fingerprint})`,
        Seeds: study.seeds.length === 1 ? "one (n = 1)" : `${study.seeds.length}`,
      },
      Date: new Date().toISOString().slice(0, 10),
    },
    environment: {
      Machine: `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${os}`,
      Software: `Deno ${software.deno}, ${engineTitle(software)}, TensorFlow.js ${software.tfjs}`,
      Code: commitName(await commit()),
    },
    seconds: (performance.now() - began) / 1000,
  };
  notebook.metadata.sjea = run;
  await writeNotebook(out, notebook);
}
