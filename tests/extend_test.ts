import assert from "node:assert/strict";
import { join } from "@std/path";
import { places } from "../lib/base/places.ts";

/** What a researcher adds: a file, and the line in the record that names it (with its import). */
const ADDITIONS: Readonly<Record<string, { file: string; code: string; record: string; line: string }>> = {
  loss: {
    file: "lib/loss/cosine.ts",
    code: `import { z } from "zod";
import type { tf } from "../compute/tf.ts";
import type { Terms } from "./losses.ts";

/** Options of the loss. */
export interface CosineOptions {
  /** Factor of the whole. */
  readonly scale: number;
}

/** {@link CosineOptions} in a spec. */
export const cosineOptions: z.ZodObject = z.strictObject({ scale: z.number().positive().default(1) });

/** One minus the mean cosine of the two embeddings of an image. */
export function cosine(z1: tf.Tensor2D, z2: tf.Tensor2D, { scale }: CosineOptions): Terms {
  const unit = (z: tf.Tensor2D) => z.div(z.square().sum(1, true).add(1e-6).sqrt());
  const total = unit(z1).mul(unit(z2)).sum(1).mean().mul(-scale).add(scale) as tf.Scalar;
  return { total };
}
`,
    record: "lib/loss/losses.ts",
    line: "  cosine: { options: cosineOptions, terms: cosine },",
  },
  encoder: {
    file: "lib/model/patches.ts",
    code: `import { z } from "zod";
import { relu } from "../compute/ops.ts";
import { tf } from "../compute/tf.ts";
import { convolution, normalisation, type Pass } from "./layers.ts";
import type { Encoded, EncoderCount, MapShape } from "./resnet.ts";

/** What makes it. */
export interface PatchesConfig {
  /** Channels of its map. */
  readonly width: number;
}

/** {@link PatchesConfig} in a spec. */
export const patchesOptions: z.ZodObject = z.strictObject({ width: z.int().positive() });

/** One convolution of stride 2. */
export function patches(pass: Pass, name: string, x: tf.Tensor4D, { width }: PatchesConfig): Encoded {
  const map = relu(normalisation(pass, \`\${name}.bn\`, convolution(pass, \`\${name}.conv\`, x, width, 3, 2)));
  return { map, stages: [map], representation: tf.mean(map, [1, 2]) };
}

/** What it costs. */
export function countPatches({ width }: PatchesConfig, [height, across, channels]: MapShape): EncoderCount {
  const parameters = (9 * channels + 2) * width, map: MapShape = [(height + 1) >> 1, (across + 1) >> 1, width];
  const values = map[0] * map[1] * width;
  return { parameters, live: parameters, multiplications: 9 * channels * values, values, map, stages: [map] };
}
`,
    record: "lib/model/encoders.ts",
    line:
      '  patches: { options: patchesOptions, apply: patches, count: countPatches, title: () => "Patches" },',
  },
  dataset: {
    file: "lib/data/stripes.ts",
    code: `import { z } from "zod";
import { type DatasetKind, imageFingerprint, type ImageSet } from "./dataset.ts";

/** How many to draw. */
export interface StripesOptions {
  /** Images of each part. */
  readonly count: number;
}

function draw(count: number): ImageSet {
  const images = new Uint8Array(count * 3072), labels = Uint8Array.from({ length: count }, (_, at) => at % 2);
  for (let at = 0; at < images.length; at++) {
    const image = Math.floor(at / 3072), row = Math.floor(at % 3072 / 96), column = Math.floor(at % 96 / 3);
    images[at] = ((labels[image] ? row : column) + image) % 4 < 2 ? 255 : 40 + image % 7;
  }
  return { images, labels, height: 32, width: 32 };
}

/** Stripes, lying and standing. */
export const stripes: DatasetKind<StripesOptions> = {
  title: "Stripes",
  options: z.strictObject({ count: z.int().positive().default(256) }),
  load({ count }) {
    const [train, test] = [draw(count), draw(count)];
    const fingerprint = imageFingerprint({ train, test });
    return { name: "stripes", copy: "generated", fingerprint, classes: ["standing", "lying"], train, test };
  },
};
`,
    record: "lib/data/datasets.ts",
    line: "  stripes,",
  },
  metric: {
    file: "lib/evaluation/centroid.ts",
    code: `import { z } from "zod";
import { tf } from "../compute/tf.ts";
import type { Metric } from "./metric.ts";

/** The nearest of the classes' means. */
export const centroid: Metric<unknown> = {
  options: z.strictObject({}),
  measure: ({ train, test, classes }) => ({
    centroid: tf.tidy(() => {
      const members = tf.oneHot(tf.tensor1d(train.labels, "int32"), classes).toFloat() as tf.Tensor2D;
      const means = tf.matMul(members, train.features, true).div(members.sum(0).expandDims(1));
      const distances = test.features.expandDims(1).sub(means.expandDims(0)).square().sum(2);
      return Uint8Array.from(distances.argMin(1).dataSync());
    }),
  }),
};
`,
    record: "lib/evaluation/metrics.ts",
    line: "  centroid,",
  },
};

