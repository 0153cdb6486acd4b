/**
 * A module of this project with all that it imports as one script for a browser, by esbuild within this process.
 *
 * @module
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { dirname, extname, join } from "@std/path";
import * as esbuild from "esbuild-wasm/esm/browser.js";
// What is imported is in the cache, where its address is that of a file.
import "@tensorflow/tfjs-backend-wasm/package.json" with { type: "json" };
import { exists } from "../base/files.ts";

/** The one module that differs between a browser and here, and what stands in its place there. */
const NATIVE = pathOf("../compute/backend.ts"), BROWSER = pathOf("../compute/wasm/backend.ts");

/** Where the project's own modules are. */
const LIB = pathOf("../");

/** TensorFlow.js, without its other backends, layers and data. */
const TFJS = `export * from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js";`;

/** What packages import for Node.js and do not use in a browser. */
const UNUSED = ["crypto", "fs", "node-fetch", "os", "path", "perf_hooks", "util", "worker_threads"];

function pathOf(module: string): string {
  return fileURLToPath(new URL(module, import.meta.url));
}

/** The folder of the WebAssembly backend's package. */
const tensorflow = dirname(fileURLToPath(import.meta.resolve("@tensorflow/tfjs-backend-wasm/package.json")));

/**
 * A file of the WebAssembly backend.
 *
 * @param name Its name.
 * @returns Its bytes.
 */
export const wasmFile = (name: string): Promise<Uint8Array<ArrayBuffer>> =>
  Deno.readFile(join(tensorflow, "dist", name));

/** The file of a package, as a browser's bundle takes it, that another package's file imports by name. */
async function packageFile(name: string, importer: string): Promise<string> {
  const require = createRequire(importer), [, owner, below] = /^((?:@[^/]+\/)?[^/]+)(?:\/(.+))?$/.exec(name)!;
  const info = require.resolve(`${owner}/package.json`);
  const { module, browser, main = "index.js" } = JSON.parse(await Deno.readTextFile(info));
  return join(dirname(info), below ?? module ?? (typeof browser === "string" ? browser : main));
}

/** A module's file: of what may be named without its ending. */
async function fileAt(path: string): Promise<string> {
  for (const file of [path, `${path}.js`, join(path, "index.js")]) {
    if (extname(file) && await exists(file)) return file;
  }
  return path;
}

const resolver: esbuild.Plugin = {
  name: "project",
  setup(build) {
    build.onResolve({ filter: /./ }, async ({ path, importer, kind, namespace }) => {
      if (kind === "entry-point") return { path };
      if (path.startsWith("node:") || UNUSED.includes(path)) {
        return { path, namespace: "unused", sideEffects: false };
      }
      if (path === "@tensorflow/tfjs") return { path, namespace: "tfjs" };
      if (path.startsWith(".")) {
        const file = await fileAt(join(dirname(importer), path));
        return { path: file === NATIVE ? BROWSER : file };
      }
      const own = importer.startsWith(LIB);
      // Deno names the file of what is imported here, too: but for Node.js, where a package tells that from a browser.
      if (own && !path.startsWith("@tensorflow/")) return { path: fileURLToPath(import.meta.resolve(path)) };
      const from = own || namespace === "tfjs" ? join(tensorflow, "package.json") : importer;
      return { path: await fileAt(await packageFile(path, from)) };
    });
    build.onLoad({ filter: /./, namespace: "unused" }, () => ({ contents: "" }));
    build.onLoad({ filter: /./, namespace: "tfjs" }, () => ({ contents: TFJS }));
    build.onLoad({ filter: /./ }, async ({ path }) => ({
      contents: await Deno.readTextFile(path),
      loader: extname(path) === ".ts" ? "ts" : "js",
    }));
  },
};

let started: Promise<void> | undefined;

/** Starts esbuild, in this thread: a worker of its own would outlive the command. */
async function start(): Promise<void> {
  const file = new URL("../esbuild.wasm", import.meta.resolve("esbuild-wasm/esm/browser.js"));
  const wasmModule = await WebAssembly.compile(await Deno.readFile(file));
  await esbuild.initialize({ wasmModule, worker: false });
}

/**
 * Bundles a module.
 *
 * @param path The module.
 * @returns A script that is no module, without `</script` in it.
 */
export async function bundle(path: string): Promise<string> {
  await (started ??= start());
  const { outputFiles: [{ text }] } = await esbuild.build({
    entryPoints: [path],
    plugins: [resolver],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: "es2022",
    // Licences of what is bundled.
    legalComments: "eof",
    logLevel: "silent",
  });
  return text;
}
