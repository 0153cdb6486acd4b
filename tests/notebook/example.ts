import { encode } from "fast-png";
import type { TopLevelSpec } from "vega-lite";
import { generator } from "../../lib/base/random.ts";
import { type Notebook, type Output, parseNotebook } from "../../lib/notebook/ipynb.ts";
import type { Label } from "../../lib/notebook/label.ts";
import { chartBundle } from "../../lib/notebook/show.ts";
import { tableBundle } from "../../lib/notebook/table.ts";

/** Shows as text wherever it stands, or something is wrong. */
export const HOSTILE =
  `<script>globalThis.hacked = 1</script><img src="x" onerror="globalThis.hacked = 2">'"&amp;`;

/** A cell of markdown or, with outputs, of code. */
export function cell(id: string, source: string, outputs?: readonly Output[]) {
  return outputs
    ? { cell_type: "code", id, metadata: {}, source, execution_count: 1, outputs }
    : { cell_type: "markdown", id, metadata: {}, source };
}

/** A notebook of cells. */
export function notebook(cells: readonly ReturnType<typeof cell>[], metadata = {}): Notebook {
  return parseNotebook(JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata, cells }), "example");
}

/** Something displayed. */
export function shown(data: Readonly<Record<string, unknown>>, label: Label = {}): Output {
  return { output_type: "display_data", data: { ...data }, metadata: { sjea: label } };
}

/** A thumbnail of one colour with a darker corner, as a data URI. */
function thumbnail(red: number, green: number, blue: number): string {
  const data = Uint8Array.from({ length: 16 * 16 * 3 }, (_, at) => {
    const dark = (at / 3 | 0) % 16 < 5 && at < 16 * 5 * 3;
    return [red, green, blue][at % 3] * (dark ? 0.5 : 1);
  });
  return `data:image/png;base64,${encode({ width: 16, height: 16, data, channels: 3 }).toBase64()}`;
}

const CLASSES = ["airplane", "cat", "ship"];
const IMAGES = [thumbnail(80, 140, 200), thumbnail(220, 150, 60), thumbnail(60, 90, 120)];

/** 300 points of three classes with thumbnails; a click on the legend leaves one class. */
export const scatter: TopLevelSpec = {
  $schema: "https://vega.github.io/schema/vega-lite/v6.json",
  width: 520,
  height: 340,
  background: "white",
  data: {
    values: Array.from({ length: 300 }, (_, at) => {
      const random = generator("scatter", at), kind = at % 3;
      return {
        x: 4 * Math.cos(2.1 * kind) + random.normal(),
        y: 4 * Math.sin(2.1 * kind) + random.normal(),
        class: CLASSES[kind],
        image: IMAGES[kind],
      };
    }),
  },
  params: [{ name: "chosen", select: { type: "point", fields: ["class"] }, bind: "legend" }],
  mark: { type: "circle", size: 40, opacity: 1 },
  encoding: {
    x: { field: "x", type: "quantitative" },
    y: { field: "y", type: "quantitative" },
    color: { field: "class", type: "nominal" },
    opacity: { condition: { param: "chosen", value: 0.9 }, value: 0.07 },
    tooltip: [{ field: "image" }, { field: "class" }, { field: "x", format: ".2f" }],
  },
};

/** A loss by step: a table of text with so many lines that it is drawn on a canvas. */
export const curve: TopLevelSpec = {
  $schema: "https://vega.github.io/schema/vega-lite/v6.json",
  width: 520,
  height: 220,
  background: "white",
  data: {
    values: [
      "step,loss",
      ...Array.from({ length: 3000 }, (_, step) => `${step},${20 + 8 * Math.exp(-step / 750)}`),
    ]
      .join("\n"),
    format: { type: "csv", parse: { step: "number", loss: "number" } },
  },
  mark: { type: "line", point: true },
  encoding: {
    x: { field: "step", type: "quantitative" },
    y: { field: "loss", type: "quantitative", scale: { zero: false } },
    tooltip: [{ field: "step", type: "quantitative" }],
  },
};

