/**
 * `deno task train`: trains one run, as its spec says.
 *
 * @module
 */
import { UsageError } from "../base/errors.ts";
import { readableJson } from "../base/json.ts";
import { places } from "../base/places.ts";
import { duration } from "../base/progress.ts";
import { start } from "../compute/backend.ts";
import { namedCluster } from "../compute/cluster.ts";
import { demandMemory } from "../experiments/estimate.ts";
import { isPresetRun, readSpecFile, specFileSchema } from "../experiments/spec_file.ts";
import { isFinished, train } from "../training/train.ts";
import { runId } from "../training/spec.ts";
import { runCommand } from "./command.ts";
import { parse } from "./parse.ts";
import { userPath } from "./paths.ts";
import { trainTogether, warnOfPorts } from "./processes.ts";

const HELP = `deno task train SPEC [options]

Trains one run, or goes on with it. SPEC is a JSON file, or one of the
paper's runs at a preset's size, such as quick/s-jea. A file may build on
another one or on such a run ("extends"), and names only what differs:

  { "extends": "quick/s-jea", "stopGradient": true, "epochs": 20 }

  --set FIELD=VALUE  changes a field; repeatable: --set epochs=3
                     --set levels.1.encoder.width=32
  --print            prints the whole spec and trains nothing
  --schema           prints the JSON schema of such files, for editors
  --processes N      trains with N processes of this machine, each with its
                     share of every batch; over several machines start one on
                     each, with SJEA_CLUSTER=host:port,host:port and
                     SJEA_TASK=0, 1 … ("Over several machines" in
                     notebooks/manual.md)
  --title TEXT       what the progress bar calls it (default: its id)
  --data DIR         folder with data sets (default: SJEA_DATA, then
                     data/datasets)
  --runs DIR         folder of all runs (default: data/runs)
  --help             this text`;

/** The one field that is a path, which is seen from where the user stands. */
const FOLDER = /^(data\.dataset\.path=)(.+)$/s;

await runCommand(async () => {
  const { values, positionals } = parse({
    words: true,
    options: {
      set: { type: "string", multiple: true, default: [] as string[] },
      print: { type: "boolean", default: false },
      schema: { type: "boolean", default: false },
      processes: { type: "string", default: "1" },
      title: { type: "string" },
      data: { type: "path" },
      runs: { type: "path" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  if (values.schema) return console.log(JSON.stringify(specFileSchema(), null, 2));
  const [from, ...others] = positionals, { runs = places.runs, set, data } = values;
  if (from === undefined || others.length > 0) {
    throw new UsageError(
      `Name one spec to train, not ${positionals.length}. deno task train --help says how.`,
    );
  }
  const processes = Number(values.processes), cluster = namedCluster();
  if (!/^[1-9]\d*$/.test(values.processes)) {
    throw new UsageError(`--processes takes a whole number from 1 on, not "${values.processes}".`);
  }
  if (cluster) {
    if (processes > 1) {
      throw new UsageError("SJEA_CLUSTER names the processes: leave out --processes, or unset it.");
    }
    warnOfPorts(cluster);
    await start(cluster);
  }
  const source = isPresetRun(from) ? from : userPath(from);
  const fields = set.map((field) => field.replace(FOLDER, (_, name, path) => name + userPath(path)));
  const { spec, dataset } = await readSpecFile({ from: source, set: fields, data }), id = runId(spec);
  if (values.print) return console.log(readableJson(spec));
  const title = values.title ?? id;
  if (!await isFinished(spec, runs)) {
    const share = Math.ceil(spec.batch / (cluster?.addresses.length ?? processes));
    demandMemory({ ...spec, batch: share });
    if (processes > 1) await trainTogether(processes, { spec, runs, title, data });
  }
  const { seconds } = await train(spec, dataset, runs, title, cluster);
  console.log(`${id} is trained (${duration(seconds)}), in ${runs}`);
});
