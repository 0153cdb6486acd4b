/**
 * `deno task embed`: a run's representations of images, for NumPy, pandas, spreadsheets and TensorBoard.
 *
 * @module
 */
import { extname, join } from "@std/path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { UsageError } from "../base/errors.ts";
import { humanBytes, writeAtomically } from "../base/files.ts";
import type { Labels } from "../data/dataset.ts";
import { encodeNpy } from "../base/npy.ts";
import { places } from "../base/places.ts";
import { dispose } from "../compute/compile.ts";
import { reopenRun } from "../experiments/opened_run.ts";
import { evaluationOf, preset as presetOf } from "../experiments/presets.ts";
import { findRun, storedRuns } from "../experiments/run_folders.ts";
import { demandFinished } from "./advice.ts";
import { runCommand } from "./command.ts";
import { type Embedded, embeddingProjector } from "./embedding_projector.ts";
import { entry } from "./help.ts";
import { IMAGE_SETS, oneOf, PRESETS } from "./options.ts";
import { natural, parse } from "./parse.ts";

const SETS = Object.keys(IMAGE_SETS) as (keyof typeof IMAGE_SETS)[];

const HELP = `deno task embed RUN [options]

Writes a trained run's representations of images, with their labels.

  --stack N          which stack, 0 for the lowest (default: the highest);
                     all: every stack, in a folder
  --images SET       ${SETS.join(", ")} (default: test)
  --out PATH         a file, .npy (labels beside it, in NAME.labels.npy), .csv
                     or .parquet; or a folder, whose name has no ending, that
                     TensorBoard's embedding projector shows, with the images
                     (default: data/embeddings/RUN-stack-N.npy, or the folder
                     RUN there for all stacks); outside data/ Deno asks whether
                     it may
${entry("--preset NAME", `how many images: ${PRESETS.join(", ")} (default: quick)`)}
  --set FIELD=VALUE  overrides a field of the preset: --set testImages=100
  --data DIR         folder with data sets (default: SJEA_DATA, then
                     data/datasets)
  --runs DIR         folder of all runs (default: data/runs)
  --help             this text`;

/** Representations of images by one stack, with the images' classes. */
interface LabelledRows extends Embedded {
  readonly count: number;
  readonly labels: Labels;
  readonly classes: readonly string[];
}

/** How each kind of file is written: its bytes, and those of what stands beside it, by how their names end. */
const TABLES: Readonly<Record<string, (rows: LabelledRows) => Readonly<Record<string, Uint8Array>>>> = {
  ".npy": ({ count, features, values, labels }) => ({
    ".npy": encodeNpy(values, [count, features]),
    ".labels.npy": encodeNpy(labels, [count]),
  }),
  ".csv": ({ count, features, values, labels, classes }) => {
    const head = ["image", "label", "class", ...columnsOf(features)].join(",");
    const quote = (text: string) => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    const rows = Array.from({ length: count }, (_, row) => {
      const found = values.subarray(row * features, (row + 1) * features);
      return [row, labels[row], quote(classes[labels[row]]), ...found].join(",");
    });
    return { ".csv": new TextEncoder().encode([head, ...rows, ""].join("\n")) };
  },
  ".parquet": ({ count, features, values, labels, classes }) => {
    const rows = Array.from({ length: count }, (_, row) => row);
    const columnData = [
      { name: "image", data: Int32Array.from(rows), type: "INT32" as const },
      { name: "label", data: Int32Array.from(labels), type: "INT32" as const },
      { name: "class", data: Array.from(labels, (label) => classes[label]), type: "STRING" as const },
      ...columnsOf(features).map((name, column) => ({
        name,
        data: Float32Array.from(rows, (row) => values[row * features + column]),
        type: "FLOAT" as const,
      })),
    ];
    return { ".parquet": new Uint8Array(parquetWriteBuffer({ columnData })) };
  },
};

const columnsOf = (features: number) => Array.from({ length: features }, (_, at) => `f${at}`);

await runCommand(async () => {
  const { values, positionals } = parse({
    words: true,
    options: {
      stack: { type: "string" },
      images: { type: "string", default: SETS[0] as string },
      out: { type: "path" },
      preset: { type: "string", default: "quick" },
      set: { type: "string", multiple: true, default: [] as string[] },
      data: { type: "path" },
      runs: { type: "path" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  if (positionals.length !== 1) throw new UsageError(`Name one run, not ${positionals.length}.`);
  const { runs = places.runs, data } = values, set = oneOf("images", values.images, SETS);
  const stored = findRun(await storedRuns(runs), positionals[0]), { levels } = stored.spec;
  const highest = levels.length - 1, all = values.stack === "all";
  const stack = values.stack === undefined || all ? highest : natural("stack", values.stack);
  if (stack > highest) {
    throw new UsageError(
      `${stored.id} has ${levels.length} stacks, from 0 to ${highest}, and no ${stack}.`,
    );
  }
  const out = values.out ?? join(places.embeddings, all ? stored.id : `${stored.id}-stack-${stack}.npy`);
  const ending = extname(out);
  if (ending && !TABLES[ending]) {
    throw new UsageError(`${out} ends with none of ${Object.keys(TABLES).join(", ")}.`);
  }
  if (ending && all) throw new UsageError(`${out} has room for one stack: name one, or a folder for all.`);
  demandFinished(stored);
  const run = await reopenRun(stored, evaluationOf(presetOf(values.preset, values.set)), runs, data);
  const images = run.setting.images[set], { labels } = images, count = labels.length;
  const { classes } = run.setting.dataset, found = await run.embed(images);
  const embedded = await Promise.all(
    found.map(async (x, stack) => ({ stack, features: x.shape[1], values: await x.data<"float32">() })),
  );
  dispose(found);
  const asked = all ? embedded : [embedded[stack]];
  const files = ending
    ? TABLES[ending]({ ...embedded[stack], count, labels, classes })
    : await embeddingProjector(images, classes, asked);
  for (const { stack, features } of asked) console.log(`stack ${stack}: ${count} × ${features}`);
  for (const [name, bytes] of Object.entries(files)) {
    const path = ending ? `${out.slice(0, -ending.length)}${name}` : join(out, name);
    await writeAtomically(path, bytes);
    console.log(`${path}: ${humanBytes(bytes.length)}`);
  }
  if (!ending) console.log(`TensorBoard, started after this, shows it: tensorboard --logdir "${out}"`);
});
