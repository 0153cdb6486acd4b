import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { DataError } from "../../lib/base/errors.ts";
import { downloadCifar, loadCifar, readCifarBatch, readCifarRecords } from "../../lib/data/cifar.ts";
import { CIFAR10 } from "../../lib/data/cifar10.ts";
import { findCopy } from "../../lib/data/copies.ts";
import { imageFingerprint } from "../../lib/data/dataset.ts";
import { type Files, laid, packed, served } from "./packed.ts";
import { array, batch, dictionary, integers, text } from "./pickled.ts";
import { DAMAGED, mutatedBytes, survive } from "../mutate.ts";

const readRecords = (bytes: Uint8Array, file: string) => readCifarRecords(bytes, file, CIFAR10);
const readBatch = (bytes: Uint8Array, file: string) => readCifarBatch(bytes, file, CIFAR10);

const DATA = Deno.env.get("SJEA_DATA");
if (!DATA) console.log("SJEA_DATA is not set: the tests on real CIFAR-10 records are skipped.");

const BATCHES = [1, 2, 3, 4, 5].map((number) => `data_batch_${number}.bin`).concat("test_batch.bin");
const NAMES = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";

/** A folder with CIFAR-10's layout; all its files have the same content. */
const layout = (content: Uint8Array | string) =>
  laid({ ...Object.fromEntries(BATCHES.map((name) => [name, content])), "batches.meta.txt": NAMES });

Deno.test("records: planes become interleaved channels", () => {
  const record = Uint8Array.from(
    { length: 3073 },
    (_, at) => at === 0 ? 7 : Math.floor((at - 1) / 1024) * 100 + (at - 1) % 32,
  );
  const { images, labels: [labels] } = readRecords(record, "x.bin");
  assert.deepEqual([...labels], [7]);
  assert.deepEqual([...images.subarray(0, 6)], [0, 100, 200, 1, 101, 201]);
});

Deno.test("a truncated file, a wrong label and a missing file are named", async () => {
  assert.throws(() => readRecords(new Uint8Array(5000), "x.bin"), {
    name: "DataError",
    message: "x.bin has 5000 bytes, which is not a whole number of records of 3073 bytes: " +
      "it is truncated or another file. Delete its folder and fetch CIFAR-10 again (deno task data cifar10).",
  });
  const wrong = new Uint8Array(2 * 3073);
  wrong[3073] = 10;
  assert.throws(() => readRecords(wrong, "x.bin"), {
    name: "DataError",
    message: "x.bin: record 1 has label 10, but CIFAR-10's labels are 0 to 9. " +
      "Is this the CIFAR-10 binary version? " +
      "Delete its folder and fetch CIFAR-10 again (deno task data cifar10).",
  });
  const short = await layout(new Uint8Array(3073));
  await assert.rejects(loadCifar(CIFAR10, short), {
    name: "DataError",
    message: `${join(short, "data_batch_1.bin")} has 1 images instead of 10000. ` +
      "Delete its folder and fetch CIFAR-10 again (deno task data cifar10).",
  });
  await Deno.remove(join(short, "data_batch_3.bin"));
  await assert.rejects(loadCifar(CIFAR10, short), { name: "DataError", message: /lacks data_batch_3\.bin:/ });
  await Deno.remove(short, { recursive: true });
});

Deno.test(`${DAMAGED} damaged batches: other images or a DataError, never worse`, async () => {
  const { read, refused } = await survive(
    mutatedBytes(new Uint8Array(2 * 3073).fill(3), "CIFAR"),
    (bytes) => {
      const { images, labels: [labels] } = readRecords(bytes, "x.bin");
      assert.equal(images.length, labels.length * 3072);
      assert.ok(labels.every((label) => label < 10));
    },
  );
  assert.ok(read > 0.1 * DAMAGED && refused > 0.3 * DAMAGED, `${read} were read, ${refused} refused`);
});

