/**
 * The playground: a page that holds a trained stack and computes with it in the browser. A picture is chosen and
 * changed, and the page shows where each stack puts it then. It stands for itself: one file, without a network.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { UsageError } from "../base/errors.ts";
import { progress } from "../base/progress.ts";
import { generator, permutation } from "../base/random.ts";
import { CLASS_COLOURS } from "../charts/theme.ts";
import { dispose } from "../compute/compile.ts";
import type { Tensors } from "../compute/ops.ts";
import type { tf } from "../compute/tf.ts";
import { WASM } from "../compute/wasm/files.ts";
import { type ImageSet, subset } from "../data/dataset.ts";
import { encodeWebp } from "../data/decode.ts";
import { sprite } from "../data/sprite.ts";
import type { Run } from "../experiments/run.ts";
import { levelOf } from "../model/layers.ts";
import type { StackConfig } from "../model/stack.ts";
import { bundle, wasmFile } from "./bundle.ts";
import style from "./explorer.css" with { type: "text" };
import { METHODS } from "./maps.ts";
import { fitted, pack, type Packed } from "./packed.ts";
import { factList, page } from "./page.ts";
import own from "./playground.css" with { type: "text" };

/** Images at least; neighbours that are shown and that place a picture. */
const LEAST = 20, NEAR = 10;

/** A tensor in the page. */
export interface PackedTensor {
  readonly shape: readonly number[];
  readonly values: Packed;
}

/** What the page's script is given. */
export interface Playground {
  readonly count: number;
  /** Height and width of a picture in pixels. */
  readonly side: number;
  readonly near: number;
  readonly classes: readonly string[];
  readonly colours: readonly string[];
  readonly labels: Packed;
  readonly config: StackConfig;
  readonly network: {
    readonly parameters: Readonly<Record<string, PackedTensor>>;
    readonly statistics: Readonly<Record<string, PackedTensor>>;
  };
  readonly stacks: readonly {
    /** Directions of the images' representations, `[count, features]`. */
    readonly directions: Packed;
    /** Places of the images, by the projection's name, `[count, 2]`. */
    readonly maps: Readonly<Record<string, Packed>>;
  }[];
}

/** A stack without the projectors that no representation needs. */
function withoutProjectors(config: StackConfig): StackConfig {
  const { levels, wiring, stopGradient } = config, last = levels.length - 1;
  return {
    wiring,
    stopGradient,
    levels: levels.map(({ encoder, projector, input }, at) => ({
      encoder,
      projector: wiring === "embedding" && at < last ? projector : [],
      ...input !== undefined && { input },
    })),
  };
}

/** What of a network a stack needs. In half precision representations would differ by up to 4e-3. */
function packNetwork(tensors: Tensors, { levels }: StackConfig): Record<string, PackedTensor> {
  const needed = Object.entries(tensors).filter(([name]) =>
    name.startsWith("encoders.") || levels[levelOf(name)].projector.length > 0
  );
  return Object.fromEntries(
    needed.map(([name, x]) => [name, { shape: x.shape, values: pack(x.dataSync() as Float32Array) }]),
  );
}

/** Each row over its length. */
async function directionsOf(x: tf.Tensor2D): Promise<Float16Array> {
  const [count, features] = x.shape, values = await x.data<"float32">();
  const directions = new Float16Array(values.length);
  for (let from = 0; from < count * features; from += features) {
    const row = values.subarray(from, from + features), length = Math.hypot(...row) || 1;
    row.forEach((value, at) => directions[from + at] = value / length);
  }
  return directions;
}

/**
 * Renders the playground of a run; it says how far it is.
 *
 * @param run The run.
 * @param images Images to compare with, `[count, side, side, 3]`.
 * @param what What they are, such as `test images of cifar10`.
 * @param most Images at most: of more, so many are drawn.
 * @returns An HTML document; of a run with ResNets of width 16 and 2,000 photographs of 32 × 32 pixels, 14 MB.
 * @throws {EnvironmentError} There is no libvips for this machine.
 * @throws {UsageError} There are fewer than 20 images, or they are not square.
 */
export async function renderPlayground(
  run: Run,
  images: ImageSet,
  what: string,
  most: number,
): Promise<string> {
  const all = images.labels.length, { height: side, width } = images;
  if (Math.min(all, most) < LEAST) {
    throw new UsageError(`A playground takes ${LEAST} images or more, and there are ${Math.min(all, most)}.`);
  }
  if (side !== width) throw new UsageError(`A playground takes square images, not ${side}×${width}.`);
  const drawn = () => permutation(all, generator("playground")).subarray(0, most).sort();
  const shown = all > most ? subset(images, drawn()) : images,
    count = shown.labels.length,
    config = withoutProjectors(run.spec);
  const network = await run.network(), { parameters, statistics } = network;
  const packed = {
    parameters: packNetwork(parameters, config),
    statistics: packNetwork(statistics, config),
  };
  dispose(network);
  const found = await run.embed(shown), methods = Object.entries(METHODS);
  const bar = progress(`Maps of ${run.id}`, found.length * methods.length, (done) => done.toFixed(1));
  const stacks: Playground["stacks"][number][] = [];
  for (const [stack, x] of found.entries()) {
    const maps: Record<string, Packed> = {};
    for (const [at, [name, { project }]] of methods.entries()) {
      const points = await project(
        x,
        (part) => bar.update(stack * methods.length + at + part, `${name} of stack ${stack}`),
      );
      maps[name] = pack(fitted(points));
    }
    stacks.push({ directions: pack(await directionsOf(x)), maps });
  }
  bar.stop();
  dispose(found);
  const data: Playground = {
    ...{ count, side, near: NEAR, classes: run.setting.dataset.classes, colours: CLASS_COLOURS },
    labels: pack(shown.labels),
    config,
    network: packed,
    stacks,
  };
  return await render(data, shown, [
    ["Run", `${run.title} (${run.id})`],
    ["Compared with", `${count.toLocaleString("en")} ${what}`],
  ]);
}

