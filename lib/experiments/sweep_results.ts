/**
 * What the runs of a sweep found, as one table.
 *
 * @module
 */
import { join } from "@std/path";
import { csvFormat } from "d3-dsv";
import { parquetWriteBuffer } from "hyparquet-writer";
import { z } from "zod";
import { commit, commitName } from "../base/code.ts";
import { DataError, TrainingError, UsageError } from "../base/errors.ts";
import { exists, writeAtomically } from "../base/files.ts";
import { duration } from "../base/progress.ts";
import { say } from "../base/say.ts";
import { checkedJson } from "../base/schema.ts";
import { start } from "../compute/backend.ts";
import { engineTitle } from "../compute/engine.ts";
import { type Origin, originSchema, trainingCode } from "../training/origin.ts";
import { digestOf, type RunSpec } from "../training/spec.ts";
import type { Training } from "../training/train.ts";
import { evaluationCode, type Scores } from "./evaluate.ts";
import type { Executor } from "./executors/executor.ts";
import { datasetSchema, environment, provenance, type Results, versions } from "./results.ts";
import { summarise, type Summary, summaryOf } from "./statistics.ts";
import type { Run } from "./run.ts";
import { type ResultsTable, signed } from "./table.ts";
import {
  type Configuration,
  type Halving,
  type PlannedSweep,
  sizeOf,
  type Sweep,
  sweepSchema,
} from "./sweep.ts";

/** What is known of one stack of one configuration. */
export interface SweepRow {
  /** What it is called. */
  readonly configuration: string;
  /** False: as it was before the first step, or on a trained stack 0 (half-trained). */
  readonly trained: boolean;
  /** 0 for the lowest. */
  readonly stack: number;
  /** Of its trainings. */
  readonly seeds: readonly number[];
  /** Over the seeds, in their order, by measure. */
  readonly values: Readonly<Record<string, Summary>>;
}

/** What a sweep found. */
export interface SweepResults
  extends Pick<Results, "dataset" | "environment" | "versions" | "code" | "created"> {
  /** Tells the file from others. */
  readonly format: "s-jea sweep";
  /** Raised when a field changes its meaning. */
  readonly version: 1;
  /** The sweep. */
  readonly sweep: Sweep;
  /** Measures that are percent of images. */
  readonly accuracies: readonly string[];
  /** Configurations that are finished, best first by their best stack's first measure, those of a later round before; then the untrained. */
  readonly rows: readonly SweepRow[];
  /** The trainings behind the rows. */
  readonly runs: readonly {
    readonly id: string;
    readonly configuration: string;
    readonly seed: number;
    /** Of training. */
    readonly seconds: number;
    readonly origins: readonly Origin[];
    readonly collapsed: readonly number[];
    /** Why there is no encoder. */
    readonly failed: string | null;
  }[];
}

const text = z.string(), count = z.int().nonnegative(), summary = summaryOf(z.number());

const schema: z.ZodType<SweepResults> = z.strictObject({
  format: z.literal("s-jea sweep"),
  version: z.literal(1),
  sweep: sweepSchema,
  dataset: datasetSchema,
  accuracies: z.array(text),
  rows: z.array(z.strictObject({
    configuration: text,
    trained: z.boolean(),
    stack: count,
    seeds: z.array(count),
    values: z.record(text, summary),
  })),
  runs: z.array(z.strictObject({
    id: text,
    configuration: text,
    seed: count,
    seconds: z.number(),
    origins: z.array(originSchema),
    collapsed: z.array(count),
    failed: text.nullable(),
  })),
  ...provenance,
});

/** Scores of a stack by one training. */
interface Found {
  readonly configuration: string;
  readonly trained: boolean;
  readonly run: Run;
  /** Of all levels. */
  readonly levels: readonly Scores[];
  /** The lowest level that is what the name says. */
  readonly from: number;
}

/**
 * Trains and evaluates what is missing of a sweep. A training that diverges is noted, and the others go on.
 *
 * @param planned The sweep.
 * @param note Told after each training what was found so far.
 * @param executor What trains a round before it is evaluated; without it each run is trained and evaluated here
 * before the next.
 * @returns What all found.
 * @throws {Interrupted} A signal came; the next call goes on.
 */
