/**
 * `deno task bench`: how fast this project is here, alone, against PyTorch, or on ONNX Runtime against
 * itself on TensorFlow.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpus, totalmem } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { join } from "@std/path";
import { EnvironmentError, UsageError } from "../base/errors.ts";
import { writeAtomically } from "../base/files.ts";
import type { Precision } from "../compute/compile.ts";
import type { EngineName } from "../compute/engine.ts";
import type { Architecture, BenchRow, Job, Load, Training } from "../experiments/bench.ts";
import { runCommand } from "./command.ts";
import { entry } from "./help.ts";
import { oneOf } from "./options.ts";
import { parse } from "./parse.ts";
import { userPath } from "./paths.ts";

/** A case: what is timed and what it is compared with. */
interface Case {
  readonly says: string;
  readonly load: Load;
  /** Op by op, on both sides. */
  readonly eager?: true;
  /** Compared with this load of ours instead of with PyTorch. */
  readonly beside?: Load;
  /** PyTorch has nothing of the kind. */
  readonly alone?: true;
}

/** The projector grows with the encoder: 512 at width 16, 2048 at width 64. */
function architecture(width: number, depth: Architecture["depth"] = 18): Architecture {
  return { depth, width, projector: 32 * width };
}

function step(width: number, batch: number, precision: Precision = "float32"): Training {
  const network = architecture(width);
  return { kind: "step", ...network, batch, images: batch, size: 32, precision, optimiser: "sgd" };
}

const represented = { images: 45_000, features: 512, classes: 10 } as const;

const CASES: Readonly<Record<string, Case>> = {
  "step-64": { says: "training step, ResNet-18, width 64, batch 64, SGD", load: step(64, 64) },
  "step-64-bf16": { says: "the same in bfloat16", load: step(64, 64, "bfloat16") },
  "step-64-adam": { says: "step-64 with Adam", load: { ...step(64, 64), optimiser: "adam" } },
  "step-16": { says: "training step, ResNet-18, width 16, batch 256, SGD", load: step(16, 256) },
  "step-16-128": { says: "the same, batch 128", load: step(16, 128) },
  "step-8": { says: "training step, ResNet-18, width 8, batch 64, SGD", load: step(8, 64) },
  "step-16-bf16": { says: "the same in bfloat16", load: step(16, 256, "bfloat16") },
  "resnet50": {
    says: "training step, ResNet-50, width 64, batch 32, SGD",
    load: { ...step(64, 32), ...architecture(64, 50) },
  },
  "eager": { says: "step-64 op by op", load: step(64, 64), eager: true },
  "features-64": {
    says: "representations, width 64",
    load: { kind: "features", ...architecture(64), batch: 250, images: 1000 },
  },
  "features-16": {
    says: "representations, width 16",
    load: { kind: "features", ...architecture(16), batch: 250, images: 10_000 },
  },
  "probe": {
    says: "linear probe of 512 features, ten learning rates at once",
    load: { kind: "probe", ...represented, epochs: 5 },
  },
  "knn": {
    says: "10,000 queries among 45,000 of 512 features, k 200",
    load: { kind: "knn", ...represented, queries: 10_000, k: 200 },
  },
  "views": {
    says: "augmented views of 32×32, one core",
    load: { kind: "views", images: 2000, size: 32 },
    alone: true,
  },
  "views-64": { says: "the same of 64×64", load: { kind: "views", images: 1000, size: 64 }, alone: true },
  "views-96": { says: "the same of 96×96", load: { kind: "views", images: 500, size: 96 }, alone: true },
  "epoch": {
    says: "step-16 on the views of 10,240 images, beside steps alone",
    load: { ...step(16, 256), kind: "epoch", images: 10_240 },
    beside: { ...step(16, 256), images: 10_240 },
  },
  "epoch-64": {
    says: "the same of 2,560 images of 64×64, batch 64",
    load: { ...step(16, 64), kind: "epoch", images: 2_560, size: 64 },
    beside: { ...step(16, 64), images: 2_560, size: 64 },
  },
};

