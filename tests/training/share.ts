/**
 * Steps of small stacks that several processes take together, each with its share of the batch, or one alone.
 *
 * @module
 */
import { start } from "../../lib/compute/backend.ts";
import { type Cluster, namedCluster } from "../../lib/compute/cluster.ts";
import { dispose, flatten } from "../../lib/compute/compile.ts";
import { tf } from "../../lib/compute/tf.ts";
import { CROP } from "../../lib/data/views.ts";
import { RESNET_18 } from "../../lib/model/resnet.ts";
import { optimiser } from "../../lib/training/optimiser.ts";
import {
  initialState,
  needsCrops,
  readTerms,
  type StepConfig,
  type TrainingState,
  trainingStep,
} from "../../lib/training/step.ts";

const BATCH = 32, STEPS = 5, RATE = 1e-4;

const of = (width: number, levels: readonly Partial<StepConfig["levels"][number]>[]): StepConfig => ({
  levels: levels.map((level) => ({
    encoder: { ...RESNET_18, width, zeroInitResidual: true },
    projector: [4 * width, 4 * width],
    loss: { name: "vicreg", invariance: 25, variance: 25, covariance: 1 },
    weight: 1,
    ...level,
  })),
  ...{ wiring: "prepool", stopGradient: false, precision: "float32", steps: STEPS },
});

/** What is trained, by name: the paper's stack, and all else that a step can be made of. */
export const CONFIGS: Readonly<Record<string, StepConfig>> = {
  "two levels by VICReg": of(8, [{}, {}]),
  "a level by SimSiam, standardised, on a frozen one": of(4, [
    { frozen: "0".repeat(12) },
    { loss: { name: "simsiam", predictor: [8, 16], standardised: true } },
  ]),
  "a level that predicts the map below it, told of crops": of(4, [
    {},
    {
      projector: [],
      loss: { name: "predictive", predictor: [16], condition: "crops", target: "other" },
    },
  ]),
  "a supervised level below one by BYOL, with a local view": {
    ...of(4, [
      { projector: [10], loss: { name: "supervised", labels: "classes" } },
      { loss: { name: "byol", predictor: [8, 16], momentum: 0.9 } },
    ]),
    view: { local: { number: 1, size: 20, cropScale: [0.1, 0.3] } },
  },
};

/** What came of a training. */
export interface Outcome {
  /** Terms of each step and trained level. */
  readonly terms: Record<string, number>[][];
  /** What the levels made of the last first views: means of features, by level and part. */
  readonly levels: Record<string, number[]>;
  /** How far parameters, statistics and the momentum network have come, by name. */
  readonly moved: Record<string, number[]>;
}

/** Pictures of 4 × 4 coloured squares, and each view of them through noise. */
function views({ view }: StepConfig, step: number, { task, size }: { task: number; size: number }) {
  const squares = tf.randomUniform([BATCH, 4, 4, 3], 0, 1, "float32", step + 1) as tf.Tensor4D;
  const share = BATCH / size, sides = [32, 32, ...view?.local ? [view.local.size] : []];
  return sides.map((side, at) => {
    const noise = tf.randomUniform([BATCH, side, side, 3], 0, 0.2, "float32", 100 * step + at);
    const whole = tf.image.resizeNearestNeighbor(squares, [side, side]).mul(0.8).add(noise);
    return whole.slice(task * share, share) as tf.Tensor4D;
  });
}

function valuesOf({ parameters, statistics, momentum = {} }: TrainingState): Record<string, number[]> {
  const all = flatten({ parameters, statistics, momentum });
  return Object.fromEntries(all.map(([path, x]) => [path.slice(1), [...x.dataSync()]]));
}

/** Trains all of them. */
export async function outcomes(cluster?: Cluster): Promise<Record<string, Outcome>> {
  await start(cluster);
  const part = { task: cluster?.task ?? 0, size: cluster?.addresses.length ?? 1 };
  const sgd = optimiser({ name: "sgd", momentum: 0.9, weightDecay: 1e-6, nesterov: false, spare: false });
  const classes = tf.tensor1d(Array.from({ length: BATCH }, (_, at) => at % 10), "int32");
  const found: Record<string, Outcome> = {};
  for (const [name, config] of Object.entries(CONFIGS)) {
    const step = trainingStep(config, sgd, cluster), terms: Outcome["terms"] = [];
    const first = initialState(config, sgd, 1), begun = valuesOf(first);
    let state = first, levels: Outcome["levels"] = {};
    const rows = BATCH / part.size,
      crops = needsCrops(config)
        ? [1, 2].map((view) =>
          tf.randomUniform([BATCH, CROP], -1, 1, "float32", view).slice(part.task * rows, rows) as tf.Tensor2D
        )
        : [];
    const beside = { labels: { classes }, crops };
    for (let at = 0; at < STEPS; at++) {
      const inputs = [views(config, at, part), tf.scalar(RATE), tf.scalar(at + 1), beside] as const;
      const result = await step(state, ...inputs);
      terms.push(readTerms(result.terms));
      levels = Object.fromEntries(
        result.levels.flatMap((level, at) =>
          Object.entries(level).map(([part, x]) => [`${part} ${at}`, [x.shape[0], ...x.mean(0).dataSync()]])
        ),
      );
      dispose([state, result.levels]);
      state = result.state;
    }
    const moved = Object.entries(valuesOf(state)).map(([name, values]) =>
      [name, values.map((value, at) => value - begun[name][at])] as const
    );
    found[name] = { terms, levels, moved: Object.fromEntries(moved) };
    dispose(state);
    step.dispose();
  }
  return found;
}

if (import.meta.main) {
  await Deno.writeTextFile(Deno.args[0], JSON.stringify(await outcomes(namedCluster())));
  // TensorFlow's server would keep the process.
  Deno.exit(0);
}