export async function measureSweep(
  planned: PlannedSweep,
  note: (results: SweepResults) => Promise<void>,
  executor?: Executor,
): Promise<SweepResults> {
  const device = await start(), { sweep, rounds } = planned;
  const found: Found[] = [], runs: SweepResults["runs"][number][] = [];
  const untrained = sweep.evaluate.untrained ? controls(planned) : new Map<string, string>();
  const code = { training: await trainingCode(), evaluation: await evaluationCode(), ...await commit() };
  const [[{ runs: [{ setting: { dataset, images } }] }]] = rounds;
  const sizes = [images.train, images.heldOut, images.test].map(({ labels }) => labels.length);
  const results = (): SweepResults => ({
    format: "s-jea sweep",
    version: 1,
    sweep,
    dataset: {
      ...{ name: dataset.name, copy: dataset.copy, fingerprint: dataset.fingerprint },
      images: { train: sizes[0], heldOut: sizes[1], test: sizes[2] },
    },
    accuracies: [
      ...new Set(
        found.flatMap(({ levels }) => levels.flatMap(({ predictions }) => Object.keys(predictions))),
      ),
    ],
    rows: rowsOf(found, rounds),
    runs: [...runs],
    environment: environment(device),
    versions: versions(device),
    code,
    created: new Date().toISOString(),
  });
  let latest = results(), places = [...rounds[0].keys()];
  for (const [round, all] of rounds.entries()) {
    const configurations = places.map((place) => all[place]);
    const failed = executor ? await trainedBy(executor, configurations) : new Map<string, string>();
    // All configurations by the first seed first: a table early, better known later.
    for (const at of sweep.seeds.keys()) {
      for (const { name: configuration, runs: { [at]: run } } of configurations) {
        const training = await trained(run, failed.get(run.id)), { seed } = run.spec;
        runs.push({ id: run.id, configuration, seed, failed: null, ...training });
        if (!("failed" in training)) {
          found.push({ configuration, trained: true, run, levels: await run.evaluate(), from: 0 });
        }
        const control = untrained.get(configuration);
        if (control !== undefined) {
          found.push({ configuration: control, trained: false, run, levels: await run.evaluate(0), from: 0 });
        }
        if (sweep.evaluate.untrained && !("failed" in training)) {
          for (let from = 1; from < run.spec.levels.length; from++) {
            const levels = await run.evaluate(from);
            found.push({
              configuration: halfTrained(configuration, from),
              trained: false,
              run,
              levels,
              from,
            });
          }
        }
        await note(latest = results());
      }
    }
    if (round + 1 < rounds.length) {
      const scores = new Map(places.map((place) => [place, scoreOf(all[place].name, found, sweep.halving!)]));
      places = places.toSorted((a, b) => scores.get(b)! - scores.get(a)!).slice(
        0,
        sizeOf(planned, round + 1),
      );
    }
  }
  return latest;
}

/** What of a configuration decides whether it goes on: a mean over the seeds; of no encoder, the least there is. */
function scoreOf(configuration: string, found: readonly Found[], { stack, measure }: Halving): number {
  const values = found.filter((one) => one.trained && one.configuration === configuration).map(
    ({ levels }) => {
      const scores = levels[stack]?.values ?? {}, name = measure ?? Object.keys(scores)[0];
      if (name in scores) return scores[name];
      throw new UsageError(
        `halving: stack ${stack} of ${configuration} has no measure ${name}. ` +
          `Stacks: 0 to ${levels.length - 1}; measures: ${Object.keys(levels[0].values).join(", ")}.`,
      );
    },
  );
  return values.length === 0 ? -Infinity : summarise(values).mean;
}

type Trained = Training | { seconds: number; origins: []; collapsed: []; failed: string };

/**
 * What is left to train.
 *
 * @param runs Some runs.
 * @returns Those without an encoder, in their order.
 */
export async function missingOf(runs: readonly Run[]): Promise<Run[]> {
  const finished = await Promise.all(runs.map((run) => run.isFinished()));
  return runs.filter((_, at) => !finished[at]);
}

/** What an executor could not train of some configurations, by id: why. */
async function trainedBy(
  executor: Executor,
  configurations: readonly Configuration[],
): Promise<Map<string, string>> {
  const missing = await missingOf(configurations.flatMap(({ runs }) => runs));
  const failed = new Map<string, string>();
  if (missing.length === 0) return failed;
  await executor.train(missing, ({ id, title, spec: { seed } }, why) => {
    if (why === null) return;
    say(`${title}, seed ${seed}: ${why}`);
    failed.set(id, why);
  });
  return failed;
}

