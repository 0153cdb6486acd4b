import assert from "node:assert/strict";
import { join } from "@std/path";
import { commit, commitName, fingerprintOf, importsOf, sourcesOf } from "../../lib/base/code.ts";
import { places } from "../../lib/base/places.ts";

Deno.test("a fingerprint is that of names and contents", async () => {
  const one = await fingerprintOf(["base/random.ts", "loss/vicreg.ts"]);
  assert.match(one, /^[0-9a-f]{12}$/);
  assert.equal(await fingerprintOf(["loss/vicreg.ts", "base/random.ts"]), one);
  assert.notEqual(await fingerprintOf(["loss/vicreg.ts"]), one);
  await assert.rejects(fingerprintOf(["nowhere.ts"]), { name: "NotFound" });
});

Deno.test("of a published package the address, which names the version, is the fingerprint", async () => {
  const folder = await Deno.makeTempDir();
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const [, , ...path] = new URL(request.url).pathname.split("/");
    const source = await Deno.readTextFile(join(places.lib, "..", ...path));
    return new Response(source, { headers: { "content-type": "application/typescript" } });
  });
  const of = async (version: string) => {
    const at = `http://127.0.0.1:${server.addr.port}/${version}`;
    await Deno.writeTextFile(join(folder, "deno.json"), '{ "imports": { "@std/path": "node:path" } }');
    await Deno.writeTextFile(
      join(folder, "a.ts"),
      `import { commit, fingerprintOf } from "${at}/lib/base/code.ts";
      console.log(await fingerprintOf(["training/train.ts"]), (await commit()).commit);`,
    );
    const args = ["run", "--quiet", "--no-lock", "--reload", "--allow-import", "--allow-run=git", "a.ts"];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: folder }).output();
    return new TextDecoder().decode(stdout) || new TextDecoder().decode(stderr);
  };
  const one = await of("0.1.0");
  assert.match(one, /^[0-9a-f]{12} null\n$/);
  assert.equal(await of("0.1.0"), one);
  assert.notEqual(await of("0.1.1"), one);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("imports are found however they are written; packages, types and comments are left out", () => {
  const code = `/**
 * import { no } from "./comment.ts";
 * const later = await import("./comment.ts");
 */
import "./effect.ts";
import whole from "./default.ts";
import * as all from "./all.ts";
import both, { named } from "./both.ts";
import {
  type A,
  // What it is for.
  b,
} from "./lines.ts";
import text from "./page.css" with { type: "text" };
import { z } from "zod";
import type { T } from "./type.ts";
import type U from "./type.ts";
export type { V } from "./type.ts";
export type * from "./type.ts";
export * from "./star.ts";
export * as space from "./space.ts";
export { one, two as deux } from '../named.ts';
export const path = "./string.ts";
export default "./string.ts";
// import("./comment.ts") is only spoken of here: export * from "./comment.ts";
export async function f() {
  const { g } = await import("./later.ts");
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  return [g, worker, new URL("./program.ts", import.meta.url)];
}
`;
  assert.deepEqual(importsOf(code).toSorted(), [
    ...["../named.ts", "./all.ts", "./both.ts", "./default.ts", "./effect.ts", "./later.ts", "./lines.ts"],
    ...["./page.css", "./space.ts", "./star.ts", "./worker.ts"],
  ]);
});

/** The modules below `lib/` that Deno itself loads for an entry module, types left out. */
async function loadedByDeno(entry: string): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json", `lib/${entry}`] })
    .output();
  const { roots: [root], modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    roots: string[];
    modules: { specifier: string; dependencies?: { code?: { specifier: string } }[] }[];
  };
  const lib = root.slice(0, -entry.length), loaded = new Set([root]);
  // A set is walked through to its end, also while it grows.
  for (const module of loaded) {
    const { dependencies = [] } = modules.find(({ specifier }) => specifier === module)!;
    dependencies.flatMap(({ code }) => code?.specifier ?? []).filter((specifier) => specifier.startsWith(lib))
      .forEach((specifier) => loaded.add(specifier));
  }
  return [...loaded].map((specifier) => specifier.slice(lib.length));
}

/** Deno knows a worker only once it runs. */
const WORKER = "data/view_worker.ts";

for (const entry of ["training/train.ts", "experiments/score.ts", "mod.ts", "cli/reproduce.ts"]) {
  Deno.test(`the sources of ${entry} are those that Deno loads`, async () => {
    const found = await sourcesOf([entry]), loaded = new Set(await loadedByDeno(entry));
    if (loaded.has("data/view_stream.ts")) {
      for (const file of await loadedByDeno(WORKER)) loaded.add(file);
    }
    assert.deepEqual(found, [...loaded].sort());
    assert.ok(found.length > 10);
  });
}

Deno.test("a walk stops at modules that do not count, and at what only they import", async () => {
  const all = await sourcesOf(["training/train.ts"]);
  const some = await sourcesOf(["training/train.ts"], [
    "compute/onnxruntime/library.ts",
    "compute/tensorflow/library.ts",
    "data/datasets.ts",
  ]);
  // Packages are unpacked for the engines and data sets only; a download shows its progress as the training does.
  assert.deepEqual(
    all.filter((file) => !some.includes(file)),
    [
      "base/archive.ts",
      "base/download.ts",
      "base/registry.ts",
      "compute/native_file.ts",
      "compute/onnxruntime/library.ts",
      "compute/tensorflow/library.ts",
      ...["cifar", "cifar10", "cifar100", "copies", "datasets", "decode", "drawings", "folder", "generated"]
        .map((name) => `data/${name}.ts`),
      ...["image_files", "pickle", "shapes", "stl10", "tiny_imagenet"].map((name) => `data/${name}.ts`),
    ],
  );
});

Deno.test("the commit is git's, where there is one", async () => {
  const { commit: hash, dirty } = await commit();
  const git = async (...args: string[]) =>
    new TextDecoder().decode(
      (await new Deno.Command("git", { args, cwd: "lib", stderr: "null" }).output()).stdout,
    )
      .trim();
  const isRepository = await git("rev-parse", "--show-prefix").catch(() => "") === "lib/";
  assert.equal(hash, isRepository ? await git("rev-parse", "HEAD") : null);
  assert.equal(dirty, isRepository && await git("status", "--porcelain", ".") !== "");
});

Deno.test("a commit's name says when there are changes", () => {
  const commit = "0123456789abcdef";
  assert.equal(commitName({ commit, dirty: false }), "0123456");
  assert.equal(commitName({ commit, dirty: true }), "0123456 with changes");
  assert.equal(commitName({ commit: null, dirty: false }), "of an unknown commit");
});
