/**
 * One step of self-supervised training, as one function of state and batch
 * (the paper's Algorithm 1).
 *
 * @module
 */
import { tf } from "../compute/tf.ts";
import { compile, type Compiled, mapTree, type Precision } from "../compute/compile.ts";
import { exact, gradients, type Tensors } from "../compute/ops.ts";
import { normalise } from "../data/normalise.ts";
import { vicreg, type VicregWeights } from "../loss/vicreg.ts";
import { type Network, pass } from "../model/layers.ts";
import { type Level, stack, type StackConfig } from "../model/stack.ts";
import type { Optimiser } from "./optimiser.ts";

/** Everything a step changes. */
export interface TrainingState extends Network {
  /** The optimiser's memory. */
  readonly slots: Tensors;
}

/** The terms that are logged, in the order of a row of {@link StepResult.terms}. */
export const TERMS = ["invariance", "variance", "covariance", "total"] as const;

/** What a step returns. */
export interface StepResult {
  readonly state: TrainingState;
  /** Unweighted terms and weighted total of each level, `[levels, 4]`. */
  readonly terms: tf.Tensor2D;
  /** What each level makes of the first views. */
  readonly levels: Level[];
}

/** A compiled training step: state, two batches of views in 0..1, learning rate, step number from 1. */
export type TrainingStep = Compiled<
  [state: TrainingState, first: tf.Tensor4D, second: tf.Tensor4D, rate: tf.Scalar, step: tf.Scalar],
  StepResult
>;

/** What a step is made of. */
export interface StepConfig {
  readonly model: StackConfig;
  /** Weights of the VICReg terms, one entry a level. */
  readonly loss: readonly VicregWeights[];
  readonly precision: Precision;
}

/**
 * Makes the training step.
 *
 * Each view is a batch of its own for batch norm. The loss is the sum of the
 * levels' VICReg losses; its gradient reaches all levels below. In bfloat16 the
 * loss of the embeddings and the optimiser's arithmetic stay in float32.
 *
 * @param config Model, loss and precision.
 * @param optimiser How parameters follow their gradients.
 * @returns The compiled step.
 */
export function trainingStep(config: StepConfig, optimiser: Optimiser): TrainingStep {
  const step = (
    state: TrainingState,
    first: tf.Tensor4D,
    second: tf.Tensor4D,
    rate: tf.Scalar,
    number: tf.Scalar,
  ): StepResult => {
    const { gradients: slopes, aside } = gradients((parameters) => {
      const forward = pass({ parameters, statistics: state.statistics }, true);
      const [one, two] = [first, second].map((view) => stack(forward, normalise(view), config.model));
      const levels = one.map(({ embedding }, at) =>
        vicreg(exact(embedding), exact(two[at].embedding), config.loss[at])
      );
      const loss = tf.addN(levels.map((terms) => terms.total)) as tf.Scalar;
      const terms = tf.stack(levels.map((level) => tf.stack(TERMS.map((term) => level[term]))));
      return { loss, aside: { statistics: forward.statistics, terms, levels: one } };
    }, state.parameters);
    const { parameters, slots } = optimiser.update(
      state.parameters,
      mapTree(slopes, exact),
      state.slots,
      rate,
      number,
    );
    return {
      state: { parameters, slots, statistics: aside.statistics },
      terms: aside.terms as tf.Tensor2D,
      levels: aside.levels,
    };
  };
  return compile(step, { name: "training_step", precision: config.precision, lanes: [1, 2] });
}