/** Steps of many sizes; larger ones than `bytes` are left out. */
const GROWTH = { name: "growth", widths: [8, 16, 32, 64], batches: [32, 64, 128, 256, 512], bytes: 12e9 };

const UNITS: Readonly<Record<Load["kind"], string>> = {
  step: "images/s",
  epoch: "images/s",
  features: "images/s",
  probe: "images/s",
  knn: "queries/s",
  views: "views/s",
};

/** Up to this width a step takes WebAssembly less than a minute. */
const WEB_WIDTH = 16;

/** Largest load, averaged over a minute, at which measuring makes sense. */
const IDLE = 0.5;

const OPTIONS = {
  case: { type: "string", multiple: true, default: [] as string[] },
  against: { type: "string" },
  json: { type: "path" },
  rounds: { type: "string" },
  quick: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

const HELP = `deno task bench [options]

Times each case in processes of its own, after a warm-up, and prints medians of
several rounds. The sides take turns and never work at once. Of a step it also
says which part of a large matrix product's speed it reaches, in multiplications
of its layers, however these are computed.

  --case NAME        one case; repeatable (default: all but ${GROWTH.name})
  --against NAME     torch: also PyTorch, from the virtual environment,
                     SJEA_PYTHON or python3; tensorflow: ours on ONNX Runtime,
                     and beside it on TensorFlow and, op by op, on
                     TensorFlow.js's WebAssembly (steps up to width ${WEB_WIDTH})
  --json FILE        write {case, unit, ours, peer, ratio, peers, machine} of
                     each line
  --rounds N         rounds a side (default 5; 2 with --quick)
  --quick            short rounds: an impression
  --help             this text

Cases (two stacks, VICReg, 32×32 images):
${Object.entries(CASES).map(([name, { says }]) => entry(name, says)).join("\n")}
${entry(GROWTH.name, `time and memory of a step, width ${GROWTH.widths} × batch ${GROWTH.batches}`)}`;

/** What to compare with. */
const PEERS = ["torch", "tensorflow"] as const;

interface Options {
  readonly cases: readonly string[];
  readonly against?: typeof PEERS[number];
  readonly json?: string;
  readonly rounds: number;
  /** Length of a round. */
  readonly seconds: number;
  readonly help: boolean;
}

function readOptions(args: readonly string[]): Options {
  const { values } = parse({ args, options: OPTIONS });
  const { case: chosen, against, json, quick, help, rounds = quick ? "2" : "5" } = values;
  const names = [...Object.keys(CASES), GROWTH.name];
  for (const name of chosen) oneOf("case", name, names);
  const peer = against === undefined ? undefined : oneOf("against", against, PEERS);
  if (!/^[1-9]\d*$/.test(rounds)) {
    throw new UsageError(`--rounds takes a whole number from 1 on, not "${rounds}".`);
  }
  return {
    cases: chosen.length > 0 ? chosen : Object.entries(CASES).filter(([, { load }]) =>
      // ONNX Runtime has no bfloat16.
      peer !== "tensorflow" || !("precision" in load) || load.precision === "float32"
    ).map(([name]) => name),
    against: peer,
    json,
    rounds: Number(rounds),
    seconds: quick ? 0 : 3,
    help,
  };
}

/** A Python with PyTorch. */
async function findTorch(): Promise<string> {
  const environment = Deno.env.get("VIRTUAL_ENV"), named = Deno.env.get("SJEA_PYTHON");
  const [folder, program] = Deno.build.os === "windows" ? ["Scripts", "python.exe"] : ["bin", "python"];
  const candidates = [
    environment && join(environment, folder, program),
    // A program on the PATH, or a file.
    named && /[/\\]/.test(named) ? userPath(named) : named,
    "python3",
  ].filter((candidate) => candidate !== undefined && candidate !== "");
  for (const python of candidates) {
    if (await hasTorch(python)) return python;
  }
  throw new EnvironmentError(
    `No PyTorch was found; asked: ${candidates.join(", ")}. ` +
      "Install it (pip install torch), or set SJEA_PYTHON to a Python that has it.",
  );
}

async function hasTorch(python: string): Promise<boolean> {
  try {
    const check = new Deno.Command(python, { args: ["-c", "import torch"], stderr: "null" });
    return (await check.output()).success;
  } catch {
    return false; // No such program.
  }
}

const program = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const OURS = [Deno.execPath(), "run", "--quiet", "-A", program("../experiments/bench.ts")];
const PEER = program("../../tests/peers/torch_bench.py");
/** Ours once more, in TensorFlow.js's own ops on another backend: nobody else fetches that. */
const WEB = [
  ...[
    Deno.execPath(),
    "run",
    "--quiet",
    "-A",
    "--no-lock",
    "--config",
    program("../../tests/peers/wasm/deno.json"),
  ],
  program("../experiments/bench.ts"),
];

/** What all jobs share. */
const BASE = {
  mode: "compiled",
  device: "cpu",
  threads: Number(Deno.env.get("SJEA_THREADS") ?? navigator.hardwareConcurrency),
} as const;

/** A process that works a round whenever it is asked. */
interface Side {
  readonly name: string;
  /** Library and version. */
  readonly library: string;
  readonly device: Job["device"];
  /** Works a round: items a second, and of a step the share of the matrix rate that it reaches. */
  round(): Promise<{ rate: number; share?: number }>;
  /** Its largest memory so far, in bytes; 0 where the system does not tell. */
  peak(): Promise<number>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a side and waits until it is warm. */
async function open(
  name: string,
  [program, ...args]: readonly string[],
  job: Job,
  engine?: EngineName,
): Promise<Side> {
  const child = spawn(program, [...args, JSON.stringify(job)], {
    stdio: ["pipe", "pipe", "inherit"],
    env: {
      ...Deno.env.toObject(),
      SJEA_EAGER: job.mode === "eager" ? "1" : "0",
      ...engine && { SJEA_ENGINE: engine },
    },
  });
  const closed = once(child, "close");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value } = await lines.next();
    const { error, ...result } = JSON.parse(value ?? '{ "error": "it ended early" }');
    if (error) throw new EnvironmentError(`${name} cannot be measured: ${error}`);
    return result;
  };
  const { library, device } = await answer();
  return {
    name,
    library,
    device,
    async round() {
      child.stdin.write("\n");
      return await answer();
    },
    async peak() {
      const status = await Deno.readTextFile(`/proc/${child.pid}/status`).catch(() => "");
      return 1024 * Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0);
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await closed;
    },
  };
}

