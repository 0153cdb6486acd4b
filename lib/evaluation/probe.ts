/**
 * Linear evaluation: multinomial logistic regression on frozen representations.
 *
 * @module
 */
import { z } from "zod";
import { tf } from "../compute/tf.ts";
import { compile, dispose } from "../compute/compile.ts";
import { rows } from "../compute/ops.ts";
import { generator, permutation } from "../base/random.ts";
import { type Labels, labelsOf } from "../data/dataset.ts";
import { accuracy, checkLabelled, type Labelled, type Metric } from "./metric.ts";

/** What to fit and how. */
export interface ProbeOptions {
  /** To fit. */
  readonly train: Labelled;
  /** For choosing the learning rate. */
  readonly validation: Labelled;
  /** Looked at once, with the chosen learning rate. */
  readonly test: Labelled;
  /** Number of classes. */
  readonly classes: number;
  /** Passes over the training features. */
  readonly epochs: number;
  /** Seed of their order. */
  readonly seed: number;
  /**
   * `standard`: features shifted and scaled to the training features' mean 0
   * and deviation 1, cosine decay, the learning rate that is best on the
   * validation set. `released`: near to the authors' code: features as they are,
   * their rate of 0.001 and no choice; but constant where theirs follows a
   * cosine, and of whole images where theirs trains on random crops.
   */
  readonly protocol: "standard" | "released";
}

/** A fitted probe. */
export interface ProbeResult {
  /** Part of the test set that was classified right, 0..1. */
  readonly top1: number;
  /** The learning rate that was used. */
  readonly learningRate: number;
  /** Part of the validation set that was classified right, 0..1. */
  readonly validation: number;
  /** Mean cross-entropy over the training set at the end, in nats. */
  readonly trainLoss: number;
  /** Class of each test image. */
  readonly predictions: Labels;
}

const MOMENTUM = 0.9;

/** Images an update; the released code accumulates four batches of 64, which is the same. */
const BATCH = 256;

/**
 * Raw pixels want the low rates, untrained encoders the high ones. Weight decay
 * is no candidate: with it in the grid, the chosen probes were no better.
 */
const LEARNING_RATES = {
  standard: [1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1, 3],
  released: [0.001],
} as const;

/**
 * Fits a linear classifier by SGD with momentum, one for each learning rate and
 * all at once, and tests the one that is best on the validation set.
 *
 * An epoch sees all images but the remainder that does not fill a batch, another
 * one each time.
 *
 * @param options What to fit and how.
 * @returns The chosen probe's accuracy.
 * @throws {RangeError} Features and labels do not fit together, or a feature is not finite.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { tf } from "../compute/tf.ts";
 * import { probe } from "./probe.ts";
 * await start();
 * const set = { features: tf.tensor2d([[1], [2], [8], [9]]), labels: Uint8Array.of(0, 0, 1, 1) };
 * const { top1 } = await probe({
 *   train: set,
 *   validation: set,
 *   test: set,
 *   classes: 2,
 *   epochs: 20,
 *   seed: 1,
 *   protocol: "standard",
 * });
 * if (top1 !== 1) throw new Error("small and large are easy to tell apart");
 * ```
 */
export async function probe(options: ProbeOptions): Promise<ProbeResult> {
  const { train, validation, test, classes, protocol } = options;
  checkLabelled({ train, validation, test }, classes);
  const rates = LEARNING_RATES[protocol];
  const moments = compile((x: tf.Tensor2D) => {
    const { mean, variance } = tf.moments(x, 0);
    return { mean, deviation: variance.sqrt().add(1e-6) };
  }, { name: "moments" });
  const { mean, deviation } = protocol === "standard"
    ? await moments(train.features)
    : { mean: tf.zeros([train.features.shape[1]]), deviation: tf.ones([train.features.shape[1]]) };
  const seen = compile(
    (features: tf.Tensor2D, mean: tf.Tensor, deviation: tf.Tensor) =>
      tf.concat([features.sub(mean).div(deviation), tf.ones([features.shape[0], 1])], 1) as tf.Tensor2D,
    { name: "seen" },
  );
  const inputs = await seen(train.features, mean, deviation);
  const weight = await fit(options, rates, inputs);

  const classify = compile((weight: tf.Tensor2D, x: tf.Tensor2D) => logitsOf(weight, x, classes), {
    name: "classify",
  });
  const apply = async (weight: tf.Tensor2D, { features }: Labelled) => {
    const x = await seen(features, mean, deviation), logits = await classify(weight, x);
    x.dispose();
    return logits;
  };
  const held = await apply(weight, validation);
  const scores = rates.map((_, at) => {
    const candidate = tf.tidy(() => held.slice([0, at, 0], [-1, 1, -1]).argMax(2).dataSync());
    return accuracy(candidate, validation.labels);
  });
  const best = scores.indexOf(Math.max(...scores));
  const chosen = weight.slice([0, best * classes], [-1, classes]);
  const [fitted, tested] = [await classify(chosen, inputs), await apply(chosen, test)];
  const trainLoss = tf.tidy(() =>
    tf.losses.softmaxCrossEntropy(oneHot(train.labels, classes), fitted.squeeze([1])).dataSync()[0]
  );
  const predictions = labelsOf(tf.tidy(() => tested.argMax(2).dataSync<"int32">()), classes);
  dispose([mean, deviation, inputs, weight, held, chosen, fitted, tested]);
  [moments, seen, classify].forEach((step) => step.dispose());
  return {
    top1: accuracy(predictions, test.labels),
    learningRate: rates[best],
    validation: scores[best],
    trainLoss,
    predictions,
  };
}

