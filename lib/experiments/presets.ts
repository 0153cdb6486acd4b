/**
 * Presets: how large an experiment is. A preset is data; any field can be
 * overridden from the command line with `--set field=value`.
 *
 * @module
 */
import { z } from "zod";
import type { EngineName } from "../compute/engine.ts";
import { UsageError } from "../base/errors.ts";
import { checked, oneOf, suggest } from "../base/schema.ts";
import {
  DATASET_NAMES,
  type DatasetConfig,
  datasetKind,
  type DatasetName,
  DATASETS,
} from "../data/datasets.ts";
import type { MetricConfig } from "../evaluation/metrics.ts";
import type { ExperimentName } from "./experiments.ts";

const count = z.int().positive();
const weight = z.number().nonnegative();
const probability = z.number().min(0).max(1);
/** What each data set has a value of its own for. */
const ofDataset = (field: z.ZodNumber, what: string) =>
  z.union([z.literal("auto"), field]).describe(`${what}; auto: the data set's`);

/** Whose numbers can be wanted: of the test images, or of the held-out ones for choices between runs. */
export const SCORED = ["test", "heldOut"] as const satisfies Evaluation["scored"][];

/** How representations are evaluated, and on which images; scoring is handed nothing else. */
export interface Evaluation {
  /** Images for pre-training, probe and k-NN bank. */
  readonly trainImages: number;
  /** Training images set aside to choose the probe's learning rate. */
  readonly heldOutImages: number;
  /** Test images, touched once at the end. */
  readonly testImages: number;
  /** Seed of the split into training and held-out images, and of generated images. */
  readonly splitSeed: number;
  /** Whose numbers are wanted. */
  readonly scored: "test" | "heldOut";
  /** By what they are judged. */
  readonly metrics: readonly MetricConfig[];
}

/** One preset; {@link presetSchema} describes the fields. */
export interface Preset extends Omit<Evaluation, "metrics" | "scored"> {
  /** Data set that `--dataset auto` means. */
  readonly dataset: DatasetName;
  /** Channels of the encoder's first stage; torchvision's ResNet has 64. */
  readonly width: number;
  /** What feeds stack 1: the paper's text, or the released code. */
  readonly wiring: "prepool" | "embedding";
  /** Keep stack 1's loss from reaching stack 0. */
  readonly stopGradient: boolean;
  /** Widths of a projector's layers. */
  readonly projector: readonly number[];
  /** What stands on stack 1 without a projector; released code: a linear layer. */
  readonly plainProjector: readonly number[];
  /** Start each residual branch at zero. */
  readonly zeroInitResidual: boolean;
  /** Weight λ of VICReg's invariance term. */
  readonly invariance: number;
  /** Weight µ of VICReg's variance term. */
  readonly variance: number;
  /** Weight υ of VICReg's covariance term. */
  readonly covariance: number;
  /** Weight υ of Figure 4's down-weighted run; the paper gives no value. */
  readonly lowCovariance: number;
  /** Passes over the training images. */
  readonly epochs: number;
  /** Images a step. */
  readonly batch: number;
  /** How parameters follow their gradients. */
  readonly optimiser: "adam" | "lars" | "lars-clipped" | "sgd";
  /** Peak learning rate. */
  readonly learningRate: number;
  /** L2 penalty. */
  readonly weightDecay: number;
  /** Epochs until the peak learning rate. */
  readonly warmupEpochs: number;
  /** Decay: the authors' stretched cosine, or VICReg's own. */
  readonly schedule: "released" | "vicreg";
  /** Smallest crop, as a part of the image's area; "auto": the data set's. */
  readonly cropMinimum: number | "auto";
  /** Probability of colour jitter, which is as strong as the data set needs; "auto": the data set's. */
  readonly jitter: number | "auto";
  /** Probability of a grey view; "auto": the data set's. */
  readonly greyscale: number | "auto";
  /** Probability of a solarised view. */
  readonly solarise: number;
  /** Probability of a blurred view. */
  readonly blur: number;
  /** Arithmetic of the training step. */
  readonly precision: "float32" | "bfloat16";
  /** Linear evaluation: rate chosen on held-out images, or near to the authors' code. */
  readonly probe: "standard" | "released";
  /** Passes of the linear probe over the features. */
  readonly probeEpochs: number;
  /** K of the k-NN evaluation; the first one goes into the table. */
  readonly neighbours: readonly number[];
  /** Temperature of the k-NN votes. */
  readonly temperature: number;
  /** Training runs a row, seeds 0, 1, …. */
  readonly seeds: number;
}

