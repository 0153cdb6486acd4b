/**
 * A Deno kernel of one's own: starts it, runs code on it and hands over what the
 * code puts out (https://jupyter-client.readthedocs.io/en/stable/messaging.html).
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import { EnvironmentError } from "../base/errors.ts";
import { temporaryFolder } from "../base/places.ts";
import { connect, type Socket } from "./zmtp.ts";

/**
 * Streams, displays and results stand in one queue of the kernel and may leave it long after the reply and after it
 * said that it is idle. What is put into the queue after the reply comes behind them all.
 */
const FENCE = "sjea_fence";
/** Milliseconds between two looks whether a kernel is ready, and looks after which it never will be. */
const PAUSE = 10, LOOKS = 3_000;
/** Looks after which a question that had no answer is asked again. */
const ASK_AGAIN = 20;
/** How often another program may take a port that was free a moment ago, before there is something else wrong. */
const TRIES = 10;
const DELIMITER = "<IDS|MSG>";

/** Where and with what a kernel runs. */
export interface KernelOptions {
  /** Its working directory. */
  readonly folder: string;
  /** Variables beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Something published while code ran: its type, such as `stream`, `clear_output` or `status`, and its content. */
export interface Published {
  readonly type: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/** How to run a piece of code. */
export interface ExecuteOptions {
  /** Milliseconds, after which the kernel is killed. */
  readonly limit: number;
  /** Is given all that the code puts out, in order, an error last; also what it puts out after it ended. */
  readonly output: (published: Published) => unknown;
}

/** How a piece of code ended: it threw, it ran into its limit, or it took the kernel with it. */
export interface Execution {
  readonly status: "ok" | "error" | "limit" | "dead";
  readonly error?: { readonly name: string; readonly message: string; readonly traceback: readonly string[] };
}

/** A running kernel. */
export interface Kernel extends AsyncDisposable {
  /** What the kernel says about its language, as it belongs into a notebook's metadata. */
  readonly language: Readonly<Record<string, unknown>>;
  /** Runs one piece of code. One at a time. */
  execute(code: string, options: ExecuteOptions): Promise<Execution>;
}

type Fields = Readonly<Record<string, unknown>>;
type Handler = (message: Published) => unknown;
type Handlers = Map<string, Handler>;

/**
 * Starts a kernel. It ends when it is disposed of.
 *
 * @param options Where it runs.
 * @returns The kernel, ready.
 * @throws {EnvironmentError} It does not start.
 * @example
 * ```ts
 * import { startKernel } from "./kernel.ts";
 * await using kernel = await startKernel({ folder: "." });
 * const said: unknown[] = [];
 * await kernel.execute("console.log(6 * 7)", {
 *   limit: 10_000,
 *   output: ({ type, content }) => type === "stream" && said.push(content.text),
 * });
 * if (said.join("") !== "42\n") throw new Error(said.join(""));
 * ```
 */
export async function startKernel(options: KernelOptions): Promise<Kernel> {
  for (let tries = 1;; tries++) {
    try {
      return await tryStart(options);
    } catch (error) {
      if (!(error instanceof PortTaken) || tries === TRIES) throw error;
    }
  }
}

/** Ports are found by having them for a moment; until the kernel has them, another program may take one. */
class PortTaken extends EnvironmentError {}

async function tryStart({ folder, environment }: KernelOptions): Promise<Kernel> {
  const key = crypto.randomUUID(), session = crypto.randomUUID();
  const [shell_port, iopub_port, stdin_port, control_port, hb_port] = freePorts(5);
  await using stack = new AsyncDisposableStack();
  const file = await Deno.makeTempFile({ dir: await temporaryFolder(), suffix: ".json" });
  stack.defer(() => Deno.remove(file));
  await Deno.writeTextFile(
    file,
    JSON.stringify({
      ...{ shell_port, iopub_port, stdin_port, control_port, hb_port, key },
      ...{ transport: "tcp", ip: "127.0.0.1", signature_scheme: "hmac-sha256", kernel_name: "deno" },
    }),
  );
  const process = new Deno.Command(Deno.execPath(), {
    args: ["jupyter", "--kernel", "--conn", file],
    cwd: folder,
    // What a cell prints must not depend on the terminal from which it is executed.
    env: { NO_COLOR: "", ...environment },
    ...{ stdin: "null", stdout: "null", stderr: "piped" },
  }).spawn();
  let ended = false;
  const gone = new AbortController();
  process.status.then(() => {
    ended = true;
    gone.abort();
  });
  const complaint = lastWords(process.stderr);
  stack.defer(async () => {
    if (!ended) process.kill("SIGKILL");
    await Promise.all([process.status, complaint]);
  });

  const refuse = (what: string, Refusal = EnvironmentError) =>
    new Refusal(`The Deno kernel ${what}. Does "deno jupyter" work?`);
  /** Tries again and again while the kernel starts. Looks are counted, not time, which this process may have slept. */
  const eventually = async <T>(attempt: (look: number) => Promise<T | undefined>): Promise<T> => {
    for (let look = 0; look < LOOKS; look++) {
      const result = await attempt(look);
      if (ended) {
        const words = await complaint;
        throw refuse(
          `ended while it started: ${words}`,
          words.includes("AddrInUse") ? PortTaken : EnvironmentError,
        );
      }
      if (result !== undefined) return result;
      await pause(PAUSE);
    }
    throw refuse(`was not ready within ${LOOKS * PAUSE / 1000} s`);
  };
  const socket = (port: number, type: "DEALER" | "SUB"): Promise<Socket> =>
    eventually(() => connect(port, type, gone.signal));
  const shell = stack.use(await socket(shell_port, "DEALER"));
  const iopub = stack.use(await socket(iopub_port, "SUB"));

  /** What is called with each message that answers a request, by the request's id. */
  const replies: Handlers = new Map(), published: Handlers = new Map();
  const closed = Promise.all([hear(shell, replies), hear(iopub, published)]);
  const request = async (type: string, content: Fields, onReply: Handler, onPublished: Handler) => {
    const id = crypto.randomUUID();
    replies.set(id, onReply);
    published.set(id, onPublished);
    const header = { msg_id: id, msg_type: type, session, username: "", version: "5.3", date: "" };
    const parts = [header, {}, {}, content].map((part) => JSON.stringify(part));
    const signature = createHmac("sha256", key).update(parts.join("")).digest("hex");
    await shell.send([DELIMITER, signature, ...parts].map((text) => Buffer.from(text)));
  };

  let language: Fields | undefined, subscribed = false;
  await eventually(async (look) => {
    if (look % ASK_AGAIN === 0) {
      const answered = ({ content }: Published) => language = content.language_info as Fields;
      await request("kernel_info_request", {}, answered, () => subscribed = true).catch(() => {});
    }
    return language && subscribed ? true : undefined;
  });

  const resources = stack.move();
  return {
    language: language!,
    async execute(code, { limit, output }) {
      const { promise, resolve } = Promise.withResolvers<Execution>();
      // An error of the code does not pass through the queue: it overtakes what the code said before.
      const errors: Published[] = [];
      const hand = (message: Published) => message.type === "error" ? errors.push(message) : output(message);
      const end = (execution: Execution) => {
        errors.splice(0).forEach(output);
        resolve(execution);
      };
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        if (!ended) process.kill("SIGKILL");
      }, limit);
      closed.then(async () => {
        if (late) {
          const message = `the cell ran for more than ${limit / 1000} s; its kernel was killed`;
          return end(fault("limit", "TimeLimit", message));
        }
        const [{ code, signal }, complained] = await Promise.all([process.status, complaint]);
        const words = complained.split("\n").slice(-5).join("\n");
        const how = signal ? `by ${signal}` : `with exit code ${code}`;
        const message = `the kernel ended ${how} while the cell ran${words && `: ${words}`}`;
        end(fault("dead", "KernelDied", message));
      });
      const ask = async (code: string, silent: boolean, onReply: Handler, onPublished: Handler) => {
        const how = { silent, store_history: !silent, allow_stdin: false, stop_on_error: true };
        const content = { code, user_expressions: {}, ...how };
        // A kernel that is gone cannot be asked; that it is gone is what `closed` says.
        await request("execute_request", content, onReply, onPublished).catch(() => {});
      };
      // What a timer puts out later belongs to the latest request, which then is the fence.
      const afterReply = ({ content: reply }: Published) =>
        ask(
          `globalThis.Deno.jupyter.broadcast("${FENCE}", {});`,
          true,
          // A cell may have taken away what makes the fence.
          ({ content }) => content.status !== "ok" && end(outcome(reply)),
          (message) => {
            if (message.type === FENCE) end(outcome(reply));
            else if (message.type !== "execute_input") hand(message);
          },
        );
      await ask(code, false, afterReply, hand);
      return await promise.finally(() => clearTimeout(timer));
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Calls the handlers of the messages that arrive, until the connection ends. */
async function hear(socket: Socket, handlers: Handlers): Promise<void> {
  const decoder = new TextDecoder();
  for await (const frames of socket.receive()) {
    const texts = frames.map((frame) => decoder.decode(frame));
    const start = texts.indexOf(DELIMITER) + 2;
    const [header, parent, , content] = texts.slice(start, start + 4).map((text) => JSON.parse(text));
    handlers.get(parent.msg_id)?.({ type: header.msg_type, content });
  }
}

function outcome({ status, ename, evalue, traceback }: Fields): Execution {
  if (status === "ok") return { status };
  return fault("error", `${ename}`, `${evalue}`, traceback as string[]);
}

function fault(
  status: Execution["status"],
  name: string,
  message: string,
  traceback: string[] = [],
): Execution {
  return { status, error: { name, message, traceback } };
}

/** Reads a stream to its end and keeps its last 2,000 characters. */
async function lastWords(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream())) text = (text + piece).slice(-2000);
  const lines = stripVTControlCharacters(text).trim().split("\n");
  return lines.filter((line) => !line.includes('"deno jupyter" is unstable')).join("\n");
}

function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  return listeners.map((listener) => {
    using open = listener;
    return (open.addr as Deno.NetAddr).port;
  });
}
