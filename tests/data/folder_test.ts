import "../needs.ts";
import assert from "node:assert/strict";
import { dirname, join } from "@std/path";
import sharp from "sharp";
import { imageOf } from "../../lib/data/dataset.ts";
import { openDataset } from "../../lib/data/datasets.ts";
import { DataError, UsageError } from "../../lib/base/errors.ts";

/** A PNG of one colour. */
const plain = (colour: string, width = 20, height = 20) =>
  sharp({ create: { width, height, channels: 3, background: colour } }).png().toBuffer();

type Files = Readonly<Record<string, Uint8Array | string>>;

async function write(root: string, files: Files): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await Deno.mkdir(dirname(join(root, path)), { recursive: true });
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(join(root, path), bytes);
  }
}

/** A folder that is gone afterwards, with a cache of its own, and what is said meanwhile. */
async function within(test: (root: string, said: string[]) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "my images " }), root = join(folder, "images");
  const before = Deno.env.get("SJEA_CACHE"), { error } = console, said: string[] = [];
  Deno.env.set("SJEA_CACHE", join(folder, "cache"));
  console.error = (message: string) => said.push(message);
  try {
    await Deno.mkdir(root);
    await test(root, said);
  } finally {
    console.error = error;
    if (before === undefined) Deno.env.delete("SJEA_CACHE");
    else Deno.env.set("SJEA_CACHE", before);
    await Deno.remove(folder, { recursive: true });
  }
}

const open = (path: string, options: object = {}) =>
  openDataset({ name: "folder", path, size: 8, test: 0.25, seed: 0, skip: false, ...options });

async function refused(path: string, message: RegExp, options: object = {}): Promise<void> {
  await assert.rejects(open(path, options), (error) => {
    assert.ok(error instanceof DataError, `${error}`);
    assert.match(error.message, message);
    return true;
  });
}

/** So many images a class, each of a shade of its own. */
async function classes(counts: Readonly<Record<string, number>>): Promise<Files> {
  const files: Record<string, Uint8Array> = {};
  for (const [name, count] of Object.entries(counts)) {
    for (let at = 0; at < count; at++) {
      files[`${name}/${at}.png`] = await plain(
        `rgb(${10 * at}, ${7 * Object.keys(files).length % 256}, 9)`,
        20 + at,
      );
    }
  }
  return files;
}

Deno.test("folders are classes, a part of each is tested on, and the same every time", () =>
  within(async (root) => {
    await write(root, await classes({ zebra: 8, "<script>alert(1)": 4, ape: 2 }));
    await write(root, { "ape/notes.txt": "no image", ".hidden/x.png": "none" });
    const { train, test, classes: names, fingerprint, levels } = await open(root);
    assert.deepEqual(names, ["<script>alert(1)", "ape", "zebra"]);
    assert.equal(levels, undefined);
    const counts = ({ labels }: { labels: ArrayLike<number> }) =>
      names.map((_, label) => Array.from(labels).filter((it) => it === label).length);
    assert.deepEqual([counts(train), counts(test)], [[3, 1, 6], [1, 1, 2]]);
    const all = [train, test].flatMap((set) =>
      Array.from(set.labels, (label, at) => `${label} ${imageOf(set, at).subarray(0, 3)}`)
    );
    assert.equal(new Set(all).size, 14);
    assert.ok(all.includes("1 0,84,9") && all.includes("1 10,91,9"), all.join("; "));
    assert.deepEqual([train.height, train.width, train.images.length], [8, 8, 10 * 192]);
    assert.equal((await open(root)).fingerprint, fingerprint);
    assert.notEqual((await open(root, { seed: 1 })).fingerprint, fingerprint);
    assert.equal((await open(root, { size: 9 })).train.height, 9);
  }));