/** The imports of the lines, as short as the file's names allow. */
const IMPORTS: Readonly<Record<string, string>> = {
  loss: 'import { cosine, cosineOptions } from "./cosine.ts";',
  encoder: 'import { countPatches, patches, patchesOptions } from "./patches.ts";',
  dataset: 'import { stripes } from "./stripes.ts";',
  metric: 'import { centroid } from "./centroid.ts";',
};

const SPEC = {
  extends: "smoke/s-jea",
  data: { dataset: { name: "stripes" }, images: 192 },
  levels: [
    { encoder: { kind: "patches", width: 8 }, projector: [16], loss: { name: "cosine" } },
    {
      encoder: { kind: "patches", width: 12 },
      projector: [16],
      loss: { name: "vicreg", invariance: 25, variance: 25, covariance: 1 },
    },
  ],
  epochs: 2,
};

async function copyLib(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyLib(join(from, name), join(to, name));
    else await Deno.copyFile(join(from, name), join(to, name));
  }
}

Deno.test("a loss, an encoder, a data set and a metric are one file and one line each", async () => {
  const folder = await Deno.makeTempDir(), runs = join(folder, "runs");
  const deno = async (...args: string[]) => {
    const env = { NO_COLOR: "1", SJEA_DATA: "" };
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: folder, env })
      .output();
    const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assert.equal(code, 0, errors);
    return out;
  };
  try {
    await copyLib(places.lib, join(folder, "lib"));
    for (const file of ["deno.json", "deno.lock"]) {
      await Deno.copyFile(join(places.lib, "..", file), join(folder, file));
    }
    for (const [kind, { file, code, record, line }] of Object.entries(ADDITIONS)) {
      await Deno.writeTextFile(join(folder, file), code);
      const path = join(folder, record), before = await Deno.readTextFile(path);
      const last = /^export const [A-Z]+ = \{$[^]*?(?=^\} as const)/m;
      const after = before.replace(last, `$&${line}\n`)
        .replace(/^import /m, `${IMPORTS[kind]}\nimport `);
      const added = after.split("\n").filter((line) => !before.split("\n").includes(line));
      assert.deepEqual(added, [IMPORTS[kind], line], kind);
      await Deno.writeTextFile(path, after);
    }
    await deno("check", "--quiet", "lib");
    await Deno.writeTextFile(join(folder, "mine.json"), JSON.stringify(SPEC));
    const run = (program: string, ...args: string[]) =>
      deno("run", "--quiet", "-A", `lib/cli/${program}.ts`, ...args, "--runs", runs);
    const [, id] = /^([0-9a-f]{12}) is trained/m.exec(await run("train", "mine.json"))!;
    const sizes = ["--preset=smoke", "--set=testImages=64", "--set=heldOutImages=32"];
    const out = await run("evaluate", id, "--metric=centroid", "--metric=knn.k=5", ...sizes);
    assert.match(out, /^ +centroid % +k-NN 5 %$/m);
    // Whether stripes lie or stand shows in one convolution already.
    assert.ok(Number(/^stack 1 +([\d.]+)/m.exec(out)![1]) > 60, out);
    assert.match(await run("runs"), /patchesw8\+patchesw12-cosine\+vicreg-2e-s0 +stripes +finished/);
    const schema = await run("train", "--schema");
    for (const name of ["cosine", "patches", "stripes"]) assert.ok(schema.includes(`"${name}"`), name);
    assert.match(await run("evaluate", "--help"), /centroid/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
