import assert from "node:assert/strict";
import { join } from "@std/path";
import { downloadStl10, findStl10, loadStl10, readPictures } from "../../lib/data/stl10.ts";
import { type Files, laid, packed, served } from "./packed.ts";

const DATA = Deno.env.get("SJEA_DATA");
if (!DATA) console.log("SJEA_DATA is not set: the tests on real STL-10 pictures are skipped.");

const PIXELS = 3 * 96 * 96;
const AGAIN = "Delete its folder and fetch STL-10 again (deno task data stl10).";
const NAMES = "airplane\nbird\ncar\ncat\ndeer\ndog\nhorse\nmonkey\nship\ntruck\n";

/** Pictures of bytes that repeat nowhere near. */
const pictures = (count: number, seed = 0) =>
  Uint8Array.from({ length: count * PIXELS }, (_, at) => (at + seed) % 251);

const whole = {
  "train_X.bin": pictures(3),
  "train_y.bin": Uint8Array.of(1, 10, 5),
  "test_X.bin": pictures(2, 7),
  "test_y.bin": Uint8Array.of(2, 3),
  "unlabeled_X.bin": pictures(251, 9),
  "class_names.txt": NAMES,
};

Deno.test("planes lie column by column, labels begin at 1", async () => {
  const folder = await laid(whole);
  const { train, test, classes, copy } = await loadStl10(folder);
  assert.deepEqual([...train.labels, ...test.labels], [0, 9, 4, 1, 2]);
  assert.deepEqual([train.height, train.width, copy], [96, 96, "unofficial"]);
  assert.deepEqual([classes[0], classes[9]], ["airplane", "truck"]);
  for (const [image, y, x] of [[0, 0, 0], [1, 3, 90], [2, 95, 95]]) {
    const at = image * PIXELS + (y * 96 + x) * 3;
    assert.deepEqual(
      [...train.images.subarray(at, at + 3)],
      [0, 1, 2].map((plane) => (image * PIXELS + plane * 9216 + x * 96 + y) % 251),
    );
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("the unlabelled part says that it has no labels, and is read in pieces", async () => {
  const folder = await laid(whole);
  const { train, test, fingerprint } = await loadStl10(folder, { part: "unlabeled" });
  assert.equal(train.unlabelled, true);
  assert.equal(train.labels.length, 251);
  assert.equal(test.unlabelled, undefined);
  // The last pixel of the last picture, in the second piece.
  assert.deepEqual(
    [...train.images.subarray(-3)],
    [0, 1, 2].map((plane) => (250 * PIXELS + plane * 9216 + 9215 + 9) % 251),
  );
  assert.notEqual(fingerprint, (await loadStl10(folder, { part: "train" })).fingerprint);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("truncated files, wrong labels and missing files are named", async () => {
  const short = pictures(2).subarray(5);
  const cases: [Files, file: string, fault: string][] = [
    [
      { "train_X.bin": short },
      "train_X.bin",
      `has ${short.length} bytes, which is not a whole number of pictures of 27648 bytes: it is truncated or ` +
      "another file.",
    ],
    [{ "test_X.bin": "" }, "test_X.bin", "is empty: it is truncated or another file."],
    [{ "test_X.bin": "<html>" }, "test_X.bin", "is an HTML page: it is truncated or another file."],
    [{ "train_y.bin": Uint8Array.of(1) }, "train_y.bin", "has 1 labels for 3 pictures."],
    [{ "class_names.txt": "cat\n" }, "class_names.txt", "has 1 names of classes instead of 10."],
  ];
  for (const [changed, file, fault] of cases) {
    const folder = await laid({ ...whole, ...changed });
    await assert.rejects(loadStl10(folder), {
      name: "DataError",
      message: `${join(folder, file)} ${fault} ${AGAIN}`,
    });
    await Deno.remove(folder, { recursive: true });
  }
  for (const label of [0, 11]) {
    const folder = await laid({ ...whole, "test_y.bin": Uint8Array.of(2, label) });
    await assert.rejects(loadStl10(folder), {
      name: "DataError",
      message:
        `${join(folder, "test_y.bin")}: picture 1 has label ${label}, but STL-10's labels are 1 to 10. ` +
        AGAIN,
    });
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a copy is what one part needs; the other part then is missing", async () => {
  const { "train_X.bin": _, ...rest } = whole, folder = await laid(rest);
  assert.equal(await findStl10({ folder, by: "--data" }), folder);
  assert.equal((await loadStl10(folder)).train.unlabelled, true, "what is there, if neither is named");
  await assert.rejects(loadStl10(folder, { part: "train" }), {
    name: "DataError",
    message: new RegExp(`^${folder} lacks train_X\\.bin: a copy of STL-10 has `),
  });
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a verified download is official in both parts", async () => {
  const files = Object.entries(whole).map(([name, content]) =>
    [
      `stl10_binary/${name}`,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    ] as const
  );
  await using server = served(await packed(Object.fromEntries(files)));
  const datasets = await Deno.makeTempDir(), folder = await downloadStl10(datasets, server.source);
  assert.equal(folder, await findStl10({ folder: datasets }));
  for (const part of ["train", "unlabeled"] as const) {
    assert.equal((await loadStl10(folder, { part })).copy, "official", part);
  }
  await Deno.writeFile(join(folder, "unlabeled_X.bin"), pictures(251));
  assert.equal((await loadStl10(folder, { part: "train" })).copy, "official");
  assert.equal((await loadStl10(folder, { part: "unlabeled" })).copy, "unofficial");
  await Deno.remove(datasets, { recursive: true });
});

Deno.test({
  name: "real pictures: a class each, upright and smooth",
  ignore: !DATA,
  fn: async () => {
    const folder = (await findStl10({ folder: DATA! }))!;
    const { train, test, classes } = await loadStl10(folder, { part: "unlabeled" });
    assert.deepEqual([...test.labels].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual(classes, NAMES.trim().split("\n"));
    assert.equal(train.labels.length, 246);
    // Neighbours in a photograph are alike; in planes read in the wrong order they are not.
    const images = await readPictures(join(folder, "test_X.bin"));
    const difference = (step: number) => {
      let sum = 0;
      for (let at = 0; at + step < PIXELS; at++) sum += Math.abs(images[at] - images[at + step]);
      return sum / PIXELS;
    };
    assert.ok(difference(3) < 0.5 * difference(3 * 48), `${difference(3)} and ${difference(3 * 48)}`);
    // From NumPy: fromfile.reshape(-1, 3, 96, 96).transpose(0, 3, 2, 1).
    const pixel = (image: number, y: number, x: number) => {
      const at = image * PIXELS + (y * 96 + x) * 3;
      return [...images.subarray(at, at + 3)];
    };
    assert.deepEqual(pixel(0, 0, 0), [80, 132, 190]);
    assert.deepEqual(pixel(3, 10, 80), [41, 41, 41]);
    assert.deepEqual(pixel(9, 95, 95), [73, 84, 26]);
  },
});
