import assert from "node:assert/strict";
import { join } from "@std/path";
import { type Execution, type Kernel, type Published, startKernel } from "../../lib/notebook/kernel.ts";
import { connect } from "../../lib/notebook/zmtp.ts";

const folder = await Deno.makeTempDir();

/** Runs code and returns how it ended and what it put out. */
async function run(
  kernel: Kernel,
  code: string,
  limit = 15_000,
): Promise<{ execution: Execution; published: Published[] }> {
  const published: Published[] = [];
  const execution = await kernel.execute(code, { limit, output: (message) => published.push(message) });
  return { execution, published };
}

const texts = (published: Published[]) =>
  published.filter(({ type }) => type === "stream").map(({ content }) => content.text).join("");

Deno.test("a kernel says what it speaks, works in its folder and has its environment", async () => {
  await using kernel = await startKernel({ folder, environment: { SJEA_WORD: "wörd 😀" } });
  assert.equal(kernel.language.name, "typescript");
  const { execution, published } = await run(
    kernel,
    `const word: string = await Promise.resolve(Deno.env.get("SJEA_WORD")!);
console.log(Deno.cwd());
console.error(word);`,
  );
  assert.deepEqual(execution, { status: "ok" });
  assert.deepEqual(published.filter(({ type }) => type === "stream").map(({ content }) => content), [
    { name: "stdout", text: `${await Deno.realPath(folder)}\n` },
    { name: "stderr", text: "wörd 😀\n" },
  ]);
  assert.equal(texts((await run(kernel, "console.log(word.length)")).published), "7\n", "state is kept");
});

Deno.test("none of 20 times an output is lost", async () => {
  await using kernel = await startKernel({ folder });
  for (let at = 0; at < 20; at++) {
    const { published } = await run(
      kernel,
      `await Deno.jupyter.broadcast("display_data", { data: { "text/plain": "d${at}" }, metadata: {}, transient: {} });
console.log("s${at}");
await Promise.resolve(${at});`,
    );
    const found = published.filter(({ type }) => type !== "status").map(({ type, content }) => [
      type,
      content.text ?? (content.data as Record<string, string> | undefined)?.["text/plain"] ?? "",
    ]).sort();
    assert.deepEqual(found, [
      ["display_data", `d${at}`],
      ["execute_input", ""],
      ["execute_result", `\x1b[33m${at}\x1b[39m`],
      ["stream", `s${at}\n`],
    ]);
  }
});

Deno.test("none of 20 MB is lost, in many pieces or in one", async () => {
  await using kernel = await startKernel({ folder });
  const { published } = await run(kernel, `for (let i = 0; i < 2000; i++) console.log("x".repeat(9_999));`);
  assert.equal(texts(published).length, 20_000_000);
  for (let turn = 0; turn < 3; turn++) {
    const { execution, published } = await run(
      kernel,
      `await Deno.jupyter.broadcast("display_data", {
  data: { "text/plain": "é".repeat(10_000_000) }, metadata: {}, transient: {},
});`,
    );
    assert.deepEqual(execution, { status: "ok" });
    const [{ content }] = published.filter(({ type }) => type === "display_data");
    assert.equal((content.data as Record<string, string>)["text/plain"], "é".repeat(10_000_000));
  }
});

Deno.test("what a cell puts out comes in the order in which it did, an error last", async () => {
  await using kernel = await startKernel({ folder });
  const expected = Array.from({ length: 300 }, (_, at) => [["stdout", at], ["display", at], ["stderr", at]])
    .flat();
  for (let turn = 0; turn < 10; turn++) {
    const { published } = await run(
      kernel,
      `for (let at = 0; at < 300; at++) {
  console.log(at);
  Deno.jupyter.broadcast("display_data", { data: { at }, metadata: {}, transient: {} });
  console.error(at);
}
throw new Error("then");`,
    );
    const order = published.flatMap(({ type, content }) =>
      type === "stream"
        ? `${content.text}`.trim().split("\n").map((at) => [content.name, Number(at)])
        : type === "display_data"
        ? [["display", (content.data as { at: number }).at]]
        : type === "error"
        ? [["error"]]
        : []
    );
    assert.deepEqual(order, [...expected, ["error"]]);
  }
});

Deno.test("a cell that takes away what the kernel is asked by does not stop it", async () => {
  await using kernel = await startKernel({ folder });
  const { execution } = await run(kernel, "Object.defineProperty(globalThis, 'Deno', { value: {} });");
  assert.deepEqual(execution, { status: "ok" });
});

Deno.test("a cell that throws is an error, and the kernel goes on", async () => {
  await using kernel = await startKernel({ folder });
  const { execution } = await run(kernel, `throw new RangeError("too far");`);
  assert.deepEqual(execution, {
    status: "error",
    error: {
      name: "RangeError",
      message: "too far",
      traceback: execution.error!.traceback,
    },
  });
  assert.match(execution.error!.traceback.join("\n"), /^RangeError: too far\n +at <anonymous>:1:\d+$/);
  assert.equal((await run(kernel, "const = 3;")).execution.status, "error");
  assert.equal(texts((await run(kernel, "console.log(1)")).published), "1\n");
});

Deno.test("what a cell puts out after its end is not lost", async () => {
  await using kernel = await startKernel({ folder });
  const first = await run(
    kernel,
    `const { promise, resolve } = Promise.withResolvers();
const late = promise.then(() => console.log("late"));
console.log("now");`,
  );
  assert.equal(texts(first.published), "now\n");
  const { published } = await run(kernel, "setTimeout(resolve, 10);\nawait late;");
  assert.equal(texts(published), "late\n");
});

