/**
 * `deno task bench`: how fast this is on this machine, alone or beside PyTorch.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { EnvironmentError, UsageError } from "../base/errors.ts";
import { writeAtomically } from "../base/files.ts";
import { generator } from "../base/random.ts";
import { start } from "../compute/backend.ts";
import { compile, dispose, type Precision } from "../compute/compile.ts";
import { tf } from "../compute/tf.ts";
import { generate } from "../data/generated.ts";
import { augment } from "../data/views.ts";
import { knn } from "../evaluation/knn.ts";
import { plannedRuns } from "../experiments/linear_evaluation.ts";
import { presets } from "../experiments/presets.ts";
import { initialise, pass } from "../model/layers.ts";
import { resnet } from "../model/resnet.ts";
import { initialiseStack } from "../model/stack.ts";
import { optimiser } from "../training/optimiser.ts";
import { trainingStep } from "../training/step.ts";
import { runCommand } from "./options.ts";

/** What is measured, the same on both sides. */
interface Case {
  readonly name: string;
  readonly kind: "step" | "features" | "knn" | "views";
  readonly depth: 18 | 50;
  readonly width: number;
  /** Images (or queries) a repeat. */
  readonly batch: number;
  readonly projector: number;
  readonly precision: Precision;
  /** Op by op, without a graph. */
  readonly eager: boolean;
  readonly warmup: number;
  /** Timed repeats a round; their median counts. */
  readonly repeats: number;
  readonly bank: number;
  readonly features: number;
  readonly k: number;
  readonly block: number;
}

const base: Omit<Case, "name" | "kind" | "batch"> = {
  depth: 18,
  width: 64,
  projector: 2048,
  precision: "float32",
  eager: false,
  warmup: 2,
  repeats: 3,
  bank: 45_000,
  features: 512,
  k: 200,
  block: 500,
};
const wide = { ...base, kind: "step", batch: 64 } as const;
const narrow = { ...base, kind: "step", batch: 256, width: 16, projector: 512 } as const;

const CASES: readonly Case[] = [
  { ...wide, name: "step-64-eager", eager: true },
  { ...wide, name: "step-64-float32" },
  { ...wide, name: "step-64-bfloat16", precision: "bfloat16" },
  { ...narrow, name: "step-16-float32" },
  { ...narrow, name: "step-16-bfloat16", precision: "bfloat16" },
  { ...wide, name: "step-resnet50", depth: 50, batch: 32 },
  { ...base, name: "features-64", kind: "features", batch: 250 },
  { ...base, name: "features-16", kind: "features", batch: 250, width: 16 },
  { ...base, name: "knn", kind: "knn", batch: 10_000, warmup: 1, repeats: 1 },
  { ...base, name: "views", kind: "views", batch: 512 },
];

/** Something to repeat. */
type Work = () => Promise<void>;

const random = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, "float32", seed);

const WORK: Record<Case["kind"], (options: Case) => Work> = {
  step({ depth, width, projector, precision, batch }) {
    const encoder = { depth, width, stem: "cifar", zeroInitResidual: true } as const;
    const level = { encoder, projector: [projector, projector, projector] };
    const model = { levels: [level, level], wiring: "prepool", stopGradient: false } as const;
    const weights = { invariance: 25, variance: 25, covariance: 1 };
    const adam = optimiser({ name: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 });
    const step = trainingStep({ model, loss: [weights, weights], precision }, adam);
    const network = initialiseStack(model, 0);
    let state = { ...network, slots: adam.slots(network.parameters) };
    const views = [1, 2].map((seed) => tf.keep(random([batch, 32, 32, 3], seed)) as tf.Tensor4D);
    let number = 0;
    return async () => {
      const scalars = [tf.scalar(1e-3), tf.scalar(++number)] as const;
      const result = await step(state, views[0], views[1], ...scalars);
      await result.terms.data();
      dispose([state, result.terms, scalars]);
      state = result.state as typeof state;
    };
  },
  features({ width, batch, precision }) {
    const config = { depth: 18, width, stem: "cifar", zeroInitResidual: true } as const;
    const network = initialise(0, (pass) => resnet(pass, "encoder", tf.zeros([1, 32, 32, 3]), config));
    const forward = compile(
      (net: typeof network, x: tf.Tensor4D) => resnet(pass(net, false), "encoder", x, config).representation,
      { precision },
    );
    const x = tf.keep(random([batch, 32, 32, 3], 1)) as tf.Tensor4D;
    return async () => {
      const y = await forward(network, x);
      await y.data();
      y.dispose();
    };
  },
  knn({ bank, features, batch, k, block }) {
    const labels = (count: number) => Uint8Array.from({ length: count }, (_, at) => at % 10);
    const set = (count: number, seed: number) => ({
      features: tf.keep(random([count, features], seed)) as tf.Tensor2D,
      labels: labels(count),
    });
    const [known, asked] = [set(bank, 1), set(batch, 2)];
    return async () => void await knn(known, asked, { k: [k], temperature: 0.1, classes: 10, block });
  },
  views({ batch }) {
    const { images } = generate({ seed: 0, train: 100, test: 0 }).train;
    const [{ spec }] = plannedRuns(presets.paper, generate({ seed: 0, train: 0, test: 0 }), 0);
    const out = new Float32Array(3072);
    let count = 0;
    return () => {
      for (let at = 0; at < batch; at++) {
        const image = images.subarray(at % 100 * 3072, (at % 100 + 1) * 3072);
        augment(image, 32, 32, spec.view, generator("bench", count++), out);
      }
      return Promise.resolve();
    };
  },
};

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** Images a second in one round; what a case needs is made in its first round. */
async function measure(options: Case, works: Map<string, Work>): Promise<number> {
  if (options.eager) Deno.env.set("SJEA_EAGER", "1");
  try {
    let work = works.get(options.name);
    if (!work) {
      works.set(options.name, work = WORK[options.kind](options));
      for (let at = 0; at < options.warmup; at++) await work();
    }
    const times: number[] = [];
    for (let at = 0; at < options.repeats; at++) {
      const began = performance.now();
      await work();
      times.push((performance.now() - began) / 1000);
    }
    return options.batch / median(times);
  } finally {
    Deno.env.delete("SJEA_EAGER");
  }
}

