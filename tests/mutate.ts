/**
 * Damaged copies of a whole file, always the same ones, for tests that a reader
 * refuses what it cannot read and never does worse.
 *
 * @module
 */
import assert from "node:assert/strict";
import { cpuUsage } from "node:process";
import { SjeaError } from "../lib/base/errors.ts";
import { type Generator, generator } from "../lib/base/random.ts";

/** Damaged copies that a test looks at; all tests see the first of the same ones. */
export const DAMAGED = Number(Deno.env.get("SJEA_DAMAGED") ?? 2_000);

/** Numbers at the edges of 8, 16, 31, 32, 53, 63 and 64 bits. */
const EDGES = [0, 1, 0x7f, 0xff, 0xffff, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40, 2 ** 53]
  .map(BigInt).concat([2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n]);

/** Ways to damage bytes. A block is up to a fourth of them. */
const BYTE_EDITS: readonly ((bytes: Uint8Array, random: Generator) => Uint8Array)[] = [
  function flipBit(bytes, random) {
    const at = random.integer(bytes.length);
    return bytes.with(at, bytes[at] ^ 1 << random.integer(8));
  },
  function setByte(bytes, random) {
    return bytes.with(random.integer(bytes.length), random.integer(256));
  },
  function truncate(bytes, random) {
    return bytes.slice(0, random.integer(bytes.length));
  },
  function insert(bytes, random) {
    const at = random.integer(bytes.length + 1);
    return join(bytes.subarray(0, at), noise(random), bytes.subarray(at));
  },
  function remove(bytes, random) {
    const [from, to] = block(bytes, random);
    return join(bytes.subarray(0, from), bytes.subarray(to));
  },
  function duplicate(bytes, random) {
    const [from, to] = block(bytes, random), at = random.integer(bytes.length + 1);
    return join(bytes.subarray(0, at), bytes.subarray(from, to), bytes.subarray(at));
  },
  function swap(bytes, random) {
    const [[a, b], [c, d]] = [block(bytes, random), block(bytes, random)].sort(([a], [b]) => a - b);
    if (b > c) return bytes.toReversed();
    const [before, one, between, other, after] = [[0, a], [a, b], [b, c], [c, d], [d, bytes.length]]
      .map(([from, to]) => bytes.subarray(from, to));
    return join(before, other, between, one, after);
  },
  function setNumber(bytes, random) {
    const size = random.integer(2) === 0 ? 4 : 8, littleEndian = random.integer(4) > 0;
    if (bytes.length < size) return bytes;
    const copy = bytes.slice(), view = new DataView(copy.buffer), edge = EDGES[random.integer(EDGES.length)];
    const at = random.integer(bytes.length - size + 1);
    if (size === 4) view.setUint32(at, Number(edge & 0xffff_ffffn), littleEndian);
    else view.setBigUint64(at, edge, littleEndian);
    return copy;
  },
];

/** Levels of a value that is nested deeply. */
const DEEP = 10_000;

/** A value that JSON holds; deep ones and those that `JSON.stringify` cannot write stand as their text. */
const JSON_VALUES: readonly string[] = [
  ...[
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    "9007199254740993",
    "1e308",
    "1e999",
    "-1e999",
    '""',
    '"x"',
    "[]",
    "{}",
  ],
  ...['"\\u0000\\ud800"', "[[[1]]]", '{"__proto__":{"toString":1}}', '{"toString":1,"valueOf":1,"toJSON":1}'],
  `"${"long ".repeat(4_000)}"`,
  `${"[".repeat(DEEP)}${"]".repeat(DEEP)}`,
  `${'{"a":'.repeat(DEEP)}0${"}".repeat(DEEP)}`,
];
const NAMES = ["__proto__", "constructor", "toString", "length", "", "other", "0"];

/**
 * Copies of a file with one to four edits each.
 *
 * @param whole The file.
 * @param name Seed; each gives other copies.
 * @param count How many.
 */
export function* mutatedBytes(
  whole: Uint8Array,
  name: string,
  count = DAMAGED,
): IterableIterator<Uint8Array> {
  const random = generator("mutate bytes", name);
  for (let made = 0; made < count; made++) {
    let bytes = whole;
    for (let edits = 1 + random.integer(4); edits > 0 && bytes.length > 0; edits--) {
      bytes = BYTE_EDITS[random.integer(BYTE_EDITS.length)](bytes, random);
    }
    yield bytes;
  }
}

