/**
 * The few frames of ZMTP 3.0 (https://rfc.zeromq.org/spec/23/) that a client of
 * a Jupyter kernel needs: the NULL mechanism over TCP.
 *
 * One fault of the kernel's side is mended here: while a large message waits for
 * room in the connection, the kernel may write the next message into its midst.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** Bits of a frame's first byte. */
const MORE = 1, LONG = 2, COMMAND = 4;
/** How a message of a Jupyter kernel begins. Inside JSON, where control characters are escaped, it cannot stand. */
const START = Buffer.from("\x01\x09<IDS|MSG>");

/** A connected socket. */
export interface Socket extends Disposable {
  /** Sends one message of several frames. */
  send(frames: readonly Uint8Array[]): Promise<void>;
  /** Yields the messages that arrive, until the other side closes or the socket is disposed. */
  receive(): AsyncGenerator<Uint8Array[]>;
}

/**
 * Connects to a listening ZeroMQ socket.
 *
 * @param port Of this machine.
 * @param type A `DEALER` asks and is answered; a `SUB` hears all that is published.
 * @param signal Closes the connection.
 * @returns The socket; undefined if nobody listens there, or somebody who speaks another language.
 */
export async function connect(
  port: number,
  type: "DEALER" | "SUB",
  signal?: AbortSignal,
): Promise<Socket | undefined> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port }).catch(endOfConnection);
  if (!connection) return;
  let last = Promise.resolve(), open = true;
  const reader = new Reader(connection);
  const close = () => {
    if (open) connection.close();
    open = false;
    signal?.removeEventListener("abort", close);
  };
  signal?.addEventListener("abort", close);
  if (signal?.aborted || !await shakeHands(connection, reader, type).catch(endOfConnection)) {
    close();
    return;
  }
  return {
    send(frames) {
      const message = frames.map((body, at) => frame(at < frames.length - 1 ? MORE : 0, body));
      return last = last.then(() => write(connection, Buffer.concat(message)));
    },
    async *receive() {
      for (let message; (message = await reader.message());) yield message;
    },
    [Symbol.dispose]: close,
  };
}

/** Whether the other side does as the protocol says. */
async function shakeHands(connection: Deno.Conn, reader: Reader, type: string): Promise<boolean> {
  const greeting = Buffer.alloc(64);
  greeting.set([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0]);
  greeting.write("NULL", 12);
  await write(connection, greeting);
  const answer = await reader.bytes(64);
  if (answer?.[0] !== 0xff || answer[9] !== 0x7f) return false;
  const property = Buffer.concat([Buffer.from("\x05READY\x0bSocket-Type\0\0\0"), Buffer.of(type.length)]);
  await write(connection, frame(COMMAND, Buffer.concat([property, Buffer.from(type)])));
  if (!await reader.frame()) return false;
  // A subscription is a message of the byte 1 and the topic, here the empty one.
  if (type === "SUB") await write(connection, frame(0, Buffer.of(1)));
  return true;
}

/** Bytes that are asked of a connection at once. */
const CHUNK = 1 << 16;

/** Reads frames from a connection. All methods give nothing once it is closed, on either side. */
class Reader {
  readonly #connection: Deno.Conn;
  /** Bytes that were read and are not used yet. */
  #pending = new Uint8Array();
  /** Messages found in the midst of another one. */
  readonly #found: Uint8Array[][] = [];

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  async message(): Promise<Uint8Array[] | undefined> {
    return this.#found.shift() ?? await this.#message();
  }

  async #message(): Promise<Uint8Array[] | undefined> {
    const bodies: Uint8Array[] = [];
    // The beginning of the message itself is none in its midst.
    for (let next; (next = await this.frame(bodies.length === 0 ? 1 : 0));) {
      if (next.flags & COMMAND) continue;
      bodies.push(next.body);
      if (!(next.flags & MORE)) return bodies;
    }
  }

  async frame(from = 0): Promise<{ flags: number; body: Uint8Array } | undefined> {
    const head = await this.bytes(2, from);
    if (!head) return;
    const [flags, short] = head;
    let length = short;
    if (flags & LONG) {
      const rest = await this.bytes(7);
      if (!rest) return;
      length = Number(Buffer.concat([Buffer.of(short), rest]).readBigUInt64BE());
    }
    const body = await this.bytes(length);
    return body && { flags, body };
  }

  /** The next bytes, without messages that were written into their midst, at `from` or behind it. */
  async bytes(length: number, from = 0): Promise<Uint8Array | undefined> {
    while (await this.#fill(length)) {
      const at = this.#pending.indexOf(START[0], from);
      if (at < 0 || at >= length) return this.#take(length);
      const seen = this.#pending.subarray(at, at + START.length);
      if (!START.subarray(0, seen.length).equals(seen)) from = at + 1;
      else if (seen.length < START.length) {
        if (!await this.#fill(this.#pending.length + 1)) return;
      } else {
        const before = this.#take(at), intruder = await this.#message();
        if (!intruder) return;
        this.#found.push(intruder);
        this.#pending = Buffer.concat([before, this.#pending]);
      }
    }
  }

  #take(length: number): Uint8Array {
    const bytes = this.#pending.subarray(0, length);
    this.#pending = this.#pending.subarray(length);
    return bytes;
  }

  /** Reads until so many bytes are pending; false if the connection ends before. */
  async #fill(length: number): Promise<boolean> {
    let at = this.#pending.length;
    if (at >= length) return true;
    const bytes = new Uint8Array(Math.max(length, CHUNK));
    bytes.set(this.#pending);
    while (at < length) {
      const count = await this.#connection.read(bytes.subarray(at)).catch(endOfConnection);
      if (count === null) break;
      at += count;
    }
    this.#pending = bytes.subarray(0, at);
    return at >= length;
  }
}

function frame(flags: number, body: Uint8Array): Uint8Array {
  if (body.length < 256) return Buffer.concat([Buffer.of(flags, body.length), body]);
  const head = Buffer.alloc(9);
  head[0] = flags | LONG;
  head.writeBigUInt64BE(BigInt(body.length), 1);
  return Buffer.concat([head, body]);
}

function endOfConnection(error: unknown): null {
  const { BadResource, BrokenPipe, ConnectionRefused, ConnectionReset, Interrupted } = Deno.errors;
  const kinds = [BadResource, BrokenPipe, ConnectionRefused, ConnectionReset, Interrupted];
  if (kinds.some((kind) => error instanceof kind)) return null;
  throw error;
}

async function write(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
}
