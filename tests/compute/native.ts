/**
 * The smallest native libraries of each system: headers that hold true, and nothing else.
 *
 * @module
 */

/** What a made-up library is like. */
export interface Shape {
  /** Its processor, as its system numbers it. */
  readonly machine?: number;
  /** Bytes, of which its headers tell. */
  readonly length?: number;
  /** What it exports; without a list it has no table of names. */
  readonly symbols?: readonly string[];
}

/** A library for Linux. */
export function elf({ machine = 62, length = 300, symbols }: Shape = {}): Uint8Array<ArrayBuffer> {
  const hash = symbols && hashes(symbols), sections = hash ? 1 : 0;
  const bytes = new Uint8Array(length + (hash?.length ?? 0)), view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  view.setUint16(18, machine, true);
  // One segment after the head, then the sections.
  view.setBigUint64(32, 64n, true);
  view.setBigUint64(40, 128n, true);
  [54, 56, 58, 60].forEach((at, index) => view.setUint16(at, [56, 1, 64, sections][index], true));
  view.setBigUint64(64 + 32, BigInt(length), true);
  if (hash) {
    view.setUint32(128 + 4, 0x6ffffff6, true);
    view.setBigUint64(128 + 24, BigInt(length), true);
    view.setBigUint64(128 + 32, BigInt(hash.length), true);
    bytes.set(hash, length);
  }
  return bytes;
}

/** A table of the hashes of names, with a bucket for each. */
function hashes(symbols: readonly string[]): Uint8Array {
  const hash = (name: string) =>
    new TextEncoder().encode(name).reduce((sum, byte) => (Math.imul(sum, 33) + byte) >>> 0, 5381);
  const count = symbols.length;
  const buckets = Array.from(
    { length: count },
    (_, bucket) => symbols.map(hash).filter((value) => value % count === bucket),
  );
  const chains = buckets.flatMap((chain) =>
    chain.map((value, at) => at === chain.length - 1 ? value | 1 : value & ~1)
  );
  // The first symbol that is exported is number 1.
  let next = 1;
  const starts = buckets.map((chain) => chain.length > 0 ? (next += chain.length) - chain.length : 0);
  return new Uint8Array(Uint32Array.of(count, 1, 1, 0, 0, 0, ...starts, ...chains).buffer);
}

/** A library for macOS, and how it stands in a file for several processors. */
export function machO({ machine = 0x01000007, length = 200 }: Shape = {}, base = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(base + length), view = new DataView(bytes.buffer, base);
  if (base > 0) {
    const fat = new DataView(bytes.buffer);
    [0xcafebabe, 2, 7, 0, 0, 0, 0, machine, 0, base, length].forEach((word, at) =>
      fat.setUint32(4 * at, word)
    );
  }
  view.setUint32(0, 0xcffaedfe);
  view.setUint32(4, machine, true);
  [[16, 1], [20, 72], [32, 0x19], [36, 72]].forEach(([at, value]) => view.setUint32(at, value, true));
  view.setBigUint64(32 + 48, BigInt(length), true);
  return bytes;
}

/** A library for Windows. */
export function pe({ machine = 0x8664, length = 200 }: Shape = {}): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length), view = new DataView(bytes.buffer);
  bytes.set([0x4d, 0x5a]);
  view.setUint32(60, 64, true);
  bytes.set([0x50, 0x45], 64);
  view.setUint16(68, machine, true);
  view.setUint16(70, 1, true);
  view.setUint32(88 + 16, length - 128, true);
  view.setUint32(88 + 20, 128, true);
  return bytes;
}
