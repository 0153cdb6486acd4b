/**
 * `deno task export`: writes a trained encoder, or a whole stack, for PyTorch.
 *
 * @module
 */
import { basename, dirname, join } from "@std/path";
import { UsageError } from "../base/errors.ts";
import { humanBytes, writeAtomically } from "../base/files.ts";
import { places } from "../base/places.ts";
import { encodeSafetensors } from "../base/safetensors.ts";
import { start } from "../compute/backend.ts";
import { dispose } from "../compute/compile.ts";
import { DEVIATION, MEAN } from "../data/normalise.ts";
import { viewsOf } from "../data/views.ts";
import { findRun, type StoredRun, storedRuns } from "../experiments/run_folders.ts";
import { type EncoderConfig, encoderTitle, torchOptions } from "../model/encoders.ts";
import { countEncoders } from "../model/stack.ts";
import { toStateDict } from "../model/state_dict.ts";
import { readNetwork } from "../training/checkpoint.ts";
import type { RunSpec } from "../training/spec.ts";
import { demandFinished } from "./advice.ts";
import { runCommand } from "./command.ts";
import { oneOf } from "./options.ts";
import { parse } from "./parse.ts";

const HELP = `deno task export RUN [options]

Writes one encoder of a trained run for PyTorch, or the whole stack with
projectors: a safetensors file with the state-dict names of torchvision's
ResNet or timm's ViT. What it is and what input it expects stands in its
metadata; sjea_torch.py, which is written beside it, loads it. RUN is the
beginning of an id or a short name: deno task runs lists them.

  --stack N   which of its encoders, 0 (default) for the lowest; all: the whole
              stack
  --runs DIR  folder of all runs (default: data/runs)
  --out FILE  where to write it (default:
              data/encoders/RUN-stack-N.safetensors); outside data/ Deno asks
              whether it may
  --help      this text`;

/** What loads the file in Python. */
const LOADER = "sjea_torch.py";

await runCommand(async () => {
  const { values, positionals } = parse({
    words: true,
    options: {
      stack: { type: "string", default: "0" },
      runs: { type: "path" },
      out: { type: "path" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  if (positionals.length !== 1) throw new UsageError(`Name one run to export, not ${positionals.length}.`);
  const run = findRun(await storedRuns(values.runs ?? places.runs), positionals[0]), { spec, id } = run;
  const asked = oneOf("stack", values.stack, [...spec.levels.map((_, at) => `${at}`), "all"]);
  const level = asked === "all" ? asked : Number(asked);
  demandFinished(run);
  const metadata = describe(run, level);
  await start();
  const network = await readNetwork(run.folder);
  // Each view of a step is a batch of its own.
  const state = toStateDict(network, level, viewsOf(spec.view).length * run.steps);
  dispose(network);
  const bytes = encodeSafetensors(state, metadata);
  const out = values.out ?? join(places.encoders, `${id}-stack-${level}.safetensors`);
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
function describe({ id, name, spec }: StoredRun, level: number | "all") {
  return {
    format: "pt",
    ...{ run: id, name, stack: `${level}` },
    ...{ dataset: spec.data.dataset.name, fingerprint: spec.data.fingerprint },
    ...level === "all" ? aboutStack(name, spec) : aboutEncoder(name, spec, level),
    ...level === "all" || level === 0 ? { mean: MEAN.join(" "), std: DEVIATION.join(" ") } : {},
  };
}

function inWords(encoder: EncoderConfig): string {
  return `a ${encoderTitle(encoder)} of width ${encoder.width}`;
}

function aboutStack(name: string, { levels, wiring, stopGradient, view }: RunSpec) {
  // All kinds of encoders have to be known.
  levels.forEach(({ encoder }) => torchOptions(encoder));
  return {
    description: `the whole stack of ${name}, ${
      levels.map(({ encoder }) => inWords(encoder)).join(", on it ")
    }`,
    config: JSON.stringify({
      levels: levels.map(({ encoder, projector, input }) => ({ encoder, projector, input })),
      wiring,
      stopGradient,
    }),
    input: `images [N, 3, ${view.size}, ${view.size}] in 0..1`,
  };
}

function aboutEncoder(name: string, spec: RunSpec, level: number) {
  const { levels, wiring, view: { size } } = spec, { encoder } = levels[level], below = level - 1;
  const options = torchOptions(encoder), description = `stack ${level} of ${name}, ${inWords(encoder)}`;
  const about = (channels: number, input: string) => ({
    description,
    ...options,
    channels: `${channels}`,
    input,
  });
  if (level === 0) return about(3, `images [N, 3, ${size}, ${size}] in 0..1, minus mean, over std`);
  if (wiring === "embedding") return about(1, `the embedding of stack ${below} as an image of one channel`);
  const { map, stages } = countEncoders(spec, size, size)[below], { input } = levels[level];
  const [height, width, channels] = input === undefined ? map : stages[input];
  const place = input === undefined ? "before pooling" : `after its stage ${input}`;
  return about(channels, `the map of stack ${below} ${place}, [N, ${channels}, ${height}, ${width}]`);
}
