/**
 * The trainings behind the paper's tables and figures. Experiments share them:
 * each is trained once.
 *
 * @module
 */
import type { Dataset } from "../data/dataset.ts";
import { datasetKind, type DatasetName } from "../data/datasets.ts";
import { PHOTOGRAPHS } from "../data/views.ts";
import { RESNET_18 } from "../model/resnet.ts";
import type { LevelSpec, RunSpec } from "../training/spec.ts";
import { datasetOf, type Preset } from "./presets.ts";

/**
 * The trainings, by name. `s-jea` has a projector on stack 0 and none on stack 1
 * (the second column of the paper's Table 3, whose numbers Table 1 repeats).
 */
export const RUN_NAMES = [
  "vicreg",
  "s-jea",
  "vicreg-resnet50",
  "s-jea-no-projectors",
  "s-jea-projector-1",
  "s-jea-projectors",
  "s-jea-low-covariance",
] as const;

/** Name of a training. */
export type RunName = typeof RUN_NAMES[number];

/** What a reader calls a training. */
export const RUN_TITLES: Readonly<Record<RunName, string>> = {
  "vicreg": "VICReg",
  "s-jea": "S-JEA",
  "vicreg-resnet50": "VICReg, ResNet-50",
  "s-jea-no-projectors": "S-JEA without projectors",
  "s-jea-projector-1": "S-JEA, projector on stack 1 only",
  "s-jea-projectors": "S-JEA, projectors on both stacks",
  "s-jea-low-covariance": "S-JEA, covariance down-weighted",
};

/**
 * What defines a training.
 *
 * @param name Which one.
 * @param preset How large.
 * @param dataset On what.
 * @param seed Which seed.
 * @returns Its spec.
 */
export function runSpec(
  name: RunName,
  preset: Preset,
  dataset: Pick<Dataset, "name" | "fingerprint">,
  seed: number,
): RunSpec {
  const { width, zeroInitResidual, invariance, variance, weightDecay, learningRate, warmupEpochs } = preset;
  const covariance = name === "s-jea-low-covariance" ? preset.lowCovariance : preset.covariance;
  const level = (depth: 18 | 50, projector: readonly number[]): LevelSpec => ({
    encoder: { ...RESNET_18, depth, width, zeroInitResidual },
    projector,
    loss: { name: "vicreg", invariance, variance, covariance },
    weight: 1,
  });
  const { projector, plainProjector, cropMinimum, jitter, greyscale } = preset;
  const hiding = datasetKind(dataset.name as DatasetName).hiding ?? PHOTOGRAPHS;
  const levels: Record<RunName, RunSpec["levels"]> = {
    "vicreg": [level(18, projector)],
    "s-jea": [level(18, projector), level(18, plainProjector)],
    "vicreg-resnet50": [level(50, projector)],
    "s-jea-no-projectors": [level(18, []), level(18, plainProjector)],
    "s-jea-projector-1": [level(18, []), level(18, projector)],
    "s-jea-projectors": [level(18, projector), level(18, projector)],
    "s-jea-low-covariance": [level(18, projector), level(18, plainProjector)],
  };
  return {
    data: {
      dataset: datasetOf(preset, dataset.name as DatasetName),
      fingerprint: dataset.fingerprint,
      images: preset.trainImages,
      splitSeed: preset.splitSeed,
    },
    levels: levels[name],
    // Of one encoder there is nothing to wire: it is the same run however others are.
    wiring: levels[name].length > 1 ? preset.wiring : "prepool",
    stopGradient: levels[name].length > 1 && preset.stopGradient,
    view: {
      size: 32,
      cropScale: cropMinimum === "auto" ? hiding.cropScale : [cropMinimum, 1],
      flip: 0.5,
      jitter: jitter === "auto" ? hiding.jitter : { ...hiding.jitter, probability: jitter },
      greyscale: greyscale === "auto" ? hiding.greyscale : greyscale,
      solarise: preset.solarise,
      blur: preset.blur,
    },
    optimiser: {
      adam: { name: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay } as const,
      lars: {
        ...{ name: "lars", momentum: 0.9, eta: 1e-3, weightDecay } as const,
        ...{ slope: "decayed", clip: false, spare: true } as const,
      },
      "lars-clipped": {
        ...{ name: "lars", momentum: 0.9, eta: 0.02, weightDecay } as const,
        ...{ slope: "sum", clip: true, spare: true } as const,
      },
      sgd: { name: "sgd", momentum: 0.9, nesterov: false, weightDecay, spare: false } as const,
    }[preset.optimiser],
    schedule: {
      released: { name: "released", base: learningRate, warmupEpochs } as const,
      vicreg: { name: "vicreg", base: learningRate, warmupEpochs } as const,
    }[preset.schedule],
    epochs: preset.epochs,
    batch: preset.batch,
    precision: preset.precision,
    seed,
  };
}