/** Logits of each candidate, `[count, candidates, classes]`. */
function logitsOf(weight: tf.Tensor2D, x: tf.Tensor2D, classes: number): tf.Tensor3D {
  return tf.matMul(x, weight).reshape([x.shape[0], -1, classes]);
}

/** Updates a call: small as they are, calling costs as much as computing. */
const AT_ONCE = 10;

/**
 * Fits one classifier a learning rate, all at once: their weights stand side by
 * side in one matrix, `[features + 1, candidates · classes]`, the last row for
 * the bias.
 */
async function fit(
  { train, classes, epochs, seed, protocol }: ProbeOptions,
  rates: readonly number[],
  inputs: tf.Tensor2D,
): Promise<tf.Tensor2D> {
  const [count, size] = inputs.shape;
  const batch = Math.min(BATCH, count),
    stepsPerEpoch = Math.floor(count / batch),
    steps = epochs * stepsPerEpoch;
  const update = compile((
    { weight, momentum }: { weight: tf.Tensor2D; momentum: tf.Tensor2D },
    inputs: tf.Tensor2D,
    targets: tf.Tensor2D,
    indices: tf.Tensor1D,
    rates: tf.Tensor2D,
  ) => {
    const chosen = rows(inputs, indices), wanted = rows(targets, indices).expandDims(1);
    for (let at = 0; at < rates.shape[0]; at++) {
      const x = chosen.slice(at * batch, batch), target = wanted.slice(at * batch, batch);
      // The gradient of the summed cross-entropy by the logits; rates are divided by the batch.
      const error = tf.softmax(logitsOf(weight, x, classes)).sub(target).reshape([batch, -1]) as tf.Tensor2D;
      momentum = momentum.mul(MOMENTUM).add(tf.matMul(x, error, true));
      weight = weight.sub(momentum.mul(rates.slice(at, 1)));
    }
    return { weight, momentum };
  }, { name: "probe" });
  const targets = tf.tidy(() => oneHot(train.labels, classes));
  const zeros = () => tf.zeros([size, rates.length * classes]) as tf.Tensor2D;
  let state = { weight: zeros(), momentum: zeros() };
  for (let step = 0, order = new Int32Array(); step < steps;) {
    const at = step % stepsPerEpoch;
    if (at === 0) order = permutation(count, generator("probe", seed, step)) as typeof order;
    const ahead = Math.min(AT_ONCE, stepsPerEpoch - at);
    const indices = tf.tensor1d(order.subarray(at * batch, (at + ahead) * batch), "int32");
    const decayed = tf.tensor2d(Array.from({ length: ahead }, (_, later) => {
      const decay = protocol === "standard" ? (1 + Math.cos(Math.PI * (step + later) / steps)) / 2 : 1;
      return rates.flatMap((rate) => new Array(classes).fill(rate * decay / batch));
    }));
    const next = await update(state, inputs, targets, indices, decayed);
    dispose([state, indices, decayed]);
    state = next;
    step += ahead;
  }
  update.dispose();
  dispose([targets, state.momentum]);
  return state.weight;
}

function oneHot(labels: Labels, classes: number): tf.Tensor2D {
  return tf.oneHot(tf.tensor1d(labels, "int32"), classes).toFloat() as tf.Tensor2D;
}

/** What the linear probe's predictions are called. */
export const TOP1 = "top-1";

/** The linear probe of all training images. */
export const probeMetric: Metric<Pick<ProbeOptions, "protocol" | "epochs">> = {
  options: z.strictObject({
    protocol: z.enum(["standard", "released"]).default("standard").describe(
      "rate chosen on held-out images, or near to the authors' code",
    ),
    epochs: z.int().positive().default(200).describe("passes over the features"),
  }),
  // While the released probe is fitted, batch norm is in training mode; here it is so for the test images, too.
  mode: ({ protocol }) => protocol === "released" ? "training" : "evaluation",
  async measure({ heldOut: validation, ...judged }, options) {
    return { [TOP1]: (await probe({ ...judged, validation, ...options })).predictions };
  },
};
