/**
 * `deno task import`: reads an encoder that PyTorch wrote, and evaluates it.
 *
 * @module
 */
import { basename, join } from "@std/path";
import { DataError, UsageError } from "../base/errors.ts";
import { writeAtomically } from "../base/files.ts";
import { places } from "../base/places.ts";
import { encodeSafetensors } from "../base/safetensors.ts";
import { dispose } from "../compute/compile.ts";
import { evaluate } from "../experiments/evaluate.ts";
import { DATASET_CHOICES, openStudy } from "../experiments/study.ts";
import { readStateDict, toStateDict } from "../model/state_dict.ts";
import { countParameters } from "../model/stack.ts";
import { runCommand } from "./command.ts";
import { entry } from "./help.ts";
import { oneOf, PRESETS } from "./options.ts";
import { parse } from "./parse.ts";

const HELP = `deno task import FILE [options]

Reads a ResNet-18, -34 or -50 for images from the safetensors file of its
PyTorch state dict (torchvision's names; what is beside the encoder is left
out), evaluates its representations by k-NN and linear probe, and keeps it as
data/encoders/NAME.safetensors for notebooks (readStateDict of lib/model).

  --prefix TEXT      what the encoder's names begin with, where the file holds
                     several
${entry("--preset NAME", `images and protocol of the evaluation: ${PRESETS.join(", ")} (default: quick)`)}
  --set FIELD=VALUE  overrides a field of the preset; repeatable
${entry("--dataset NAME", `${DATASET_CHOICES.join(", ")} (default: auto)`)}
  --data DIR         folder with data sets (default: SJEA_DATA, then
                     data/datasets)
  --runs DIR         folder of all runs, where splits are kept (default:
                     data/runs)
  --help             this text`;

await runCommand(async () => {
  const { values, positionals } = parse({
    files: true,
    options: {
      prefix: { type: "string" },
      preset: { type: "string", default: "quick" },
      set: { type: "string", multiple: true, default: [] },
      dataset: { type: "string", default: "auto" },
      data: { type: "path" },
      runs: { type: "path" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  if (positionals.length !== 1) {
    throw new UsageError(
      `Name one safetensors file to import, not ${positionals.length}: deno task import FILE.`,
    );
  }
  const [file] = positionals, { set, data, runs } = values, preset = oneOf("preset", values.preset, PRESETS);
  const dataset = oneOf("dataset", values.dataset, DATASET_CHOICES);
  const encoder = await readStateDict(file, values.prefix);
  const { depth, width, stem } = encoder.config.levels[0].encoder;
  const channels = encoder.network.parameters["encoders.0.conv1.weight"].shape[2];
  if (channels !== 3) {
    throw new DataError(`${file} takes maps of ${channels} channels. Import an encoder for images, of 3.`);
  }
  const study = await openStudy({ preset, dataset, set, data, runs });
  const kept = join(places.encoders, `${basename(file, ".safetensors")}.safetensors`);
  const metadata = { format: "pt", depth: `${depth}`, width: `${width}`, stem, channels: `${channels}` };
  const { network, config, leftOut } = encoder, { images } = study;
  console.log(
    `${file}: a ResNet-${depth} of width ${width} with the ${stem} stem, ` +
      `${countParameters(network).toLocaleString("en")} parameters` +
      (leftOut.length > 0 ? `; left out: ${leftOut.slice(0, 3).join(", ")}` : "") +
      (leftOut.length > 3 ? ` and ${leftOut.length - 3} more` : ""),
  );
  const [{ values: scores }] = await evaluate(study, network, config, 0, `Evaluating ${basename(file)}`);
  // Kept only once it is known to make numbers of images.
  if (file !== kept) {
    await writeAtomically(kept, encodeSafetensors(toStateDict(network, 0), metadata));
  }
  console.log(`kept as ${kept}`);
  dispose(network);
  console.log(
    [
      `${images.test.labels.length} test images of ${study.dataset.name}, ${images.train.labels.length} training images:`,
      ...Object.entries(scores).map(([measure, percent]) => `${measure}: ${percent.toFixed(1)} %`),
      "Images were normalised by CIFAR-10's mean and deviation: an encoder trained with others can do better.",
    ].join("\n"),
  );
});
