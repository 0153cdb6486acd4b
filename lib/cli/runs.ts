/**
 * `deno task runs`: lists runs, shows one, compares two, removes one, takes over those of other machines.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { UsageError } from "../base/errors.ts";
import { humanBytes, writeAtomically } from "../base/files.ts";
import { readableJson } from "../base/json.ts";
import { lock } from "../base/lock.ts";
import { places } from "../base/places.ts";
import { interruption } from "../base/interrupt.ts";
import { keptEvaluations } from "../experiments/evaluate.ts";
import { suggest } from "../base/schema.ts";
import { DATASET_NAMES } from "../data/datasets.ts";
import { mergeRuns, planMerge } from "../experiments/merge_runs.ts";
import { publishRun } from "../experiments/publish_runs.ts";
import { reopenRun } from "../experiments/opened_run.ts";
import { datasetOf, evaluationOf, preset as presetOf } from "../experiments/presets.ts";
import { differences, findRun, type StoredRun, storedRuns } from "../experiments/run_folders.ts";
import { runReader } from "../experiments/run_summaries.ts";
import { mcnemar } from "../experiments/statistics.ts";
import { accuracy } from "../evaluation/metric.ts";
import { tableBundle } from "../notebook/table.ts";
import { type Figure, stackMaps } from "../reports/maps.ts";
import { INDEX } from "../reports/page.ts";
import { type Measured, renderRuns } from "../reports/run_page.ts";
import { renderRunsPage } from "../reports/runs_page.ts";
import { serveRuns } from "../reports/runs_server.ts";
import { demandFinished } from "./advice.ts";
import { runCommand } from "./command.ts";
import { entry } from "./help.ts";
import { IMAGE_SETS, oneOf, PRESETS } from "./options.ts";
import { natural, parse } from "./parse.ts";
import { userPath } from "./paths.ts";

const SETS = Object.keys(IMAGE_SETS) as (keyof typeof IMAGE_SETS)[];

const HELP = `deno task runs [list]            all runs, the one that changed last first
deno task runs --page            all runs as a page: a table to sort and to
                                 filter, and the curves of any of them
deno task runs --watch           the same from a server on this machine, renewed
                                 while runs train; Ctrl-C ends it
deno task runs show RUN          its spec; its curves and scores as a page
deno task runs show RUN --map    on the page also t-SNE and UMAP of each stack
deno task runs compare RUN RUN   what differs in their specs, curves on one
                                 page, scores with McNemar's paired test
deno task runs remove RUN        deletes a run's folder
deno task runs merge DIR...      takes over the runs of other folders that are
                                 not here, or further than here; nothing that
                                 is finished here is replaced
deno task runs publish RUN...    writes finished runs into data/results/runs in
                                 few bytes: encoders in half precision, without
                                 projectors; merge takes them from there

RUN is the beginning of an id, or a short name that only one run has.

  --runs DIR         folder of all runs (default: data/runs)
  --port N           port of --watch (default: a free one)
  --help             this text

With --map:
  --images SET       ${SETS.join(", ")} (default: test)
${entry("--dataset NAME", `another data set's images: ${DATASET_NAMES.join(", ")}`)}
  --labels LEVEL     coarser or finer classes, such as coarse of cifar100
${entry("--preset NAME", `how many images: ${PRESETS.join(", ")} (default: quick)`)}
  --set FIELD=VALUE  overrides a field of the preset: --set testImages=100
  --data DIR         folder with data sets (default: SJEA_DATA, then
                     data/datasets)`;

/** What can be done, and with how many runs. */
const VERBS: Readonly<Record<string, number>> = {
  list: 0,
  show: 1,
  compare: 2,
  remove: 1,
  merge: Infinity,
  publish: Infinity,
};

/** Rights that showing takes none of. */
const SPARED = ["net", "write", "run", "ffi", "env", "sys"] as const;