/**
 * Copies of a JSON text: one in four damaged as bytes, the others with one or
 * two fields removed, renamed or given another value.
 *
 * @param whole The text.
 * @param name Seed; each gives other copies.
 * @param count How many.
 */
export function* mutatedJson(whole: string, name: string, count = DAMAGED): IterableIterator<string> {
  const random = generator("mutate JSON", name), decoder = new TextDecoder();
  const damaged = mutatedBytes(new TextEncoder().encode(whole), name);
  for (let made = 0; made < count; made++) {
    if (made % 4 === 0) yield decoder.decode(damaged.next().value);
    else {
      const text = editJson(whole, random);
      // What is nested deeply can be read again, but not written.
      yield random.integer(2) === 0 || text.length > whole.length + DEEP ? text : editJson(text, random);
    }
  }
}

function editJson(text: string, random: Generator): string {
  // An outer list makes the whole a place like the others.
  const root: unknown = JSON.parse(`[${text}]`), places = placesOf(root);
  if (places.length === 0) return text;
  const [holder, key] = places[random.integer(places.length)];
  const edit = random.integer(8);
  if (edit === 0) {
    if (Array.isArray(holder)) holder.splice(Number(key), 1);
    else delete holder[key];
  } else if (edit === 1 && !Array.isArray(holder)) {
    const value = holder[key];
    delete holder[key];
    Object.defineProperty(holder, NAMES[random.integer(NAMES.length)], {
      ...{ value, enumerable: true, configurable: true, writable: true },
    });
  } else if (edit === 2) {
    const [other, otherKey] = places[random.integer(places.length)];
    holder[key] = structuredClone(other[otherKey]);
  } else holder[key] = MARK;
  const value = JSON_VALUES[random.integer(JSON_VALUES.length)];
  return JSON.stringify(root).slice(1, -1).replace(JSON.stringify(MARK), () => value);
}

const MARK = "\u0001a value to come\u0001";
type Holder = Record<string, unknown>;

/** Every place of a value: the object or list, and the key. Deep ones are left as they are. */
function placesOf(value: unknown, depth = 0): [Holder, string][] {
  if (typeof value !== "object" || value === null || depth > 20) return [];
  const holder = value as Holder;
  return Object.keys(holder).flatMap((key) => [[holder, key], ...placesOf(holder[key], depth + 1)]);
}

function block(bytes: Uint8Array, random: Generator): [from: number, to: number] {
  const from = random.integer(bytes.length);
  return [from, Math.min(bytes.length, from + 1 + random.integer(Math.ceil(bytes.length / 4)))];
}

function noise(random: Generator): Uint8Array {
  return Uint8Array.from({ length: 1 + random.integer(16) }, () => random.integer(256));
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Bytes that one small input may take, garbage included. */
const MOST = 64e6;

/** How many damaged inputs were read all the same, and how many refused. */
export interface Outcome {
  readonly read: number;
  readonly refused: number;
}

/**
 * Reads damaged inputs. It fails if an error other than the named ones comes
 * out, if one takes a second of the processor, or if memory grows at once as no small input explains.
 *
 * @param inputs The inputs.
 * @param read Reads one.
 * @returns How it went.
 */
export async function survive<Input extends string | Uint8Array>(
  inputs: Iterable<Input>,
  read: (input: Input) => unknown,
): Promise<Outcome> {
  const outcome = { read: 0, refused: 0 };
  for (const input of inputs) {
    const began = cpuUsage(), before = Deno.memoryUsage();
    try {
      await read(input);
      outcome.read++;
    } catch (error) {
      if (!(error instanceof SjeaError)) throw new Error(`from ${shown(input)}`, { cause: error });
      outcome.refused++;
    }
    // Not the clock's time, most of which may be other processes'.
    const { user, system } = cpuUsage(began);
    assert.ok(user + system < 1e6, `a second for ${shown(input)}`);
    const { rss, external } = Deno.memoryUsage();
    assert.ok(Math.max(rss - before.rss, external - before.external) < MOST, `memory for ${shown(input)}`);
  }
  return outcome;
}

function shown(input: string | Uint8Array): string {
  return typeof input === "string" ? input.slice(0, 2_000) : input.subarray(0, 2_000).toHex();
}
