/**
 * Looks into a native library before it is loaded: of a file that was cut off,
 * the system reads what is not there, and ends the process without a word.
 *
 * @module
 */
import { EnvironmentError } from "../base/errors.ts";
import { fileKind } from "../base/file_kind.ts";

/** Reads some bytes of the file that is looked into. */
type Read = (from: number, length: number) => Promise<DataView>;

/** What the headers of a library tell. */
interface Headers {
  /** Its processor, as its system numbers it. */
  readonly machine: number;
  /** Where its parts begin and how long they are. */
  readonly parts: readonly (readonly [from: number, length: number])[];
  /** Whether it exports a symbol; nothing where only loading it tells. */
  readonly exports?: (symbol: string) => boolean;
}

/** A system's libraries: how they begin, how it numbers processors, how their headers are read. */
interface Format {
  readonly name: string;
  readonly magic: readonly string[];
  readonly machines: Readonly<Record<string, number>>;
  readonly read: (read: Read, machine: number) => Promise<Headers>;
}

const ELF: Format = {
  name: "Linux",
  magic: ["7f454c46"],
  machines: { x86_64: 62, aarch64: 183 },
  read: readElf,
};
const FORMATS: Readonly<Record<string, Format>> = {
  linux: ELF,
  darwin: {
    name: "macOS",
    magic: ["cffaedfe", "cafebabe"],
    machines: { x86_64: 0x01000007, aarch64: 0x0100000c },
    read: readMachO,
  },
  windows: { name: "Windows", magic: ["4d5a"], machines: { x86_64: 0x8664, aarch64: 0xaa64 }, read: readPe },
};

/**
 * Checks that a file is a whole native library for this system and processor.
 *
 * @param path The file.
 * @param platform System and processor, as in `linux-x86_64`.
 * @returns Whether it exports a symbol; always true where only loading it tells.
 * @throws {EnvironmentError} It is something else, or cut off.
 */
export async function inspect(path: string, platform: string): Promise<(symbol: string) => boolean> {
  const no = (what: string) => new EnvironmentError(`${path} is ${what}`);
  const { isFile, size } = await Deno.stat(path);
  if (!isFile) throw no("no file");
  using file = await Deno.open(path);
  const cut = (end: number) => no(`damaged: it has ${size} bytes, and its headers speak of ${end}`);
  const read: Read = async (from, length) => {
    if (from + length > size) throw cut(from + length);
    const bytes = new Uint8Array(length);
    await file.seek(from, Deno.SeekMode.Start);
    for (let at = 0, count; at < length; at += count) {
      count = await file.read(bytes.subarray(at)) ?? 0;
      if (count === 0) throw cut(from + length);
    }
    return new DataView(bytes.buffer);
  };
  const [system, processor] = platform.split("-"), format = FORMATS[system] ?? ELF;
  const head = new Uint8Array((await read(0, Math.min(512, size))).buffer);
  const begins = (magic: string) => head.toHex().startsWith(magic);
  if (!format.magic.some(begins)) {
    const other = Object.values(FORMATS).find(({ magic }) => magic.some(begins));
    const what = other ? `a program for ${other.name}` : fileKind(head)?.what ?? "something else";
    throw no(`${what}, not a native library for ${format.name}`);
  }
  const wanted = format.machines[processor];
  let headers: Headers;
  try {
    headers = await format.read(read, wanted);
  } catch (error) {
    if (error instanceof RangeError) throw no("damaged: its headers end too early");
    throw error;
  }
  const { machine, parts, exports = () => true } = headers;
  if (wanted !== undefined && machine !== wanted) {
    const [name] = Object.entries(format.machines).find(([, number]) => number === machine) ?? [];
    throw no(`for another processor (${name ?? `number ${machine}`}), not for ${processor}`);
  }
  const end = Math.max(0, ...parts.map(([from, length]) => from + length));
  if (end > size) throw cut(end);
  return exports;
}

