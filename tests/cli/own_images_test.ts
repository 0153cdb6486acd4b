import "../needs.ts";
import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { join } from "@std/path";
import sharp from "sharp";
import { exists } from "../../lib/base/files.ts";
import { cacheFolder } from "../../lib/base/places.ts";
import { generate } from "../../lib/data/generated.ts";
import { imageOf } from "../../lib/data/dataset.ts";
import { readMetrics } from "../../lib/training/log.ts";

const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));
const CLASSES = ["wren", "<script>alert(1)", `kinglet, "ruby-crowned", of the mountains`];

Deno.test("a folder of pictures of one's own: three stacks and their maps, two losses, with the tasks' own rights", async (test) => {
  const folder = await Deno.makeTempDir({ prefix: "my pictures " }), cache = join(folder, "cache");
  const runs = join(cache, "runs"), library = join(cacheFolder(), "libtensorflow"), written: string[] = [];
  const task = async (...args: string[]) => {
    const options = {
      args: ["task", "--quiet", "--config", CONFIG, ...args, "--runs", runs],
      cwd: folder,
      env: { NO_COLOR: "", SJEA_CACHE: cache, SJEA_DATA: "" },
    };
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), options).output();
    const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trimEnd());
    return { code, out, errors };
  };
  const trained = async (spec: string, fields: object) => {
    await Deno.writeTextFile(join(folder, spec), JSON.stringify(fields));
    const { code, out, errors } = await task("train", spec);
    assert.equal(code, 0, errors);
    return /^([0-9a-f]{12}) is trained/.exec(out)![1];
  };
  const level = {
    encoder: { kind: "resnet", depth: 18, width: 8 },
    projector: [16],
    loss: { name: "vicreg", invariance: 25, variance: 25, covariance: 1 },
  };
  let id = "";
  try {
    await Deno.mkdir(cache);
    if (await exists(library)) await Deno.symlink(library, join(cache, "libtensorflow"));
    const { train } = generate({ seed: 3, train: 90, test: 0 });
    for (let at = 0; at < 90; at++) {
      const pictures = join(folder, "pictures", CLASSES[at % 3]);
      await Deno.mkdir(pictures, { recursive: true });
      await sharp(imageOf(train, at), { raw: { width: 32, height: 32, channels: 3 } })
        .resize({ width: 20 + at, height: 60, fit: "fill" }).toFile(join(pictures, `${at}.jpg`));
    }
    await test.step("three stacks are trained", async () => {
      id = await trained("mine.json", {
        extends: "smoke/s-jea",
        data: { dataset: { name: "folder", path: "pictures", size: 16 }, images: 64 },
        levels: [level, level, level],
        batch: 32,
        epochs: 1,
      });
    });
    await test.step("the run's page has every stack's map, by both methods, and says what they show", async () => {
      const { code, out, errors } = await task("runs", "show", id, "--map");
      assert.equal(code, 0, errors);
      assert.match(errors, /^Maps: 6\.0\/6\.0, .*UMAP of stack 2$/m);
      written.push(out.split("\n").at(-1)!);
      const html = await Deno.readTextFile(written[0]);
      assert.doesNotMatch(html, /<script>alert/);
      const charts = Array.from(
        html.matchAll(/<script type="application\/gzip">(.*?)<\/script>/g),
        ([, packed]) => JSON.parse(gunzipSync(Uint8Array.fromBase64(packed)).toString()),
      ).filter(({ description }) => /by each stack's representations$/.test(description));
      assert.deepEqual(charts.map(({ description }) => description.split(" ")[0]), ["t-SNE", "UMAP"]);
      for (const { data, concat } of charts) {
        const titles = concat.map(({ title }: { title: { text: string } }) => title.text);
        assert.deepEqual(titles, ["stack 0", "stack 1", "stack 2"]);
        const [head, ...points] = data.values.split("\n").map((line: string) => line.split(","));
        assert.equal(points.length, 18);
        const places = titles.map((_: string, panel: number) =>
          points.map((point: string[]) => point[head.indexOf("at")].slice(4 * panel, 4 * panel + 4)).join()
        );
        assert.equal(new Set(places).size, 3);
      }
      for (const stack of [0, 1, 2]) {
        const found = RegExp(
          `Stack ${stack}: the point nearest .* for [\\d.]+ ± [\\d.]+ % .*, by chance for 29\\.4 %\\.`,
          "g",
        );
        assert.equal(html.match(found)?.length, 2, `stack ${stack}`);
      }
      assert.match(html, /The 18 test images of folder, coloured by class\. Look whether/);
    });
    await test.step("without it the page has none", async () => {
      assert.equal((await task("runs", "show", id)).code, 0);
      assert.doesNotMatch(await Deno.readTextFile(written[0]), /t-SNE/);
    });
    await test.step("a map's options are told where there is none", async () => {
      const cases: [args: string[], message: string][] = [
        [["show", id, "--images=heldOut"], "--images says what a map is of: add --map."],
        [["list", "--map"], "runs list draws no map: runs show does."],
        [["show", id, "--map", "--images=heldout"], "--images heldout does not exist. Did you mean heldOut?"],
        [
          ["show", id, "--map", "--labels=path"],
          "folder has no classes called path. It has one kind of classes.",
        ],
      ];
      for (const [args, message] of cases) {
        assert.equal((await task("runs", ...args)).errors, `error: ${message}`);
      }
    });
    await test.step("Barlow Twins on stack 1 under VICReg: trained by a spec file, evaluated at both", async () => {
      const two = await trained("barlow.json", {
        extends: "./mine.json",
        levels: [level, { ...level, loss: { name: "barlow-twins" } }],
      });
      const [{ levels }] = await readMetrics(join(runs, two));
      assert.deepEqual(levels.map((terms) => Object.keys(terms).toSorted()), [
        ["covariance", "invariance", "total", "variance"],
        ["invariance", "redundancy", "total"],
      ]);
      const { out, errors } = await task("evaluate", two, "--metric=knn.k=5", "--metric=probe.epochs=2");
      for (const stack of ["stack 0", "stack 1"]) {
        assert.match(out, RegExp(`^${stack} +\\d+\\.\\d +\\d+\\.\\d$`, "m"), errors);
      }
    });
  } finally {
    for (const page of written) await Deno.remove(page);
    await Deno.remove(folder, { recursive: true });
  }
});