async function trained(run: Run, failed?: string): Promise<Trained> {
  if (failed !== undefined) return { seconds: 0, origins: [], collapsed: [], failed };
  try {
    return await run.train();
  } catch (error) {
    if (!(error instanceof TrainingError)) throw error;
    console.error(error.message);
    return { seconds: 0, origins: [], collapsed: [], failed: error.message };
  }
}

/** Of configurations whose encoders start out the same, the first one, and what their untrained encoders are called. */
function controls({ rounds: [configurations] }: PlannedSweep): Map<string, string> {
  const alike = Map.groupBy(configurations, ({ runs: [{ spec }] }) => digestOf(startOf(spec)));
  return new Map(
    [...alike.values()].map(([{ name }]) => [name, alike.size === 1 ? "untrained" : `untrained: ${name}`]),
  );
}

/**
 * What a configuration's encoders are called that are random over trained ones.
 *
 * @param configuration The configuration.
 * @param from The lowest stack that is random, above 0.
 * @returns Its name.
 */
export function halfTrained(configuration: string, from = 1): string {
  return `half-trained${from > 1 ? ` from stack ${from} on` : ""}: ${configuration}`;
}

/** What representations depend on before the first step, but for the seed. */
function startOf({ levels, wiring, data: { dataset } }: RunSpec): object {
  const parts = levels.map(({ encoder, projector, input }) =>
    wiring === "prepool" ? { encoder, input } : { encoder, projector }
  );
  return { parts, wiring, dataset };
}

function rowsOf(found: readonly Found[], rounds: PlannedSweep["rounds"]): SweepRow[] {
  const groups = [
    ...Map.groupBy(found, ({ configuration, trained }) => `${trained} ${configuration}`).values(),
  ];
  const rows = groups.map((seeds) =>
    seeds[0].levels.flatMap((_, stack): SweepRow[] => {
      if (stack < seeds[0].from) return [];
      const scores = seeds.map(({ levels }) => levels[stack].values);
      const summaries = Object.keys(scores[0]).map((measure) =>
        [measure, summarise(scores.map((values) => values[measure]))] as const
      );
      const { configuration, trained } = seeds[0];
      return [{
        ...{ configuration, trained, stack, seeds: seeds.map(({ run }) => run.spec.seed) },
        values: Object.fromEntries(summaries),
      }];
    })
  );
  const best = (stacks: readonly SweepRow[]) =>
    Math.max(...stacks.map(({ values }) => Object.values(values)[0].mean));
  const roundOf = new Map(rounds.flatMap((all, round) => all.map(({ name }) => [name, round] as const)));
  // Who got furthest first, the untrained last.
  const order = ([{ trained, configuration }]: readonly SweepRow[]) =>
    trained ? -roundOf.get(configuration)! : 1;
  return rows.toSorted((a, b) => order(a) - order(b) || best(b) - best(a)).flat();
}

/**
 * A sweep's results as a table.
 *
 * @param results What it found.
 * @param measures Which of what was measured; all if absent.
 * @returns Means with their 95 % intervals, the first measure's paired difference from the first configuration, and
 * what they are numbers of.
 */
export function sweepTable(
  results: SweepResults,
  measures: readonly string[] = measuresOf(results.rows),
): ResultsTable {
  const { sweep, rows, runs, accuracies, dataset, versions, code } = results;
  const first = runs[0]?.configuration;
  const compared = rows.some(({ trained, configuration }) => trained && configuration !== first);
  const time = (configuration: string) => {
    const all = runs.filter((run) => run.configuration === configuration).map(({ seconds }) => seconds);
    return all.length > 0 ? duration(all.reduce((sum, each) => sum + each, 0) / all.length) : NONE;
  };
  const lost = runs.filter(({ failed }) => failed !== null),
    fallen = runs.filter((run) => run.collapsed.length > 0);
  const { train, test } = dataset.images, scored = sweep.evaluate.images === "test" ? "test" : "held-out";
  const [images, ...others] = sweep.grid["data.images"] ?? [train];
  const differ = others.length > 0 || Object.values(sweep.variants).some((fields) => "data.images" in fields);
  const bank = differ ? "the images that each learnt from" : `${images}`;
  const names = (some: typeof runs) =>
    some.map(({ configuration, seed }) => `${configuration}, seed ${seed}`).join("; ");
  return {
    columns: [
      ...["configuration", "stack"],
      ...measures.map((name) => accuracies.includes(name) ? `${name} %` : name),
      ...compared ? [`${measures[0]} − ${first}'s, paired`] : [],
      ...["n", "a training"],
    ],
    rows: rows.map((row) => [
      ...[row.configuration, `${row.stack}`],
      ...measures.map((name) => name in row.values ? summaryCell(row.values[name]) : NONE),
      ...compared ? [differenceCell(row, rows, measures[0], first)] : [],
      ...[`${row.seeds.length}`, time(row.configuration)],
    ]),
    notes: [
      `Mean and 95 % interval over n seeds; ${test} ${scored} images of ${dataset.name} (${dataset.copy} copy, fingerprint ` +
      `${dataset.fingerprint}), bank and probe of ${bank}; ${engineTitle(versions)}, code ${
        commitName(code)
      }.`,
      ...lost.length > 0 ? [`Without an encoder: ${names(lost)}.`] : [],
      ...fallen.length > 0 ? [`Collapsed at the end: ${names(fallen)}.`] : [],
    ],
  };
}

