/**
 * Maps of what each stack of a run makes of images, with what they show in numbers.
 *
 * @module
 */
import { UsageError } from "../base/errors.ts";
import { progress } from "../base/progress.ts";
import { generator, permutation } from "../base/random.ts";
import { embedding } from "../charts/embedding.ts";
import type { Points } from "../charts/points.ts";
import type { Chart } from "../charts/theme.ts";
import { thumbnail } from "../charts/thumbnails.ts";
import { dispose } from "../compute/compile.ts";
import { tf } from "../compute/tf.ts";
import { imageOf, type ImageSet, type Labels, subset } from "../data/dataset.ts";
import type { Run } from "../experiments/run.ts";
import { neighbours } from "../projection/neighbours.ts";
import { trustworthiness } from "../projection/trustworthiness.ts";
import { tsne } from "../projection/tsne.ts";
import { umap } from "../projection/umap.ts";

/** A chart and what a page says around it, Markdown. */
export interface Figure {
  /** Heading of its section. */
  readonly title: string;
  /** What to look for. */
  readonly above: string;
  readonly chart: Chart;
  readonly caption: string;
  /** What was found. */
  readonly below: string;
}

/** Points of a map, at least and at most; pixels of all thumbnails together; neighbours that are to be trusted. */
const LEAST = 4, MOST = 5000, THUMBNAILS = 800 * 32 * 32, NEAR = 15;

const SEED = 0, ITERATIONS = 1000;

/** Puts points, `[count, features]`, into the plane, `[count · 2]`, and says how far it is, 0..1. */
export type Project = (x: tf.Tensor2D, progress: (part: number) => void) => Promise<Float32Array>;

/** How to project, and what a reader should know of it. */
interface Method {
  readonly look: string;
  readonly project: Project;
}

/** Projections that keep neighbours, by what they are called. */
export const METHODS: Readonly<Record<string, Method>> = {
  "t-SNE": {
    look: "Look whether a class is one cloud, and whether a higher stack keeps it together or parts it. " +
      "How far two clouds are from each other says little.",
    project: async (x, progress) => {
      const options = {
        seed: SEED,
        iterations: ITERATIONS,
        progress: (done: number) => progress(done / ITERATIONS),
      };
      return (await tsne(x, options)).points;
    },
  },
  UMAP: {
    look:
      "UMAP keeps more of what is far apart. Look whether the same classes are neighbours as above, and " +
      "whether what is an island there is one here.",
    project: (x, progress) => umap(x, { seed: SEED, progress: (done, total) => progress(done / total) }),
  },
};

/**
 * Projects the representations of images by each stack, by t-SNE and by UMAP; it says how far it is.
 *
 * @param run The run.
 * @param images The images; of more than 5,000, so many are drawn.
 * @param what What they are, such as `test images of cifar10`.
 * @returns A figure a method, with a panel a stack, lowest first.
 * @throws {UsageError} There are fewer than four images.
 */
export async function stackMaps(run: Run, images: ImageSet, what: string): Promise<Figure[]> {
  const all = images.labels.length;
  if (all < LEAST) throw new UsageError(`A map takes ${LEAST} ${what} or more, and there are ${all}.`);
  const order = permutation(all, generator("map", SEED));
  const shown = all > MOST ? subset(images, order.subarray(0, MOST)) : images;
  const { labels, height } = shown, count = labels.length, { classes } = run.setting.dataset;
  const whose = `${all > MOST ? `${grouped(MOST)} of the ${grouped(all)}` : `the ${grouped(all)}`} ${what}`;
  const reading = progress(`Representations of ${whose}`, count);
  const stacks = await run.embed(shown, { progress: reading.update });
  reading.stop();
  const some = permutation(count, generator("thumbnails")).subarray(0, Math.ceil(THUMBNAILS / height ** 2));
  const thumbnails = new Map(Array.from(some, (at) => [at, thumbnail(imageOf(shown, at), height)]));
  const bar = progress("Maps", stacks.length * Object.keys(METHODS).length, (done) => done.toFixed(1));
  const figures: Figure[] = [];
  for (const [name, { look, project }] of Object.entries(METHODS)) {
    const panels: Points[] = [], found: string[] = [];
    for (const [stack, x] of stacks.entries()) {
      const done = figures.length * stacks.length + stack, title = `stack ${stack}`;
      const points = await project(x, (part) => bar.update(done + part, `${name} of ${title}`));
      panels.push({ title, points });
      found.push(`- Stack ${stack}: ${await remark(x, points, labels)}`);
    }
    figures.push({
      title: `${name} of each stack`,
      above: `${whose[0].toUpperCase()}${whose.slice(1)}, coloured by class. ${look}`,
      // The other charts show the same points.
      chart: embedding(panels, {
        labels,
        classes,
        levels: shown.levels,
        ...figures.length === 0 && { images: thumbnails },
      }),
      caption: `${name} of ${whose}, by each stack's representations`,
      below: found.join("\n"),
    });
  }
  bar.stop();
  dispose(stacks);
  return figures;
}

/** What a map shows of the classes, beside what there is to show, and beside chance. */
async function remark(x: tf.Tensor2D, points: Float32Array, labels: Labels): Promise<string> {
  const count = labels.length, plane = tf.tensor2d(points, [count, 2]);
  const [shown, there] = [await sameClass(plane, labels), await sameClass(x, labels)];
  plane.dispose();
  const trust = await trustworthiness(x, points, Math.min(NEAR, Math.ceil(count / 2) - 1));
  const sizes = [...Map.groupBy(labels, (label) => label).values()].map(({ length }) => length);
  const pairs = sizes.reduce((sum, size) => sum + size * (size - 1), 0), chance = pairs / count / (count - 1);
  const spread = 1.96 * Math.sqrt(shown * (1 - shown) / count);
  const trusted = `Trustworthiness ${trust.toFixed(3)}, where 1 is a map that makes up no neighbours.`;
  return sizes.length === 1
    ? trusted
    : `the point nearest to an image's is of its class for ${percent(shown)} ± ${
      percent(spread)
    } % of them (95 % interval); in the representation itself for ${percent(there)} %, by chance for ${
      percent(chance)
    } %. ${trusted}`;
}

/** Part of the points whose nearest other one has their class. */
async function sameClass(x: tf.Tensor2D, labels: Labels): Promise<number> {
  const { indices } = await neighbours(x, 1);
  return indices.filter((other, at) => labels[other] === labels[at]).length / labels.length;
}

const percent = (part: number) => (100 * part).toFixed(1);

const grouped = (count: number) => count.toLocaleString("en");
