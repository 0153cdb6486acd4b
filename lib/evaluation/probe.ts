/**
 * Linear evaluation: multinomial logistic regression on frozen representations.
 *
 * @module
 */
import { tf } from "../compute/tf.ts";
import { compile, dispose } from "../compute/compile.ts";
import { rows } from "../compute/ops.ts";
import { generator, permutation } from "../base/random.ts";
import { accuracy, type Labelled } from "./knn.ts";

/** What to fit and how. */
export interface ProbeOptions {
  readonly train: Labelled;
  /** For choosing the learning rate. */
  readonly validation: Labelled;
  /** Looked at once, with the chosen learning rate. */
  readonly test: Labelled;
  readonly classes: number;
  readonly epochs: number;
  readonly seed: number;
  /**
   * `standard`: standardised features, the best of several learning rates on
   * the validation set, cosine decay. `released`: the authors' one learning
   * rate, constant (their configured momentum is not recorded; 0.9 here).
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
  /** Class of each test image. */
  readonly predictions: Uint8Array;
}

const MOMENTUM = 0.9;

/** Images an update; the released code accumulates four batches of 64, which is the same. */
const BATCH = 256;

const LEARNING_RATES = {
  standard: [0.003, 0.01, 0.03, 0.1, 0.3, 1],
  released: [0.001],
} as const;

/** Weights and biases of all candidates, and their momenta. */
interface Heads {
  /** `[candidates, features, classes]`. */
  readonly weight: tf.Tensor3D;
  /** `[candidates, 1, classes]`. */
  readonly bias: tf.Tensor3D;
}

/**
 * Fits a linear classifier for each learning rate, all at once, and tests the
 * one that is best on the validation set.
 *
 * @param options What to fit and how.
 * @returns The chosen probe's accuracy.
 */
export async function probe(options: ProbeOptions): Promise<ProbeResult> {
  const { train, classes, epochs, seed, protocol } = options;
  const rates = LEARNING_RATES[protocol];
  const [count, size] = train.features.shape;
  const batch = Math.min(BATCH, count),
    stepsPerEpoch = Math.floor(count / batch),
    steps = epochs * stepsPerEpoch;

  const { mean, deviation } = tf.tidy(() => {
    if (protocol === "released") return { mean: tf.zeros([size]), deviation: tf.ones([size]) };
    const mean = tf.mean(train.features, 0);
    return { mean, deviation: train.features.sub(mean).square().mean(0).sqrt().add(1e-6) };
  });
  const standardise = (x: tf.Tensor2D) => x.sub(mean).div(deviation) as tf.Tensor2D;
  const inputs = tf.tidy(() => standardise(train.features));
  const targets = tf.tidy(() =>
    tf.oneHot(tf.tensor1d(train.labels, "int32"), classes).toFloat() as tf.Tensor2D
  );

  const update = compile((
    heads: Heads,
    momenta: Heads,
    inputs: tf.Tensor2D,
    targets: tf.Tensor2D,
    indices: tf.Tensor1D,
    rate: tf.Tensor3D,
  ) => {
    const x = rows(inputs, indices), y = rows(targets, indices);
    const repeated = tf.tile(x.expandDims(0), [rates.length, 1, 1]) as tf.Tensor3D;
    // The gradient of the mean cross-entropy by the logits: (softmax − target) / batch.
    const error = tf.softmax(tf.matMul(repeated, heads.weight).add(heads.bias)).sub(y.expandDims(0)).div(
      batch,
    );
    const slope = { weight: tf.matMul(repeated, error as tf.Tensor3D, true), bias: error.sum(1, true) };
    const move = (part: keyof Heads) => {
      const momentum = momenta[part].mul(MOMENTUM).add(slope[part]) as tf.Tensor3D;
      return [heads[part].sub(momentum.mul(rate)) as tf.Tensor3D, momentum];
    };
    const [weight, weightMomentum] = move("weight"), [bias, biasMomentum] = move("bias");
    return { heads: { weight, bias }, momenta: { weight: weightMomentum, bias: biasMomentum } };
  }, { name: "probe" });

  const zeros = () => ({
    weight: tf.zeros([rates.length, size, classes]) as tf.Tensor3D,
    bias: tf.zeros([rates.length, 1, classes]) as tf.Tensor3D,
  });
  let [heads, momenta]: Heads[] = [zeros(), zeros()];
  for (let step = 0, order = new Int32Array(); step < steps; step++) {
    const from = step % stepsPerEpoch * batch;
    if (from === 0) order = permutation(count, generator("probe", seed, step)) as typeof order;
    const decay = protocol === "standard" ? (1 + Math.cos(Math.PI * step / steps)) / 2 : 1;
    const indices = tf.tensor1d(order.slice(from, from + batch), "int32");
    const rate = tf.tensor3d(rates.map((rate) => rate * decay), [rates.length, 1, 1]);
    const next = await update(heads, momenta, inputs, targets, indices, rate);
    dispose([heads, momenta, indices, rate]);
    ({ heads, momenta } = next);
  }
  update.dispose();

  const classify = (features: tf.Tensor2D, candidate: number) =>
    tf.tidy(() => {
      const weight = tf.gather(heads.weight, candidate).as2D(size, classes),
        bias = heads.bias.gather(candidate);
      return Uint8Array.from(tf.matMul(standardise(features), weight).add(bias).argMax(1).dataSync());
    });
  const { validation, test } = options;
  const validated = rates.map((_, candidate) =>
    accuracy(classify(validation.features, candidate), validation.labels)
  );
  const best = validated.indexOf(Math.max(...validated));
  const predictions = classify(test.features, best);
  dispose([heads, momenta, mean, deviation, inputs, targets]);
  return {
    top1: accuracy(predictions, test.labels),
    learningRate: rates[best],
    validation: validated[best],
    predictions,
  };
}
