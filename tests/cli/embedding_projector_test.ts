import "../needs.ts";
import assert from "node:assert/strict";
import { join } from "@std/path";
import { decode } from "fast-png";
import { embeddingProjector } from "../../lib/cli/embedding_projector.ts";
import { noTensorBoard, projected } from "../tensorboard.ts";

const CLASSES = ["plain", "a\ttab", "two\r\nlines", 'a "quoted" name', "Käfer 甲虫"];
const NAMES = ["plain", "a tab", "two lines", 'a "quoted" name', "Käfer 甲虫"];

/** More images than TensorBoard takes for t-SNE, of one pixel each, whose values are of all sizes. */
const count = 10_001;
const images = {
  images: Uint8Array.from({ length: count * 3 }, (_, at) => at % 251),
  labels: Uint8Array.from({ length: count }, (_, image) => image % CLASSES.length),
  height: 1,
  width: 1,
};
const values = Float32Array.from({ length: count * 2 }, (_, at) => Math.sin(at + 1) * 10 ** (at % 70 - 35));
const stacks = [{ stack: 0, features: 2, values }, { stack: 1, features: 1, values: values.slice(-count) }];
const files = await embeddingProjector(images, CLASSES, stacks);

Deno.test("text has each number as it is, a row an image, and no name ends a column or line", () => {
  const rows = (name: string) =>
    new TextDecoder().decode(files[name]).trimEnd().split("\n").map((line) => line.split("\t"));
  assert.deepEqual(Float32Array.from(rows("stack-0.tsv").flat().map(Number)), values);
  assert.deepEqual(rows("metadata.tsv"), [
    ["class", "image"],
    ...Array.from(images.labels, (label, image) => [NAMES[label], `${image}`]),
  ]);
  assert.deepEqual(Object.keys(files), [
    ...["stack-0.tsv", "stack-1.tsv", "metadata.tsv", "sprite.png", "projector_config.pbtxt"],
  ]);
});

Deno.test({
  name: "TensorBoard shows every point of every stack, in a folder without runs",
  ignore: noTensorBoard,
  async fn() {
    const folder = await Deno.makeTempDir();
    for (const [name, bytes] of Object.entries(files)) await Deno.writeFile(join(folder, name), bytes);
    const shown = await projected(folder, ".");
    assert.deepEqual(Object.keys(shown), stacks.map(({ stack }) => `stack ${stack}`));
    for (const { stack, features, values } of stacks) {
      const { tensorShape, values: read, metadata, sprite, singleImageDim } = shown[`stack ${stack}`];
      assert.deepEqual(tensorShape, [count, features]);
      assert.deepEqual(read, values);
      assert.deepEqual(metadata.slice(1).map(([name]) => NAMES.indexOf(name)), Array.from(images.labels));
      assert.deepEqual(singleImageDim, [1, 1]);
      assert.deepEqual(decode(sprite).data.slice(0, count * 3), images.images);
    }
    await Deno.remove(folder, { recursive: true });
  },
});
