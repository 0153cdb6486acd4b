/**
 * The files of TensorBoard's embedding projector.
 *
 * @module
 */
import type { ImageSet } from "../data/dataset.ts";
import { sprite } from "../data/sprite.ts";

/** Representations of images by one stack. */
export interface Embedded {
  /** Which one, 0 for the lowest. */
  readonly stack: number;
  /** Numbers an image. */
  readonly features: number;
  /** Row by row, `[images, features]`. */
  readonly values: Float32Array;
}

/** Significant digits that tell any two numbers of 32 bits apart. */
const DIGITS = 9;

/**
 * The files of a folder that TensorBoard's embedding projector shows: a tensor a stack, and the classes,
 * numbers and pictures of the images. Tensors are text, for TensorBoard takes bytes for text where it can.
 *
 * @param images The images.
 * @param classes Names of the classes, by label.
 * @param stacks What the stacks made of the images.
 * @returns The files' bytes by their names, last the one that names the others.
 */
export async function embeddingProjector(
  images: ImageSet,
  classes: readonly string[],
  stacks: readonly Embedded[],
): Promise<Record<string, Uint8Array>> {
  const { png, side } = sprite(images);
  // A tab or the end of a line in a name would end its column.
  const names = classes.map((name) => name.replace(/\s+/g, " "));
  const rows = Array.from(images.labels, (label, image) => `${names[label]}\t${image}\n`);
  const tensors = stacks.map(async ({ stack, features, values }) => {
    const lines = rows.map((_, row) => {
      const found = values.subarray(row * features, (row + 1) * features);
      return Array.from(found, (value) => Number(value.toPrecision(DIGITS))).join("\t") + "\n";
    });
    return [tensorFile(stack), await bytesOf(lines)];
  });
  const config = stacks.map(({ stack }) =>
    `embeddings {
  tensor_name: "stack ${stack}"
  tensor_path: "${tensorFile(stack)}"
  metadata_path: "metadata.tsv"
  sprite { image_path: "sprite.png" single_image_dim: ${side} single_image_dim: ${side} }
}
`
  );
  return {
    ...Object.fromEntries(await Promise.all(tensors)),
    "metadata.tsv": await bytesOf(["class\timage\n", ...rows]),
    "sprite.png": png,
    "projector_config.pbtxt": await bytesOf(config),
  };
}

const tensorFile = (stack: number) => `stack-${stack}.tsv`;

/** Text in pieces as bytes: in one, a large tensor would be longer than a string may be. */
const bytesOf = (pieces: string[]) => new Blob(pieces).bytes();
