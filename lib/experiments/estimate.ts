/**
 * How long a training will take here and how much memory, roughly, before it starts.
 *
 * @module
 */
import { EnvironmentError } from "../base/errors.ts";
import { humanBytes } from "../base/files.ts";
import { engine } from "../compute/backend.ts";
import { compile, dispose, type Precision } from "../compute/compile.ts";
import type { EngineName } from "../compute/engine.ts";
import { tf } from "../compute/tf.ts";
import { CROP, type Transforms, viewsOf } from "../data/views.ts";
import { HELD } from "../model/layers.ts";
import { countEncoders } from "../model/stack.ts";
import { optimiser } from "../training/optimiser.ts";
import { totalSteps } from "../training/train.ts";
import { type RunSpec, trainedFrom } from "../training/spec.ts";
import { initialState, needsCrops, trainingStep } from "../training/step.ts";

/** Side of the matrices whose product is timed. */
const SIDE = 1024;

/**
 * Part of a large matrix product's speed that a training step reaches, whose
 * convolutions are narrow and of which much is no product: between what the presets
 * `smoke` (TensorFlow 0.38, ONNX Runtime 0.27) and `quick` (0.9 and 0.48) reach on two cores with AVX-512.
 */
const EFFICIENCY: Readonly<Record<EngineName, number>> = { tensorflow: 0.6, onnxruntime: 0.36 };

/**
 * Multiplications a second of a large matrix product, the fastest that the engine gets out of this machine.
 *
 * @param precision Arithmetic of the product.
 * @returns Measured in less than a second.
 */
export async function matrixRate(precision: Precision): Promise<number> {
  const x = tf.randomNormal([SIDE, SIDE], 0, 1, "float32", 1);
  const product = compile((x: tf.Tensor) => tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D).sum(), {
    precision,
  });
  const times: number[] = [];
  for (let at = 0; at < 8; at++) {
    const began = performance.now();
    const y = await product(x);
    await y.data();
    y.dispose();
    times.push((performance.now() - began) / 1000);
  }
  x.dispose();
  product.dispose();
  return SIDE ** 3 / Math.min(...times);
}

/**
 * Multiplications a second that a training step reaches in float32.
 *
 * @returns Concluded from a matrix product.
 */
export async function deviceSpeed(): Promise<number> {
  return EFFICIENCY[engine().name] * await matrixRate("float32");
}

/**
 * Multiplications that a training step takes for an image: forward, and of what is trained backward to the weights
 * and to the input.
 *
 * @param spec Stack and views.
 * @returns Those of encoders and projectors.
 */
export function stepMultiplications(spec: Costly): number {
  return costs(spec).multiplications;
}

/**
 * Seconds that a run's training takes.
 *
 * @param spec The run.
 * @param speed Multiplications a second.
 * @returns Within a factor of about one and a half.
 */
export function trainingSeconds(spec: RunSpec, speed: number): number {
  const precision = spec.precision === "bfloat16" ? 1.5 : 1;
  return totalSteps(spec) * spec.batch * stepMultiplications(spec) / (speed * precision);
}

/** Steps that a measurement takes; the first ones are slower. */
const STEPS = 6;

/**
 * Measures how fast a run trains here, views left out.
 *
 * @param spec The run.
 * @returns Images a second in the fastest of six steps.
 */
export async function trainingSpeed(spec: RunSpec): Promise<number> {
  const { batch, view } = spec,
    optimise = optimiser(spec.optimiser),
    step = trainingStep({ ...spec, steps: totalSteps(spec) }, optimise);
  let state = initialState(spec, optimise, spec.seed);
  const views = viewsOf(view).map(({ size }, seed) =>
    tf.randomUniform([batch, size, size, 3], 0, 1, "float32", seed + 1) as tf.Tensor4D
  );
  const labels = Object.fromEntries(
    spec.levels.flatMap(({ loss }) => "labels" in loss ? [[loss.labels, tf.zeros([batch], "int32")]] : []),
  );
  const crops = needsCrops(spec) ? views.map(() => tf.zeros([batch, CROP]) as tf.Tensor2D) : [];
  const inputs = [views, tf.scalar(1e-3), tf.scalar(1), { labels, crops }] as const;
  const times: number[] = [];
  for (let at = 0; at < STEPS; at++) {
    const began = performance.now();
    const result = await step(state, ...inputs);
    result.terms[0].total.dataSync();
    times.push((performance.now() - began) / 1000);
    dispose([state, result.terms, result.levels]);
    state = result.state;
  }
  dispose([state, inputs]);
  step.dispose();
  return batch / Math.min(...times);
}

/** Copies of all parameters: themselves, old and new, slopes, the optimiser's two. */
const PARAMETER_COPIES = 10;

/** What a process takes before its first step. */
const PROCESS_BYTES = 400e6;

/**
 * Memory that a run's training takes at its peak.
 *
 * @param spec The run.
 * @returns Bytes, within a factor of about one and a half.
 */
export function trainingBytes(spec: RunSpec): number {
  const { values, parameters } = costs(spec);
  return PROCESS_BYTES + 4 * (PARAMETER_COPIES * parameters + spec.batch * values);
}

/**
 * Refuses a training for which this machine has too little memory.
 *
 * @param spec The run.
 * @param available Bytes that are free, or can be made so.
 * @throws {EnvironmentError} They do not suffice; the largest batch for which they would is named.
 */
export function demandMemory(spec: RunSpec, available = Deno.systemMemoryInfo().available): void {
  const bytes = trainingBytes(spec);
  if (bytes <= available) return;
  let batch = 2 ** Math.floor(Math.log2(spec.batch));
  while (batch > 1 && trainingBytes({ ...spec, batch }) > available) batch /= 2;
  throw new EnvironmentError(
    `A batch of ${spec.batch} takes about ${humanBytes(bytes)} of memory, of which ${
      humanBytes(available)
    } are free. ` +
      (batch > 1 ? `A batch of ${batch} would fit: --set batch=${batch}.` : "Choose a smaller width."),
  );
}

/** What of a spec decides what an image costs. */
type Costly = Pick<RunSpec, "levels" | "wiring" | "stopGradient" | "view">;

/** What a step's ways of one image's views through all encoders and projectors take: multiplications, values that it holds, weights. */
function costs(spec: Costly): { multiplications: number; values: number; parameters: number } {
  const { early } = spec.view, whole = costsAt(spec, viewsOf(spec.view));
  if (!early) return whole;
  const small = costsAt(spec, viewsOf(spec.view, 0));
  const { part } = early, multiplications = part * small.multiplications + (1 - part) * whole.multiplications;
  return { ...whole, multiplications, values: Math.max(small.values, whole.values) };
}

/** The same of one list of views. */
function costsAt(spec: Costly, views: readonly Transforms[]): ReturnType<typeof costs> {
  const sum = { multiplications: 0, values: 0, parameters: 0 };
  for (const { size } of views) {
    // Of the network there is one, however many views go through it.
    sum.parameters = 0;
    countEncoders(spec, size, size).forEach((encoder, level) => {
      // What is frozen has no way back, for which values and slopes would be held.
      const trained = level >= trainedFrom(spec);
      const add = (multiplications: number, values: number, parameters: number) => {
        sum.multiplications += (trained ? 3 : 1) * multiplications;
        sum.values += trained ? values : 0;
        sum.parameters += trained ? parameters : parameters / PARAMETER_COPIES;
      };
      add(encoder.multiplications, encoder.values, encoder.parameters);
      spec.levels[level].projector.reduce((before, width) => {
        add(before * width, HELD * width, before * width);
        return width;
      }, encoder.map[2]);
    });
  }
  return sum;
}