Deno.test("train and test are taken as they are, and deeper folders are a level of their own", () =>
  within(async (root, said) => {
    for (const [part, name] of [["train", "test"], ["train", "val"]]) {
      await write(root, {
        [`${part}/cat/tabby/a.png`]: await plain("red"),
        [`${part}/cat/siam/old/b.png`]: await plain("lime"),
        [`${part}/dog/c.png`]: await plain("blue"),
        [`${name}/dog/d.png`]: await plain("white"),
        "extra/e.png": await plain("black"),
      });
      const { classes, levels, train, test } = await open(root);
      assert.deepEqual(classes, ["cat", "dog"]);
      assert.deepEqual(levels, { path: ["cat/siam/old", "cat/tabby", "dog"] });
      assert.deepEqual([[...train.labels], [...train.levels!.path]], [[0, 0, 1], [0, 1, 2]]);
      assert.deepEqual([[...test.labels], [...test.levels!.path], [...imageOf(test, 0).subarray(0, 3)]], [
        [1],
        [2],
        [255, 255, 255],
      ]);
      const word = `has train/ and ${name}/, which are taken; left out: extra/.`;
      assert.ok(said.some((line) => line.endsWith(word)), said.join());
      await Deno.remove(join(root, name), { recursive: true });
    }
    await write(root, { "test/bird/f.png": await plain("red") });
    await refused(root, /tests on classes that train\/ does not have: bird\. To have a part of train\//);
  }));

Deno.test("a flat folder has one class, a large one more than 256", () =>
  within(async (root) => {
    await write(root, { "a.png": await plain("red"), "b.png": await plain("lime", 40, 3) });
    const flat = await open(root);
    assert.deepEqual([flat.classes, [...flat.train.labels], [...flat.test.labels]], [["unlabelled"], [0], [
      0,
    ]]);
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`${at + 100}`, 2]));
    const picture = await plain("red"), deep = join(root, "deep");
    for (const path of Object.keys(many)) {
      await write(deep, { [`${path}/a.png`]: picture, [`${path}/b.png`]: picture });
    }
    const { train, classes } = await open(deep);
    assert.equal(classes.length, 300);
    assert.deepEqual(
      Array.from(train.labels),
      Array.from({ length: 300 }, (_, label) => label),
    );
  }));

Deno.test("images are decoded once, and again when a file changes or the cache is damaged", () =>
  within(async (root, said) => {
    await write(root, await classes({ a: 4, b: 4 }));
    const { fingerprint } = await open(root), folder = join(Deno.env.get("SJEA_CACHE")!, "folders");
    const decoding = () => said.splice(0).filter((line) => /^Reading images: 8\/8/.test(line)).length;
    assert.equal(decoding(), 1);
    assert.equal((await open(root)).fingerprint, fingerprint);
    assert.equal(decoding(), 0);
    const [{ name }, ...others] = Deno.readDirSync(folder), cached = join(folder, name);
    assert.deepEqual(others, []);
    const bytes = await Deno.readFile(cached);
    await Deno.writeFile(cached, bytes.subarray(0, bytes.length - 5));
    assert.equal((await open(root)).fingerprint, fingerprint);
    assert.equal(decoding(), 1);
    // One pixel is another one.
    await Deno.writeFile(cached, bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1));
    assert.equal((await open(root)).fingerprint, fingerprint);
    assert.equal(decoding(), 1);
    await write(root, { "a/0.png": await plain("white") });
    assert.notEqual((await open(root)).fingerprint, fingerprint);
    assert.equal(decoding(), 1);
    assert.equal([...Deno.readDirSync(folder)].length, 1);
  }));

