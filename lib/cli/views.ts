/**
 * `deno task views`: a picture of the views that a run learns from.
 *
 * @module
 */
import { join } from "@std/path";
import { UsageError } from "../base/errors.ts";
import { writeAtomically } from "../base/files.ts";
import { places } from "../base/places.ts";
import { generator } from "../base/random.ts";
import { imageGrid } from "../charts/image_grid.ts";
import { toPng } from "../charts/render.ts";
import { thumbnail } from "../charts/thumbnails.ts";
import { imageOf } from "../data/dataset.ts";
import { trainingImages } from "../data/split.ts";
import { augment, viewOf } from "../data/views.ts";
import { isPresetRun, readSpecFile } from "../experiments/spec_file.ts";
import { runId } from "../training/spec.ts";
import { runCommand } from "./command.ts";
import { natural, parse } from "./parse.ts";
import { userPath } from "./paths.ts";

const HELP = `deno task views SPEC [options]

Draws some training images and, beside each, the pairs of views that the run's
first epochs show of it. SPEC is a JSON file, or one of the paper's runs at a
preset's size, such as quick/s-jea.

  --set FIELD=VALUE  changes a field; repeatable: --set view.blur=0.5
  --images N         how many images (default: 6)
  --pairs N          how many pairs of views of each (default: 3)
  --out FILE         a PNG file (default: data/reports/views/RUN-ID.png);
                     outside data/ Deno asks whether it may
  --data DIR         folder with data sets (default: SJEA_DATA, then
                     data/datasets)
  --help             this text`;

await runCommand(async () => {
  const { values, positionals } = parse({
    words: true,
    options: {
      set: { type: "string", multiple: true, default: [] as string[] },
      images: { type: "string", default: "6" },
      pairs: { type: "string", default: "3" },
      out: { type: "path" },
      data: { type: "path" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  if (positionals.length !== 1) throw new UsageError(`Name one spec, not ${positionals.length}.`);
  const [from] = positionals, { set, data } = values;
  const [images, pairs] = [natural("images", values.images), natural("pairs", values.pairs)];
  if (images === 0 || pairs === 0) throw new UsageError("--images and --pairs are 1 or more.");
  const { spec, dataset } = await readSpecFile({
    from: isPresetRun(from) ? from : userPath(from),
    set,
    data,
  });
  const { view, seed, data: { splitSeed } } = spec, { size } = view;
  const shown = trainingImages(dataset, Math.min(images, spec.data.images), splitSeed),
    { height, width } = shown;
  // The first of a split do not depend on how many there are, and neither does a view on the images beside its own.
  const rows = Array.from(shown.labels, (label, index) => {
    const image = imageOf(shown, index);
    const views = Array.from({ length: 2 * pairs }, (_, at) => {
      const out = new Float32Array(size * size * 3), number = at % 2;
      const random = generator("view", seed, at >> 1, index, number);
      augment(image, height, width, viewOf(view, number), random, out);
      return thumbnail(Uint8Array.from(out, (value) => Math.round(255 * value)), size);
    });
    return {
      images: [thumbnail(image, height), ...views],
      captions: [dataset.classes[label], ...views.map((_, at) => at % 2 === 0 ? "first" : "second")],
    };
  });
  const path = values.out ?? join(places.reports, "views", `${runId(spec)}.png`);
  await writeAtomically(path, await toPng(imageGrid(rows)));
  console.log(path);
});
