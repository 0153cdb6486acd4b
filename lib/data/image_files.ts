/**
 * Many image files as one array: decoded once, and kept until one of them changes.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { basename, dirname, join } from "@std/path";
import { makeOnce } from "../base/download.ts";
import { DataError, EnvironmentError } from "../base/errors.ts";
import { exists, explainFault, humanBytes, needRoom, writeAtomically } from "../base/files.ts";
import { progress } from "../base/progress.ts";
import { encodeSafetensors, openSafetensors } from "../base/safetensors.ts";
import { decodeImage } from "./decode.ts";

/** Raised when images are decoded otherwise than before. */
const VERSION = 2;

/** An image's file. */
export interface ImageFile {
  /** Path from the folder, with slashes. */
  readonly path: string;
  /** Its length. */
  readonly bytes: number;
  /** When it, or who may read it, was changed last: milliseconds since 1970. */
  readonly changed: number;
}

/** How files are read, and where their images are kept. */
export interface Reading {
  /** The folder that their paths begin in. */
  readonly folder: string;
  /** Height and width that images are brought to, in pixels. */
  readonly size: number;
  /** The file that keeps the images. */
  readonly kept: string;
  /** Throws what a fault, a sentence that begins with the file's path, is to the reader; without it faults are gathered. */
  readonly refuse?: (fault: string) => never;
}

/** Images of files. */
export interface ReadFiles {
  /** RGB bytes, `[files, size, size, 3]`; black where there is a fault. */
  readonly images: Uint8Array;
  /** Positions of the files that are no images, and why. */
  readonly faults: readonly (readonly [position: number, fault: string])[];
}

/**
 * An image's file, as it is now.
 *
 * @param path Path from the folder, with slashes.
 * @param info What the system knows of it.
 * @returns What tells it from what it was before a change.
 */
export function imageFile(path: string, { size, mtime, ctime }: Deno.FileInfo): ImageFile {
  return { path, bytes: size, changed: Math.max(Number(mtime), Number(ctime)) };
}

/**
 * Reads images: as they were kept, if no file changed since, or decoded. What is kept and damaged is made
 * again.
 *
 * @param files Their files.
 * @param reading How they are read.
 * @returns The images.
 * @throws {EnvironmentError} They do not fit into memory or onto the disk, or cannot be decoded here.
 * @throws Whatever `refuse` throws.
 */
export async function readImageFiles(files: readonly ImageFile[], reading: Reading): Promise<ReadFiles> {
  const { folder, size, kept } = reading, bytes = files.length * size * size * 3;
  const { available } = Deno.systemMemoryInfo();
  // Once more while they are written and split.
  if (2 * bytes > available) {
    throw new EnvironmentError(
      `${files.length} images of ${size}×${size} take ${humanBytes(2 * bytes)} of memory, of which ${
        humanBytes(available)
      } are free. Choose a smaller size.`,
    );
  }
  const stamps = files.map(({ path, bytes, changed }) => [path, bytes, changed]);
  const state = digestOf(JSON.stringify([VERSION, size, stamps]));
  const find = async (): Promise<ReadFiles | undefined> => {
    if (!await exists(kept)) return;
    try {
      const { tensors, metadata } = openSafetensors(await Deno.readFile(kept), kept);
      if (metadata.state !== state) return;
      const images = tensors.images.read().data as Uint8Array;
      if (images.length !== bytes || digestOf(images) !== metadata.digest) return;
      return { images, faults: JSON.parse(metadata.faults) };
    } catch {
      // A damaged one is made again.
    }
  };
  const found = await find();
  if (found) return found;
  await Deno.mkdir(dirname(kept), { recursive: true }).catch((error) => {
    explainFault(error, dirname(kept));
    throw error;
  });
  return await makeOnce(kept, find, async () => {
    await needRoom(dirname(kept), bytes, `Keeping the images of ${folder}`);
    const { images, faults } = await decodeAll(files, reading);
    const metadata = { state, faults: JSON.stringify(faults), digest: digestOf(images) };
    const tensors = { images: { shape: [files.length, size, size, 3], data: images } };
    await writeAtomically(kept, encodeSafetensors(tensors, metadata));
    return { images, faults };
  });
}

const digestOf = (data: Uint8Array | string) => createHash("sha256").update(data).digest("hex");

/** Decodes all files, twice as many at a time as there are processors: while one is decoded, another is read. */
async function decodeAll(
  files: readonly ImageFile[],
  { folder, size, refuse }: Reading,
): Promise<ReadFiles> {
  const pixels = size * size * 3, images = new Uint8Array(files.length * pixels);
  const faults: [number, string][] = [];
  const bar = progress(`Reading ${basename(folder)}`, files.length);
  let next = 0, done = 0;
  const work = async () => {
    for (let at; (at = next++) < files.length; bar.update(++done)) {
      const { path } = files[at];
      try {
        images.set(await decodeImage(await Deno.readFile(join(folder, path)), size, path), at * pixels);
      } catch (error) {
        if (error instanceof EnvironmentError) throw error;
        const { message } = error as Error;
        const fault = error instanceof DataError ? message : `${path} cannot be read (${message}).`;
        refuse?.(fault);
        faults.push([at, fault]);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: 2 * navigator.hardwareConcurrency }, work));
  } catch (error) {
    // The others end with the image that they have.
    next = files.length;
    throw error;
  } finally {
    bar.stop();
  }
  return { images, faults: faults.sort(([a], [b]) => a - b) };
}
