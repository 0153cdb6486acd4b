/**
 * One step of self-supervised training, as one function of state and batch
 * (the paper's Algorithm 1).
 *
 * @module
 */
import { tf } from "../compute/tf.ts";
import { compile, type Compiled, dispose, mapTree, type Tree } from "../compute/compile.ts";
import type { Cluster } from "../compute/cluster.ts";
import { gathered, summed } from "../compute/collectives.ts";
import { jointBatchNorm } from "../compute/joint_batch_norm.ts";
import { exact, gradients, type Tensors } from "../compute/ops.ts";
import { normalise } from "../data/normalise.ts";
import { loss, type Terms } from "../loss/losses.ts";
import { standardised } from "../loss/pairs.ts";
import { initialise, levelOf, type Network, type Pass, pass } from "../model/layers.ts";
import { projector } from "../model/projector.ts";
import { type Level, stack } from "../model/stack.ts";
import { CROP, type ViewOptions } from "../data/views.ts";
import type { Optimiser } from "./optimiser.ts";
import { type RunSpec, trainedFrom } from "./spec.ts";

/** Everything a step changes. */
export interface TrainingState extends Network {
  /** The optimiser's memory of what is trained. */
  readonly slots: Tensors;
  /** Where a loss has a momentum: the parameters of the network that follows, under the names of those it follows. */
  readonly momentum?: Tensors;
}

/** What a step returns. */
export interface StepResult {
  /** The state after the step. */
  readonly state: TrainingState;
  /** Unweighted terms and weighted total, one entry a trained level. */
  readonly terms: readonly Terms[];
  /** What each level makes of the first views. */
  readonly levels: Level[];
}

/**
 * A compiled training step: state, a batch of each view in 0..1 (of several processes its share of it), learning rate,
 * step number from 1, and what else the losses ask for.
 */
export type TrainingStep = Compiled<
  [state: TrainingState, views: tf.Tensor4D[], rate: tf.Scalar, step: tf.Scalar, ...beside: Beside[]],
  StepResult
>;

/** What some losses ask for beside the views; either may be empty. */
export interface Beside {
  /** Of supervised levels: the whole batch's labels by name, `[batch]` each. */
  readonly labels: Tensors;
  /** Where a predictor is told the crops: those of each view, `[batch, CROP]`, of several processes its share of them. */
  readonly crops: tf.Tensor2D[];
}

/** What of a spec a step is made of. */
export interface StepConfig extends Pick<RunSpec, "levels" | "wiring" | "stopGradient" | "precision"> {
  /** Steps of the whole training, which a momentum rises over. */
  readonly steps?: number;
  /** How large the views are, 32×32 if absent, and which are local, none if absent. */
  readonly view?: Partial<Pick<ViewOptions, "size" | "local">>;
}

/**
 * The state before the first step.
 *
 * @param config Stack and losses.
 * @param optimiser How parameters follow their gradients.
 * @param seed Seed of the parameters: the same encoders as {@link initialiseStack} makes.
 * @returns The state, the caller's to dispose; what is frozen has first values, too.
 */
export function initialState(config: StepConfig, optimiser: Optimiser, seed: number): TrainingState {
  const { size = 32 } = config.view ?? {}, crops = tf.zeros<tf.Rank.R2>([2, 2 * CROP]);
  const network = initialise(
    seed,
    (pass) =>
      embed(pass, { image: tf.zeros([2, size, size, 3]), ...needsCrops(config) && { crops } }, config),
  );
  crops.dispose();
  const followed = Object.entries(network.parameters).filter(([name]) =>
    momentumOf(name, config) !== undefined
  );
  const momentum = Object.fromEntries(followed.map(([name, tensor]) => [name, tf.keep(tensor.clone())]));
  return {
    ...network,
    slots: optimiser.slots(trainedOf(network.parameters, config)),
    ...followed.length > 0 && { momentum },
  };
}

/**
 * A trained network without what training alone needs.
 *
 * @param network Parameters and statistics.
 * @returns Encoders and projectors.
 */
export function withoutPredictors({ parameters, statistics }: Network): Network {
  const [kept, tracked] = [parameters, statistics].map((tensors) =>
    Object.fromEntries(Object.entries(tensors).filter(([name]) => !name.startsWith(PREDICTORS)))
  );
  return { parameters: kept, statistics: tracked };
}

const PREDICTORS = "predictors.";

/**
 * Whether a level's predictor is told where views were cropped.
 *
 * @param config Stack and losses.
 * @returns Whether a step has to be given the crops.
 */
export function needsCrops({ levels }: Pick<StepConfig, "levels">): boolean {
  return levels.some(({ loss }) => "condition" in loss && loss.condition === "crops");
}

/** Views of one place in the pair. */
interface View {
  /** Normalised, `[batch, size, size, 3]`. */
  readonly image: tf.Tensor4D;
  /** Where they and the other views of their pairs were cropped, `[batch, 2 CROP]`. */
  readonly crops?: tf.Tensor2D;
}