/** Each `describe` is the field's documentation. */
const fields = z.strictObject({
  dataset: z.enum(DATASET_NAMES).describe("data set that `--dataset auto` means"),
  trainImages: count.describe("images for pre-training, probe and k-NN bank"),
  heldOutImages: count.describe("training images set aside to choose the probe's learning rate"),
  testImages: count.describe("test images, touched once at the end"),
  splitSeed: z.int().describe(
    "seed of the split into training and held-out images, and of generated images",
  ),
  width: count.describe("channels of the encoder's first stage; torchvision's ResNet has 64"),
  wiring: z.enum(["prepool", "embedding"]).describe(
    "what feeds stack 1: the paper's text, or the released code",
  ),
  stopGradient: z.boolean().describe("keep stack 1's loss from reaching stack 0"),
  projector: z.array(count).min(1).describe("widths of a projector's layers"),
  plainProjector: z.array(count).describe(
    "what stands on stack 1 without a projector; released code: a linear layer",
  ),
  zeroInitResidual: z.boolean().describe("start each residual branch at zero"),
  invariance: weight.describe("weight λ of VICReg's invariance term"),
  variance: weight.describe("weight µ of VICReg's variance term"),
  covariance: weight.describe("weight υ of VICReg's covariance term"),
  lowCovariance: weight.describe("υ of Figure 4's down-weighted run; the paper gives no value"),
  epochs: count.describe("passes over the training images"),
  // Batch norm and the loss need a spread.
  batch: z.int().min(2).describe("images a step"),
  optimiser: z.enum(["adam", "lars", "lars-clipped", "sgd"]).describe(
    "how parameters follow their gradients; lars as VICReg's authors have it, lars-clipped as solo-learn does",
  ),
  learningRate: z.number().positive().describe("peak learning rate"),
  weightDecay: weight.describe("L2 penalty"),
  warmupEpochs: z.number().nonnegative().describe("epochs until the peak learning rate"),
  schedule: z.enum(["released", "vicreg"]).describe(
    "decay: the authors' stretched cosine, or VICReg's own",
  ),
  cropMinimum: ofDataset(z.number().positive().max(1), "smallest crop, as a part of the image's area"),
  jitter: ofDataset(probability, "probability of colour jitter"),
  greyscale: ofDataset(probability, "probability of a grey view"),
  solarise: probability.describe("probability of a solarised view"),
  blur: probability.describe("probability of a blurred view"),
  precision: z.enum(["float32", "bfloat16"]).describe("arithmetic of the training step"),
  probe: z.enum(["standard", "released"]).describe(
    "linear evaluation: rate chosen on held-out images, or near to the authors' code",
  ),
  probeEpochs: count.describe("passes of the linear probe over the features"),
  neighbours: z.array(count).min(1).describe("k of the k-NN evaluation; the first one goes into the table"),
  temperature: z.number().positive().describe("temperature of the k-NN votes"),
  seeds: count.describe("training runs a row, seeds 0, 1, …"),
});

/** The fields of a preset, and what goes together. */
export const presetSchema: z.ZodObject<{ [Field in keyof Preset]: z.ZodType<Preset[Field]> }> = fields.check(
  ({ value, issues }) => {
    const refuse = (field: keyof typeof value, message: string) =>
      issues.push({ code: "custom", path: [field], message, input: value[field] });
    const { trainImages, batch, neighbours, epochs, warmupEpochs, covariance, lowCovariance } = value;
    if (batch > trainImages) {
      refuse("batch", `a batch of ${batch} is more than the ${trainImages} training images`);
    }
    const most = Math.max(...neighbours);
    if (most > trainImages) {
      refuse(
        "neighbours",
        `${most} neighbours are more than the ${trainImages} training images that can vote`,
      );
    }
    if (new Set(neighbours).size < neighbours.length) {
      refuse("neighbours", "a number of neighbours occurs twice");
    }
    if (warmupEpochs > epochs) {
      refuse("warmupEpochs", `${warmupEpochs} epochs of warm-up are more than all ${epochs} epochs`);
    }
    if (lowCovariance > covariance) {
      refuse(
        "lowCovariance",
        `Figure 4's lowered υ, ${lowCovariance}, is above the plain one, ${covariance}`,
      );
    }
  },
);

