/**
 * Our side of `deno task bench`, as a program: prepares the job it is given,
 * says that it is ready, then times one round of work for each line it reads.
 * `tests/peers/torch_bench.py` is the other side and takes the same jobs.
 *
 * @module
 */
import { createInterface } from "node:readline";
import process from "node:process";
import { ENGINES } from "../compute/engine.ts";
import { start } from "../compute/backend.ts";
import { dispose, type Precision } from "../compute/compile.ts";
import { tf } from "../compute/tf.ts";
import { imageOf, type ImageSet, subset } from "../data/dataset.ts";
import { generate } from "../data/generated.ts";
import { viewStream } from "../data/view_stream.ts";
import { crop, drawView, PHOTOGRAPHS, type ViewOptions, viewsOf } from "../data/views.ts";
import { features } from "../evaluation/features.ts";
import { knn } from "../evaluation/knn.ts";
import type { Labelled } from "../evaluation/metric.ts";
import { probe } from "../evaluation/probe.ts";
import { RESNET_18 } from "../model/resnet.ts";
import { initialiseStack } from "../model/stack.ts";
import { optimiser, type OptimiserConfig } from "../training/optimiser.ts";
import type { LevelSpec } from "../training/spec.ts";
import { type StepConfig, type TrainingState, trainingStep } from "../training/step.ts";
import { matrixRate, stepMultiplications } from "./estimate.ts";

/** Two encoders, each with a projector of three layers. */
export interface Architecture {
  readonly depth: 18 | 50;
  readonly width: number;
  /** Width of the projectors' layers. */
  readonly projector: number;
}

/** Training: steps on the same two views again and again, or an epoch with its views. */
export interface Training extends Architecture {
  readonly kind: "step" | "epoch";
  readonly batch: number;
  /** Images of one run. */
  readonly images: number;
  /** Height and width of images and views in pixels. */
  readonly size: number;
  readonly precision: Precision;
  readonly optimiser: "sgd" | "adam";
}

/** What is timed. */
export type Load =
  | Training
  | Architecture & { readonly kind: "features"; readonly batch: number; readonly images: number }
  | {
    readonly kind: "probe";
    readonly images: number;
    readonly features: number;
    readonly classes: number;
    readonly epochs: number;
  }
  | {
    readonly kind: "knn";
    readonly images: number;
    readonly features: number;
    readonly classes: number;
    readonly queries: number;
    readonly k: number;
  }
  | { readonly kind: "views"; readonly images: number; readonly size: number };

/** What a side is told. */
export interface Job {
  readonly load: Load;
  readonly mode: "compiled" | "eager";
  readonly device: "cpu" | "cuda";
  readonly threads: number;
  /** Length of a round; 0 for one unit of work. */
  readonly seconds: number;
}

/** A line of the benchmark's report and of its `--json` file. */
export interface BenchRow {
  readonly case: string;
  readonly unit: string;
  readonly ours: number;
  /** What ours is compared with: the best of `peers`, or TensorFlow. */
  readonly peer: number | null;
  /** `ours / peer`. */
  readonly ratio: number | null;
  readonly peers: Readonly<Record<string, number>>;
  /** Of a step, ours: its layers' multiplications a second, however they are computed, as a part of a large matrix product's in the same precision. */
  readonly share?: number;
  readonly machine: string;
}

/** Work that can be repeated. */
interface Work {
  /** Images, views or queries in one run. */
  readonly items: number;
  /** One run: a step, an epoch, a fit, … */
  run(): Promise<unknown>;
}

const LOSS = { name: "vicreg", invariance: 25, variance: 25, covariance: 1 } as const;

const VIEW: Omit<ViewOptions, "size"> = {
  ...PHOTOGRAPHS,
  ...{ flip: 0.5, blur: 0, solarise: 0 },
};