/** What a level's loss takes of one view. */
interface Embedded {
  readonly embedding: tf.Tensor2D;
  readonly predicted?: tf.Tensor2D;
  readonly given?: tf.Tensor2D;
}

/** What each level makes of one view, and what of that its loss takes. */
function embed(
  pass: Pass,
  { image, crops }: View,
  config: StepConfig,
): { level: Level; embedded: Embedded }[] {
  return stack(pass, image, config).map(({ input, representation, embedding: made }, at) => {
    const options = config.levels[at].loss, asIs = exact(made);
    // As it is: a standardised embedding would hide a collapse.
    const level = { representation, embedding: made };
    const embedding = "standardised" in options && options.standardised ? standard(pass, asIs) : asIs;
    if (!("predictor" in options)) return { level, embedded: { embedding } };
    const predict = (from: tf.Tensor2D, widths: readonly number[]) =>
      exact(projector(pass, `${PREDICTORS}${at}`, from, widths));
    if (!("condition" in options)) {
      return { level, embedded: { embedding, predicted: predict(embedding, options.predictor) } };
    }
    const given = exact(input).reshape<tf.Tensor2D>([input.shape[0], -1]);
    const known = options.condition === "crops" ? tf.concat([embedding, crops!], 1) : embedding;
    const predicted = predict(known, [...options.predictor, given.shape[1]]);
    return { level, embedded: { embedding, predicted, given } };
  });
}

/** Standardised embeddings, over the batches of all processes where there are several. */
function standard({ joint }: Pass, embedding: tf.Tensor2D): tf.Tensor2D {
  if (!joint) return standardised(embedding);
  const features: [number] = [embedding.shape[1]];
  return jointBatchNorm(embedding, tf.ones(features), tf.zeros(features), joint).y as tf.Tensor2D;
}

/**
 * Applies a network to each view; one of several processes to all views of a size in a row, so that for the
 * statistics of all of them the processes meet once.
 */
function ofEach<T extends Tree>(
  pass: Pass,
  views: readonly View[],
  cluster: Cluster | undefined,
  apply: (pass: Pass, view: View) => T,
): T[] {
  if (!cluster) return views.map((view) => apply(pass, view));
  const sizes = new Set(views.map(({ image }) => image.shape[1])), [share] = views[0].image.shape;
  return [...sizes].flatMap((size) => {
    const alike = views.filter(({ image }) => image.shape[1] === size);
    const joint = { cluster, batches: alike.length };
    const crops = alike.flatMap(({ crops }) => crops ?? []);
    const made = apply({ ...pass, joint }, {
      image: tf.concat(alike.map(({ image }) => image)),
      ...crops.length > 0 && { crops: tf.concat(crops) },
    });
    return alike.map((_, at) => mapTree(made, (x) => x.slice(at * share, share)));
  });
}

/** Whether a parameter or statistic of some name is trained: the mode of each batch norm, too. */
const isTrained = (config: StepConfig) => (name: string) => levelOf(name) >= trainedFrom(config);

/** The parameters that are trained. */
function trainedOf(parameters: Tensors, config: StepConfig): Tensors {
  const trained = isTrained(config);
  return Object.fromEntries(Object.entries(parameters).filter(([name]) => trained(name)));
}

/** The embeddings of each view by the network that follows, in the modes of the trained one, one entry a level. */
function targetsOf(
  { parameters, statistics, momentum }: TrainingState,
  views: readonly View[],
  config: StepConfig,
  cluster?: Cluster,
): tf.Tensor2D[][] {
  const top = config.levels.findLastIndex(({ loss }) => "momentum" in loss);
  const followed = { ...config, levels: config.levels.slice(0, top + 1) };
  const following = pass({ parameters: { ...parameters, ...momentum }, statistics }, isTrained(config));
  return ofEach(
    following,
    views,
    cluster,
    (pass, { image }) => stack(pass, image, followed).map(({ embedding }) => exact(embedding)),
  );
}

/** How much of itself a parameter keeps of the network that follows: its own level's, or the nearest above. */
function momentumOf(name: string, config: StepConfig): number | undefined {
  if (name.startsWith(PREDICTORS) || !isTrained(config)(name)) return;
  const above = config.levels.slice(levelOf(name)).find(({ loss }) => "momentum" in loss)?.loss;
  return above && "momentum" in above ? above.momentum : undefined;
}

/** The parameters of the network that follows, after a step. */
function follow(momentum: Tensors, parameters: Tensors, number: tf.Scalar, config: StepConfig): Tensors {
  // From 0 in the first step to almost 1 in the last.
  const progress = number.sub(1).div(config.steps!);
  const rest = progress.mul(Math.PI).cos().add(1).div(2);
  const followed = Object.entries(momentum).map(([name, tensor]) => {
    const moves = rest.mul(1 - momentumOf(name, config)!);
    return [name, tensor.add(parameters[name].sub(tensor).mul(moves))];
  });
  return Object.fromEntries(followed);
}

