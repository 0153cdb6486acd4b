import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { join } from "@std/path";
import { download, type Source } from "../../lib/base/download.ts";
import { exists } from "../../lib/base/files.ts";

const CONTENT = Uint8Array.from({ length: 50_000 }, (_, at) => at * 7 % 251);
const MD5 = createHash("md5").update(CONTENT).digest("hex");

/** A server that misbehaves as told, on loopback. Returns how many requests there were. */
async function served(
  answer: (range: number, request: number, headers: Headers) => Response | Promise<Response>,
  test: (url: string) => Promise<void>,
) {
  let requests = 0;
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, ({ headers }) => {
    const range = Number(headers.get("range")?.match(/^bytes=(\d+)-$/)?.[1] ?? 0);
    return answer(range, requests++, headers);
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

type Headings = Record<string, string>;
const range = (from: number) => ({
  "content-range": `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}`,
});
const whole = (headers: Headings = {}) => new Response(CONTENT, { headers });
const rest = (from: number, headers: Headings = {}) =>
  new Response(CONTENT.slice(from), { status: 206, headers: { ...range(from), ...headers } });
/** Sends some bytes and then breaks the connection: an error of the stream would be printed. */
const broken = (from: number, to: number, headers: Headings = {}, content = CONTENT) =>
  new Response(new Blob([content.slice(from, to)]).stream(), {
    status: from > 0 ? 206 : 200,
    headers: { "content-length": `${content.length - from}`, ...from > 0 && range(from), ...headers },
  });

/** Impatient enough for a test, but not with a busy machine. */
const patience = { silence: 20_000, pauses: [10, 20, 30], longest: 60_000 };

// @ts-expect-error: what cannot be verified is not fetched, and so never unpacked.
const _unverifiable: Source = { url: "https://example.org/archive.tar.gz", bytes: 100 };

const target = async () => join(await Deno.makeTempDir(), "file.bin");

Deno.test("a file arrives and is verified", async () => {
  const path = await target();
  await served(() => whole(), (url) => download({ url, bytes: CONTENT.length, md5: MD5 }, path, patience));
  assert.deepEqual(await Deno.readFile(path), CONTENT);
  assert.equal(await exists(`${path}.part`), false);
});

Deno.test("a connection that breaks is resumed where it broke", async () => {
  const path = await target();
  const ranges: number[] = [];
  await served((from, request) => {
    ranges.push(from);
    return request === 0 ? broken(0, 20_000) : rest(from);
  }, (url) => download({ url, md5: MD5 }, path, patience));
  assert.deepEqual(ranges, [0, 20_000]);
  assert.deepEqual(await Deno.readFile(path), CONTENT);
});

Deno.test("what an earlier call left is resumed; a server without ranges starts over", async () => {
  for (const answer of [(from: number) => rest(from), () => whole()]) {
    const path = await target();
    await Deno.writeFile(`${path}.part`, CONTENT.subarray(0, 30_000));
    await served(answer, (url) => download({ url, md5: MD5 }, path, patience));
    assert.deepEqual(await Deno.readFile(path), CONTENT);
  }
});

Deno.test("a part that is longer than the file starts over", async () => {
  const path = await target();
  await Deno.writeFile(`${path}.part`, new Uint8Array(60_000));
  await served(
    (from) => from > 0 ? new Response(null, { status: 416 }) : whole(),
    (url) => download({ url, md5: MD5 }, path, patience),
  );
  assert.deepEqual(await Deno.readFile(path), CONTENT);
});

Deno.test("a part that the server goes on from elsewhere starts over", async () => {
  const path = await target();
  await Deno.writeFile(`${path}.part`, CONTENT.subarray(0, 30_000));
  const requests = await served(
    (from) => from > 0 ? rest(100) : whole(),
    (url) => download({ url, md5: MD5 }, path, patience),
  );
  assert.equal(requests, 2);
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
    (url) => download({ url, md5: MD5 }, path, patience),
  );
  assert.deepEqual(await Deno.readFile(path), CONTENT);
});

Deno.test("a server with a passing fault is asked again", async () => {
  const path = await target();
  const requests = await served(
    (_, request) => request === 0 ? new Response("busy", { status: 503 }) : whole(),
    (url) => download({ url, md5: MD5 }, path, patience),
  );
  assert.equal(requests, 2);
  assert.deepEqual(await Deno.readFile(path), CONTENT);
});

Deno.test("an archive stays packed, whatever the server calls its encoding", async () => {
  const packed = gzipSync(CONTENT), path = await target();
  await served(
    () => new Response(packed, { headers: { "content-encoding": "gzip" } }),
    (url) => download({ url, md5: createHash("md5").update(packed).digest("hex") }, path),
  );
  assert.deepEqual(await Deno.readFile(path), new Uint8Array(packed));
});

Deno.test("a silent server is given up and asked again", async () => {
  const path = await target();
  const silent = [
    () => new Promise<Response>((resolve) => setTimeout(() => resolve(whole()), 1_500)),
    () => new Response(new ReadableStream({})),
    () => new Response(new ReadableStream({ start: (stream) => stream.enqueue(CONTENT.slice(0, 100)) })),
  ];
  const requests = await served(
    (from, request) => silent[request]?.() ?? rest(from),
    (url) => download({ url, md5: MD5 }, path, { ...patience, silence: 1_000 }),
  );
  assert.equal(requests, 4);
  assert.deepEqual(await Deno.readFile(path), CONTENT);
});

Deno.test("a connection may break as often as it likes, as long as each brings something", async () => {
  const path = await target();
  const requests = await served(
    (from, request) => request < 6 ? broken(from, from + 5_000) : rest(from),
    (url) => download({ url, md5: MD5 }, path, patience),
  );
  assert.equal(requests, 7);
  assert.deepEqual(await Deno.readFile(path), CONTENT);
});

Deno.test("a server that sends less than it is asked for is asked for the rest", async () => {
  const path = await target();
  const requests = await served(
    (from) =>
      from === 0 ? broken(0, 5_000) : new Response(CONTENT.slice(from, from + 15_000), {
        status: 206,
        headers: { "content-range": `bytes ${from}-${from + 14_999}/${CONTENT.length}` },
      }),
    (url) => download({ url, md5: MD5 }, path, patience),
  );
  assert.equal(requests, 4);
  assert.deepEqual(await Deno.readFile(path), CONTENT);
});

Deno.test("a connection that keeps breaking off is given up, and what has arrived is kept", async () => {
  const path = await target();
  const requests = await served(
    (from) => from === 0 ? broken(0, 5_000) : broken(from, from),
    (url) =>
      assert.rejects(download({ url, md5: MD5 }, path, patience), {
        name: "EnvironmentError",
        message: new RegExp(
          `^${url} broke off 4 times \\(.*\\)\\. What has arrived is kept: try again later\\.$`,
        ),
      }),
  );
  assert.equal(requests, 4);
  assert.deepEqual(await Deno.readFile(`${path}.part`), CONTENT.slice(0, 5_000));
});

Deno.test("a file that changes between two parts starts over, as the server says or as its answer shows", async () => {
  const old = CONTENT.map((byte) => byte ^ 1);
  const versions: [Headings, Headings, boolean][] = [
    [{ etag: '"1"' }, { etag: '"2"' }, true],
    [{ etag: '"1"' }, { etag: '"2"' }, false],
    [{ "last-modified": "Mon, 01 Jan 2024 00:00:00 GMT" }, {
      "last-modified": "Tue, 02 Jan 2024 00:00:00 GMT",
    }, true],
  ];
  for (const [before, after, knowsIfRange] of versions) {
    const path = await target(), asked: (string | null)[] = [];
    const requests = await served((from, request, headers) => {
      asked.push(headers.get("if-range"));
      if (request === 0) return broken(0, 20_000, before, old);
      return from > 0 && !knowsIfRange ? rest(from, after) : whole(after);
    }, (url) => download({ url, md5: MD5 }, path, patience));
    assert.deepEqual(asked.slice(0, 2), [null, Object.values(before)[0]]);
    assert.equal(requests, knowsIfRange ? 2 : 3);
    assert.deepEqual(await Deno.readFile(path), CONTENT);
  }
});

Deno.test("what is left of another version is found out by the checksum, and all is fetched anew", async () => {
  const path = await target(), ranges: number[] = [];
  await Deno.writeFile(`${path}.part`, new Uint8Array(30_000));
  await served((from) => {
    ranges.push(from);
    return from > 0 ? rest(from) : whole();
  }, (url) => download({ url, md5: MD5 }, path, patience));
  assert.deepEqual(ranges, [30_000, 0]);
  assert.deepEqual(await Deno.readFile(path), CONTENT);
});

Deno.test("a part that lacks nothing, and a file that is there, are verified and not fetched", async () => {
  for (const end of [".part", ""]) {
    const path = await target();
    await Deno.writeFile(path + end, CONTENT);
    const fetch = (url: string) => download({ url, bytes: CONTENT.length, md5: MD5 }, path, patience);
    assert.equal(await served(() => whole(), fetch), 0);
    await Deno.writeFile(path, CONTENT.with(7, 0));
    assert.equal(await served(() => whole(), fetch), 1);
    assert.deepEqual(await Deno.readFile(path), CONTENT);
  }
});

Deno.test("a busy server is left alone as long as it asks, within reason", async () => {
  const path = await target(), times: number[] = [];
  const busy = (status: number, after: string) =>
    new Response("busy", { status, headers: { "retry-after": after } });
  const requests = await served((_, request) => {
    times.push(performance.now());
    if (request === 0) return busy(429, "1");
    return request === 1 ? busy(503, new Date(Date.now() - 1000).toUTCString()) : whole();
  }, (url) => download({ url, md5: MD5 }, path, patience));
  assert.equal(requests, 3);
  assert.ok(times[1] - times[0] > 990, `${times}`);
  await Deno.remove(path);
  await served(() => busy(503, "3600"), (url) =>
    assert.rejects(download({ url, md5: MD5 }, path, patience), {
      name: "EnvironmentError",
      message: `${url} asks for a pause of 3600 s (status 503). What has arrived is kept: try again then.`,
    }));
});

/** Checks how a wrong file is refused, that nothing of it is left, and that one request was enough to see it. */
async function refused(
  answer: () => Response,
  source: Omit<Source, "url"> & ({ md5: string } | { sha256: string }),
  what: string,
): Promise<void> {
  const path = await target();
  const requests = await served(answer, (url) =>
    assert.rejects(download({ url, ...source }, path), {
      name: "DataError",
      message:
        `${url} sent another file than expected: ${what}. It was deleted; try again, or fetch it by hand.`,
    }));
  assert.equal(requests, 1);
  assert.equal(await exists(path) || await exists(`${path}.part`), false);
}

Deno.test("another file than expected is refused and deleted", async () => {
  const none = "0".repeat(32);
  await refused(() => whole(), { md5: none }, `md5 ${MD5} instead of ${none}`);
  await refused(
    () => new Response("text"),
    { sha256: none },
    `sha256 ${createHash("sha256").update("text").digest("hex")} instead of ${none}`,
  );
});

Deno.test("a network's sign-in page is called what it is", async () => {
  const hint = " (it is an HTML page: does the network want you to sign in?)";
  for (const text of ["<html>Sign in</html>", "\n<!DOCTYPE html>\n<title>Sign in</title>"]) {
    const page = () => new Response(text, { headers: { "content-type": "text/html" } });
    await refused(page, { bytes: 50_000, md5: MD5 }, `${text.length} bytes instead of 50000${hint}`);
    const md5 = createHash("md5").update(text).digest("hex");
    await refused(page, { md5: MD5 }, `md5 ${md5} instead of ${MD5}${hint}`);
  }
});

Deno.test("a server that announces less than it sends, or sends without an end, is cut off", async () => {
  const path = await target();
  const md5 = createHash("md5").update(CONTENT.subarray(0, 100)).digest("hex");
  await spoken(
    [spokenFile(100, CONTENT)],
    (url) =>
      assert.rejects(download({ url, md5: MD5 }, path, patience), {
        name: "DataError",
        message: new RegExp(`sent another file than expected: md5 ${md5} instead of ${MD5}\\.`),
      }),
  );
  let sent = 0;
  const endless = () =>
    new Response(
      new ReadableStream({
        pull(controller) {
          controller.enqueue(CONTENT);
          sent += CONTENT.length;
          // A test must not fill the disk.
          if (sent > 50e6) controller.close();
        },
      }),
    );
  await served(endless, (url) =>
    assert.rejects(download({ url, bytes: 60_000, md5: MD5 }, path, patience), {
      name: "DataError",
      message: /sent another file than expected: \d+ bytes instead of 60000\./,
    }));
  assert.ok(sent < 10e6, `${sent} bytes were sent`);
});

Deno.test("a missing file, redirects in a circle and an unreachable server are told at once", async () => {
  const path = await target(), began = performance.now();
  await served(
    () => new Response("no", { status: 404 }),
    (url) =>
      assert.rejects(download({ url, md5: MD5 }, path, patience), {
        name: "DataError",
        message: `${url} answers with status 404: is the address still right?`,
      }),
  );
  await served(
    () => new Response(null, { status: 302, headers: { location: "/file" } }),
    (url) =>
      assert.rejects(download({ url, md5: MD5 }, path, patience), {
        name: "EnvironmentError",
        message: new RegExp(`^${url} cannot be reached \\(.*redirect.*\\)\\.$`),
      }),
  );
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" }), { port } = listener.addr;
  listener.close();
  await assert.rejects(download({ url: `http://127.0.0.1:${port}/file`, md5: MD5 }, path), {
    name: "EnvironmentError",
    message: /cannot be reached \(.*refused.*\)\.$/,
  });
  // Three times asked again would have taken 10.5 s.
  assert.ok(performance.now() - began < 10_000);
});

Deno.test("credentials are sent with each attempt, and to no other host that the server leads to", async () => {
  const path = await target(), seen: (string | null)[] = [];
  const headers = { authorization: "Bearer secret" };
  const note = (from: Headers) => seen.push(from.get("authorization"));
  await served((from, request, headers) => {
    note(headers);
    return request === 0 ? broken(0, 20_000) : rest(from);
  }, async (elsewhere) => {
    await served((_, __, headers) => {
      note(headers);
      return Response.redirect(elsewhere);
    }, (url) => download({ url, headers, md5: MD5 }, path, patience));
  });
  assert.deepEqual(seen, ["Bearer secret", null, "Bearer secret", null]);
  assert.deepEqual(await Deno.readFile(path), CONTENT);
  for (const status of [401, 403]) {
    await served(
      () => new Response("no", { status }),
      async (url) =>
        assert.rejects(download({ url, headers, md5: MD5 }, await target()), {
          name: "DataError",
          message: `${url} answers with status ${status}: does it want other credentials?`,
        }),
    );
  }
});

Deno.test("a host that Deno was not allowed is named, also where another one leads there", async () => {
  const path = await target(), script = `${path}.ts`;
  const told = async (url: string, allowed: string) => {
    await Deno.writeTextFile(script, program(url, path, { md5: MD5 }));
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...ARGS.filter((arg) => arg !== "--allow-all"),
        ...["--no-prompt", "--allow-read", "--allow-write", "--allow-sys", `--allow-net=${allowed}`, script],
      ],
    }).output();
    return new TextDecoder().decode(stdout);
  };
  const message = (url: string, host: string) =>
    `EnvironmentError: ${url} may not be fetched: Deno was started without the right to reach ${host}. ` +
    `Start the program as its task in deno.json does, with --allow-net=${host} besides.\n`;
  const requests = await served(() => whole(), async (url) => {
    const { host } = new URL(url);
    assert.equal(await told(url, "nowhere.example"), message(url, host));
    await served(() => Response.redirect(url), async (first) => {
      assert.equal(await told(first, new URL(first).host), message(first, host));
    });
  });
  assert.equal(requests, 0);
});

