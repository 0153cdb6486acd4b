/**
 * Unpacks archives: all of it or nothing, and never outside the folder.
 *
 * @module
 */
import { basename, dirname, join } from "@std/path";
import { createTarDecoder } from "modern-tar";
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
 * @throws {DataError} It is no zip archive, lacks what is wanted or is damaged.
 * @throws {EnvironmentError} The disk is full.
 */
export async function unzipEntries(
  archive: string,
  wanted: (name: string) => boolean,
  folder: string,
): Promise<void> {
  await whole(archive, folder, async (temporary) => {
    using file = await Deno.open(archive);
    const { size } = await file.stat();
    const read = async (from: number, length: number) => {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - from)));
      await file.seek(from, Deno.SeekMode.Start);
      for (let at = 0, count; at < bytes.length; at += count) {
        count = await file.read(bytes.subarray(at)) ?? 0;
        if (count === 0) break;
      }
      return new DataView(bytes.buffer);
    };
    const broken = (what: string) =>
      new DataError(`${archive} is no whole zip archive: ${what}. Fetch it again.`);
    const tail = await read(Math.max(0, size - 65_557), 65_557);
    let end = tail.byteLength - 22;
    while (end >= 0 && tail.getUint32(end, true) !== 0x06054b50) end--;
    if (end < 0) throw broken("it has no directory");
    const directory = await read(tail.getUint32(end + 16, true), tail.getUint32(end + 12, true));
    let found = 0;
    for (let at = 0; at + 46 <= directory.byteLength;) {
      if (directory.getUint32(at, true) !== 0x02014b50) throw broken("its directory is damaged");
      const [method, packed, unpacked] = [
        directory.getUint16(at + 10, true),
        directory.getUint32(at + 20, true),
        directory.getUint32(at + 24, true),
      ];
      const lengths = [28, 30, 32].map((field) => directory.getUint16(at + field, true));
      const next = at + 46 + lengths.reduce((sum, length) => sum + length);
      if (next > directory.byteLength) throw broken("its directory is damaged");
      const name = new TextDecoder().decode(new Uint8Array(directory.buffer, at + 46, lengths[0]));
      const offset = directory.getUint32(at + 42, true);
      at = next;
      if (!wanted(name)) continue;
      if (method !== 0 && method !== 8) throw broken(`${name} is packed in an unknown way (${method})`);
      const local = await read(offset, 30);
      if (local.byteLength < 30 || local.getUint32(0, true) !== 0x04034b50) {
        throw broken(`${name} is not where it should be`);
      }
      await file.seek(
        offset + 30 + local.getUint16(26, true) + local.getUint16(28, true),
        Deno.SeekMode.Start,
      );
      const path = join(temporary, basename(name));
      const part = taken(file, packed);
      const content = method === 8 ? part.pipeThrough(new DecompressionStream("deflate-raw")) : part;
      const written = await write(content, path, unpacked).catch((error) => {
        explainFault(error, folder);
        throw broken(`${name}: ${error.message}`);
      });
      if (written !== unpacked) {
        throw broken(`${name} has not the ${unpacked} bytes that its directory gives it`);
      }
      found++;
    }
    if (found === 0) throw broken("what is wanted is not in it");
  });
}

/** Writes a file, and stops once there are more bytes than there may be; says how many there were. */
async function write(content: ReadableStream<Uint8Array>, path: string, most: number): Promise<number> {
  using file = await Deno.create(path);
  let written = 0;
  for await (const chunk of content) {
    written += chunk.length;
    if (written > most) break;
    for (let rest = chunk; rest.length > 0;) rest = rest.subarray(await file.write(rest));
  }
  return written;
}

/** Small, because all that a chunk unpacks to is in memory at once, up to a thousand times as much. */
const CHUNK = 1 << 16;

/** The next bytes of a file as a stream. */
function taken(file: Deno.FsFile, length: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = length;
  return new ReadableStream({
    async pull(controller) {
      const chunk = new Uint8Array(Math.min(left, CHUNK));
      const count = left > 0 ? await file.read(chunk) : null;
      if (count === null) return controller.close();
      left -= count;
      controller.enqueue(chunk.subarray(0, count));
    },
  });
}