Deno.test("an endless cell is ended by its limit, and what it said is kept", async () => {
  await using kernel = await startKernel({ folder });
  const { execution, published } = await run(kernel, `console.log("begun");\nwhile (true);`, 3000);
  assert.deepEqual(execution, {
    status: "limit",
    error: {
      name: "TimeLimit",
      message: "the cell ran for more than 3 s; its kernel was killed",
      traceback: [],
    },
  });
  assert.equal(texts(published), "begun\n");
});

Deno.test("a cell that ends its kernel is told from one that fails", async () => {
  for (
    const [code, how] of [
      ["Deno.exit(3);", "with exit code 3"],
      [`Deno.kill(Deno.pid, "SIGKILL");`, "by SIGKILL"],
    ]
  ) {
    await using kernel = await startKernel({ folder });
    const { execution } = await run(kernel, code);
    assert.deepEqual(execution, {
      status: "dead",
      error: { name: "KernelDied", message: `the kernel ended ${how} while the cell ran`, traceback: [] },
    });
    assert.equal((await run(kernel, "1")).execution.status, "dead", "and so does every cell after it");
  }
});

Deno.test({
  name: "a crash of a native library is told with its last words, even if a process of the cell lives on",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const child = join(folder, "child");
    const code = `const { pid } = new Deno.Command("sleep", { args: ["600"] }).spawn();
await Deno.writeTextFile("child", pid.toString());
const { symbols } = Deno.dlopen("libc.so.6", {
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  abort: { parameters: [], result: "void" },
});
symbols.write(2, new TextEncoder().encode("out of luck\\n"), 12n);
symbols.abort();`;
    {
      await using kernel = await startKernel({ folder });
      const { execution } = await run(kernel, code);
      assert.equal(execution.error?.message, "the kernel ended by SIGABRT while the cell ran: out of luck");
    }
    // Nobody waited for the process: it is there to be ended.
    Deno.kill(Number(await Deno.readTextFile(child)), "SIGKILL");
  },
});

Deno.test("a message written into the midst of another is put after it, wherever it was cut", async () => {
  const frame = (more: boolean, body: string) =>
    body.length < 256
      ? `${more ? "\x01" : "\0"}${String.fromCharCode(body.length)}${body}`
      : `${more ? "\x03" : "\x02"}${"\0".repeat(6)}${
        String.fromCharCode(body.length >> 8, body.length & 255)
      }${body}`;
  const message = (...bodies: string[]) =>
    ["<IDS|MSG>", ...bodies].map((body, at) => frame(at < bodies.length, body)).join("");
  // A length that looks like the beginning of a message, one frame of each kind, and none after the last.
  const bodies = ["header", `{"text":"${"a".repeat(256)}"}`, "\x01\x09", "c"], whole = message(...bodies);
  const cuts = Array.from({ length: whole.length - 1 }, (_, at) => at + 1);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    using connection = await listener.accept();
    const read = async (length: number) => {
      for (let left = length, count; left > 0; left -= count) {
        count = await connection.read(new Uint8Array(left)) ?? 0;
      }
    };
    const write = async (text: string) => {
      let rest = Uint8Array.from(text, (character) => character.charCodeAt(0));
      while (rest.length > 0) rest = rest.subarray(await connection.write(rest));
    };
    await read(64);
    await write(`\xff${"\0".repeat(8)}\x7f\x03\0NULL${"\0".repeat(48)}`);
    await read(2 + 25);
    await write(`\x04\x06\x05READY`);
    const all = cuts.map((cut) => whole.slice(0, cut) + message("inner", `${cut}`) + whole.slice(cut)).join(
      "",
    );
    for (let at = 0; at < all.length; at += 7) await write(all.slice(at, at + 7));
    await write(message("one", "two") + frame(false, "last"));
  })();
  using socket = await connect((listener.addr as Deno.NetAddr).port, "DEALER");
  assert.ok(socket);
  const messages: string[][] = [];
  for await (const frames of socket.receive()) {
    messages.push(frames.map((frame) => new TextDecoder().decode(frame)));
  }
  await served;
  assert.deepEqual(messages, [
    ...cuts.flatMap((cut) => [["<IDS|MSG>", ...bodies], ["<IDS|MSG>", "inner", `${cut}`]]),
    ["<IDS|MSG>", "one", "two"],
    ["last"],
  ]);
});

Deno.test("a port that another program takes meanwhile costs another try", async () => {
  const { listen } = Deno, taken: Deno.Listener[] = [];
  const take = (options: Deno.ListenOptions & { transport?: "tcp" }) => {
    const listener = listen(options);
    if (taken.push(listener) > 1) return listener;
    return { addr: listener.addr, [Symbol.dispose]() {} };
  };
  Object.assign(Deno, { listen: take });
  try {
    await using kernel = await startKernel({ folder });
    assert.equal(taken.length, 10, "twice five ports");
    assert.equal(texts((await run(kernel, "console.log(1)")).published), "1\n");
  } finally {
    Object.assign(Deno, { listen });
    taken[0].close();
  }
});

Deno.test("a kernel cannot start in a folder that does not exist", async () => {
  await assert.rejects(startKernel({ folder: "/no/such/folder" }), { name: "NotFound" });
});
