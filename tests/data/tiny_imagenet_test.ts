import assert from "node:assert/strict";
import { basename, dirname, join } from "@std/path";
import sharp from "sharp";
import { fileURLToPath } from "node:url";
import { DataError } from "../../lib/base/errors.ts";
import { findTinyImagenet, loadTinyImagenet } from "../../lib/data/tiny_imagenet.ts";
import { type Files, laid } from "./packed.ts";

const DATA = Deno.env.get("SJEA_DATA");
const REAL = DATA && await findTinyImagenet({ folder: DATA });
if (!REAL) console.log("SJEA_DATA has no unpacked Tiny ImageNet: the test on it is skipped.");

const AGAIN =
  "Delete its folder and fetch Tiny ImageNet again (http://cs231n.stanford.edu/tiny-imagenet-200.zip).";

/** A JPEG of one colour. */
async function picture([r, g, b]: readonly number[], side = 8): Promise<Uint8Array> {
  const create = { width: side, height: side, channels: 3 as const, background: { r, g, b } };
  return new Uint8Array(
    await sharp({ create }).jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer(),
  );
}

/** Three classes, with grey pictures of levels that tell them apart. */
const CLASSES = ["n00000002", "n00000001", "n00000003"];
const level = (wnid: string) => 40 * Number(wnid.slice(1));

async function copy(changes: Files = {}, side?: number): Promise<string> {
  const files: Record<string, Uint8Array | string> = {
    "wnids.txt": CLASSES.join("\n") + "\n",
    "words.txt": "n00000000\tentity\nn00000001\tcrane, bird\nn00000002\tcrane, machine\nn00000003\tcliff\n",
    "val/val_annotations.txt": "val_0.JPEG\tn00000003\t0\t1\t2\t3\nval_1.JPEG\tn00000001\t0\t1\t2\t3\n",
  };
  for (const wnid of CLASSES) {
    for (const at of [0, 1]) {
      const grey = level(wnid) + at;
      files[`train/${wnid}/images/${wnid}_${at}.JPEG`] = await picture([grey, grey, grey], side);
    }
  }
  files["val/images/val_0.JPEG"] = await picture([200, 10, 30], side);
  files["val/images/val_1.JPEG"] = await picture([0, 0, 250], side);
  const named = Object.entries({ ...files, ...changes }).map(([name, content]) =>
    [`tiny-imagenet-200/${name}`, content] as const
  );
  return join(await laid(Object.fromEntries(named)), "tiny-imagenet-200");
}

const remove = (folder: string) => Deno.remove(dirname(folder), { recursive: true });
const cache = (folder: string) => `${folder}-8px.safetensors`;

Deno.test("pictures, classes sorted by their ids, names that differ", async () => {
  const folder = await copy();
  assert.equal(await findTinyImagenet({ folder: dirname(folder), by: "--data" }), folder);
  const { train, test, classes, levels } = await loadTinyImagenet(folder);
  assert.deepEqual(classes, ["crane (n00000001)", "crane (n00000002)", "cliff"]);
  assert.deepEqual([...train.labels], [0, 0, 1, 1, 2, 2]);
  assert.deepEqual([...test.labels], [2, 0], "in the order of the annotations");
  assert.deepEqual([train.height, train.width, levels], [8, 8, undefined]);
  const first = (set: Uint8Array, image: number) => [...set.subarray(image * 192, image * 192 + 3)];
  for (const [image, grey] of [40, 41, 80, 81, 120, 121].entries()) {
    assert.deepEqual(first(train.images, image), [grey, grey, grey]);
  }
  const near = (found: number[], wanted: number[]) =>
    assert.ok(found.every((value, at) => Math.abs(value - wanted[at]) < 4), `${found} ${wanted}`);
  near(first(test.images, 0), [200, 10, 30]);
  near(first(test.images, 1), [0, 0, 250]);
  await remove(folder);
});

Deno.test("a table beside the folder gives levels of labels and names, and leaves the images what they are", async () => {
  const folder = await copy(), without = await loadTinyImagenet(folder);
  const table = [
    ["wnid", "name", "group", "path"],
    ["n00000003", "rock face", "place", "a > c"],
    ["n00000001", "heron", "animal", "a > b"],
    ["n00000002", "crane", "thing", "a > d"],
  ].map((row) => row.join("\t")).join("\n").replace("thing", "place");
  await Deno.writeTextFile(join(dirname(folder), "hierarchy.tsv"), table);
  const { classes, levels, train, fingerprint } = await loadTinyImagenet(folder);
  assert.deepEqual([classes, levels], [["heron", "crane", "rock face"], { group: ["animal", "place"] }]);
  assert.deepEqual(Object.keys(train.levels!), ["group"]);
  assert.deepEqual([...train.levels!.group], [0, 0, 1, 1, 1, 1]);
  assert.equal(fingerprint, without.fingerprint);
  await Deno.writeTextFile(join(folder, "hierarchy.tsv"), "wnid\tgroup\nn00000001\tanimal\n");
  await assert.rejects(loadTinyImagenet(folder), {
    name: "DataError",
    message: `${join(folder, "hierarchy.tsv")} has no row whose wnid is n00000002. Add it, or move it away.`,
  });
  await remove(folder);
});

