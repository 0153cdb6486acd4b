/**
 * Pickles as Python 2 wrote them in protocol 2: what CIFAR's Python version is made of.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** Opcodes of a value. */
type Opcodes = (string | Uint8Array)[];

const bytesOf = (opcodes: Opcodes) =>
  new Uint8Array(
    Buffer.concat(opcodes.map((part) => typeof part === "string" ? Buffer.from(part, "latin1") : part)),
  );
const little = (value: number, size: number) => {
  const bytes = Buffer.alloc(size);
  bytes.writeIntLE(value, 0, size);
  return new Uint8Array(bytes);
};

/** Number of the next memo; every pickle fills it, few ask for it. */
let memo = 0;
function remembered(): Opcodes {
  const at = memo++;
  return at < 256 ? ["q", Uint8Array.of(at)] : ["r", little(at, 4)];
}

/** A string. */
export function text(value: string | Uint8Array): Opcodes {
  const long = value.length > 255;
  return [
    long ? "T" : "U",
    long ? little(value.length, 4) : Uint8Array.of(value.length),
    value,
    ...remembered(),
  ];
}

function integer(value: number): Opcodes {
  if (value >= 0 && value < 256) return ["K", Uint8Array.of(value)];
  return value >= 0 && value < 65_536
    ? ["M", Uint8Array.of(value & 255, value >> 8)]
    : ["J", little(value, 4)];
}

/** A list, appended to a thousand values at a time. */
function list(values: Opcodes[]): Opcodes {
  const made: Opcodes = ["]", ...remembered()];
  for (let at = 0; at < values.length; at += 1000) {
    made.push("(", ...values.slice(at, at + 1000).flat(), "e");
  }
  return made;
}

/** A list of numbers. */
export const integers = (values: number[]): Opcodes => list(values.map(integer));

/** A NumPy array of bytes. */
export function array([rows, columns]: [number, number], columnsFirst: boolean, values: Uint8Array): Opcodes {
  return [
    ...["cnumpy.core.multiarray\n_reconstruct\n", ...remembered(), "cnumpy\nndarray\n", ...remembered()],
    ...[...integer(0), "\x85", ...remembered(), ...text("b"), "\x87", ...remembered(), "R", ...remembered()],
    ...["(", ...integer(1), ...integer(rows), ...integer(columns), "\x86", ...remembered()],
    ...[
      "cnumpy\ndtype\n",
      ...remembered(),
      ...text("u1"),
      ...integer(0),
      ...integer(1),
      "\x87",
      ...remembered(),
    ],
    ...["R", ...remembered(), "(", ...integer(3), ...text("|"), "NNN", ...integer(-1), ...integer(-1)],
    ...[...integer(0), "t", ...remembered(), "b", columnsFirst ? "\x88" : "\x89", ...text(values), "t"],
    ...[...remembered(), "b"],
  ];
}

/** A pickle of a dictionary; a value that is a list of values becomes a list. */
export function dictionary(entries: Record<string, Opcodes | Opcodes[]>): Uint8Array {
  const items = Object.entries(entries).flatMap(([key, value]) => [
    ...text(key),
    ...Array.isArray(value[0]) ? list(value as Opcodes[]) : value as Opcodes,
  ]);
  const bytes = bytesOf(["\x80\x02}", ...remembered(), "(", ...items, "u."]);
  memo = 0;
  return bytes;
}

/** Records of CIFAR's binary layout, which begin with labels of these names, as a batch of Python's. */
export function batch(records: Uint8Array, labels: readonly string[], columnsFirst = false): Uint8Array {
  const record = labels.length + 3072, count = records.length / record, values = new Uint8Array(count * 3072);
  for (let row = 0; row < count; row++) {
    const pixels = records.subarray(row * record + labels.length, (row + 1) * record);
    if (columnsFirst) pixels.forEach((value, column) => values[column * count + row] = value);
    else values.set(pixels, row * 3072);
  }
  const numbers = labels.map((name, place) =>
    [name, integers(Array.from({ length: count }, (_, row) => records[row * record + place]))] as const
  );
  return dictionary({
    batch_label: text("training batch 1 of 5"),
    ...Object.fromEntries(numbers),
    data: array([count, 3072], columnsFirst, values),
  });
}
