/**
 * Unpacks archives: all of it or nothing, and never outside the folder.
 *
 * @module
 */
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { crc32 } from "node:zlib";
import { basename, dirname, join } from "@std/path";
import { createTarDecoder } from "modern-tar";
import { openPromise } from "yauzl";
import { DataError, SjeaError } from "./errors.ts";
import { explainFault } from "./files.ts";

/** Fills a folder from an archive; it gets its name only when it is complete. */
async function whole(
  archive: string,
  folder: string,
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${folder}.${crypto.randomUUID().slice(0, 8)}.part`;
  try {
    await Deno.mkdir(temporary, { recursive: true });
    await fill(temporary);
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    await Deno.rename(temporary, folder);
  } catch (error) {
    await Deno.remove(temporary, { recursive: true }).catch(() => {});
    if (error instanceof SjeaError) throw error;
    explainFault(error, folder);
    throw new DataError(
      `${archive} cannot be unpacked: ${(error as Error).message}. Delete it and fetch it again.`,
    );
  }
}

/**
 * Unpacks a gzipped tar archive, or some entries of it, into a folder, which it replaces.
 *
 * @param archive The archive.
 * @param folder The folder.
 * @param wanted Which entries, by their whole name; without it all.
 * @throws {DataError} It is no such archive, lacks what is wanted, or an entry points outside the folder or is of another kind
 * than files, folders and links to a file beside them, which become hard links.
 * @throws {EnvironmentError} The disk is full.
 */
export async function unpackTarGz(
  archive: string,
  folder: string,
  wanted: (name: string) => boolean = () => true,
): Promise<void> {
  await whole(archive, folder, async (temporary) => {
    const file = await Deno.open(archive);
    const links = new Map<string, string>();
    let found = 0;
    const entries = file.readable.pipeThrough(new DecompressionStream("gzip")).pipeThrough(
      createTarDecoder({ strict: true }),
    );
    for await (const { header, body } of entries) {
      const { name, type, linkname } = header;
      if (!wanted(name)) {
        await body.cancel();
        continue;
      }
      found++;
      const parts = name.split(/[/\\]/);
      const inside = (path: string) =>
        !/^([/\\]|[A-Za-z]:)/.test(path) && !path.split(/[/\\]/).includes("..");
      if (!inside(name) || (linkname && !inside(linkname))) {
        throw new DataError(
          `${archive} wants to write outside its folder: ${name} ${linkname ?? ""}. It is refused.`,
        );
      }
      const path = join(temporary, ...parts);
      if (type === "file") {
        await Deno.mkdir(dirname(path), { recursive: true });
        await body.pipeTo((await Deno.create(path)).writable);
        continue;
      }
      await body.cancel();
      if (type === "directory") continue;
      // Libraries come with version links, libtensorflow.so.2 → libtensorflow.so.2.18.0.
      if (type !== "symlink" || !linkname || linkname !== basename(linkname)) {
        throw new DataError(`${archive} holds a ${type} (${name}), which is not unpacked. It is refused.`);
      }
      links.set(path, join(dirname(path), linkname));
    }
    if (found === 0) throw new DataError(`${archive} does not hold what is wanted. Fetch it again.`);
    // Hard links, because symbolic ones need more than scoped permissions. A link may point to a link.
    for (const path of links.keys()) {
      let file = path;
      for (let step = 0; step < links.size && links.has(file); step++) file = links.get(file)!;
      await Deno.link(file, path);
    }
  });
}

/**
 * Unpacks some entries of a zip archive, each under its base name, into a
 * folder, which they replace. Entries may be far larger than memory.
 *
 * @param archive The archive.
 * @param wanted Which entries, by their whole name.
 * @param folder The folder.
 * @throws {DataError} It is no zip archive, lacks what is wanted, is damaged or names a place outside of it.
 * @throws {EnvironmentError} The disk is full.
 */
export async function unzipEntries(
  archive: string,
  wanted: (name: string) => boolean,
  folder: string,
): Promise<void> {
  await whole(archive, folder, async (temporary) => {
    const zip = await openPromise(archive);
    let found = 0;
    try {
      for await (const entry of zip.eachEntry()) {
        if (!wanted(entry.fileName)) continue;
        found++;
        const path = join(temporary, basename(entry.fileName));
        const packed = await zip.openReadStreamPromise(entry);
        // It tells of a fault twice, and the second time the pipeline may no longer listen.
        packed.on("error", () => {});
        let sum = 0;
        await pipeline(
          packed,
          async function* (content: AsyncIterable<Uint8Array>) {
            for await (const chunk of content) {
              sum = crc32(chunk, sum);
              yield chunk;
            }
          },
          createWriteStream(path),
        );
        if (sum !== entry.crc32) {
          throw new Error(`${entry.fileName} has not the checksum that it should have`);
        }
      }
    } finally {
      zip.close();
    }
    if (found === 0) throw new DataError(`${archive} does not hold what is wanted. Fetch it again.`);
  });
}