/** Times a case; the memory of a training step is a row of its own. */
async function* contest(
  name: string,
  { load, eager, beside, alone }: Case,
  { rounds, seconds, against }: Options,
  python: string | undefined,
): AsyncGenerator<BenchRow> {
  await using sides = new AsyncDisposableStack();
  const job: Job = { ...BASE, load, mode: eager ? "eager" : "compiled", seconds };
  const ours = sides.use(await open("ours", OURS, job, against === "tensorflow" ? "onnxruntime" : undefined));
  const peers: Side[] = [];
  if (against === "tensorflow") {
    peers.push(sides.use(await open("TensorFlow", OURS, job, "tensorflow")));
    if (load.kind === "step" && load.width <= WEB_WIDTH) {
      try {
        peers.push(sides.use(await open("WebAssembly", WEB, { ...job, mode: "eager" })));
      } catch (error) {
        // Its memory ends at 4 GB.
        console.error(`${name}: ${(error as Error).message}`);
      }
    }
  } else if (beside) {
    peers.push(sides.use(await open("steps alone", OURS, { ...job, load: beside })));
  } else if (python && !alone) {
    for (const mode of eager ? ["eager"] as const : ["eager", "compiled"] as const) {
      const rules = { ...job, mode, device: ours.device };
      try {
        peers.push(sides.use(await open(`PyTorch ${mode}`, [python, "-W", "ignore", PEER], rules)));
      } catch (error) {
        console.error(`${name}: ${(error as Error).message}`);
      }
    }
  }
  const all = [ours, ...peers], rates = all.map((): number[] => []), shares: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [at, side] of all.entries()) {
      const { rate, share } = await side.round();
      rates[at].push(rate);
      if (side === ours && share !== undefined) shares.push(share);
    }
  }
  const row = (
    suffix: string,
    unit: string,
    [ours, ...others]: number[],
    best: typeof Math.max,
  ): BenchRow => {
    const peer = others.length === 0 ? null : against === "tensorflow" ? others[0] : best(...others);
    return {
      case: name + suffix,
      unit,
      ours,
      peer,
      ratio: peer && ours / peer,
      peers: Object.fromEntries(peers.map((side, at) => [side.name, others[at]])),
      machine: machine(all),
    };
  };
  const speeds = row("", UNITS[load.kind], rates.map(median), Math.max);
  yield shares.length > 0 ? { ...speeds, share: median(shares) } : speeds;
  if (load.kind !== "step") return;
  const peaks = await Promise.all(all.map((side) => side.peak()));
  if (peaks[0] > 0) yield row(" memory", "GB", peaks.map((peak) => peak / 1e9), Math.min);
}