async function render(data: Playground, images: ImageSet, facts: [string, string][]): Promise<string> {
  const { png, side } = sprite(images);
  if (side !== data.side) {
    throw new UsageError(
      `${data.count} images of ${data.side} pixels are no one picture: take fewer, by --count.`,
    );
  }
  // Lossless: what the browser computes of an image is what was computed here.
  const webp = await encodeWebp(png, { lossless: true }), wasm = await wasmFile(WASM);
  const json = JSON.stringify(data).replaceAll("<", "\\u003c");
  return page({
    title: `Playground: ${facts[0][1]}`,
    file: "playground.html",
    pages: [],
    sections: [],
    style: style + own,
    main: `<div class="head"><h1>Playground</h1>${factList(facts)}</div>
${markup(data)}
<img id="sprite" alt="" hidden src="data:image/webp;base64,${webp.toBase64()}">
<script type="application/wasm" id="wasm">${wasm.toBase64()}</script>
<script type="application/json" id="playground">${json}</script>`,
    scripts: [await bundle(fileURLToPath(new URL("playground.js", import.meta.url)))],
    wasm: true,
  });
}

/** Sliders: id, label, least, most, step, start, unit. */
const SLIDERS = [
  ["crop", "Crop", 20, 100, 1, 100, "%"],
  ["across", "Crop across", 0, 100, 1, 50, "%"],
  ["down", "Crop down", 0, 100, 1, 50, "%"],
  ["brightness", "Brightness", 0, 2, 0.02, 1, "×"],
  ["contrast", "Contrast", 0, 2, 0.02, 1, "×"],
  ["saturation", "Saturation", 0, 2, 0.02, 1, "×"],
  ["hue", "Hue", -180, 180, 1, 0, "°"],
  ["blur", "Blur", 0, 3, 0.05, 0, "px"],
] as const;

const slider = ([id, label, least, most, step, start, unit]: typeof SLIDERS[number]) =>
  `<label for="${id}">${label}</label><input id="${id}" type="range" min="${least}" max="${most}" step="${step}" value="${start}">
<span aria-hidden="true" data-unit="${unit}"></span>`;

/** What the script fills. */
const markup = ({ count, near, stacks }: Playground) =>
  `<p class="lead">Choose a picture, change it, and see where each stack puts it now. A stack that is invariant to a
change leaves it where it is.</p>
<p id="fault" role="alert" hidden></p>
<div class="playground">
<form id="controls" aria-label="Picture">
<div class="pair">
<figure><canvas id="before" class="image" role="img" aria-label="The picture as it came"></canvas><figcaption>Original</figcaption></figure>
<figure><canvas id="now" class="image" role="img" aria-label="The picture as it is changed"></canvas><figcaption>Now</figcaption></figure>
</div>
<p id="name"></p>
<div class="controls">
<label>Image <input id="index" type="number" min="0" max="${count - 1}" step="1" value="0"></label>
<button type="button" id="random">Another</button>
<label class="file">Own picture <input id="file" type="file" accept="image/*"></label>
</div>
<div class="sliders">
${SLIDERS.map(slider).join("\n")}
</div>
<div class="controls">
<label><input id="grey" type="checkbox"> Grey</label>
<label><input id="flip" type="checkbox"> Mirrored</label>
<button type="button" id="reset">Reset</button>
</div>
</form>
<div class="stacks">
${
    stacks.map((_, at) =>
      `<section aria-labelledby="stack${at}"><h2 id="stack${at}">Stack ${at}</h2>
<canvas class="map" id="map${at}" role="img" aria-label="Map of stack ${at}"></canvas>
<dl id="moved${at}"></dl>
<h3>Nearest now</h3>
<ol class="images" id="near${at}"></ol></section>`
    ).join("\n")
  }
</div>
</div>
<p id="verdict" role="status"></p>
<div class="controls"><label>Map <select id="projection">${
    Object.keys(stacks[0].maps).map((name) => `<option>${name}</option>`).join("")
  }</select></label><button type="button" id="forget">Forget the way</button></div>
<section id="legend" aria-label="Colours"></section>
<p class="caption">A map has no place for a new picture: it is drawn at the mean of the places of the ${near} nearest of the
${count.toLocaleString("en")} images, each weighted by 1 / (1 − cosine) in the full space. The line
leads from the original, a dot, to where it is now, a large ring; small rings are the nearest images. A
broken frame: of another class than the picture. The model runs here, by the project's own code on
TensorFlow.js's WebAssembly backend. Nothing leaves this page. <span id="computed"></span></p>
<noscript><p>The model is run by a script, which this browser does not run.</p></noscript>`;