/**
 * Makes the training step.
 *
 * Each view is a batch of its own for batch norm. The loss is the weighted sum of
 * the levels' losses; its gradient reaches all levels below that are trained. Of more than two views,
 * a level's loss is the mean over all pairs of a view of full size and another one
 * (Caron et al. 2020, https://arxiv.org/abs/2006.09882). In bfloat16 the
 * loss of the embeddings and the optimiser's arithmetic stay in float32.
 *
 * Of several processes, each computes its share of every view, the loss of all shares, and the gradient of that by its
 * own; what a step returns is then of the whole batch and the same in all.
 *
 * @param config Stack, losses and precision.
 * @param optimiser How parameters follow their gradients.
 * @param cluster The processes that take the step together; absent: this one takes it alone.
 * @returns The compiled step.
 * @throws {RangeError} A loss has a momentum, and nobody says over how many steps it rises.
 */
export function trainingStep(config: StepConfig, optimiser: Optimiser, cluster?: Cluster): TrainingStep {
  if (config.steps === undefined && config.levels.some(({ loss }) => "momentum" in loss)) {
    throw new RangeError("A loss with a momentum needs the number of steps that it rises over: steps.");
  }
  const step = (
    state: TrainingState,
    views: tf.Tensor4D[],
    rate: tf.Scalar,
    number: tf.Scalar,
    ...[{ labels, crops } = { labels: {}, crops: [] }]: Beside[]
  ): StepResult => {
    const full = views.length - (config.view?.local?.number ?? 0);
    // A predictor of crops has two views: of the one and of the other.
    const shown = views.map((view, at): View => ({
      image: normalise(view),
      ...crops.length > 0 && { crops: tf.concat([crops[at], crops[1 - at]], 1) },
    }));
    const pairs = views.flatMap((_, one) => views.map((_, two) => [one, two] as const))
      .filter(([one, two]) => one < two && one < full);
    const followed = state.momentum && targetsOf(state, shown, config, cluster);
    const from = trainedFrom(config), trained = trainedOf(state.parameters, config);
    const { gradients: slopes, aside } = gradients((inner) => {
      const network = { parameters: { ...state.parameters, ...inner }, statistics: state.statistics };
      const forward = pass(network, isTrained(config));
      const own = ofEach(forward, shown, cluster, (pass, view) => embed(pass, view, config));
      const made = {
        embedded: own.map((view) => view.map(({ embedded }) => embedded)),
        levels: own[0].map(({ level }) => level),
        ...followed && { targets: followed },
      };
      const { embedded, levels, targets } = cluster ? gathered(made, cluster) : made;
      const learning = config.levels.slice(from);
      const terms = learning.map((level, above) =>
        meanOf(pairs.map(([one, two]) => {
          const at = from + above, [first, second] = [embedded[one][at], embedded[two][at]];
          return loss(level.loss, first.embedding, second.embedding, {
            ...first.predicted && { predicted: [first.predicted, second.predicted!] },
            ...first.given && { given: [first.given, second.given!] },
            ...targets && { targets: [targets[one][at], targets[two][at]] },
            ..."labels" in level.loss && { labels: labels[level.loss.labels] as tf.Tensor1D },
          });
        }))
      );
      const sum = tf.addN(terms.map(({ total }, at) => total.mul(learning[at].weight))) as tf.Scalar;
      return { loss: sum, aside: { statistics: forward.statistics, terms, levels } };
    }, trained);
    const own = mapTree(slopes, exact);
    const { parameters, slots } = optimiser.update(
      trained,
      cluster ? summed(own, cluster) : own,
      state.slots,
      rate,
      number,
    );
    return {
      state: {
        ...{ parameters: { ...state.parameters, ...parameters }, slots, statistics: aside.statistics },
        ...state.momentum && { momentum: follow(state.momentum, parameters, number, config) },
      },
      terms: aside.terms,
      levels: aside.levels,
    };
  };
  return compile(step, { name: "training_step", precision: config.precision, lanes: [1, 2] });
}

/** The mean of each term. */
function meanOf([first, ...others]: readonly Terms[]): Terms {
  if (others.length === 0) return first;
  const mean = (name: string) =>
    tf.addN([first, ...others].map((terms) => terms[name])).div(others.length + 1);
  return Object.fromEntries(Object.keys(first).map((name) => [name, mean(name)])) as unknown as Terms;
}

/**
 * Reads a step's terms, and frees them.
 *
 * @param terms The terms of each level.
 * @returns Their values, one entry a trained level.
 */
export function readTerms(terms: StepResult["terms"]): Record<string, number>[] {
  const values = terms.map((level) =>
    Object.fromEntries(Object.entries(level).map(([name, term]) => [name, term.dataSync()[0]]))
  );
  dispose(terms);
  return values;
}