Deno.test("faults are counted and named, or left out where that is asked for", () =>
  within(async (root, said) => {
    await write(root, await classes({ a: 4, b: 4 }));
    const good = await open(root), whole = await plain("red", 99, 99);
    await write(root, {
      "a/empty.jpg": "",
      "a/page.png": "<!doctype html><title>404</title>",
      "b/half.png": whole.subarray(0, whole.length / 2),
      "b/jpeg called png.png": await sharp(whole).jpeg().toBuffer(),
    });
    await refused(
      root,
      /^3 of 12 files in .*images cannot be used:\n {2}a\/empty\.jpg is empty.*\n {2}a\/page\.png is an HTML page.*\n {2}b\/half\.png cannot be decoded \(.*\nMend or remove them, or leave them out with "skip": true\.$/,
    );
    await refused(root, /^3 of 12 files/);
    for (const _ of ["decoded", "from the cache"]) {
      const left = await open(root, { skip: true });
      assert.equal(left.train.labels.length + left.test.labels.length, 9);
      assert.match(said.at(-1)!, /^\n?3 of 12 files.*They are left out\.$/s);
    }
    for (const path of ["a/empty.jpg", "a/page.png", "b/half.png", "b/jpeg called png.png"]) {
      await Deno.remove(join(root, path));
    }
    assert.equal((await open(root)).fingerprint, good.fingerprint);
    await write(root, { "beside.png": whole });
    await Deno.symlink(join(root, "a", "0.png"), join(root, "b", "inside.png"));
    await write(dirname(root), { "outside.png": whole });
    await Deno.symlink(join(dirname(root), "outside.png"), join(root, "b", "outside.png"));
    await Deno.symlink(join(root, "nowhere"), join(root, "b", "nothing.png"));
    await Deno.symlink(join(root, "a"), join(root, "b", "around"));
    if (Deno.build.os !== "windows") {
      const pipe = join(root, "b", "pipe.png");
      await new Deno.Command("mkfifo", { args: [pipe] }).output();
      await refused(root, /^5 of 14 files.*b\/pipe\.png is no file, but a device or pipe\.$/ms);
      await Deno.remove(pipe);
    }
    await refused(root, /^4 of 13 files/);
    for (
      const fault of [
        /beside\.png lies beside the folders of the classes\./,
        /b\/outside\.png is a link that leaves the folder\./,
        /b\/nothing\.png is a link to nothing\./,
        /b\/around is a link to a folder\./,
      ]
    ) await refused(root, fault);
    const { train, test } = await open(root, { skip: true });
    assert.equal(train.labels.length + test.labels.length, 9);
    const faulty = Object.fromEntries(Array.from({ length: 7 }, (_, at) => [`c/${at}.png`, "no"]));
    await write(root, faulty);
    await assert.rejects(open(join(root, "c")), /^DataError: 7 of 7.*and 2 more\nMend/s);
    await refused(join(root, "c"), /No image is left/, { skip: true });
  }));

Deno.test("folders that are none are refused, odd ones commented on", () =>
  within(async (root, said) => {
    await refused(root, /images has no images \(\.png, \.jpg, \.jpeg, \.webp, \.gif\)\.$/);
    await refused(join(root, "x"), /^There is no folder .*x\.$/);
    await write(root, { "a/b.tif": "II", "a/c.tif": "II", "LICENSE": "" });
    await refused(root, /no images \(.*\), but (2 \.tif, 1 LICENSE|1 LICENSE, 2 \.tif)\.$/);
    await refused(join(root, "a", "b.tif"), /b\.tif is a file: name the folder that it is in\./);
    await assert.rejects(open(""), (error) =>
      error instanceof UsageError && /needs a path/.test(error.message));
    await write(root, { "Cat/a.png": await plain("red") });
    await refused(root, /one image a class: there is nothing to test on/);
    await write(root, { "cat/a.png": await plain("red"), "cat/b.png": await plain("red") });
    const { classes, train, test } = await open(root);
    assert.deepEqual([classes, [...train.labels], [...test.labels]], [["Cat", "cat"], [0, 1], [1]]);
    assert.ok(
      said.some((line) =>
        /Cat and cat differ only in case/.test(line)
      ),
      said.join(),
    );
    assert.ok(said.some((line) => /one image, which is learnt from and not tested on: Cat\./.test(line)));
  }));

/** Nothing may be forbidden to root, or on Windows in this way. */
const FREE = await (async () => {
  const file = await Deno.makeTempFile();
  await Deno.chmod(file, 0).catch(() => {});
  const free = await Deno.readFile(file).then(() => true, () => false);
  await Deno.remove(file);
  if (free) console.log("Every file may be read here: the test on those that may not is skipped.");
  return free;
})();

Deno.test("what one finds in folders: each is an image of its colour, or a fault by its name", async (test) => {
  const frames = await Promise.all(["red", "blue"].map((colour) => plain(colour)));
  const moving = () => sharp(frames, { join: { animated: true } });
  const red = () => sharp({ create: { width: 30, height: 20, channels: 3, background: "red" } });
  const jpeg = await red().jpeg().toBuffer();
  const images: Record<string, Uint8Array> = {
    "wide.png": await plain("red", 300, 2),
    "one pixel.png": await plain("red", 1, 1),
    "inks.jpg": await red().toColourspace("cmyk").jpeg().toBuffer(),
    "16 bits.png": await red().toColourspace("rgb16").png().toBuffer(),
    "moving.gif": await moving().gif().toBuffer(),
    "moving.webp": await moving().webp({ lossless: true }).toBuffer(),
    "jpeg called.png": jpeg,
    "LOUD.JPEG": jpeg,
  };
  const faults: Record<string, [content: Uint8Array | string, fault: RegExp]> = {
    "half.jpg": [jpeg.subarray(0, jpeg.length / 2), / cannot be decoded \(.+\)\. If it is damaged, /],
    "nothing.png": ["", / is empty, and no image\. /],
    "page.gif": ["<!doctype html>", / is an HTML page, and no image\. /],
    "tiff called.jpg": [await red().tiff().toBuffer(), / is no PNG, JPEG, WebP or GIF\. Convert it /],
    "words.webp": ["a cat", / is a text that begins with "a cat", and no image\. /],
  };
  for (const [name, content] of Object.entries(images)) {
    await test.step(name, () =>
      within(async (root) => {
        await write(root, { [`a/${name}`]: content, "b/0.png": frames[1], "b/1.png": frames[1] });
        const { train, test } = await open(root), [first, green, blue] = imageOf(train, 0);
        assert.equal(train.labels.length + test.labels.length, 3);
        assert.ok(first > 200 && green < 60 && blue < 60, `${[first, green, blue]}`);
      }));
  }
  for (const [name, [content, fault]] of Object.entries(faults)) {
    await test.step(name, () =>
      within(async (root) => {
        await write(root, { [`a/${name}`]: content, "b/0.png": frames[1] });
        await refused(root, new RegExp(`^1 of 2 files in .*:\n  a/${name}${fault.source}`));
      }));
  }
  await test.step("a link to itself", () =>
    within(async (root) => {
      await write(root, { "b/0.png": frames[1] });
      await Deno.symlink(join(root, "b", "1.png"), join(root, "b", "1.png"));
      await refused(root, /^1 of 2 files in .*:\n {2}b\/1\.png cannot be read \(.+\)\.$/m);
    }));
  await test.step({
    name: "files and folders that may not be read",
    ignore: FREE,
    fn: () =>
      within(async (root) => {
        await write(root, { "a/0.png": frames[0], "b/0.png": frames[1], "c/0.png": frames[1] });
        const forbidden: [path: string, fault: RegExp][] = [
          ["b", /^1 of 3 files in .*:\n {2}b cannot be read \(.+\)\.$/m],
          ["a/0.png", /^1 of 3 files in .*:\n {2}a\/0\.png cannot be read \(.+\)\.$/m],
          ["", /images cannot be read \(.+\)\.$/],
        ];
        for (const [path, fault] of forbidden) {
          const place = join(root, path), { mode } = await Deno.stat(place);
          await Deno.chmod(place, 0);
          await refused(root, fault);
          await Deno.chmod(place, mode!);
        }
      }),
  });
  await test.step("names that differ in case alone", () =>
    within(async (root) => {
      await write(root, { "a/x.png": frames[0], "a/X.png": frames[1], "b/0.png": frames[0] });
      const { train, test } = await open(root), there = [...Deno.readDirSync(join(root, "a"))].length;
      assert.equal(train.labels.length + test.labels.length, there + 1);
    }));
});
