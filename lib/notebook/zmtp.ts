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
  /** When bytes came last, as `performance.now` tells time; also those of a message that is not yet whole. */
  readonly latest: number;
}

/**
 * Connects to a listening ZeroMQ socket.
 *
 * @param port Of this machine.
 * @param type A `DEALER` asks and is answered; a `SUB` hears all that is published.
 * @returns The socket.
 * @throws {Deno.errors.ConnectionRefused} Nobody listens there.
 */
export async function connect(port: number, type: "DEALER" | "SUB"): Promise<Socket> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const reader = new Reader(connection);
  try {
    const greeting = Buffer.alloc(64);
    greeting.set([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0]);
    greeting.write("NULL", 12);
    await write(connection, greeting);
    await reader.bytes(64);
    const property = Buffer.concat([Buffer.from("\x05READY\x0bSocket-Type\0\0\0"), Buffer.of(type.length)]);
    await write(connection, frame(COMMAND, Buffer.concat([property, Buffer.from(type)])));
    await reader.frame();
    // A subscription is a message of the byte 1 and the topic, here the empty one.
    if (type === "SUB") await write(connection, frame(0, Buffer.of(1)));
  } catch (error) {
    connection.close();
    throw error;
  }
  let last = Promise.resolve(), open = true;
  return {
    get latest() {
      return reader.latest;
    },
    send(frames) {
      const message = frames.map((body, at) => frame(at < frames.length - 1 ? MORE : 0, body));
      return last = last.then(() => write(connection, Buffer.concat(message)));
    },
    async *receive() {
      for (let message; (message = await reader.message());) yield message;
    },
    [Symbol.dispose]() {
      if (open) connection.close();
      open = false;
    },
  };
}

/** Reads frames from a connection. All methods give nothing once it is closed, on either side. */
class Reader {
  latest = performance.now();
  readonly #connection: Deno.Conn;
  /** Bytes to be read before those of the connection. */
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
    for (let next; (next = await this.frame());) {
      if (next.flags & COMMAND) continue;
      bodies.push(next.body);
      if (!(next.flags & MORE)) return bodies;
    }
  }

  async frame(): Promise<{ flags: number; body: Uint8Array } | undefined> {
    const head = await this.bytes(2);
    if (!head) return;
    const [flags, short] = head;
    if (!(flags & LONG)) {
      const body = await this.bytes(short);
      return body && { flags, body };
    }
    const rest = await this.bytes(7);
    const body = rest && await this.#body(Number(Buffer.concat([head.subarray(1), rest]).readBigUInt64BE()));
    return body && { flags, body };
  }

  /** The body of a long frame, without messages that were written into it. */
  async #body(length: number): Promise<Uint8Array | undefined> {
    const body = await this.bytes(length);
    const at = body ? Buffer.from(body.buffer, body.byteOffset, body.length).indexOf(START) : -1;
    if (!body || at < 0) return body;
    this.#pending = Buffer.concat([body.subarray(at), this.#pending]);
    const intruder = await this.#message();
    const rest = intruder && await this.#body(length - at);
    if (!rest) return;
    this.#found.unshift(intruder);
    return Buffer.concat([body.subarray(0, at), rest]);
  }

  async bytes(length: number): Promise<Uint8Array | undefined> {
    const bytes = new Uint8Array(length);
    let at = Math.min(length, this.#pending.length);
    bytes.set(this.#pending.subarray(0, at));
    this.#pending = this.#pending.subarray(at);
    while (at < length) {
      const count = await this.#connection.read(bytes.subarray(at)).catch(endOfConnection);
      if (count === null) return;
      this.latest = performance.now();
      at += count;
    }
    return bytes;
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
  const { BadResource, ConnectionReset, Interrupted } = Deno.errors;
  if ([BadResource, ConnectionReset, Interrupted].some((kind) => error instanceof kind)) return null;
  throw error;
}

async function write(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
}