const NONE = "–";

/** All measures that are met: of other encoders, or of another stack, there may be others. */
const measuresOf = (rows: readonly SweepRow[]) => [
  ...new Set(rows.flatMap(({ values }) => Object.keys(values))),
];

/** A mean, with its interval where there is one. */
export function summaryCell({ mean, interval }: Summary): string {
  return interval === null ? mean.toFixed(1) : `${mean.toFixed(1)} ± ${interval.toFixed(1)}`;
}

/** How far a stack is above the first configuration's, by the seeds that both have. */
function differenceCell(row: SweepRow, rows: readonly SweepRow[], measure: string, first?: string): string {
  const base = rows.find(({ trained, configuration, stack }) =>
    trained && configuration === first && stack === row.stack
  );
  if (!base || base === row || [base, row].some(({ values }) => !(measure in values))) return NONE;
  const valueOf = ({ seeds, values }: SweepRow, seed: number) => values[measure].values[seeds.indexOf(seed)];
  const differences = row.seeds.filter((seed) => base.seeds.includes(seed))
    .map((seed) => valueOf(row, seed) - valueOf(base, seed));
  if (differences.length === 0) return NONE;
  const { mean, interval } = summarise(differences);
  return interval === null ? signed(mean) : `${signed(mean)} ± ${interval.toFixed(1)}`;
}

/** The file with all that a sweep found. */
const RESULTS = "results.json";

/**
 * Writes what a sweep found: all of it, and a row a stack and seed for other programs.
 *
 * @param folder The sweep's folder.
 * @param results What it found.
 */
export async function writeSweep(folder: string, results: SweepResults): Promise<void> {
  const measures = measuresOf(results.rows);
  const rows = results.rows.flatMap(({ configuration, trained, stack, seeds, values }) =>
    seeds.map((seed, at) => ({
      ...{ configuration, trained, stack, seed },
      ...Object.fromEntries(measures.map((name) => [name, values[name]?.values[at] ?? null])),
    }))
  );
  const { columns, rows: cells, notes } = sweepTable(results);
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const markdown = [line(columns), line(columns.map(() => "---")), ...cells.map(line), "", ...notes, ""];
  const files: Record<string, string | Uint8Array> = {
    [RESULTS]: JSON.stringify(schema.parse(results), null, 2) + "\n",
    "table.csv": csvFormat(rows) + "\n",
    "table.md": markdown.join("\n"),
    // Of no rows there are no columns, and no such file.
    ...rows.length > 0 && {
      "table.parquet": new Uint8Array(parquetWriteBuffer({
        columnData: Object.keys(rows[0]).map((name) => ({
          name,
          data: rows.map((row) => (row as Record<string, unknown>)[name]),
        })),
      })),
    },
  };
  for (const [name, content] of Object.entries(files)) await writeAtomically(join(folder, name), content);
}

/**
 * Reads what a sweep found.
 *
 * @param folder The sweep's folder.
 * @returns What it found.
 * @throws {DataError} It is missing, damaged, or of another version.
 */
export async function readSweep(folder: string): Promise<SweepResults> {
  const path = join(folder, RESULTS), again = "Run deno task sweep again.";
  if (!await exists(path)) throw new DataError(`${path} does not exist. ${again}`);
  return checkedJson(schema, await Deno.readTextFile(path), path, again);
}
