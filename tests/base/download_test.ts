import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { join } from "@std/path";
import { download } from "../../lib/base/download.ts";
import { exists } from "../../lib/base/files.ts";

const CONTENT = Uint8Array.from({ length: 50_000 }, (_, at) => at * 7 % 251);
const MD5 = createHash("md5").update(CONTENT).digest("hex");

/** A server that misbehaves as told, on loopback. */
async function served(
  answer: (range: number, request: number) => Response,
  test: (url: string) => Promise<void>,
) {
  let requests = 0;
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    const range = Number(request.headers.get("range")?.match(/^bytes=(\d+)-$/)?.[1] ?? 0);
    return answer(range, requests++);
  });
  try {
    await test(`http://127.0.0.1:${server.addr.port}/file`);
  } finally {
    await server.shutdown();
  }
  return requests;
}

/** A server below HTTP: it answers connections with these bytes, one after the other, and closes each. */
async function spoken(answers: Uint8Array[], test: (url: string) => Promise<void>) {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const serving = (async () => {
    for (const answer of answers) {
      const connection = await listener.accept();
      await connection.read(new Uint8Array(1000));
      for (let rest = answer; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
      connection.close();
    }
  })();
  try {
    await Promise.all([test(`http://127.0.0.1:${listener.addr.port}/file`), serving]);
  } finally {
    listener.close();
  }
}

const spokenFile = (announced: number, body: Uint8Array) =>
  new Uint8Array([
    ...new TextEncoder().encode(`HTTP/1.1 200 OK\r\ncontent-length: ${announced}\r\n\r\n`),
    ...body,
  ]);

const whole = () => new Response(CONTENT);
const rest = (from: number) =>
  new Response(CONTENT.slice(from), {
    status: 206,
    headers: { "content-range": `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}` },
  });
/** Sends the first bytes and then breaks the connection. */
const broken = (from: number, to: number) =>
  new Response(
    new ReadableStream({
      start(controller) {
        controller.enqueue(CONTENT.slice(from, to));
        setTimeout(() => controller.error(new Error("gone")), 50);
      },
    }),
    {
      status: from > 0 ? 206 : 200,
      headers: from > 0 ? { "content-range": `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}` } : {},
    },
  );

const target = async () => join(await Deno.makeTempDir(), "file.bin");

Deno.test("a file arrives and is verified", async () => {
  const path = await target();
  await served(whole, (url) => download({ url, bytes: CONTENT.length, md5: MD5 }, path));
  assert.deepEqual(await Deno.readFile(path), CONTENT);
  assert.equal(await exists(`${path}.part`), false);
});

Deno.test("a connection that breaks is resumed where it broke", async () => {
  const path = await target();
  const ranges: number[] = [];
  await served((from, request) => {
    ranges.push(from);
    return request === 0 ? broken(0, 20_000) : rest(from);
  }, (url) => download({ url, md5: MD5 }, path));
  assert.deepEqual(ranges, [0, 20_000]);
  assert.deepEqual(await Deno.readFile(path), CONTENT);
});

Deno.test("what an earlier call left is resumed; a server without ranges starts over", async () => {
  for (const answer of [rest, whole]) {
    const path = await target();
    await Deno.writeFile(`${path}.part`, CONTENT.subarray(0, 30_000));
    await served(answer, (url) => download({ url, md5: MD5 }, path));
    assert.deepEqual(await Deno.readFile(path), CONTENT);
  }
});

Deno.test("a part that is longer than the file starts over", async () => {
  const path = await target();
  await Deno.writeFile(`${path}.part`, new Uint8Array(60_000));
  await served(
    (from) => from > 0 ? new Response(null, { status: 416 }) : whole(),
    (url) => download({ url, md5: MD5 }, path),
  );
  assert.deepEqual(await Deno.readFile(path), CONTENT);
});

Deno.test("a part that the server goes on from elsewhere starts over", async () => {
  const path = await target();
  await Deno.writeFile(`${path}.part`, CONTENT.subarray(0, 30_000));
  // Without a checksum nothing later would notice.
  await served((from) => from > 0 ? rest(100) : whole(), (url) => download({ url }, path));
  assert.deepEqual(await Deno.readFile(path), CONTENT);
});

Deno.test("a connection that closes before the answer, or before the announced length, is made again", async () => {
  const path = await target();
  await spoken(
    [
      new Uint8Array(0),
      spokenFile(CONTENT.length, CONTENT.subarray(0, 100)),
      spokenFile(CONTENT.length, CONTENT),
    ],
    (url) => download({ url, md5: MD5 }, path),
  );
  assert.deepEqual(await Deno.readFile(path), CONTENT);
});

Deno.test("a server with a passing fault is asked again", async () => {
  const path = await target();
  const requests = await served(
    (_, request) => request === 0 ? new Response("busy", { status: 503 }) : whole(),
    (url) => download({ url, md5: MD5 }, path),
  );
  assert.equal(requests, 2);
  assert.deepEqual(await Deno.readFile(path), CONTENT);
});

Deno.test("an archive stays packed, whatever the server calls its encoding", async () => {
  const packed = gzipSync(CONTENT), path = await target();
  await served(
    () => new Response(packed, { headers: { "content-encoding": "gzip" } }),
    (url) => download({ url, bytes: packed.length }, path),
  );
  assert.deepEqual(await Deno.readFile(path), new Uint8Array(packed));
});

Deno.test("a silent server is given up and asked again", async () => {
  const path = await target();
  const requests = await served(
    (_, request) => request === 0 ? new Response(new ReadableStream({})) : whole(),
    (url) => download({ url, md5: MD5 }, path, 200),
  );
  assert.equal(requests, 2);
});

Deno.test("another file than expected is refused and deleted", async () => {
  const path = await target();
  const page = () => new Response("<html>Sign in</html>");
  await served(page, (url) =>
    assert.rejects(download({ url, bytes: CONTENT.length, md5: MD5 }, path), {
      name: "DataError",
      message: `${url} sent another file than expected: 20 bytes instead of 50000. ` +
        "It was deleted; try again, or fetch it by hand.",
    }));
  await served(whole, (url) =>
    assert.rejects(download({ url, md5: "0".repeat(32) }, path), {
      name: "DataError",
      message: `${url} sent another file than expected: md5 ${MD5} instead of ${"0".repeat(32)}. ` +
        "It was deleted; try again, or fetch it by hand.",
    }));
  assert.equal(await exists(path) || await exists(`${path}.part`), false);
});

Deno.test("a missing file and an unreachable server are told at once", async () => {
  const path = await target();
  await served(() => new Response("no", { status: 404 }), (url) =>
    assert.rejects(download({ url }, path), {
      name: "DataError",
      message: `${url} answers with status 404: is the address still right?`,
    }));
  const began = performance.now();
  await assert.rejects(download({ url: "http://127.0.0.1:9/file" }, path), { name: "EnvironmentError" });
  assert.ok(performance.now() - began < 2000);
});