/** Many entries of one size, one after the other. */
function entries(table: DataView, size: number, count: number): DataView[] {
  return Array.from(
    { length: count },
    (_, at) => new DataView(table.buffer, table.byteOffset + at * size, size),
  );
}

/** https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html, of 64 bits. */
async function readElf(read: Read): Promise<Headers> {
  const head = await read(0, 64), u16 = (at: number) => head.getUint16(at, true);
  const long = (view: DataView, at: number) => Number(view.getBigUint64(at, true));
  // 32 bits have other headers, and are of another processor.
  if (head.getUint8(4) !== 2) return { machine: 0, parts: [] };
  const table = async (at: number, size: number, count: number) =>
    entries(await read(count && at, size * count), size, count);
  const segments = await table(long(head, 32), u16(54), u16(56));
  const sections = await table(long(head, 40), u16(58), u16(60));
  const kind = (section: DataView) => section.getUint32(4, true);
  const NOBITS = 8, GNU_HASH = 0x6ffffff6;
  const stored = sections.filter((section) => kind(section) !== NOBITS);
  const parts = [
    ...segments.map((segment) => [long(segment, 8), long(segment, 32)] as const),
    ...stored.map((section) => [long(section, 24), long(section, 32)] as const),
  ];
  const hashes = sections.find((section) => kind(section) === GNU_HASH);
  const exports = hashes && lookup(await read(long(hashes, 24), long(hashes, 32)));
  return { machine: u16(18), parts, exports };
}

/** Looks exported symbols up by their hashes: https://sourceware.org/gnu-gabi/program-loading-and-dynamic-linking.txt */
function lookup(table: DataView): (symbol: string) => boolean {
  const u32 = (word: number) => table.getUint32(4 * word, true);
  const buckets = u32(0), first = u32(1), start = 4 + 2 * u32(2), chains = start + buckets;
  return (symbol) => {
    const hash = [...symbol].reduce((hash, letter) => (hash * 33 + letter.charCodeAt(0)) >>> 0, 5381);
    let at = u32(start + hash % buckets);
    if (at === 0) return false;
    for (;; at++) {
      const found = u32(chains + at - first);
      // The lowest bit marks the last one of a chain.
      if (found >>> 1 === hash >>> 1) return true;
      if (found & 1) return false;
    }
  };
}

/** `mach-o/loader.h` and `mach-o/fat.h`; of a file for several processors, the part for this one. */
async function readMachO(read: Read, machine: number): Promise<Headers> {
  let base = 0;
  const several = await read(0, 8);
  if (several.getUint32(0) === 0xcafebabe) {
    const count = several.getUint32(4), all = entries(await read(8, 20 * count), 20, count);
    const part = all.find((part) => part.getUint32(0) === machine);
    if (!part) return { machine: all[0]?.getUint32(0), parts: [] };
    base = part.getUint32(8);
  }
  const head = await read(base, 32), parts: [number, number][] = [];
  const commands = await read(base + 32, head.getUint32(20, true));
  const SEGMENT_64 = 0x19;
  for (let count = head.getUint32(16, true), at = 0; count > 0; count--) {
    const [kind, length] = [commands.getUint32(at, true), commands.getUint32(at + 4, true)];
    if (length === 0) throw new RangeError();
    if (kind === SEGMENT_64) {
      const [from, size] = [at + 40, at + 48].map((at) => Number(commands.getBigUint64(at, true)));
      parts.push([base + from, size]);
    }
    at += length;
  }
  return { machine: head.getUint32(4, true), parts };
}

/** https://learn.microsoft.com/windows/win32/debug/pe-format */
async function readPe(read: Read): Promise<Headers> {
  const at = (await read(60, 4)).getUint32(0, true), head = await read(at, 24);
  const count = head.getUint16(6, true), table = at + 24 + head.getUint16(20, true);
  const sections = entries(await read(table, 40 * count), 40, count);
  const parts = sections.map((section) =>
    [section.getUint32(20, true), section.getUint32(16, true)] as const
  );
  return { machine: head.getUint16(4, true), parts };
}