Deno.test("decoded once, until a picture changes or what is kept is damaged", async () => {
  const folder = await copy(), first = await loadTinyImagenet(folder), file = cache(folder);
  const made = () => Deno.statSync(file).ino, before = made();
  assert.deepEqual(await loadTinyImagenet(folder), first);
  assert.equal(made(), before, "it is not written again");
  assert.deepEqual([...Deno.readDirSync(dirname(folder))].map(({ name }) => name).sort(), [
    "tiny-imagenet-200",
    basename(file),
  ]);
  const bytes = await Deno.readFile(file);
  bytes[bytes.length - 7] ^= 1;
  for (const damaged of [bytes, bytes.subarray(0, 500), new Uint8Array(0)]) {
    await Deno.writeFile(file, damaged);
    assert.deepEqual(await loadTinyImagenet(folder), first);
    assert.notDeepEqual(await Deno.readFile(file), damaged);
  }
  const path = join(folder, "train", "n00000001", "images", "n00000001_1.JPEG");
  await Deno.writeFile(path, await picture([9, 9, 9]));
  const changed = await loadTinyImagenet(folder);
  assert.notEqual(changed.fingerprint, first.fingerprint);
  assert.deepEqual([...changed.train.images.subarray(192, 195)], [9, 9, 9]);
  await remove(folder);
});

Deno.test("pictures of another size are brought to the first one's, or to what is asked for", async () => {
  const wide = await picture([90, 90, 90], 20);
  const folder = await copy({ "train/n00000002/images/n00000002_0.JPEG": wide });
  assert.equal((await loadTinyImagenet(folder)).train.images.length, 6 * 192);
  const { train, test } = await loadTinyImagenet(folder, { size: 4 });
  assert.deepEqual([train.width, train.images.length, test.images.length], [4, 6 * 48, 2 * 48]);
  await remove(folder);
});

Deno.test("what is missing, truncated or foreign is named", async () => {
  const first = "train/n00000001/images/n00000001_0.JPEG", whole = await picture([1, 2, 3], 64);
  const cases: [Files, file: string, fault: RegExp][] = [
    [{ "wnids.txt": "\n" }, "wnids.txt", / is empty\. /],
    [{ "wnids.txt": "n00000001\nn00000009\n" }, "", / has no pictures in train\/n00000009\/images\. /],
    [
      { "val/val_annotations.txt": "val_0.JPEG\tn00000003\nval_1.JPEG\tn00000007\n" },
      "val/val_annotations.txt",
      / has no picture and class of wnids\.txt in line 2\. /,
    ],
    [
      { "val/val_annotations.txt": "../../wnids.txt\tn00000003\n" },
      "val/val_annotations.txt",
      / in line 1\. /,
    ],
    [{ "val/val_annotations.txt": "" }, "val/val_annotations.txt", / is empty\. /],
    [{ "val/val_annotations.txt": "val_9.JPEG\tn00000003\n" }, "val/images/val_9.JPEG", / cannot be read \(/],
    [{ [first]: "" }, first, / is no whole JPEG\. /],
    [{ [first]: whole.subarray(0, whole.length / 2) }, first, / cannot be decoded \(/],
    [
      { "train/n00000003/images/n00000003_1.JPEG": "<html>" },
      "train/n00000003/images/n00000003_1.JPEG",
      / is an HTML page, /,
    ],
  ];
  for (const [changes, file, fault] of cases) {
    const folder = await copy(changes);
    await assert.rejects(loadTinyImagenet(folder), (error: Error) => {
      assert.ok(error instanceof DataError, error.message);
      assert.ok(error.message.startsWith(join(folder, file)), error.message);
      assert.match(error.message, fault);
      return true;
    });
    assert.deepEqual(
      [...Deno.readDirSync(dirname(folder))].map(({ name }) => name).filter((name) =>
        !name.endsWith(".lock")
      ),
      ["tiny-imagenet-200"],
      "nothing is left",
    );
    await remove(folder);
  }
  const folder = await copy();
  await Deno.remove(join(folder, "wnids.txt"));
  await assert.rejects(loadTinyImagenet(folder), {
    message:
      `${folder} lacks wnids.txt: a copy of Tiny ImageNet has train/, val/, wnids.txt and words.txt. ` +
      `Complete it. Or: ${AGAIN}`,
  });
  await remove(folder);
});

Deno.test("where nothing may be written beside it, the cache has it", async () => {
  const folder = await copy(), cache = await Deno.makeTempDir(), script = join(cache, "load.ts");
  const module = JSON.stringify(import.meta.resolve("../../lib/data/tiny_imagenet.ts"));
  await Deno.writeTextFile(
    script,
    `import { loadTinyImagenet } from ${module};
    console.log((await loadTinyImagenet(${JSON.stringify(folder)})).fingerprint);`,
  );
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const rights = ["--allow-read", "--allow-env", "--allow-sys", "--allow-ffi", `--allow-write=${cache}`];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", `--config=${config}`, ...rights, script],
    env: { SJEA_CACHE: cache },
  }).output();
  const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.equal([...Deno.readDirSync(join(cache, "pictures"))].length, 1, errors);
  assert.equal(out.trim(), (await loadTinyImagenet(folder)).fingerprint);
  await remove(folder);
  await Deno.remove(cache, { recursive: true });
});

Deno.test({
  name: "the whole data set: counts and classes",
  ignore: !REAL,
  fn: async () => {
    const { train, test, classes } = await loadTinyImagenet(REAL!);
    const counts = (labels: ArrayLike<number>) => {
      const found = new Array(200).fill(0);
      for (const label of Array.from(labels)) found[label]++;
      return found;
    };
    assert.deepEqual(counts(train.labels), new Array(200).fill(500));
    assert.deepEqual(counts(test.labels), new Array(200).fill(50));
    assert.deepEqual([classes.length, new Set(classes).size, classes[0]], [200, 200, "goldfish"]);
  },
});
