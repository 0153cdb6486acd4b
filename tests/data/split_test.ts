import assert from "node:assert/strict";
import { generate } from "../../lib/data/generated.ts";
import { exists } from "../../lib/base/files.ts";
import { split, trainingImages } from "../../lib/data/split.ts";
import { DAMAGED, mutatedJson, survive } from "../mutate.ts";

const dataset = generate({ seed: 0, train: 100, test: 20 });
const sizes = { train: 70, heldOut: 30, test: 20 };

Deno.test("a split covers the training images once, and is the same every time", async () => {
  const folder = await Deno.makeTempDir();
  const [one, two] = [await split(dataset, sizes, 0, folder), await split(dataset, sizes, 0, folder)];
  assert.deepEqual(one, two);
  const key = (images: Uint8Array, at: number) => images.subarray(at * 3072, (at + 1) * 3072).join();
  const all = [one.train, one.heldOut].flatMap(({ images, labels }) =>
    Array.from(labels, (_, at) => key(images, at))
  );
  assert.equal(new Set(all).size, 100);
  // What a run draws from its spec alone.
  assert.deepEqual(trainingImages(dataset, sizes.train, 0), one.train);
  assert.throws(
    () => trainingImages(dataset, 101, 0),
    new RangeError("101 training images are more than there are, 100."),
  );
  const other = await split(dataset, sizes, 1, folder);
  assert.notDeepEqual(other.train.labels, one.train.labels);
});

Deno.test("a stored split that is another one, and too few images, are refused", async () => {
  const folder = await Deno.makeTempDir();
  await split(dataset, sizes, 0, folder);
  const [file] = [...Deno.readDirSync(folder)];
  await Deno.writeTextFile(`${folder}/${file.name}`, "{}");
  await assert.rejects(split(dataset, sizes, 0, folder), {
    name: "DataError",
    message: /holds another split/,
  });
  await assert.rejects(split(dataset, { ...sizes, train: 80 }, 0, folder), {
    name: "UsageError",
    message: "generated has 100 training and 20 test images; the preset asks for 80 + 30 and 20. " +
      "Lower trainImages, heldOutImages or testImages with --set.",
  });
});

Deno.test(`${DAMAGED} damaged splits: none is taken for the drawn one`, async () => {
  const few = generate({ seed: 0, train: 6, test: 1 }), sizes = { train: 4, heldOut: 2, test: 1 };
  const folder = await Deno.makeTempDir(await exists("/dev/shm") ? { dir: "/dev/shm" } : {});
  try {
    await split(few, sizes, 0, folder);
    const [file] = [...Deno.readDirSync(folder)], path = `${folder}/${file.name}`;
    const whole = await Deno.readTextFile(path);
    const { read, refused } = await survive(mutatedJson(whole, "split"), async (text) => {
      await Deno.writeTextFile(path, text);
      await split(few, sizes, 0, folder);
      assert.equal(text, whole);
    });
    assert.ok(read > 0.001 * DAMAGED && refused > 0.9 * DAMAGED, `${read} were whole, ${refused} refused`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