const OPTIMISERS: Record<Training["optimiser"], OptimiserConfig> = {
  sgd: { name: "sgd", momentum: 0.9, weightDecay: 0, nesterov: false, spare: false },
  adam: { name: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
};

/** Small, so that noise can be trained on for as long as it takes. */
const RATE = 1e-4;

function model({ depth, width, projector }: Architecture): Omit<StepConfig, "precision"> {
  const level: LevelSpec = {
    encoder: { ...RESNET_18, depth, width },
    projector: [projector, projector, projector],
    loss: LOSS,
    weight: 1,
  };
  return { levels: [level, level], wiring: "prepool", stopGradient: false };
}

/** A thousand generated images, repeated and scaled. */
function imageSet(count: number, size: number): ImageSet {
  const { train } = generate({ seed: 0, train: 1000, test: 0 }), { labels, height, width } = train;
  const values = new Float32Array(size * size * 3), images = new Uint8Array(labels.length * values.length);
  for (let index = 0; index < labels.length; index++) {
    crop(imageOf(train, index), width, { top: 0, left: 0, height, width }, false, size, values);
    images.set(values.map((value) => Math.round(255 * value)), index * values.length);
  }
  const scaled = { images, labels, height: size, width: size };
  return subset(scaled, Array.from({ length: count }, (_, at) => at % labels.length));
}

function labelled(count: number, features: number, classes: number, seed: number): Labelled {
  return {
    features: tf.randomNormal([count, features], 0, 1, "float32", seed) as tf.Tensor2D,
    labels: Uint8Array.from({ length: count }, (_, at) => at % classes),
  };
}

function training(load: Training): Work {
  const { batch, images, size } = load;
  const optimise = optimiser(OPTIMISERS[load.optimiser]);
  const config = model(load);
  const step = trainingStep({ ...config, precision: load.precision }, optimise);
  const network = initialiseStack(config, 0);
  let state: TrainingState = { ...network, slots: optimise.slots(network.parameters) };
  const shape: [number, number, number, number] = [batch, size, size, 3];
  const [rate, number] = [tf.scalar(RATE), tf.scalar(1)];
  const advance = async (views: tf.Tensor4D[]) => {
    const result = await step(state, views, rate, number);
    dispose(state);
    state = result.state;
    result.terms[0].total.dataSync();
    dispose([result.terms, result.levels]);
  };
  if (load.kind === "step") {
    const views = [1, 2].map((seed) => tf.randomUniform(shape, 0, 1, "float32", seed) as tf.Tensor4D);
    return {
      items: images,
      async run() {
        for (let done = 0; done < images; done += batch) await advance(views);
      },
    };
  }
  const set = imageSet(images, size), view = { ...VIEW, size };
  return {
    items: images,
    async run() {
      await using batches = viewStream({ set, seed: 0, batch, epochs: 1, view });
      for await (const batch of batches) {
        const views = batch.views.map((view) => tf.tensor4d(view, shape));
        await advance(views);
        dispose(views);
      }
    },
  };
}

function prepare(load: Load): Work {
  switch (load.kind) {
    case "step":
    case "epoch":
      return training(load);
    case "features": {
      const { images, batch } = load;
      const config = model(load), network = initialiseStack(config, 0), set = imageSet(images, 32);
      return { items: images, run: async () => dispose(await features(network, config, set, { batch })) };
    }
    case "probe": {
      const { images, classes, epochs } = load;
      const [train, validation, test] = [images, images / 9, images / 9].map((count, seed) =>
        labelled(count, load.features, classes, seed)
      );
      const options = { train, validation, test, classes, epochs, seed: 0, protocol: "standard" } as const;
      return { items: images * epochs, run: () => probe(options) };
    }
    case "knn": {
      const { images, queries, classes, k } = load;
      const [bank, asked] = [images, queries].map((count, seed) =>
        labelled(count, load.features, classes, seed)
      );
      return { items: queries, run: () => knn(bank, asked, { k: [k], temperature: 0.1, classes }) };
    }
    case "views": {
      const { images, size } = load, set = imageSet(images, size), views = viewsOf({ ...VIEW, size });
      const view = new Float32Array(size * size * 3);
      return {
        items: images,
        run() {
          for (let index = 0; index < images; index++) {
            drawView(set, { seed: 0, epoch: 0, index, number: 0 }, views, view);
          }
          return Promise.resolve();
        },
      };
    }
  }
}

/** A step's speed as a part of what the engine reaches in a large product. */
async function shareOf(load: Training, rate: number): Promise<number> {
  const spec = { ...model(load), view: { ...VIEW, size: load.size } };
  return rate * stepMultiplications(spec) / await matrixRate(load.precision);
}

if (import.meta.main) {
  const { load, seconds }: Job = JSON.parse(Deno.args[0]);
  const { engine, version, gpu } = await start();
  const { items, run } = prepare(load);
  const time = async (runs: number) => {
    const began = performance.now();
    for (let at = 0; at < runs; at++) await run();
    return (performance.now() - began) / 1000;
  };
  await run();
  const runs = Math.max(1, Math.round(seconds / await time(1)));
  console.log(JSON.stringify({ library: `${ENGINES[engine]} ${version}`, device: gpu ? "cuda" : "cpu" }));
  for await (const _ of createInterface({ input: process.stdin })) {
    const rate = runs * items / await time(runs);
    console.log(JSON.stringify({ rate, ...load.kind === "step" && { share: await shareOf(load, rate) } }));
  }
}
