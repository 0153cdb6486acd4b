/**
 * `deno task views`: what a run's views look like.
 *
 * @module
 */
import { extname, join } from "@std/path";
import { UsageError } from "../base/errors.ts";
import { writeAtomically } from "../base/files.ts";
import { places } from "../base/places.ts";
import { imageGrid, type ImageRow } from "../charts/image_grid.ts";
import { toPng, toSvg } from "../charts/render.ts";
import type { Chart } from "../charts/theme.ts";
import { contactSheet } from "../charts/thumbnails.ts";
import { type Dataset, imageOf } from "../data/dataset.ts";
import { trainingImages } from "../data/split.ts";
import { crop, drawView, viewsOf } from "../data/views.ts";
import { isPresetRun, readSpecFile } from "../experiments/spec_file.ts";
import { runId, type RunSpec } from "../training/spec.ts";
import { runCommand } from "./command.ts";
import { natural, parse } from "./parse.ts";
import { userPath } from "./paths.ts";

/** How many epochs' views are drawn. */
const EPOCHS = 4;

const HELP = `deno task views SPEC [options]

Draws the views that a run learns from: each row is one of its training images
and its views in the first ${EPOCHS} epochs, the first view beside the second and
what others there are. SPEC is what deno task train takes: a JSON file, or one
of the paper's runs, such as quick/s-jea.

  --set FIELD=VALUE  changes a field; repeatable: --set view.blur=0.5
                     --set view.second.solarise=0.2
  --images N         how many images (default: 8)
  --out FILE         a .png or .svg (default: data/reports/views/ID.png);
                     outside data/ Deno asks whether it may
  --data DIR         folder with data sets (default: SJEA_DATA, then
                     data/datasets)
  --help             this text`;

/** How a picture is drawn, by how its name ends. */
const PICTURES: Readonly<Record<string, (chart: Chart) => Promise<string | Uint8Array>>> = {
  ".png": toPng,
  ".svg": toSvg,
};

await runCommand(async () => {
  const { values, positionals } = parse({
    words: true,
    options: {
      set: { type: "string", multiple: true, default: [] as string[] },
      images: { type: "string", default: "8" },
      out: { type: "path" },
      data: { type: "path" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const [from, ...others] = positionals,
    { set, data, out } = values,
    count = natural("images", values.images);
  if (from === undefined || others.length > 0) {
    throw new UsageError(
      `Name one spec to draw views of, not ${positionals.length}. deno task views --help says how.`,
    );
  }
  const picture = PICTURES[out === undefined ? ".png" : extname(out)];
  if (picture === undefined) {
    throw new UsageError(`${out} ends with none of ${Object.keys(PICTURES).join(", ")}.`);
  }
  const source = isPresetRun(from) ? from : userPath(from);
  const { spec, dataset } = await readSpecFile({ from: source, set, data });
  if (count < 1 || count > spec.data.images) {
    throw new UsageError(
      `--images takes 1 to ${spec.data.images}, as many as the run learns from, not ${count}.`,
    );
  }
  const path = out ?? join(places.reports, "views", `${runId(spec)}.png`);
  await writeAtomically(path, await picture(imageGrid(rowsOf(spec, dataset, count))));
  console.log(path);
});

/** A row for each of the run's first training images: itself, and its views. */
function rowsOf({ data, view, seed, epochs }: RunSpec, dataset: Dataset, count: number): ImageRow[] {
  const set = trainingImages(dataset, data.images, data.splitSeed), { labels, height, width } = set;
  const all = viewsOf(view), full = all.length - (view.local?.number ?? 0);
  const nameOf = (at: number) => at >= full ? "local" : at % 2 === 0 ? "first" : "second";
  return Array.from({ length: count }, (_, index) => {
    const image = draw(
      width,
      (out) => crop(imageOf(set, index), width, { top: 0, left: 0, height, width }, false, width, out),
    );
    const views = Array.from(
      { length: Math.min(EPOCHS, epochs) },
      (_, epoch) =>
        all.map(({ size }, number) =>
          draw(size, (out) => drawView(set, { seed, epoch, index, number }, all, out))
        ),
    ).flat();
    return {
      images: [image, ...views],
      captions: [dataset.classes[labels[index]], ...views.map((_, at) => nameOf(at % all.length))],
    };
  });
}

/** What is drawn of values in 0..1, `[size, size, 3]`. */
function draw(size: number, fill: (out: Float32Array) => void): string {
  const values = new Float32Array(size * size * 3);
  fill(values);
  return contactSheet([Uint8Array.from(values, (value) => Math.round(255 * value))], size, 1);
}
