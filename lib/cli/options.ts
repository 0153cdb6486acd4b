/**
 * The command line of `deno task reproduce`.
 *
 * @module
 */
import { UsageError } from "../base/errors.ts";
import { suggest } from "../base/schema.ts";
import { DATASET_NAMES } from "../data/datasets.ts";
import { EXPERIMENT_NAMES } from "../experiments/experiments.ts";
import {
  DEFAULT_PRESET,
  type Preset,
  type PresetName,
  presets,
  presetSchema,
  PURPOSES,
} from "../experiments/presets.ts";
import { DATASET_CHOICES, type DatasetChoice } from "../experiments/study.ts";
import { entry } from "./help.ts";
import { parse } from "./parse.ts";

/** `all`: the tables, then the notebooks with all figures, then the reports. */
const EXPERIMENTS = ["all", ...EXPERIMENT_NAMES] as const;

/** The presets' names, smallest first. */
export const PRESETS: readonly PresetName[] = Object.keys(presets) as PresetName[];

/** What a reader calls the images of each `--images`. */
export const IMAGE_SETS = {
  test: "test images",
  train: "training images",
  heldOut: "held-out images",
} as const;

/** What the user asked for. */
export interface Options {
  /** The preset's if absent. */
  readonly experiment?: typeof EXPERIMENTS[number];
  /** All tables, and the notebooks about sweeps, too. */
  readonly all: boolean;
  /** `quick`, perhaps scaled, if absent. */
  readonly preset?: PresetName;
  readonly dataset: DatasetChoice;
  /** Runs a row; the preset's own number if absent. */
  readonly seeds?: number;
  /** Folder with data sets. */
  readonly data?: string;
  /** Overridden fields, `field=value`. */
  readonly set: readonly string[];
  /** Write executed notebooks and pages into `notebooks`, in place of `data/reports`. */
  readonly publish: boolean;
  readonly help: boolean;
}

const OPTIONS = {
  experiment: { type: "string" },
  all: { type: "boolean", default: false },
  preset: { type: "string" },
  dataset: { type: "string", default: "auto" },
  seeds: { type: "string" },
  data: { type: "path" },
  set: { type: "string", multiple: true, default: [] as string[] },
  publish: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

/**
 * Reads the command line.
 *
 * @param args Its words.
 * @returns What the user asked for.
 * @throws {UsageError} An option, name or number that does not exist.
 * @example
 * ```ts
 * import { parseOptions } from "./options.ts";
 * const { preset, set } = parseOptions(["--preset", "smoke", "--set", "epochs=2"]);
 * if (preset !== "smoke" || set[0] !== "epochs=2") throw new Error("misread");
 * ```
 */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parse({ args, options: OPTIONS });
  const { experiment: named, all, preset, dataset, seeds, data, set, publish, help } = values;
  const experiment = named === undefined ? undefined : oneOf("experiment", named, EXPERIMENTS);
  if (all && experiment !== undefined && experiment !== "all") {
    throw new UsageError(
      `--all does every table, --experiment ${experiment} one alone: leave out one of them.`,
    );
  }
  return {
    experiment: all ? "all" : experiment,
    all,
    preset: preset === undefined ? undefined : oneOf("preset", preset, PRESETS),
    dataset: oneOf("dataset", dataset, DATASET_CHOICES),
    seeds: seeds === undefined ? undefined : positive("seeds", seeds),
    data,
    set,
    publish,
    help,
  };
}

/**
 * One of some names.
 *
 * @param option The option that it was given to.
 * @param value What was given.
 * @param names What is valid.
 * @returns The name.
 * @throws {UsageError} It is none of them.
 */
export function oneOf<Name extends string>(option: string, value: string, names: readonly Name[]): Name {
  const found = names.find((name) => name === value);
  if (found === undefined) {
    throw new UsageError(`--${option} ${value} does not exist. ${suggest(value, names)}`);
  }
  return found;
}

function positive(option: string, value: string): number {
  if (/^[1-9]\d*$/.test(value)) return Number(value);
  throw new UsageError(`--${option} takes a whole number from 1 on, not "${value}".`);
}

/**
 * The help text.
 *
 * @param name The preset whose values it lists.
 * @returns Text of several lines.
 */
export function help(name: PresetName): string {
  const purposes = PRESETS.map((preset) => {
    const { what, time } = PURPOSES[preset];
    return entry(preset, `${what} (${time})${preset === DEFAULT_PRESET ? " default" : ""}`);
  });
  const fields = Object.entries(presetSchema.shape).map(([field, schema]) =>
    entry(field, `${`${presets[name][field as keyof Preset]}`.padEnd(11)} ${schema.description}`)
  );
  return `deno task reproduce [options]

Trains what is missing, evaluates, prints the paper's tables beside ours,
executes the notebooks and renders them as pages in data/reports, the first one
after the first table.

${
    entry(
      "--experiment NAME",
      `all, or one table alone: ${EXPERIMENT_NAMES.join(", ")} (default: all; with preset ${DEFAULT_PRESET} ${
        PURPOSES[DEFAULT_PRESET].experiment
      })`,
    )
  }
${
    entry(
      "--all",
      "all tables and, beside the paper's notebooks, those that show what sweeps found; what was not " +
        "swept they train themselves, small",
    )
  }
${entry("--preset NAME", `how large: ${PRESETS.join(", ")}`)}
${
    entry(
      "--dataset NAME",
      `auto (default): the preset's; with preset ${DEFAULT_PRESET}, generated where CIFAR-10 cannot be had; ${
        DATASET_NAMES.join(", ")
      }; generated: drawn from a seed, no download`,
    )
  }
  --seeds N          training runs a row (default: the preset's)
  --data DIR         folder with data sets (default: SJEA_DATA, then
                     data/datasets)
  --set FIELD=VALUE  overrides a field of the preset; repeatable; a list is
                     written 512,512,256
  --publish          writes executed notebooks and pages into notebooks/,
                     not into data/reports
  --help             this text; with --preset NAME: that preset's values

Presets, with their time on two cores:
${purposes.join("\n")}

Fields of a preset, with their values in ${name}:
${fields.join("\n")}`;
}
