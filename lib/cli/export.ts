/**
 * `deno task export`: writes a trained encoder, or a whole stack, for PyTorch.
 *
 * @module
 */
import { basename, dirname, join } from "@std/path";
import { DataError, UsageError } from "../base/errors.ts";
import { humanBytes, writeAtomically } from "../base/files.ts";
import { places } from "../base/places.ts";
import { encodeSafetensors } from "../base/safetensors.ts";
import { dispose } from "../compute/compile.ts";
import { DEVIATION, MEAN } from "../data/normalise.ts";
import { RUN_NAMES, type RunName } from "../experiments/runs.ts";
import type { Run } from "../experiments/run.ts";
import type { RunSpec } from "../training/spec.ts";
import { DATASET_CHOICES, openStudy, type Study } from "../experiments/study.ts";
import { type EncoderConfig, encoderTitle, torchOptions } from "../model/encoders.ts";
import { countEncoders } from "../model/stack.ts";
import { toStateDict } from "../model/state_dict.ts";
import { commandLine } from "./advice.ts";
import { runCommand } from "./command.ts";
import { entry } from "./help.ts";
import { oneOf, PRESETS } from "./options.ts";
import { natural, parse } from "./parse.ts";

const HELP = `deno task export --run NAME [options]

Writes one encoder of a trained run for PyTorch, or the whole stack with
projectors: a safetensors file with the state-dict names of torchvision's
ResNet or timm's ViT. What it is and what input it expects stands in its metadata;
sjea_torch.py, which is written beside it, loads it.

${entry("--run NAME", `which run: ${RUN_NAMES.join(", ")}`)}
  --stack N          which of its encoders, 0 (default) for the lowest; all: the
                     whole stack
${entry("--preset NAME", `the preset it was trained with: ${PRESETS.join(", ")} (default: quick)`)}
  --seed N           its seed (default: 0)
  --set FIELD=VALUE  overridden fields of the preset; repeatable
${entry("--dataset NAME", `${DATASET_CHOICES.join(", ")} (default: auto)`)}
  --data DIR         folder with data sets (default: SJEA_DATA, then
                     data/datasets)
  --runs DIR         folder of all runs (default: data/runs)
  --out FILE         where to write it (default:
                     data/encoders/RUN-ID-stack-N.safetensors); outside data/
                     Deno asks whether it may
  --help             this text`;

/** What loads the file in Python. */
const LOADER = "sjea_torch.py";

await runCommand(async () => {
  const { values } = parse({
    options: {
      run: { type: "string" },
      stack: { type: "string", default: "0" },
      preset: { type: "string", default: "quick" },
      seed: { type: "string", default: "0" },
      set: { type: "string", multiple: true, default: [] },
      dataset: { type: "string", default: "auto" },
      data: { type: "path" },
      runs: { type: "path" },
      out: { type: "path" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const { set, data, runs } = values, preset = oneOf("preset", values.preset, PRESETS);
  if (values.run === undefined) throw new UsageError(`--run is missing. Valid: ${RUN_NAMES.join(", ")}.`);
  const name = oneOf("run", values.run, RUN_NAMES), seed = natural("seed", values.seed);
  const dataset = oneOf("dataset", values.dataset, DATASET_CHOICES);
  const study = await openStudy({ preset, dataset, set, data, runs });
  const run = study.run(name, seed), { spec } = run;
  const levels = spec.levels.map((_, at) => `${at}`);
  const asked = oneOf("stack", values.stack, [...levels, "all"]);
  const level = asked === "all" ? asked : Number(asked);
  if (!await run.isFinished()) {
    throw new DataError(
      `${name} with seed ${seed} of preset ${preset} is not trained yet. Train it, then export it again:\n` +
        commandLine(["deno", ...await run.command()]),
    );
  }
  const network = await run.network();
  // Each view of a step is a batch of its own.
  const state = toStateDict(network, level, 2 * run.steps);
  dispose(network);
  const metadata = describe(study, name, run, level);
  const bytes = encodeSafetensors(state, metadata);
  const out = values.out ?? join(places.encoders, `${name}-${run.id}-stack-${level}.safetensors`);
  const folder = dirname(out);
  await writeAtomically(out, bytes);
  await writeAtomically(join(folder, LOADER), await Deno.readFile(join(places.lib, "model", LOADER)));
  const [variable, result] = level === "all"
    ? ["stack", "stack(x)[0].representation"]
    : ["encoder", "encoder(x)"];
  console.log(
    `${out}: ${metadata.description}, ${humanBytes(bytes.length)}\n\n` +
      `In Python, with torch and safetensors, from ${folder}, where ${LOADER} was written too:\n\n` +
      `from sjea_torch import load\n` +
      `${variable} = load(${JSON.stringify(basename(out))})\n` +
      `representations = ${result}  # x: ${metadata.input}`,
  );
});

/** What the file tells about itself; `format` is what PyTorch's readers look for. */
function describe(study: Study, name: RunName, { spec }: Run, level: number | "all") {
  const about = level === "all" ? aboutStack(name, spec) : aboutEncoder(name, spec, level);
  return {
    format: "pt",
    run: name,
    stack: `${level}`,
    preset: study.presetName,
    overrides: study.overrides.join(" "),
    seed: `${spec.seed}`,
    dataset: spec.data.dataset.name,
    fingerprint: spec.data.fingerprint,
    ...about,
    ...(level === "all" || level === 0 ? { mean: MEAN.join(" "), std: DEVIATION.join(" ") } : {}),
  };
}

const inWords = (encoder: EncoderConfig) => `a ${encoderTitle(encoder)} of width ${encoder.width}`;

function aboutStack(run: RunName, { levels, wiring, stopGradient, view }: RunSpec) {
  // All kinds of encoders have to be known.
  levels.forEach(({ encoder }) => torchOptions(encoder));
  return {
    description: `the whole stack of ${run}, ${
      levels.map(({ encoder }) => inWords(encoder)).join(", on it ")
    }`,
    config: JSON.stringify({
      levels: levels.map(({ encoder, projector }) => ({ encoder, projector })),
      wiring,
      stopGradient,
    }),
    input: `images [N, 3, ${view.size}, ${view.size}] in 0..1`,
  };
}

function aboutEncoder(run: RunName, spec: RunSpec, level: number) {
  const { levels, wiring, view: { size } } = spec, { encoder } = levels[level], below = level - 1;
  const options = torchOptions(encoder), description = `stack ${level} of ${run}, ${inWords(encoder)}`;
  const about = (channels: number, input: string) => ({
    description,
    ...options,
    channels: `${channels}`,
    input,
  });
  if (level === 0) return about(3, `images [N, 3, ${size}, ${size}] in 0..1, minus mean, over std`);
  if (wiring === "embedding") return about(1, `the embedding of stack ${below} as an image of one channel`);
  const [height, width, channels] = countEncoders(spec, size, size)[below].map;
  return about(channels, `the map of stack ${below} before pooling, [N, ${channels}, ${height}, ${width}]`);
}
