/**
 * One step of self-supervised training, as one function of state and batch
 * (the paper's Algorithm 1).
 *
 * @module
 */
import { tf } from "../compute/tf.ts";
import { compile, type Compiled, dispose, mapTree } from "../compute/compile.ts";
import { exact, gradients, type Tensors } from "../compute/ops.ts";
import { normalise } from "../data/normalise.ts";
import { loss, type Terms } from "../loss/losses.ts";
import { type Network, pass } from "../model/layers.ts";
import { type Level, stack } from "../model/stack.ts";
import type { Optimiser } from "./optimiser.ts";
import type { RunSpec } from "./spec.ts";

/** Everything a step changes. */
export interface TrainingState extends Network {
  /** The optimiser's memory. */
  readonly slots: Tensors;
}

/** What a step returns. */
export interface StepResult {
  /** The state after the step. */
  readonly state: TrainingState;
  /** Unweighted terms and weighted total, one entry a level. */
  readonly terms: readonly Terms[];
  /** What each level makes of the first views. */
  readonly levels: Level[];
}

/** A compiled training step: state, two batches of views in 0..1, learning rate, step number from 1. */
export type TrainingStep = Compiled<
  [state: TrainingState, first: tf.Tensor4D, second: tf.Tensor4D, rate: tf.Scalar, step: tf.Scalar],
  StepResult
>;

/** What of a spec a step is made of. */
export type StepConfig = Pick<RunSpec, "levels" | "wiring" | "stopGradient" | "precision">;

/**
 * Makes the training step.
 *
 * Each view is a batch of its own for batch norm. The loss is the weighted sum of
 * the levels' losses; its gradient reaches all levels below. In bfloat16 the
 * loss of the embeddings and the optimiser's arithmetic stay in float32.
 *
 * @param config Stack, losses and precision.
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
      const [one, two] = [first, second].map((view) => stack(forward, normalise(view), config));
      const terms = one.map(({ embedding }, at) =>
        loss(config.levels[at].loss, exact(embedding), exact(two[at].embedding))
      );
      const sum = tf.addN(terms.map(({ total }, at) => total.mul(config.levels[at].weight))) as tf.Scalar;
      return { loss: sum, aside: { statistics: forward.statistics, terms, levels: one } };
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
      terms: aside.terms,
      levels: aside.levels,
    };
  };
  return compile(step, { name: "training_step", precision: config.precision, lanes: [1, 2] });
}

/**
 * Reads a step's terms, and frees them.
 *
 * @param terms The terms of each level.
 * @returns Their values.
 */
export function readTerms(terms: StepResult["terms"]): Record<string, number>[] {
  const values = terms.map((level) =>
    Object.fromEntries(Object.entries(level).map(([name, term]) => [name, term.dataSync()[0]]))
  );
  dispose(terms);
  return values;
}