/** The recipe of the authors' released code at full size: days on a CPU, hours on a GPU. */
const paper: Preset = {
  dataset: "cifar10",
  trainImages: 45_000,
  heldOutImages: 5_000,
  testImages: 10_000,
  splitSeed: 0,
  width: 64,
  wiring: "prepool",
  stopGradient: false,
  projector: [512, 512, 256],
  plainProjector: [1000],
  zeroInitResidual: true,
  invariance: 25,
  variance: 25,
  covariance: 1,
  lowCovariance: 0.01,
  epochs: 200,
  batch: 256,
  optimiser: "adam",
  learningRate: 1e-3,
  weightDecay: 0,
  warmupEpochs: 1,
  schedule: "released",
  cropMinimum: "auto",
  jitter: "auto",
  greyscale: "auto",
  solarise: 0,
  blur: 0,
  precision: "float32",
  probe: "standard",
  probeEpochs: 200,
  neighbours: [200, 20],
  temperature: 0.1,
  seeds: 3,
};

/** Everything once, on generated images: for tests. */
const smoke: Preset = {
  ...paper,
  dataset: "generated",
  trainImages: 2_048,
  heldOutImages: 256,
  testImages: 512,
  width: 8,
  projector: [512, 512, 512],
  plainProjector: [512],
  epochs: 12,
  batch: 64,
  learningRate: 3e-3,
  probeEpochs: 20,
  neighbours: [20, 200],
  seeds: 1,
};

/** A first look: a quarter of the width, few epochs. More images teach more than the same ones again. */
const quick: Preset = {
  ...paper,
  testImages: 5_000,
  width: 16,
  projector: [1024, 1024, 1024],
  epochs: 3,
  batch: 128,
  learningRate: 3e-3,
  precision: "bfloat16",
  probeEpochs: 50,
  seeds: 1,
};

/** All images, a quarter of the width: results worth reading. */
const cpu: Preset = {
  ...paper,
  width: 16,
  projector: [1024, 1024, 1024],
  epochs: 10,
  learningRate: 3e-3,
  precision: "bfloat16",
  probeEpochs: 100,
  seeds: 1,
};

/**
 * A quarter of the width and a twelfth of the epochs, by solo-learn's rates. Not tuned: what it has to prove itself against on
 * held-out images stands in sweeps/recipe-vicreg.json and sweeps/recipe-s-jea.json.
 */
const evening: Preset = {
  ...paper,
  width: 16,
  // solo-learn's 2048 and the released 1000, as much shorter as the representation is.
  projector: [512, 512, 512],
  plainProjector: [250],
  epochs: 16,
  batch: 128,
  optimiser: "lars-clipped",
  learningRate: 0.3,
  weightDecay: 1e-4,
  schedule: "vicreg",
  solarise: 0.1,
  precision: "bfloat16",
  probeEpochs: 100,
};

/** All presets, smallest first. */
export const presets = { smoke, quick, cpu, evening, paper } as const;

/** Name of a preset. */
export type PresetName = keyof typeof presets;

/**
 * A data set as a preset uses it: images that are drawn are as many as it asks for.
 *
 * @param preset The preset.
 * @param name Which data set.
 * @returns What opens it.
 * @throws {UsageError} It has an option without a default.
 */
export function datasetOf(preset: Omit<Evaluation, "metrics" | "scored">, name: DatasetName): DatasetConfig {
  const { splitSeed, trainImages, heldOutImages, testImages } = preset;
  const sizes = { seed: splitSeed, train: trainImages + heldOutImages, test: testImages };
  const asked = { name, ...datasetKind(name).sized?.(sizes) };
  return checked(
    oneOf("name", DATASETS) as z.ZodType<DatasetConfig>,
    asked,
    (wrong) => new UsageError(`Data set ${name}: ${wrong}`),
  );
}

