/**
 * `deno task embed`: a run's representations of images, for NumPy, pandas and spreadsheets.
 *
 * @module
 */
import { join } from "@std/path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { UsageError } from "../base/errors.ts";
import { humanBytes, writeAtomically } from "../base/files.ts";
import { encodeNpy } from "../base/npy.ts";
import { places } from "../base/places.ts";
import { dispose } from "../compute/compile.ts";
import { reopenRun } from "../experiments/opened_run.ts";
import { preset as presetOf } from "../experiments/presets.ts";
import { findRun, storedRuns } from "../experiments/run_folders.ts";
import { demandFinished } from "./advice.ts";
import { runCommand } from "./command.ts";
import { entry } from "./help.ts";
import { oneOf, PRESETS } from "./options.ts";
import { natural, parse } from "./parse.ts";

const SETS = ["test", "train", "heldOut"] as const;

const HELP = `deno task embed RUN [options]

Writes a trained run's representations of images, with their labels.

  --stack N          which stack, 0 for the lowest (default: the highest)
  --images SET       ${SETS.join(", ")} (default: test)
  --out FILE         .npy (labels beside it, in NAME.labels.npy), .csv or
                     .parquet (default: data/embeddings/RUN-stack-N.npy);
                     outside data/ Deno asks whether it may
${entry("--preset NAME", `how many images: ${PRESETS.join(", ")} (default: quick)`)}
  --set FIELD=VALUE  overrides a field of the preset: --set testImages=100
  --data DIR         folder with data sets (default: SJEA_DATA, then
                     data/datasets)
  --runs DIR         folder of all runs (default: data/runs)
  --help             this text`;

/** Representations of images, row by row. */
interface Embedded {
  readonly count: number;
  readonly features: number;
  readonly values: Float32Array;
  readonly labels: Uint8Array;
  readonly classes: readonly string[];
}

/** How each kind of file is written: its bytes by what its name ends with. */
const WRITERS: Readonly<Record<string, (embedded: Embedded) => Readonly<Record<string, Uint8Array>>>> = {
  ".npy": ({ count, features, values, labels }) => ({
    "": encodeNpy(values, [count, features]),
    ".labels.npy": encodeNpy(labels, [count]),
  }),
  ".csv": ({ count, features, values, labels, classes }) => {
    const head = ["image", "label", "class", ...columnsOf(features)].join(",");
    const quote = (text: string) => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    const rows = Array.from({ length: count }, (_, row) => {
      const found = values.subarray(row * features, (row + 1) * features);
      return [row, labels[row], quote(classes[labels[row]]), ...found].join(",");
    });
    return { "": new TextEncoder().encode([head, ...rows, ""].join("\n")) };
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
    return { "": new Uint8Array(parquetWriteBuffer({ columnData })) };
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
  const stack = values.stack === undefined ? levels.length - 1 : natural("stack", values.stack);
  if (stack >= levels.length) {
    throw new UsageError(
      `${stored.id} has ${levels.length} stacks, from 0 to ${levels.length - 1}, and no ${stack}.`,
    );
  }
  const out = values.out ?? join(places.embeddings, `${stored.id}-stack-${stack}.npy`);
  const writer = Object.entries(WRITERS).find(([end]) => out.endsWith(end))?.[1];
  if (!writer) throw new UsageError(`${out} ends with none of ${Object.keys(WRITERS).join(", ")}.`);
  demandFinished(stored);
  const run = await reopenRun(
    stored,
    presetOf(oneOf("preset", values.preset, PRESETS), values.set),
    runs,
    data,
  );
  const images = run.setting.images[set], found = await run.embed(images), x = found[stack];
  const [count, features] = x.shape;
  const embedded = {
    count,
    features,
    values: await x.data<"float32">(),
    labels: images.labels,
    classes: run.setting.dataset.classes,
  };
  dispose(found);
  for (const [end, bytes] of Object.entries(writer(embedded))) {
    const path = `${out.slice(0, end ? out.lastIndexOf(".") : undefined)}${end}`;
    await writeAtomically(path, bytes);
    console.log(`${path}: ${count} × ${end ? 1 : features}, ${humanBytes(bytes.length)}`);
  }
});
