/**
 * `deno task doctor`: what this machine has.
 *
 * @module
 */
import { statfs } from "node:fs/promises";
import { freemem, totalmem } from "node:os";
import { DataError, SjeaError } from "../base/errors.ts";
import { humanBytes } from "../base/files.ts";
import { start } from "../compute/backend.ts";
import { ENGINES } from "../compute/engine.ts";
import { compile, dispose, type Precision } from "../compute/compile.ts";
import { tf } from "../compute/tf.ts";
import { DATASET_NAMES, datasetKind, describeDataset } from "../data/datasets.ts";
import { cacheFolder, dataPlace, places } from "../base/places.ts";
import { runCommand } from "./command.ts";
import { parse } from "./parse.ts";

const line = (name: string, value: string) => console.log(`${name.padEnd(12)} ${value}`);

let problems = 0;

const HELP = `deno task doctor

Says what this machine has: engine, device, data sets, folders, room on the
disk, memory. Exits with 1 if one of them is a problem.

  --help             this text`;

await runCommand(async () => {
  const { values } = parse({ options: { help: { type: "boolean", default: false } } });
  if (values.help) return console.log(HELP);
  line("Deno", `${Deno.version.deno} on ${Deno.build.os} ${Deno.build.arch}`);
  await part("engine", async () => {
    const { engine, version, library, name, gpu, threads, precisions } = await start();
    line("engine", `${ENGINES[engine]} ${version}, ${library.path} (${library.origin})`);
    line("device", `${name}${gpu ? "" : `, ${threads} threads`}`);
    line(
      "precision",
      precisions.includes("bfloat16")
        ? `float32; matrix products in bfloat16 are ${(await bfloat16Speed()).toFixed(1)} times as fast`
        : "float32, in which presets of bfloat16 are trained, too",
    );
  });
  await part("data", async () => {
    const place = await dataPlace(), { folder, by } = place;
    const found = await Promise.all(DATASET_NAMES.map((name) => datasetKind(name).find?.({ folder })));
    if (by && found.every((folder) => !folder)) {
      throw new DataError(`${by} is ${folder}, which holds none of the data sets.`);
    }
    for (const name of DATASET_NAMES) {
      await part(name, async () => line(name, await describeDataset(name, place)));
    }
  });
  line("cache", cacheFolder());
  line("runs", places.runs);
  const { bavail, bsize } = await statfs(places.datasets).catch(() => statfs(import.meta.dirname!));
  line("disk", `${humanBytes(bavail * bsize)} free`);
  line("memory", `${humanBytes(freemem())} of ${humanBytes(totalmem())} free`);
  if (problems > 0) Deno.exit(1);
});

/** One part of the report; a foreseeable problem is told and does not end it. */
async function part(name: string, describe: () => Promise<void>): Promise<void> {
  try {
    await describe();
  } catch (error) {
    if (!(error instanceof SjeaError)) throw error;
    problems++;
    line(name, `PROBLEM: ${error.message}`);
  }
}

/** How much faster a matrix product is in bfloat16, measured. */
async function bfloat16Speed(): Promise<number> {
  const x = tf.randomNormal([1024, 1024], 0, 1, "float32", 1);
  const seconds = async (precision: Precision) => {
    const multiply = compile((x: tf.Tensor) => [1, 2, 3, 4].reduce((y) => tf.matMul(y, x), x), { precision });
    const times: number[] = [];
    for (let round = 0; round < 5; round++) {
      const began = performance.now();
      dispose(await multiply(x));
      times.push(performance.now() - began);
    }
    multiply.dispose();
    return Math.min(...times);
  };
  return await seconds("float32") / await seconds("bfloat16");
}
