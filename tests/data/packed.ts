/**
 * Folders and archives as the data sets' home pages have them, and a server that has one.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { dirname, join } from "@std/path";
import { createTarPacker } from "modern-tar";
import type { Source } from "../../lib/base/download.ts";

/** Bytes or text by the names of files. */
export type Files = Readonly<Record<string, Uint8Array | string>>;

const bytesOf = (content: Uint8Array | string) =>
  typeof content === "string" ? new TextEncoder().encode(content) : content;

/** A new folder with these files. */
export async function laid(files: Files): Promise<string> {
  const folder = await Deno.makeTempDir();
  for (const [name, content] of Object.entries(files)) {
    await Deno.mkdir(dirname(join(folder, name)), { recursive: true });
    await Deno.writeFile(join(folder, name), bytesOf(content));
  }
  return folder;
}

/** A gzipped tar archive of such files. */
export async function packed(files: Files): Promise<Uint8Array<ArrayBuffer>> {
  const { readable, controller } = createTarPacker();
  const bytes = new Response(readable.pipeThrough(new CompressionStream("gzip"))).bytes();
  for (const [name, content] of Object.entries(files)) {
    const body = bytesOf(content);
    const writer = controller.add({ name, size: body.length }).getWriter();
    await writer.write(body);
    await writer.close();
  }
  controller.finalize();
  return await bytes;
}

/** Serves an archive on this machine until it is disposed of. */
export function served(archive: Uint8Array<ArrayBuffer>): { source: Source } & AsyncDisposable {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response(archive),
  );
  const url = `http://127.0.0.1:${server.addr.port}/archive`;
  return {
    source: { url, md5: createHash("md5").update(archive).digest("hex") },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