/** A program that downloads, for another process. */
function program(url: string, path: string, source: object): string {
  const module = new URL("../../lib/base/download.ts", import.meta.url);
  return `import { download } from "${module}";
await download(${JSON.stringify({ url, ...source })}, ${JSON.stringify(path)})
  .catch(({ name, message }) => console.log(name + ": " + message));`;
}

/** What a process says that waits for another one's download. */
const WAITS = /^Waiting for process \d+ on .*, which is making/m;

/** Arguments with which Deno runs a file outside the repository. */
const ARGS = [
  ...["run", "--quiet", "--no-check", "--allow-all"],
  ...["--config", fileURLToPath(new URL("../../deno.json", import.meta.url))],
];

Deno.test("of two processes one fetches, the other waits and finds the file", async () => {
  const path = await target(), script = `${path}.ts`;
  // The server answers once the second process waits, however long either takes to start.
  const waiting = Promise.withResolvers<void>();
  const requests = await served(
    () => waiting.promise.then(() => whole()),
    async (url) => {
      await Deno.writeTextFile(script, program(url, path, { md5: MD5 }));
      const children = [1, 2].map(async () => {
        const child = new Deno.Command(Deno.execPath(), {
          args: [...ARGS, script],
          ...{ stdout: "piped", stderr: "piped" },
        }).spawn();
        let told = "";
        const [{ code }, stdout] = await Promise.all([
          child.status,
          child.stdout.text(),
          (async () => {
            for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
              if (WAITS.test(told += text)) waiting.resolve();
            }
          })(),
        ]);
        // One that ends without a word must not be waited for.
        waiting.resolve();
        return { result: `${code}${stdout}`, told };
      });
      const ended = await Promise.all(children), told = ended.map(({ told }) => told);
      assert.deepEqual(ended.map(({ result }) => result), ["0", "0"], told.join());
      assert.equal(told.filter((text) => WAITS.test(text)).length, 1, told.join());
    },
  );
  assert.equal(requests, 1);
  assert.deepEqual(await Deno.readFile(path), CONTENT);
  const names = [...Deno.readDirSync(join(path, ".."))].map(({ name }) => name).sort();
  assert.deepEqual(names, ["file.bin", "file.bin.ts"]);
});

