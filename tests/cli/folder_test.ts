import "../needs.ts";
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { join } from "@std/path";
import sharp from "sharp";
import { exists } from "../../lib/base/files.ts";
import { cacheFolder } from "../../lib/base/places.ts";

const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

Deno.test("a folder of one's own images: trained, evaluated and embedded, with the tasks' own rights", async (test) => {
  const folder = await Deno.makeTempDir({ prefix: "my images " }), cache = join(folder, "cache");
  const runs = join(cache, "runs"), library = join(cacheFolder(), "libtensorflow");
  const task = async (...args: string[]) => {
    const env = { NO_COLOR: "1", SJEA_CACHE: cache, SJEA_DATA: "" };
    const options = {
      args: ["task", "--quiet", "--config", CONFIG, ...args, "--runs", runs],
      cwd: folder,
      env,
    };
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), options).output();
    const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trimEnd());
    return { code, out, errors };
  };
  const draw = async (path: string, at: number, red: boolean) => {
    const background = { r: red ? 250 : at, g: 3 * at, b: red ? at : 250 };
    await sharp({ create: { width: 30 + at, height: 40, channels: 3, background } }).toFile(
      join(folder, path),
    );
  };
  try {
    await Deno.mkdir(cache);
    if (await exists(library)) await Deno.symlink(library, join(cache, "libtensorflow"));
    for (const name of ["fire", "<script>alert(1)"]) {
      await Deno.mkdir(join(folder, "images", name), { recursive: true });
      const ending = name === "fire" ? "jpg" : "webp";
      for (let at = 0; at < 60; at++) await draw(`images/${name}/${at}.${ending}`, at, name === "fire");
    }
    const level = {
      encoder: { kind: "resnet", depth: 18, width: 4 },
      projector: [8],
      loss: { name: "vicreg", invariance: 25, variance: 25, covariance: 1 },
    };
    await Deno.writeTextFile(
      join(folder, "mine.json"),
      JSON.stringify({
        extends: "smoke/s-jea",
        data: { dataset: { name: "folder", path: "images", size: 16 }, images: 64 },
        levels: [level, level, level],
        batch: 32,
        epochs: 1,
      }),
    );
    let id = "";
    await test.step("trained on its images, from wherever the spec stands", async () => {
      const { code, out, errors } = await task("train", "mine.json");
      assert.equal(code, 0, errors);
      [, id] = /^([0-9a-f]{12}) is trained/.exec(out)!;
      assert.match(errors, /Reading images: 120\/120/);
    });
    await test.step("a path on the command line is seen from where one stands", async () => {
      const path = "--set=data.dataset.path=images", other = "--set=data.dataset.path=nowhere";
      const { out } = await task("train", "mine.json", path, "--print");
      assert.equal(JSON.parse(out).data.dataset.path, join(folder, "images"));
      assert.match(
        (await task("train", "mine.json", other)).errors,
        /^error: There is no folder .*nowhere\.$/,
      );
      const { errors } = await task("train", "mine.json", "--set=data.images=97");
      assert.match(
        errors,
        /^error: .*mine\.json, with .*: data\.images is 97, but folder has 96 training images\.$/,
      );
    });
    await test.step("evaluated and embedded on what was not learnt from", async () => {
      const { out, errors } = await task("evaluate", id, "--metric=knn.k=5");
      assert.match(out, /24 test images of folder, bank of 64/, errors);
      assert.match(out, /^stack 2 +\d+\.\d$/m);
      assert.equal((await task("embed", id, "--out", join(cache, "x.csv"))).code, 0);
      const lines = (await Deno.readTextFile(join(cache, "x.csv"))).trimEnd().split("\n").slice(1);
      const names = Map.groupBy(lines, (line) => line.split(",")[2]);
      assert.deepEqual([names.get("fire")?.length, names.get("<script>alert(1)")?.length], [12, 12]);
    });
    await test.step("refused once the images are others", async () => {
      await draw("images/fire/3.jpg", 3, false);
      const { code, errors } = await task("embed", id, "--out", join(cache, "y.csv"));
      assert.equal(code, 1);
      assert.match(errors, /fingerprint/);
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
