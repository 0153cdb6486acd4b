import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "@std/path";
import { downloadCifar, loadCifar } from "../../lib/data/cifar.ts";
import { CIFAR100 } from "../../lib/data/cifar100.ts";
import { findCopy } from "../../lib/data/copies.ts";
import { atLevel } from "../../lib/data/dataset.ts";
import { DAMAGED, mutatedBytes, survive } from "../mutate.ts";
import { BINARY, NAMES, records } from "./cifar100_files.ts";
import { laid, packed, served } from "./packed.ts";
import { array, batch, dictionary, integers, text } from "./pickled.ts";

const DATA = Deno.env.get("SJEA_DATA");
if (!DATA) console.log("SJEA_DATA is not set: the tests on real CIFAR-100 records are skipped.");

const AGAIN = "Delete its folder and fetch CIFAR-100 again (deno task data cifar100).";
const pickled = (records: Uint8Array) => batch(records, ["coarse_labels", "fine_labels"]);

Deno.test("a record: coarse class, fine class, planes", async () => {
  const folder = await laid({ ...BINARY, "train.bin": records(7), "test.bin": records(3) });
  const { train, test, classes, levels, copy } = await loadCifar(CIFAR100, folder);
  assert.deepEqual([...train.labels], [0, 1, 2, 3, 4, 5, 6]);
  assert.deepEqual([...train.levels!.coarse], [0, 0, 0, 0, 0, 1, 1]);
  assert.deepEqual([...test.labels], [0, 1, 2]);
  // Pixel 1 of image 1: bytes 1 of each plane of the second record.
  assert.deepEqual(
    [...train.images.subarray(3072 + 3, 3072 + 6)],
    [0, 1, 2].map((plane) => (3074 + 2 + plane * 1024 + 1) % 251),
  );
  assert.deepEqual([classes, levels, copy], [NAMES.fine, { coarse: NAMES.coarse }, "unofficial"]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("its coarse level is a data set of 20 classes", async () => {
  const folder = await laid({ "train.bin": records(7), "test.bin": records(3) });
  const fine = await loadCifar(CIFAR100, folder), coarse = atLevel(fine, "coarse");
  assert.deepEqual(fine.classes.slice(-2), ["98", "99"], "without names classes are numbers");
  assert.equal(coarse.classes.length, 20);
  assert.deepEqual([...coarse.train.labels], [0, 0, 0, 0, 0, 1, 1]);
  assert.equal(coarse.train.images, fine.train.images);
  assert.notEqual(coarse.fingerprint, fine.fingerprint);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("Python's version holds the same images", async () => {
  const binary = await laid({ ...BINARY, "train.bin": records(205), "test.bin": records(3) });
  const meta = dictionary(
    Object.fromEntries(
      Object.entries(NAMES).map(([level, names]) => [`${level}_label_names`, names.map(text)]),
    ),
  );
  const above = await Deno.makeTempDir(), python = join(above, "cifar-100-python");
  await Deno.rename(await laid({ train: pickled(records(205)), test: pickled(records(3)), meta }), python);
  assert.equal(await findCopy(CIFAR100, { folder: above, by: "--data" }), python);
  assert.deepEqual(await loadCifar(CIFAR100, python), await loadCifar(CIFAR100, binary));
  await Deno.remove(above, { recursive: true });
  await Deno.remove(binary, { recursive: true });
});

Deno.test("truncated files, wrong labels, other files and missing ones are named", async () => {
  const wrong = (at: number, label: number) => {
    const bytes = records(2);
    bytes[at] = label;
    return bytes;
  };
  const python = dictionary({ labels: integers([1]), data: array([1, 3072], false, new Uint8Array(3072)) });
  const kind = "Is this the CIFAR-100 binary version?";
  const cases: [content: Uint8Array | string, fault: string][] = [
    [
      records(2).subarray(1),
      "has 6147 bytes, which is not a whole number of records of 3074 bytes: it is truncated or another file.",
    ],
    ["", "is empty, no batch of CIFAR-100. Fetch it or save it again."],
    ["<html>", "is an HTML page, no batch of CIFAR-100."],
  ];
  for (const [content, fault] of cases) {
    const folder = await laid({ "train.bin": content, "test.bin": records(1) });
    await assert.rejects(
      loadCifar(CIFAR100, folder),
      (error: Error) =>
        error.name === "DataError" && error.message.startsWith(`${join(folder, "train.bin")} ${fault}`),
    );
    await Deno.remove(folder, { recursive: true });
  }
  for (
    const [bytes, fault] of [
      [wrong(3074, 20), `record 1 has label 20, but CIFAR-100's coarse labels are 0 to 19. ${kind} ${AGAIN}`],
      [wrong(1, 100), `record 0 has label 100, but CIFAR-100's fine labels are 0 to 99. ${kind} ${AGAIN}`],
    ] as const
  ) {
    const folder = await laid({ "train.bin": records(1), "test.bin": bytes });
    await assert.rejects(loadCifar(CIFAR100, folder), {
      name: "DataError",
      message: `${join(folder, "test.bin")}: ${fault}`,
    });
    await Deno.remove(folder, { recursive: true });
  }
  const other = await laid({ train: python, test: python });
  await assert.rejects(loadCifar(CIFAR100, other), {
    name: "DataError",
    message: `${join(other, "train")} is a pickle without CIFAR-100's "data" and "coarse_labels" and ` +
      `"fine_labels". ${AGAIN}`,
  });
  await Deno.remove(other, { recursive: true });
  const part = await laid({ "train.bin": records(1), "fine_label_names.txt": "apple\n" });
  await assert.rejects(loadCifar(CIFAR100, part), {
    name: "DataError",
    message:
      `${part} lacks test.bin: a copy of CIFAR-100 has training images and test images. Complete it. ` +
      `Or: ${AGAIN}`,
  });
  await assert.rejects(findCopy(CIFAR100, { folder: part, by: "SJEA_DATA" }), {
    name: "DataError",
    message: `SJEA_DATA is ${part}, which lacks test.bin. CIFAR-100 is a folder cifar-100-binary or ` +
      "cifar-100-python with training images and test images. Complete it. Or: Name another folder, or " +
      "none: deno task data cifar100 fetches it into data/datasets.",
  });
  await Deno.writeFile(join(part, "test.bin"), records(1));
  await assert.rejects(loadCifar(CIFAR100, part), {
    name: "DataError",
    message: `${join(part, "fine_label_names.txt")} has 1 names of classes instead of 100. ${AGAIN}`,
  });
  await Deno.remove(part, { recursive: true });
});

Deno.test("CIFAR-10 and folders of pictures are not taken for it", async () => {
  const ten = await laid({ "data_batch_1.bin": "" }), pictures = await Deno.makeTempDir();
  await assert.rejects(findCopy(CIFAR100, { folder: ten, by: "--data" }), {
    message: /which holds CIFAR-10, another data set\. /,
  });
  for (const name of ["train", "test"]) await Deno.mkdir(join(pictures, name));
  assert.equal(await findCopy(CIFAR100, { folder: pictures }), undefined);
  await Deno.remove(ten, { recursive: true });
  await Deno.remove(pictures, { recursive: true });
});

Deno.test(`${DAMAGED} damaged pickles: other images or a DataError, never worse`, async () => {
  const folder = await laid({ test: pickled(records(1)) });
  const { read, refused } = await survive(
    mutatedBytes(pickled(records(2)), "CIFAR-100"),
    async (bytes) => {
      await Deno.writeFile(join(folder, "train"), bytes);
      const { train: { images, labels, levels } } = await loadCifar(CIFAR100, folder);
      assert.equal(images.length, labels.length * 3072);
      assert.ok(labels.every((label) => label < 100) && levels!.coarse.every((label) => label < 20));
    },
  );
  assert.ok(read > 0.01 * DAMAGED && refused > 0.1 * DAMAGED, `${read} were read, ${refused} refused`);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a verified download is official, until it is changed", async () => {
  const files = { "train.bin": records(120), "test.bin": records(20) };
  const archive = await packed(
    Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`cifar-100-binary/${name}`, bytes])),
  );
  await using server = served(archive);
  const datasets = await Deno.makeTempDir();
  const folder = await downloadCifar(CIFAR100, datasets, server.source);
  assert.equal(folder, await findCopy(CIFAR100, { folder: datasets }));
  assert.deepEqual([...Deno.readDirSync(datasets)].map(({ name }) => name), ["cifar-100-binary"]);
  assert.equal((await loadCifar(CIFAR100, folder)).copy, "official");
  await Deno.writeFile(join(folder, "test.bin"), records(19));
  assert.equal((await loadCifar(CIFAR100, folder)).copy, "unofficial");
  await assert.rejects(downloadCifar(CIFAR100, datasets, { ...CIFAR100.source, url: server.source.url }), {
    name: "DataError",
    message: /bytes instead of 168513733/,
  });
  assert.equal((await loadCifar(CIFAR100, folder)).test.labels.length, 19, "what was there is still there");
  await Deno.remove(datasets, { recursive: true });
});

Deno.test({
  name: "real records: every class, each in one coarse class",
  ignore: !DATA,
  fn: async () => {
    const { train, test, classes, levels } = await loadCifar(
      CIFAR100,
      (await findCopy(CIFAR100, { folder: DATA! }))!,
    );
    assert.deepEqual([classes[0], classes[99]], ["apple", "worm"]);
    assert.deepEqual([levels!.coarse[0], levels!.coarse[19]], ["aquatic_mammals", "vehicles_2"]);
    const coarse = new Map<number, number>();
    for (const { labels, levels } of [train, test]) {
      labels.forEach((label, at) => {
        assert.equal(coarse.get(label) ?? levels!.coarse[at], levels!.coarse[at]);
        coarse.set(label, levels!.coarse[at]);
      });
    }
    assert.deepEqual([coarse.size, new Set(coarse.values()).size], [100, 20]);
    // "apple" is one of the "fruit_and_vegetables".
    assert.equal(levels!.coarse[coarse.get(0)!], "fruit_and_vegetables");
    // The first plane of the first record, as it lies in the file.
    const file = await Deno.readFile(join(DATA!, "cifar-100-binary", "test.bin"));
    const red = test.images.subarray(0, 3072).filter((_, at) => at % 3 === 0);
    assert.equal(Buffer.compare(red, file.subarray(2, 1026)), 0);
  },
});
