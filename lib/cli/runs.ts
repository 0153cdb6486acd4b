/**
 * `deno task runs`: lists runs, shows one, compares two, removes one.
 *
 * @module
 */
import { join } from "@std/path";
import { UsageError } from "../base/errors.ts";
import { writeAtomically } from "../base/files.ts";
import { lock } from "../base/lock.ts";
import { places } from "../base/places.ts";
import { keptEvaluations } from "../experiments/evaluate.ts";
import { suggest } from "../base/schema.ts";
import { differences, findRun, mcnemar, type StoredRun, storedRuns } from "../experiments/run_folders.ts";
import { accuracy } from "../evaluation/metric.ts";
import { tableBundle } from "../notebook/table.ts";
import { type Measured, renderRuns } from "../reports/run_page.ts";
import { runCommand } from "./command.ts";
import { parse } from "./parse.ts";

const HELP = `deno task runs [list]            all runs, the one that changed last first
deno task runs show RUN          its spec; its curves and scores as a page
deno task runs compare RUN RUN   what differs in their specs, curves on one
                                 page, scores with McNemar's paired test
deno task runs remove RUN        deletes a run's folder

RUN is the beginning of an id, or a short name that only one run has.

  --runs DIR  folder of all runs (default: data/runs)
  --help      this text`;

/** What can be done, and with how many runs. */
const VERBS: Readonly<Record<string, number>> = { list: 0, show: 1, compare: 2, remove: 1 };

await runCommand(async () => {
  const { values, positionals } = parse({
    words: true,
    options: { runs: { type: "path" }, help: { type: "boolean", default: false } },
  });
  if (values.help) return console.log(HELP);
  const [verb = "list", ...words] = positionals, wanted = VERBS[verb];
  if (wanted === undefined) {
    throw new UsageError(`"${verb}" is nothing to do with runs. ${suggest(verb, Object.keys(VERBS))}`);
  }
  if (words.length !== wanted) {
    throw new UsageError(`runs ${verb} takes ${wanted} runs, not ${words.length}.`);
  }
  const folder = values.runs ?? places.runs, runs = await storedRuns(folder);
  const chosen = words.map((word) => findRun(runs, word));
  if (verb === "list") return list(runs, folder);
  if (verb === "remove") return await remove(chosen[0]);
  const measured = await scores(chosen);
  if (verb === "show") console.log(JSON.stringify(chosen[0].spec, null, 2));
  else {print({
      caption: "",
      columns: ["field", ...chosen.map(({ id }) => id)],
      rows: differences(chosen[0].spec, chosen[1].spec),
    });}
  measured.forEach(print);
  const path = join(places.reports, "runs", `${chosen.map(({ id }) => id).join("-")}.html`);
  await writeAtomically(path, await renderRuns(chosen, measured));
  console.log(`\n${path}`);
});

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

async function remove({ id, folder }: StoredRun): Promise<void> {
  // Not from below somebody who trains it.
  using _ = await lock(join(folder, "lock"), (owner) => {
    throw new UsageError(`${owner} is training ${id}. Stop that first.`);
  });
  await Deno.remove(folder, { recursive: true });
  console.log(`${folder} is removed.`);
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
