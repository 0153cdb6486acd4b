/**
 * Finds ONNX Runtime in npm's package, which holds the library of each platform.
 *
 * @module
 */
import { createRequire } from "node:module";
import { dirname, join } from "@std/path";
import { EnvironmentError } from "../../base/errors.ts";
import type { LibraryFile } from "../engine.ts";

/** The package, whose version is the one that this project was tested with. */
const PACKAGE = "npm:onnxruntime-node@1.30.0";

/** Where the library lies in the package, by operating system and processor. */
const FILES: Readonly<Record<string, string>> = {
  "linux x86_64": "linux/x64/libonnxruntime.so.1",
  "linux aarch64": "linux/arm64/libonnxruntime.so.1",
  "darwin aarch64": "darwin/arm64/libonnxruntime.1.dylib",
  "windows x86_64": "win32/x64/onnxruntime.dll",
  "windows aarch64": "win32/arm64/onnxruntime.dll",
};

/** What the package has no library for. */
const NO_LIBRARY = "Install TensorFlow instead (see the README) and set SJEA_ENGINE=tensorflow.";

/**
 * Where the library of a platform lies in the package.
 *
 * @param os Operating system, as `Deno.build.os` names it.
 * @param arch Processor, as `Deno.build.arch` names it.
 * @param musl Whether programs there are linked with musl (Alpine) in place of glibc.
 * @returns A path inside the package.
 * @throws {EnvironmentError} The package has none for it.
 */
export function libraryFor(os: string, arch: string, musl: boolean): string {
  const file = FILES[`${os} ${arch}`];
  if (!file) {
    throw new EnvironmentError(`npm's ONNX Runtime has no library for ${os} on ${arch}. ${NO_LIBRARY}`);
  }
  if (musl) {
    throw new EnvironmentError(`npm's ONNX Runtime needs glibc, but this Linux has musl. ${NO_LIBRARY}`);
  }
  return `bin/napi-v6/${file}`;
}

/**
 * The library for this machine; Deno fetches the package (114 MB) where it is not in its cache, as tasks do
 * with all packages.
 *
 * @returns Where it lies.
 * @throws {EnvironmentError} There is none for this platform, or the package is neither there nor to be had.
 */
export async function findOnnxRuntime(): Promise<LibraryFile> {
  const { os, arch } = Deno.build;
  const file = libraryFor(os, arch, os === "linux" && hasMusl());
  try {
    // A literal name would be fetched by all who import this, even where TensorFlow computes.
    const manifest: string = [PACKAGE, "package.json"].join("/");
    await import(manifest, { with: { type: "json" } });
    const folder = dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json"));
    return { path: join(folder, file), origin: "npm's onnxruntime-node" };
  } catch (error) {
    throw new EnvironmentError(
      `${PACKAGE} cannot be had: ${(error as Error).message}. It needs npm's registry once, or Deno's cache.`,
    );
  }
}

/** Whether this Linux's C library is another one than glibc. */
function hasMusl(): boolean {
  try {
    Deno.dlopen("libc.so.6", { gnu_get_libc_version: { parameters: [], result: "pointer" } }).close();
    return false;
  } catch {
    return true;
  }
}