Deno.test("a copy is found in a folder or in its subfolder, and nowhere else", async () => {
  const folder = await layout(new Uint8Array(3073));
  assert.equal(await findCopy(CIFAR10, { folder }), folder);
  const above = await Deno.makeTempDir();
  await Deno.rename(folder, join(above, "cifar-10-batches-bin"));
  assert.equal(await findCopy(CIFAR10, { folder: above, by: "--data" }), join(above, "cifar-10-batches-bin"));
  await Deno.remove(above, { recursive: true });
  assert.equal(await findCopy(CIFAR10, { folder: above }), undefined, "there is no folder");
  await Deno.mkdir(above);
  assert.equal(await findCopy(CIFAR10, { folder: above }), undefined, "it is empty");
  await Deno.remove(above);
});

const NEEDED =
  "CIFAR-10 is a folder cifar-10-batches-bin or cifar-10-batches-py with five training batches, " +
  "a test batch and the names of its classes.";
const ELSEWHERE = "Name another folder, or none: deno task data cifar10 fetches it into data/datasets.";

Deno.test("what the user names and is no copy is told, and never passed over", async (test) => {
  const folder = await Deno.makeTempDir();
  const held = async (name: string, files: Files) => {
    const place = join(folder, name);
    await Deno.rename(await laid(files), place);
    return place;
  };
  const archive = Uint8Array.of(0x1f, 0x8b, 8, 0);
  const downloads = await held("Down loads", { "cifar-10-binary.tar.gz": archive, "other.txt": "" });
  const unpack = `Unpack it with tar xzf "${downloads}/cifar-10-binary.tar.gz" -C "${downloads}", ` +
    `and name ${downloads}.`;
  const cases: [place: string, what: string, advice: string][] = [
    [await held("empty", {}), "is empty", ELSEWHERE],
    [downloads, "holds cifar-10-binary.tar.gz, an archive", unpack],
    [join(downloads, "cifar-10-binary.tar.gz"), "is a file, a compressed file", unpack],
    [join(downloads, "other.txt"), "is a file, empty", ELSEWHERE],
    [
      await held("fine", { "train.bin": "", "test.bin": "", "fine_label_names.txt": "" }),
      "holds CIFAR-100, another data set",
      ELSEWHERE,
    ],
    [await held("cifar-100-python", { train: "", test: "" }), "holds CIFAR-100, another data set", ELSEWHERE],
    [
      await held("part", { "data_batch_1.bin": "", "data_batch_2.bin": "", "batches.meta.txt": "" }),
      "lacks data_batch_3.bin, data_batch_4.bin, data_batch_5.bin, test_batch.bin",
      `Complete it. Or: ${ELSEWHERE}`,
    ],
    [
      await held("any", { a: "", b: "", c: "", d: "", e: "" }),
      "holds a, b, c and 2 more",
      ELSEWHERE,
    ],
  ];
  for (const [place, what, advice] of cases) {
    await test.step(what, async () => {
      for (const by of ["--data", "SJEA_DATA"] as const) {
        await assert.rejects(
          findCopy(CIFAR10, { folder: place, by }),
          new DataError(`${by} is ${place}, which ${what}. ${NEEDED} ${advice}`),
        );
      }
      // Where nobody named it, it is fetched.
      assert.equal(await findCopy(CIFAR10, { folder: place }), undefined);
    });
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a batch that is something else is called what it is", async () => {
  const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 30730000\n";
  for (
    const [content, what] of [[pointer, "a pointer of Git LFS"], ["<html>", "an HTML page"], ["", "empty"]]
  ) {
    const folder = await layout(content);
    await assert.rejects(loadCifar(CIFAR10, folder), (error: Error) =>
      error instanceof DataError &&
      error.message.startsWith(`${join(folder, "data_batch_1.bin")} is ${what}`) &&
      error.message.includes(", no batch of CIFAR-10. "));
    await Deno.remove(folder, { recursive: true });
  }
});

const pickled = (records: Uint8Array, columnsFirst?: boolean) => batch(records, ["labels"], columnsFirst);

/** Records of all labels and of bytes that repeat nowhere near. */
function records(count: number): Uint8Array {
  const bytes = new Uint8Array(count * 3073);
  for (let at = 0; at < bytes.length; at++) bytes[at] = at % 3073 === 0 ? at / 3073 % 10 : at % 251;
  return bytes;
}

Deno.test("Python's batches hold the same images as the binary ones", () => {
  const some = records(1001), expected = readRecords(some, "x");
  for (const columnsFirst of [false, true]) {
    assert.deepEqual(readBatch(pickled(some, columnsFirst), "x"), expected);
  }
});

Deno.test("a copy in Python's layout is found and loaded", async () => {
  const above = await Deno.makeTempDir(), folder = join(above, "cifar-10-batches-py");
  await Deno.mkdir(folder);
  const some = records(10_000), expected = readRecords(some, "x");
  await Deno.writeFile(join(folder, "test_batch"), pickled(some));
  for (const number of [1, 2, 3, 4, 5]) {
    await Deno.link(join(folder, "test_batch"), join(folder, `data_batch_${number}`));
  }
  await assert.rejects(loadCifar(CIFAR10, folder), { name: "DataError", message: /lacks batches\.meta: / });
  const names = NAMES.trim().split("\n");
  await Deno.writeFile(join(folder, "batches.meta"), dictionary({ label_names: names.map(text) }));
  assert.equal(await findCopy(CIFAR10, { folder: above, by: "SJEA_DATA" }), folder);
  const { classes, copy, fingerprint, train, test } = await loadCifar(CIFAR10, folder);
  assert.deepEqual([classes, copy, train.labels.length], [names, "unofficial", 50_000]);
  assert.equal(Buffer.compare(train.images, Buffer.concat(new Array(5).fill(expected.images))), 0);
  assert.equal(Buffer.compare(test.images, expected.images), 0);
  assert.equal(fingerprint, imageFingerprint({ train, test }));
  await Deno.remove(join(folder, "data_batch_3"));
  await Deno.writeFile(join(folder, "data_batch_3"), pickled(some.subarray(0, 9_999 * 3073)));
  await assert.rejects(loadCifar(CIFAR10, folder), {
    name: "DataError",
    message: /data_batch_3 has 9999 images instead of 10000\. /,
  });
  await Deno.remove(above, { recursive: true });
});

Deno.test(`${DAMAGED} damaged batches of Python's: other images or a DataError, never worse`, async () => {
  const { read, refused } = await survive(mutatedBytes(pickled(records(2)), "CIFAR's pickle"), (bytes) => {
    const { images, labels: [labels] } = readBatch(bytes, "x");
    assert.equal(images.length, labels.length * 3072);
    assert.ok(labels.every((label) => label < 10));
  });
  assert.ok(read > 0.01 * DAMAGED && refused > 0.1 * DAMAGED, `${read} were read, ${refused} refused`);
});

Deno.test("a pickle that is no batch, or would call something, is refused", () => {
  const other = dictionary({
    fine_labels: integers([1]),
    data: array([1, 3072], false, new Uint8Array(3072)),
  });
  const wrong = dictionary({ labels: integers([300]), data: array([1, 3072], false, new Uint8Array(3072)) });
  for (const bytes of [other, wrong]) {
    assert.throws(() => readBatch(bytes, "x"), {
      name: "DataError",
      message: /^x is a pickle without CIFAR-10's "data" and "labels"\. /,
    });
  }
  // os.system("true") in protocol 0, and a call of a method.
  for (const bytes of ["cos\nsystem\n(S'true'\ntR.", "\x80\x02ios\nsystem\n."]) {
    assert.throws(() => readBatch(Uint8Array.from(bytes, (character) => character.charCodeAt(0)), "x"), {
      name: "DataError",
      message: /^x is no pickle of plain values and arrays: it has "[Si]" before byte \d+\. /,
    });
  }
});

Deno.test("a download with a wrong checksum is not unpacked", async () => {
  await using server = served(new TextEncoder().encode("no archive"));
  const folder = await Deno.makeTempDir(), source = { url: server.source.url, md5: "0".repeat(32) };
  await assert.rejects(downloadCifar(CIFAR10, folder, source), {
    name: "DataError",
    message: /md5 [0-9a-f]{32} instead of 0{32}/,
  });
  const left = [...Deno.readDirSync(folder)].map(({ name }) => name);
  assert.deepEqual(left.filter((name) => !name.endsWith(".lock")), []);
  await Deno.remove(folder, { recursive: true });
});

/** An archive in the official layout, of black airplanes. */
async function blackArchive(): Promise<Uint8Array<ArrayBuffer>> {
  const batch = new Uint8Array(30_730_000);
  const batches = BATCHES.map((name) => [`cifar-10-batches-bin/${name}`, batch]);
  return await packed({ ...Object.fromEntries(batches), "cifar-10-batches-bin/batches.meta.txt": NAMES });
}

Deno.test("a verified download is official, replaces an incomplete copy, and stops being official when changed", async () => {
  const server = served(await blackArchive()), { source } = server;
  const datasets = await Deno.makeTempDir(), left = join(datasets, "cifar-10-batches-bin");
  await Deno.mkdir(left);
  await Deno.writeTextFile(join(left, "data_batch_2.bin"), "half");
  const folder = await downloadCifar(CIFAR10, datasets, source);
  await server[Symbol.asyncDispose]();
  assert.equal(
    await downloadCifar(CIFAR10, datasets, source),
    folder,
    "an official copy is not fetched again",
  );
  assert.deepEqual([...Deno.readDirSync(datasets)].map(({ name }) => name), ["cifar-10-batches-bin"]);
  assert.equal((await loadCifar(CIFAR10, folder)).copy, "official");
  using file = await Deno.open(join(folder, "test_batch.bin"), { write: true });
  await file.seek(1000, Deno.SeekMode.Start);
  await file.write(Uint8Array.of(1));
  assert.equal((await loadCifar(CIFAR10, folder)).copy, "unofficial");
  await Deno.writeTextFile(join(folder, "official.json"), "{");
  assert.equal((await loadCifar(CIFAR10, folder)).copy, "unofficial");
  const names = join(folder, "batches.meta.txt");
  await Deno.writeTextFile(names, "airplane\nautomobile\n");
  await assert.rejects(loadCifar(CIFAR10, folder), {
    name: "DataError",
    message: `${names} has 2 names of classes instead of 10. ` +
      "Delete its folder and fetch CIFAR-10 again (deno task data cifar10).",
  });
  await Deno.remove(datasets, { recursive: true });
});

Deno.test({
  name: "the whole data set: counts, classes, fingerprint",
  ignore: !DATA,
  fn: async () => {
    const { train, test, classes, copy, fingerprint } = await loadCifar(
      CIFAR10,
      (await findCopy(CIFAR10, { folder: DATA! }))!,
    );
    const counts = (labels: Uint8Array) =>
      labels.reduce((counts, label) => (counts[label]++, counts), Array(10).fill(0));
    assert.deepEqual(counts(train.labels as Uint8Array), Array(10).fill(5000));
    assert.deepEqual(counts(test.labels as Uint8Array), Array(10).fill(1000));
    assert.deepEqual(classes.slice(0, 3), ["airplane", "automobile", "bird"]);
    assert.equal(copy, "unofficial");
    assert.equal(fingerprint, "381da081404d108c");
  },
});

Deno.test({
  name: "official records, bit by bit",
  ignore: !DATA,
  fn: async () => {
    const file = join(DATA!, "cifar-10-lossless", "test_batch.bin");
    const bytes = await Deno.readFile(file);
    const { images, labels: [labels] } = readRecords(bytes, file);
    // The first test images of CIFAR-10: cat, ship, ship, airplane, frog, frog, automobile, frog, cat, automobile.
    assert.deepEqual([...labels.subarray(0, 10)], [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]);
    // From NumPy: records.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).
    const pixel = (image: number, y: number, x: number) => {
      const at = ((image * 32 + y) * 32 + x) * 3;
      return [...images.subarray(at, at + 3)];
    };
    assert.deepEqual(pixel(0, 0, 0), [158, 112, 49]);
    assert.deepEqual(pixel(0, 31, 31), [21, 67, 110]);
    assert.deepEqual(pixel(500, 10, 20), [157, 119, 12]);
    assert.deepEqual(pixel(1016, 31, 31), [81, 75, 59]);
    const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);
    assert.equal(sha256(images), "48bde46fb9080c13");
    assert.equal(sha256(labels), "c5cc3963df7952a3");
    const folder = await layout(bytes);
    await assert.rejects(loadCifar(CIFAR10, folder), {
      name: "DataError",
      message: /has 1017 images instead of 10000/,
    });
    await Deno.remove(folder, { recursive: true });
  },
});
