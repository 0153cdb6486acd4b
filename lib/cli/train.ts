/**
 * `deno task train`: trains one run, as its spec says.
 *
 * @module
 */
import { UsageError } from "../base/errors.ts";
import { readableJson } from "../base/json.ts";
import { places } from "../base/places.ts";
import { duration } from "../base/progress.ts";
import { demandMemory } from "../experiments/estimate.ts";
import { isPresetRun, readSpecFile, specFileSchema } from "../experiments/spec_file.ts";
import { isFinished, train } from "../training/train.ts";
import { runId } from "../training/spec.ts";
import { runCommand } from "./command.ts";
import { parse } from "./parse.ts";
import { userPath } from "./paths.ts";

const HELP = `deno task train SPEC [options]

Trains one run, or goes on with it. SPEC is a JSON file, or one of the
paper's runs at a preset's size, such as quick/s-jea. A file may build on
another one or on such a run ("extends"), and names only what differs:

  { "extends": "quick/s-jea", "stopGradient": true, "epochs": 20 }

  --set FIELD=VALUE  changes a field; repeatable: --set epochs=3
                     --set levels.1.encoder.width=32
  --print            prints the whole spec and trains nothing
  --schema           prints the JSON schema of such files, for editors
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
  const source = isPresetRun(from) ? from : userPath(from);
  const fields = set.map((field) => field.replace(FOLDER, (_, name, path) => name + userPath(path)));
  const { spec, dataset } = await readSpecFile({ from: source, set: fields, data }), id = runId(spec);
  if (values.print) return console.log(readableJson(spec));
  if (!await isFinished(spec, runs)) demandMemory(spec);
  const { seconds } = await train(spec, dataset, runs, values.title ?? id);
  console.log(`${id} is trained (${duration(seconds)}), in ${runs}`);
});