/** What PyTorch answers. */
interface PeerAnswer {
  readonly eager?: number;
  readonly compiled?: number;
  readonly memory: number;
}

/** PyTorch in a process of its own, which answers one case at a time. */
async function torch() {
  const environment = Deno.env.get("VIRTUAL_ENV");
  const python = Deno.env.get("SJEA_PYTHON") ?? (environment ? `${environment}/bin/python` : "python3");
  const check = await new Deno.Command(python, { args: ["-c", "import torch; print(torch.__version__)"] })
    .output().catch(() => undefined);
  if (!check?.success) {
    throw new EnvironmentError(
      `${python} has no PyTorch: install it (pip install torch) or set SJEA_PYTHON.`,
    );
  }
  const script = fileURLToPath(new URL("../../tests/peers/torch_bench.py", import.meta.url));
  const child = new Deno.Command(python, { args: [script], stdin: "piped", stdout: "piped", stderr: "null" })
    .spawn();
  const writer = child.stdin.getWriter();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return {
    version: new TextDecoder().decode(check.stdout).trim(),
    async ask(options: Case): Promise<PeerAnswer> {
      await writer.write(new TextEncoder().encode(JSON.stringify(options) + "\n"));
      while (!text.includes("\n")) {
        const { value, done } = await reader.read();
        if (done) throw new EnvironmentError(`PyTorch ended during ${options.name}: is there enough memory?`);
        text += value;
      }
      const [line, rest] = text.split(/\n(.*)/s);
      text = rest;
      return JSON.parse(line);
    },
    async close() {
      await writer.close();
      await child.status;
    },
  };
}

/** Largest memory of this process so far, in bytes. */
async function peakMemory(): Promise<number> {
  const status = await Deno.readTextFile("/proc/self/status").catch(() => "");
  return 1024 * Number(status.match(/VmHWM:\s+(\d+)/)?.[1] ?? NaN);
}

const HELP = `deno task bench [options]

Images (or queries) a second; medians over alternating rounds.

  --case NAME     ${CASES.map(({ name }) => name).join(", ")}; may be repeated (default: all)
  --against torch the same beside PyTorch: the python3 with torch in VIRTUAL_ENV, SJEA_PYTHON or on the path
  --rounds N      rounds a case (default 5)
  --json FILE     writes {case, ours, peer, ratio, machine} for each case
  --help          this text`;

await runCommand(async () => {
  const { values } = parseArgs({
    options: {
      case: { type: "string", multiple: true, default: CASES.map(({ name }) => name) },
      against: { type: "string" },
      rounds: { type: "string", default: "5" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const chosen = values.case.map((name) => {
    const found = CASES.find((one) => one.name === name);
    if (!found) {
      throw new UsageError(
        `--case ${name} does not exist. Valid: ${CASES.map((one) => one.name).join(", ")}.`,
      );
    }
    return found;
  });
  if (values.against !== undefined && values.against !== "torch") {
    throw new UsageError("--against takes torch.");
  }
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new UsageError("--rounds takes a whole number from 1 on.");
  }

  const device = await start();
  const machine = `${device.name}, ${device.threads} threads, TensorFlow ${device.version}`;
  const peer = values.against ? await torch() : undefined;
  console.log(`${machine}${peer ? `; PyTorch ${peer.version}` : ""}; ${rounds} rounds\n`);
  console.log(
    `${"case".padEnd(18)}${["ours", "eager", "compiled", "ratio"].map((c) => c.padStart(11)).join("")}`,
  );
  const results = [];
  for (const one of chosen) {
    const works = new Map<string, Work>();
    const ours: number[] = [], answers: PeerAnswer[] = [];
    for (let round = 0; round < rounds; round++) {
      ours.push(await measure(one, works));
      if (peer && one.kind !== "views") answers.push(await peer.ask(one));
    }
    const of = (mode: "eager" | "compiled") => {
      const known = answers.flatMap((answer) => answer[mode] ?? []);
      return known.length > 0 ? median(known) : undefined;
    };
    const [mine, eager, compiled] = [median(ours), of("eager"), of("compiled")];
    // An eager step is compared with an eager step, everything else with PyTorch's better side.
    const best = one.eager ? eager : Math.max(eager ?? 0, compiled ?? 0) || undefined;
    const ratio = best ? mine / best : undefined;
    const cell = (value: number | undefined, digits = 1) => (value?.toFixed(digits) ?? "–").padStart(11);
    console.log(`${one.name.padEnd(18)}${cell(mine)}${cell(eager)}${cell(compiled)}${cell(ratio, 2)}`);
    results.push({ case: one.name, ours: mine, peer: { eager, compiled }, ratio, machine });
    if (chosen.length === 1) {
      const theirs = answers.at(-1)?.memory;
      console.log(
        `peak memory: ours ${((await peakMemory()) / 1e9).toFixed(2)} GB` +
          (theirs ? `, PyTorch ${(theirs / 1e9).toFixed(2)} GB` : ""),
      );
    }
  }
  await peer?.close();
  if (values.json) await writeAtomically(values.json, JSON.stringify(results, null, 2) + "\n");
});