/** How a step's time and memory grow with batch and width. */
async function* growth({ rounds, seconds }: Options): AsyncGenerator<BenchRow> {
  for (const width of GROWTH.widths) {
    const peaks: number[] = [];
    for (const batch of GROWTH.batches) {
      // Doubling the batch adds twice what doubling it added the last time.
      const [before, last] = [peaks.at(-2) ?? 0, peaks.at(-1) ?? 0];
      if (last + 2 * (last - before) > GROWTH.bytes) break;
      await using side = await open("ours", OURS, { ...BASE, load: step(width, batch), seconds });
      const rates: number[] = [];
      while (rates.length < rounds) rates.push((await side.round()).rate);
      peaks.push(await side.peak());
      const row = (suffix: string, unit: string, ours: number): BenchRow => ({
        case: `width ${width} batch ${batch}${suffix}`,
        unit,
        ours,
        peer: null,
        ratio: null,
        peers: {},
        machine: machine([side]),
      });
      yield row("", "s/step", batch / median(rates));
      yield row(" memory", "GB", peaks.at(-1)! / 1e9);
    }
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function machine(sides: readonly Side[]): string {
  const cpu = cpus()[0]?.model ?? Deno.build.arch, memory = Math.round(totalmem() / 2 ** 30);
  const libraries = new Set(sides.map(({ library }) => library));
  return [
    cpu,
    `${BASE.threads} ${BASE.threads === 1 ? "thread" : "threads"}`,
    `${memory} GiB`,
    `Deno ${Deno.version.deno}`,
    ...libraries,
  ]
    .join(", ");
}

function render({ case: name, unit, ours, ratio, peers, share }: BenchRow): string {
  const number = (value: number) => value >= 100 ? value.toFixed(0) : value.toPrecision(3);
  const others = Object.entries(peers).map(([name, value]) => `${name} ${number(value)}`).join(", ");
  const compared = ratio === null ? "" : `  ratio ${ratio.toFixed(2)}  (${others})`;
  const part = share === undefined ? "" : `  ${(100 * share).toFixed(0)} % of the matrix rate`;
  return `${name.padEnd(26)} ${number(ours).padStart(6)} ${unit.padEnd(9)}${part}${compared}`.trimEnd();
}

await runCommand(async () => {
  const options = readOptions(Deno.args);
  if (options.help) return console.log(HELP);
  const python = options.against === "torch" ? await findTorch() : undefined;
  const [load] = Deno.loadavg();
  if (load > IDLE) {
    console.error(
      `The machine is busy (load ${load.toFixed(1)}): numbers are too low, PyTorch's most of all, ` +
        "because its threads wait for each other.",
    );
  }
  const rows: BenchRow[] = [];
  for (const name of options.cases) {
    const found = name === GROWTH.name ? growth(options) : contest(name, CASES[name], options, python);
    for await (const row of found) {
      if (row.machine !== rows.at(-1)?.machine) console.log(row.machine);
      console.log(render(row));
      rows.push(row);
    }
  }
  if (options.json) await writeAtomically(options.json, JSON.stringify(rows, null, 2) + "\n");
});