const TITLE = `# Training two stacks

An encoder is trained with VICReg; a second encoder stands on the first one's map before pooling. This
notebook follows both [from the data](00_data.ipynb) to a linear probe.

![S-JEA: two stacks](images/stacks.svg)

## The loss

For embeddings $Z$ and $Z'$ of two views the loss is

$$\\ell(Z, Z') = \\lambda\\, s(Z, Z') + \\mu\\,[v(Z) + v(Z')] + \\nu\\,[c(Z) + c(Z')]$$

with the invariance $s$, the variance $v$ and the covariance $c$; a stack's total is the sum over its levels.
See \`lib/loss/vicreg.ts\` for the 25 lines that say so, and [the paper](https://arxiv.org/abs/2305.11701).

| term | weight | what it does |
|---|---:|---|
| invariance | 25 | brings two views of an image together |
| variance | 25 | keeps each dimension's spread above one |
| covariance | 1 | makes dimensions say different things |
`;

const CODE = `import { initialiseStack, pass, stack, start, tf } from "../lib/mod.ts";

await start();
// Two levels with the same projector.
const network = initialiseStack(config, 0);
const images = tf.zeros([8, 32, 32, 3]) as tf.Tensor4D;
const [stack0, stack1] = stack(pass(network, true), images, config);
console.log(\`stack 0: \${stack0.embedding.shape}\`, stack1.representation.shape);`;

/** A notebook with every kind of output. */
export async function exampleNotebook(): Promise<Notebook> {
  return notebook([
    cell("title", TITLE),
    cell("build", CODE, [{ output_type: "stream", name: "stdout", text: "stack 0: 8,256 [ 8, 512 ]\n" }]),
    cell("see", "## What it sees\n\nLook for one cloud a class; a click on the legend leaves one of them."),
    cell("points", `await show(scatter, { exhibit: "Figure 3" });`, [
      shown(await chartBundle(scatter, {}), {
        exhibit: "Figure 3",
        caption:
          "Representations of 300 test images by t-SNE, coloured by class. Point at one to see its image.",
      }),
    ]),
    cell("seen", "The clouds hardly touch.\n\n## Training"),
    cell("loss", "await show(curve);", [
      shown(await chartBundle(curve, {}), { exhibit: "Figure 2", caption: "Loss of stack 0 by step." }),
    ]),
    cell("numbers", "await showTable(table);", [
      shown(
        tableBundle({
          columns: ["method", "encoder", "stack", "top-1 %", "paper", "k-NN %"],
          rows: [
            ["VICReg", "ResNet-18, width 16", "–", "48.4", "80.5", "43.1"],
            ["S-JEA", "ResNet-18, width 16", 0, "46.2", "80.8", "41.5"],
            ["S-JEA", "ResNet-18, width 16", 1, "40.7", "81.6", "40.6"],
          ],
          notes: ["n = 1 seed; k = 200."],
        }, {}),
        { exhibit: "Table 1", caption: "CIFAR-10: linear evaluation and k-NN beside the paper's numbers." },
      ),
    ]),
    cell("fault", `throw new Error("no more");`, [{
      output_type: "error",
      ename: "Error",
      evalue: "no more",
      traceback: ["\u001b[1mError\u001b[0m: no more", "    at <anonymous>:1:7"],
    }]),
  ], {
    sjea: {
      facts: {
        Preset: "quick",
        Data: "CIFAR-10, unofficial copy 381da081404d108c",
        Seeds: "0",
        Date: "2026-11-24",
      },
      environment: { Machine: "2 threads of AMD EPYC", TensorFlow: "2.21.0" },
      seconds: 192,
    },
  });
}

/** Writes a folder of two notebooks; returns it. */
export async function exampleFolder(): Promise<string> {
  const folder = await Deno.makeTempDir();
  const data = notebook([
    cell("data", "# The data\n\nTen classes of small images."),
    cell("run", "1 + 1", [
      { output_type: "execute_result", execution_count: 1, data: { "text/plain": "2" }, metadata: {} },
    ]),
  ]);
  await Deno.mkdir(`${folder}/images`);
  await Promise.all([
    Deno.writeTextFile(`${folder}/00_data.ipynb`, JSON.stringify(data)),
    Deno.writeTextFile(`${folder}/01_train.ipynb`, JSON.stringify(await exampleNotebook())),
    Deno.writeTextFile(`${folder}/differences.md`, "- Width 16 instead of 64.\n- Six epochs instead of 200."),
    Deno.writeTextFile(
      `${folder}/images/stacks.svg`,
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 60"><rect width="400" height="60" fill="#fff"/>` +
        `<rect x="40" y="15" width="120" height="30" fill="#dcebfa"/><rect x="240" y="15" width="120" height="30" fill="#fde8d3"/></svg>`,
    ),
  ]);
  return folder;
}