await runCommand(async () => {
  const { values, positionals } = parse({
    words: true,
    options: {
      page: { type: "boolean", default: false },
      watch: { type: "boolean", default: false },
      port: { type: "string" },
      map: { type: "boolean", default: false },
      images: { type: "string" },
      dataset: { type: "string" },
      labels: { type: "string" },
      preset: { type: "string" },
      set: { type: "string", multiple: true },
      data: { type: "path" },
      runs: { type: "path" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const [verb = "list", ...words] = positionals, wanted = VERBS[verb];
  if (wanted === undefined) {
    throw new UsageError(`"${verb}" is nothing to do with runs. ${suggest(verb, Object.keys(VERBS))}`);
  }
  if (wanted === Infinity && words.length === 0) {
    throw new UsageError(`runs ${verb} takes ${verb === "merge" ? "folders of runs" : "runs"}, not none.`);
  }
  if (words.length !== wanted && wanted !== Infinity) {
    throw new UsageError(`runs ${verb} takes ${wanted} runs, not ${words.length}.`);
  }
  const { page, watch, port, map, runs: _, help: __, ...ofMap } = values, [stray] = Object.keys(ofMap);
  if ((page || watch) && (verb !== "list" || map)) {
    throw new UsageError("--page and --watch show all runs: name none.");
  }
  if (port !== undefined && !watch) throw new UsageError("--port says where --watch serves: add --watch.");
  if (map && verb !== "show") throw new UsageError(`runs ${verb} draws no map: runs show does.`);
  if (!map && stray) throw new UsageError(`--${stray} says what a map is of: add --map.`);
  const folder = values.runs ?? places.runs;
  if (verb === "merge") return await merge(words.map(userPath), folder);
  if (watch) return await serve(folder, natural("port", port ?? "0"));
  if (page) return await write(folder);
  const runs = await storedRuns(folder);
  const chosen = words.map((word) => findRun(runs, word));
  if (verb === "list") return list(runs, folder);
  if (verb === "remove") return await remove(chosen[0]);
  if (verb === "publish") return await publish(chosen);
  const figures = map ? await maps(chosen[0], folder, ofMap) : [], measured = await scores(chosen);
  if (verb === "show") console.log(readableJson(chosen[0].spec));
  else {print({
      caption: "",
      columns: ["field", ...chosen.map(({ id }) => id)],
      rows: differences(chosen[0].spec, chosen[1].spec),
    });}
  measured.forEach(print);
  const path = join(places.reports, "runs", `${chosen.map(({ id }) => id).join("-")}.html`);
  await writeAtomically(path, await renderRuns(chosen, measured, figures));
  console.log(`\n${path}`);
});

/** Writes the page of all runs. */
async function write(folder: string): Promise<void> {
  const path = join(places.reports, "runs", INDEX);
  await writeAtomically(path, await renderRunsPage(await runReader(folder)(), { folder }));
  console.log(path);
}

/** Serves the page of all runs until a signal comes. It listens by then and needs no right but to read. */
async function serve(folder: string, port: number): Promise<void> {
  const server = serveRuns(folder, port);
  for (const name of SPARED) await Deno.permissions.revoke({ name });
  console.log(`http://127.0.0.1:${server.addr.port}/`);
  await interruption();
  await server.shutdown();
}

function print({ caption, columns, rows }: Measured): void {
  console.log(`\n${tableBundle({ columns, rows }, { caption: caption || undefined })["text/plain"]}`);
}

function list(runs: readonly StoredRun[], folder: string): void {
  if (runs.length === 0) return console.log(`There are no runs in ${folder}.`);
  const rows = runs.map(({ id, name, spec, done, steps, finished, changed }) => [
    id,
    name,
    spec.data.dataset.name,
    finished ? "finished" : `${Math.floor(100 * done / steps)} %`,
    changed.toISOString().slice(0, 16).replace("T", " "),
  ]);
  print({ caption: "", columns: ["id", "name", "data", "state", "changed"], rows });
}

async function merge(from: readonly string[], to: string): Promise<void> {
  const plan = await planMerge(from, to);
  const rows = plan.map((
    { run: { id, name, folder }, takes, why },
  ) => [id, name, dirname(folder), takes === "nothing" ? `left: ${why}` : `${takes}: ${why}`]);
  print({ caption: "", columns: ["id", "name", "from", "what is taken"], rows });
  await mergeRuns(plan, to);
  const taken = plan.filter(({ takes }) => takes === "all").length;
  console.log(`\n${taken} of ${plan.length} runs are taken over into ${to}.`);
}

async function publish(runs: readonly StoredRun[]): Promise<void> {
  runs.forEach(demandFinished);
  for (const run of runs) {
    const bytes = await publishRun(run, places.published);
    console.log(`${join(places.published, run.id)}: ${run.name}, ${humanBytes(bytes)}`);
  }
}

async function remove({ id, folder }: StoredRun): Promise<void> {
  // Not from below somebody who trains it.
  using _ = await lock(join(folder, "lock"), (owner) => {
    throw new UsageError(`${owner} is training ${id}. Stop that first.`);
  });
  await Deno.remove(folder, { recursive: true });
  console.log(`${folder} is removed.`);
}

/** Of what a map is asked for. */
interface MapOptions {
  readonly images?: string;
  readonly dataset?: string;
  readonly labels?: string;
  readonly preset?: string;
  readonly set?: string[];
  readonly data?: string;
}

/** Maps of a run's stacks. */
async function maps(stored: StoredRun, runs: string, asked: MapOptions): Promise<Figure[]> {
  const { images = SETS[0], dataset, labels, data } = asked, set = oneOf("images", images, SETS);
  const preset = presetOf(asked.preset ?? "quick", asked.set ?? []);
  const other = dataset === undefined
    ? undefined
    : datasetOf(preset, oneOf("dataset", dataset, DATASET_NAMES));
  demandFinished(stored);
  const run = await reopenRun(stored, evaluationOf(preset), runs, data, { dataset: other, labels });
  return await stackMaps(run, run.setting.images[set], `${IMAGE_SETS[set]} of ${run.setting.dataset.name}`);
}

/** Scores of runs that were evaluated, and the paired test of two that were evaluated alike. */
async function scores(runs: readonly StoredRun[]): Promise<Measured[]> {
  const kept = await Promise.all(runs.map(({ folder }) => keptEvaluations(folder)));
  const measured: Measured[] = [];
  const rows = kept.flatMap((evaluations, at) =>
    evaluations.flatMap(({ labels, levels }) =>
      levels.flatMap((found, level) =>
        Object.entries(found).map(([name, it]) => {
          const cells = typeof it === "number" ? [name, it] : [`${name} %`, 100 * accuracy(it, labels)];
          return [runs[at].id, `stack ${level}`, cells[0], (cells[1] as number).toFixed(1)];
        })
      )
    )
  );
  if (rows.length > 0) {
    measured.push({ caption: "Scores", columns: ["run", "stack", "measure", "found"], rows });
  }
  const [these, those = []] = kept;
  const tests = these.flatMap(({ protocol, labels, levels }) => {
    const rivals = those.find((other) => other.protocol === protocol)?.levels ?? [];
    return levels.slice(0, rivals.length).flatMap((found, level) =>
      Object.entries(found).flatMap(([name, one]) => {
        const other = rivals[level][name];
        if (typeof one === "number" || typeof other === "number") return [];
        const { onlyFirst, onlySecond, p } = mcnemar(labels, one, other);
        return [[`stack ${level}`, name, onlyFirst, onlySecond, p < 0.001 ? "<0.001" : p.toFixed(3)]];
      })
    );
  });
  if (tests.length > 0) {
    measured.push({
      caption: "Test images that only one gets right, and McNemar's exact test",
      columns: ["stack", "measure", ...runs.map(({ id }) => `only ${id}`), "p"],
      rows: tests,
    });
  }
  return measured;
}