const unshare = await new Deno.Command("unshare", { args: ["--map-root-user", "--mount", "true"] }).output()
  .then(({ success }) => success, () => false);
if (!unshare) console.log("unshare cannot make a small disk here: downloads are not tried on a full one.");

Deno.test({
  name: "a full disk: how much room is missing, at the start and on the way",
  ignore: !unshare,
  async fn() {
    const folder = await Deno.makeTempDir(), disk = join(folder, "disk"), script = join(folder, "program.ts");
    await Deno.mkdir(disk);
    const run = async (answer: (from: number) => Response, source: object): Promise<string> => {
      let told = "";
      await served(answer, async (url) => {
        await Deno.writeTextFile(script, program(url, join(disk, "file.bin"), source));
        const shell = `mount -t tmpfs -o size=1m tmpfs "${disk}" && "$@" && du -b "${disk}/file.bin.part"`;
        const { stdout, stderr } = await new Deno.Command("unshare", {
          args: ["--map-root-user", "--mount", "sh", "-c", shell, "sh", Deno.execPath(), ...ARGS, script],
        }).output();
        told = new TextDecoder().decode(stdout).replace(url, "URL") + new TextDecoder("utf-8").decode(stderr);
      });
      return told;
    };
    const large = new Uint8Array(5e6);
    const missing =
      /^DiskFullError: Fetching URL needs 5\.0 MB in .*disk, where 1\.0 MB are free\. Make room/;
    assert.match(await run(() => new Response(large), { md5: MD5 }), missing);
    assert.match(await run(() => whole(), { bytes: 5e6, md5: MD5 }), missing);
    // Nobody said how long it is: what has arrived stays.
    const unknown = () => new Response(new Blob([large]).stream());
    const told = await run(unknown, { md5: MD5 });
    assert.match(
      told,
      /^DiskFullError: No space is left on the disk for .*file\.bin\.part\. Make room and try again\./,
    );
    assert.ok(Number(/^(\d+)\t.*part$/m.exec(told)![1]) > 900_000, told);
  },
});
