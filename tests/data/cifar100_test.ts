import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { createTarPacker } from "modern-tar";
import { downloadCifar100, findCifar100, loadCifar100 } from "../../lib/data/cifar100.ts";
import { atLevel, imageOf, subset } from "../../lib/data/dataset.ts";
import { BINARY, COARSE, FINE, records } from "./cifar100_files.ts";
import { array, dictionary, integers, text } from "./pickled.ts";

const DATA = Deno.env.get("SJEA_DATA");

/** The same as Python's version has it. */
function pickled(): Record<string, Uint8Array> {
  const batch = (bytes: Uint8Array) => {
    const count = bytes.length / 3074, rows = Array.from({ length: count }, (_, at) => at * 3074);
    const values = new Uint8Array(count * 3072);
    rows.forEach((from, row) => values.set(bytes.subarray(from + 2, from + 3074), row * 3072));
    return dictionary({
      data: array([count, 3072], false, values),
      coarse_labels: integers(rows.map((from) => bytes[from])),
      fine_labels: integers(rows.map((from) => bytes[from + 1])),
    });
  };
  const meta = dictionary({ fine_label_names: FINE.map(text), coarse_label_names: COARSE.map(text) });
  return { train: batch(BINARY["train.bin"]), test: batch(BINARY["test.bin"]), meta };
}

async function within(
  files: Readonly<Record<string, Uint8Array>>,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, bytes] of Object.entries(files)) await Deno.writeFile(join(folder, name), bytes);
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("both layouts are the same data set, with fine and coarse classes", async () => {
  await within(BINARY, async (folder) => {
    const { train, test, classes, levels, copy, fingerprint } = await loadCifar100(folder);
    assert.deepEqual([classes, levels, copy], [FINE, { coarse: COARSE }, "unofficial"]);
    assert.deepEqual([train.labels.length, test.labels.length], [300, 120]);
    assert.deepEqual([train.labels[123], train.levels!.coarse[123]], [23, 3]);
    assert.deepEqual(Array.from(imageOf(train, 123).subarray(0, 6)), [123, 7, 9, 123, 7, 9]);
    await within(pickled(), async (python) => {
      const other = await loadCifar100(python);
      assert.deepEqual([other.fingerprint, other.classes, other.levels], [fingerprint, classes, levels]);
    });
  });
});

Deno.test("a level takes the place of the classes, and goes with the images", () =>
  within(BINARY, async (folder) => {
    const fine = await loadCifar100(folder), coarse = atLevel(fine, "coarse");
    assert.deepEqual([coarse.classes, coarse.fingerprint], [COARSE, `${fine.fingerprint}-coarse`]);
    assert.deepEqual(coarse.test.labels, fine.test.levels!.coarse);
    const part = subset(coarse.train, [299, 0, 45]);
    assert.deepEqual([[...part.labels], [...part.levels!.coarse]], [[19, 0, 5], [19, 0, 5]]);
    assert.deepEqual([...subset(fine.train, [299, 0, 45]).labels], [99, 0, 45]);
  }));

const FAULTS: [what: string, change: Record<string, Uint8Array>, message: RegExp][] = [
  [
    "a truncated file",
    { "train.bin": records(3).subarray(0, 9000) },
    /train\.bin has 9000 bytes, which is not a whole/,
  ],
  ["an empty file", { "test.bin": new Uint8Array() }, /test\.bin has 0 bytes/],
  [
    "a wrong class",
    { "test.bin": records(2).with(1, 100) },
    /record 0 is of coarse class 0 and of fine class 100/,
  ],
  [
    "missing names",
    { "fine_label_names.txt": new Uint8Array([65]) },
    /has 1 names of fine classes instead of 100/,
  ],
];
for (const [what, change, message] of FAULTS) {
  Deno.test(`${what} is named`, () =>
    within({ ...BINARY, ...change }, async (folder) => {
      await assert.rejects(loadCifar100(folder), { name: "DataError", message });
      await assert.rejects(loadCifar100(folder), { message: /deno task data cifar100/ });
    }));
}

Deno.test("it is looked for where it is named, and nothing else is taken for it", async () => {
  const above = await Deno.makeTempDir(), folder = join(above, "cifar-100-python");
  assert.equal(await findCifar100({ folder: above }), undefined);
  await assert.rejects(findCifar100({ folder: above, by: "--data" }), {
    name: "DataError",
    message: /^--data is .*, which holds no CIFAR-100: a folder cifar-100-binary with train\.bin, /,
  });
  await Deno.mkdir(folder);
  for (const [name, bytes] of Object.entries(pickled())) await Deno.writeFile(join(folder, name), bytes);
  for (const place of [above, folder]) {
    assert.equal(await findCifar100({ folder: place, by: "--data" }), folder);
  }
  await Deno.remove(above, { recursive: true });
});

Deno.test("a verified download is official, until it is changed; one with a wrong checksum is not unpacked", async () => {
  const { readable, controller } = createTarPacker();
  const packed = new Response(readable.pipeThrough(new CompressionStream("gzip"))).bytes();
  for (const [name, body] of Object.entries(BINARY)) {
    const writer = controller.add({ name: `cifar-100-binary/${name}`, size: body.length }).getWriter();
    await writer.write(body);
    await writer.close();
  }
  controller.finalize();
  const archive = await packed, datasets = await Deno.makeTempDir();
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response(archive as Uint8Array<ArrayBuffer>),
  );
  const url = `http://127.0.0.1:${server.addr.port}/cifar`;
  await assert.rejects(downloadCifar100(datasets, { url, md5: "0".repeat(32) }), { name: "DataError" });
  const md5 = createHash("md5").update(archive).digest("hex");
  const folder = await downloadCifar100(datasets, { url, md5 });
  assert.equal((await loadCifar100(folder)).copy, "official");
  await Deno.writeFile(join(folder, "test.bin"), records(121));
  assert.equal((await loadCifar100(folder)).copy, "unofficial");
  await Deno.remove(datasets, { recursive: true });
});

Deno.test({
  name: "real records: all classes of both kinds",
  ignore: !DATA,
  fn: async () => {
    const { train, test, classes, levels } = await loadCifar100((await findCifar100({ folder: DATA! }))!);
    assert.deepEqual([classes[0], classes[99], levels!.coarse[0]], ["apple", "worm", "aquatic_mammals"]);
    // Every fine class lies in one coarse class.
    const above = new Map<number, Set<number>>();
    for (const { labels, levels } of [train, test]) {
      labels.forEach((label, at) =>
        above.set(label, (above.get(label) ?? new Set()).add(levels!.coarse[at]))
      );
    }
    assert.equal(above.size, 100);
    assert.ok([...above.values()].every(({ size }) => size === 1));
  },
});
