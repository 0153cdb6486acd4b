/**
 * `deno task reproduce`: trains what is missing, evaluates, prints the table.
 *
 * @module
 */
import { join } from "@std/path";
import { SjeaError } from "../base/errors.ts";
import { writeAtomically } from "../base/files.ts";
import { start } from "../compute/backend.ts";
import { downloadCifar10, findCifar10, loadCifar10 } from "../data/cifar10.ts";
import type { Dataset } from "../data/dataset.ts";
import { generate } from "../data/generated.ts";
import { linearEvaluation, plannedRuns } from "../experiments/linear_evaluation.ts";
import { type Preset, preset as presetOf } from "../experiments/presets.ts";
import { writeResults } from "../experiments/results.ts";
import { renderMarkdown, renderTable } from "../experiments/table.ts";
import { isFinished, totalSteps } from "../training/run.ts";
import { runId } from "../training/spec.ts";
import { help, type Options, parseOptions, runCommand } from "./options.ts";
import { dataFolders, places } from "./places.ts";

await runCommand(async () => {
  const options = parseOptions(Deno.args);
  if (options.help) return console.log(help(options.preset));
  const preset = presetOf(options.preset, options.set);
  const seeds = options.seeds ?? preset.seeds;
  const dataset = await chooseDataset(options, preset);
  const device = await start();
  const kind = dataset.copy === "generated" ? "drawn from a seed" : `${dataset.copy} copy`;
  console.log(`Data        ${dataset.name}, ${kind}, fingerprint ${dataset.fingerprint}`);
  console.log(
    `TensorFlow  ${device.version} (${device.library.origin}) on ${device.name}, ` +
      `${device.threads} threads`,
  );
  console.log(await plan(preset, dataset, seeds));

  const results = await linearEvaluation({
    presetName: options.preset,
    preset,
    overrides: options.set,
    dataset,
    seeds,
    runs: places.runs,
  });
  // A preset's own results are never overwritten by those of another recipe.
  const asIs = options.set.length === 0 && dataset.name === preset.dataset && seeds === preset.seeds;
  const folder = asIs ? options.preset : `${options.preset}-custom`;
  const path = join(places.results, folder, `${options.experiment}.json`);
  await writeResults(path, results);
  await writeAtomically(path.replace(/json$/, "md"), renderMarkdown(results) + "\n");
  console.log(`\n${renderTable(results)}\n\nWritten to ${path}`);
});

/**
 * The data set that the options ask for. Only `auto` may end at another one
 * than the preset's, and says so.
 */
async function chooseDataset({ dataset, data }: Options, preset: Preset): Promise<Dataset> {
  const { splitSeed, trainImages, heldOutImages, testImages } = preset;
  const generated = () => generate({ seed: splitSeed, train: trainImages + heldOutImages, test: testImages });
  if (dataset === "generated" || (dataset === "auto" && preset.dataset === "generated")) return generated();
  const found = await findCifar10(await dataFolders(data));
  if (found) return await loadCifar10(found);
  try {
    return await loadCifar10(await downloadCifar10(places.datasets));
  } catch (error) {
    if (dataset !== "auto" || !(error instanceof SjeaError)) throw error;
    console.error(
      `CIFAR-10 is not here and could not be fetched: ${error.message}\n` +
        "Going on with generated images; their numbers say nothing about the paper's. " +
        "To use CIFAR-10, put its binary version into data/datasets or name its folder with --data.",
    );
    return generated();
  }
}

/** What there is to do, and what is done already. */
async function plan(preset: Preset, dataset: Dataset, seeds: number): Promise<string> {
  const lines: string[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    for (const { method, spec } of plannedRuns(preset, dataset, seed)) {
      const steps = `${totalSteps(spec)} steps of ${spec.batch}`;
      const work = await isFinished(spec, places.runs)
        ? "trained already"
        : `train ${spec.epochs} epochs of ${spec.data.images} images: ${steps}`;
      lines.push(`  ${runId(spec)}  ${method.padEnd(6)}  seed ${seed}  ${work}`);
    }
  }
  return [
    `Plan        runs in ${places.runs}:`,
    ...lines,
    `  then the linear probe and k-NN of each stack, trained and untrained, and of raw pixels: ` +
    `${preset.testImages} test images`,
  ].join("\n");
}