/**
 * How a preset evaluates: by the linear probe and by k-NN.
 *
 * @param preset The preset.
 * @returns Images and metrics.
 */
export function evaluationOf(preset: Preset): Evaluation {
  const { trainImages, heldOutImages, testImages, splitSeed } = preset;
  const { probe: protocol, probeEpochs: epochs, neighbours: k, temperature } = preset;
  const metrics = [{ name: "probe", protocol, epochs }, { name: "knn", k, temperature }] as const;
  return { trainImages, heldOutImages, testImages, splitSeed, scored: "test", metrics };
}

/** What a preset is for, what `deno task reproduce` does of it unless it is told, and how long that takes on two cores. */
export const PURPOSES: Readonly<
  Record<
    PresetName,
    { readonly what: string; readonly time: string; readonly experiment: ExperimentName | "all" }
  >
> = {
  smoke: {
    what: "tiny, on generated images: does everything work?",
    time: "5 to 10 minutes",
    experiment: "all",
  },
  quick: {
    what: `Table 1 and Figure 2 at a quarter of the width, ${quick.epochs} epochs: a first look`,
    time: "20 minutes",
    experiment: "linear-evaluation",
  },
  cpu: {
    what: "all training images, a quarter of the width: results worth reading",
    time: "2 to 4 hours",
    experiment: "all",
  },
  evening: {
    what: `a quarter of the width, ${evening.epochs} epochs by LARS, not tuned; three seeds`,
    time: "a day",
    experiment: "all",
  },
  paper: {
    what: "the authors' released recipe at full size, three seeds",
    time: "days; use a GPU",
    experiment: "all",
  },
};

/** The preset that is taken where none is named. */
export const DEFAULT_PRESET: PresetName = "quick";

/** What is changed of it then, so that it takes less than half an hour on two cores. */
export const UNASKED: Readonly<Record<EngineName, readonly string[]>> = {
  tensorflow: [],
  onnxruntime: ["epochs=1"],
};

/**
 * A preset with some fields overridden.
 *
 * @param name Name of the preset.
 * @param overrides `field=value` texts; lists are written `512,512,256`.
 * @returns The preset.
 * @throws {UsageError} Unknown preset or field, a value the field cannot have, or values that do not go together.
 * @example
 * ```ts
 * import { preset } from "./presets.ts";
 * if (preset("quick", ["epochs=20"]).epochs !== 20) throw new Error("not overridden");
 * ```
 */
export function preset(name: string, overrides: readonly string[] = []): Preset {
  if (!Object.hasOwn(presets, name)) {
    throw new UsageError(`There is no preset "${name}". ${suggest(name, Object.keys(presets))}`);
  }
  const chosen: Record<string, unknown> = { ...presets[name as PresetName] };
  const given = new Map<string, string>();
  for (const override of overrides) {
    const [field, text] = override.split(/=(.*)/s);
    const fault = (wrong: string) => new UsageError(`--set ${override}: ${wrong}`);
    if (given.has(field)) throw fault(`it is set already, by --set ${given.get(field)}. Set it once.`);
    given.set(field, override);
    chosen[field] = valueOf(text ?? "", chosen[field]);
    checked(fields.partial(), { [field]: chosen[field] }, fault);
  }
  const all = `Preset ${name} with ${overrides.map((override) => `--set ${override}`).join(" ")}`;
  return checked(
    presetSchema,
    chosen,
    (wrong) => new UsageError(`${all}: ${wrong} Change that as well, or what it depends on.`),
  );
}

/** Reads a text as the kind of value that the field has now. */
function valueOf(text: string, now: unknown): unknown {
  if (Array.isArray(now)) return text === "" ? [] : text.split(",").map(decimal);
  if (typeof now === "number") return decimal(text);
  if (now === "auto") return text === now ? now : decimal(text);
  if (typeof now === "boolean") return { true: true, false: false }[text] ?? text;
  return text;
}

/** NaN for all but a decimal number: `Number` would take a blank for 0. */
function decimal(text: string): number {
  return /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
}
