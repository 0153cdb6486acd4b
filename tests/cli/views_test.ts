import "../needs.ts";
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { join } from "@std/path";
import { decode } from "fast-png";
import { trainingImages } from "../../lib/data/split.ts";
import { viewStream } from "../../lib/data/view_stream.ts";
import { readSpecFile } from "../../lib/experiments/spec_file.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const { tasks } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
const RIGHTS: string[] = tasks.views.command.match(/-P=\w+|--allow-sys\b/g);

/** Runs the command with no more permissions than its task has, and a folder. */
async function views(folder: string, ...args: string[]) {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...RIGHTS, `--allow-write=data,${folder}`, "lib/cli/views.ts", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  return [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trimEnd());
}

const TINY = [
  "data.dataset.train=40",
  "data.dataset.test=10",
  "data.images=20",
  "batch=10",
  "epochs=3",
  "seed=5",
];
const OTHER = [
  "view.size=24",
  "view.solarise=1",
  "view.second.solarise=0",
  "view.second.jitter.probability=0",
];
const set = [...TINY, ...OTHER], from = "smoke/s-jea", fields = set.map((field) => `--set=${field}`);

Deno.test("the views that are drawn are those that the run learns from, a row an image", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "views.svg");
    assert.deepEqual(await views(folder, from, ...fields, "--images=2", `--out=${path}`), [path, ""]);
    const drawn = [...(await Deno.readTextFile(path)).matchAll(/"data:image\/png;base64,([^"]+)"/g)]
      .map(([, base64]) => decode(Uint8Array.fromBase64(base64)));
    assert.equal(drawn.length, 2 * (1 + 2 * 3));

    const { spec: { view, seed }, dataset } = await readSpecFile({ from, set });
    const learnt = trainingImages(dataset, 20, 0);
    const expected: ArrayLike<number>[] = [];
    await using stream = viewStream({ set: learnt, seed, batch: 10, epochs: 3, view });
    for await (const { epoch, indices, views } of stream) {
      for (const image of [0, 1]) {
        const at = indices.indexOf(image), size = 24 * 24 * 3;
        expected[7 * image] = learnt.images.slice(3072 * image, 3072 * (image + 1)).map((byte) => byte);
        if (at < 0) continue;
        views.forEach((values, number) => {
          expected[7 * image + 1 + 2 * epoch + number] = values.slice(at * size, (at + 1) * size)
            .map((value) => 255 * value);
        });
      }
    }
    drawn.forEach(({ width, height, data, palette }, at) => {
      assert.deepEqual([width, height], at % 7 === 0 ? [32, 32] : [24, 24]);
      const colours = Array.from(data).flatMap((index) => palette![index].slice(0, 3));
      const off = colours.map((value, place) => Math.abs(value - expected[at][place]));
      // Of 256 colours.
      assert.ok(off.reduce((sum, value) => sum + value) / off.length < 5, `image ${at}`);
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a picture; and what cannot be drawn", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "views.png");
    assert.deepEqual(await views(folder, from, ...fields, "--images=3", `--out=${path}`), [path, ""]);
    const { width, height } = decode(await Deno.readFile(path));
    assert.ok(width > 1.5 * height, `${width} × ${height}`);
    const refused = async (...args: string[]) => (await views(folder, ...args))[1];
    assert.equal(
      await refused(),
      "error: Name one spec to draw views of, not 0. deno task views --help says how.",
    );
    assert.equal(
      await refused(from, `--out=${folder}/views.html`),
      `error: ${folder}/views.html ends with none of .png, .svg.`,
    );
    assert.equal(
      await refused(from, ...fields, "--images=21"),
      "error: --images takes 1 to 20, as many as the run learns from, not 21.",
    );
    assert.match(
      await refused(from, "--set=view.second.blurKernel=4"),
      /: view\.second\.blurKernel: a kernel has an odd number of pixels\.$/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
