/**
 * Reads what Python 2 pickled of plain values and NumPy arrays, as CIFAR's Python
 * version holds them. A pickle is a program for a stack machine; this one makes
 * values and nothing else: a call is written down and never made.
 *
 * @module
 */
import { DataError } from "../base/errors.ts";

/** A call that a pickle asks for. */
export interface PickledCall {
  /** What is called, such as `numpy.dtype`. */
  readonly call: Pickled;
  readonly args: Pickled;
  /** What the made object's state is set to. */
  state?: Pickled;
}

/** A value of a pickle; strings of 256 bytes or more stay bytes. */
export type Pickled = number | boolean | null | string | Uint8Array | PickledCall | Pickled[] | PickledMap;

/** A dictionary. */
export type PickledMap = Map<Pickled, Pickled>;

/** Opcodes that push a value without reading on. */
const CONSTANTS: Readonly<Record<string, () => Pickled>> = {
  "N": () => null,
  "\x88": () => true,
  "\x89": () => false,
  "}": () => new Map(),
  "]": () => [],
  ")": () => [],
};

/**
 * Reads a pickle of protocol 2.
 *
 * @param bytes The pickle.
 * @param file Its file, for messages.
 * @returns Its value.
 * @throws {DataError} It ends too early, or has an opcode that values like these do not need.
 */
export function readPickle(bytes: Uint8Array, file: string): Pickled {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const memo = new Map<number, Pickled>();
  /** Unfinished lists of values; the last one is worked on, `MARK` begins another one. */
  const stacks: Pickled[][] = [[]];
  let at = 0, code = "";
  const refuse = (): never => {
    throw new DataError(
      `${file} is no pickle of plain values and arrays: it has ${JSON.stringify(code)} before byte ${at}. ` +
        "It is damaged or another file: fetch it again.",
    );
  };
  const take = (count: number) =>
    count >= 0 && at + count <= bytes.length ? bytes.subarray(at, at += count) : refuse();
  const number = (size: 1 | 2 | 4) => {
    take(size);
    return size === 1
      ? view.getUint8(at - 1)
      : size === 2
      ? view.getUint16(at - 2, true)
      : view.getInt32(at - 4, true);
  };
  const text = (bytes: Uint8Array) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  const line = () => {
    const end = bytes.indexOf(10, at);
    return end < 0 ? refuse() : text(take(end + 1 - at)).slice(0, -1);
  };
  const push = (value: Pickled) => void stacks.at(-1)!.push(value);
  const pop = (count = 1) => stacks.at(-1)!.length >= count ? stacks.at(-1)!.splice(-count) : refuse();
  const popMark = () => stacks.length > 1 ? stacks.pop()! : refuse();
  const top = () => stacks.at(-1)!.at(-1);
  const append = (values: Pickled[]) => {
    const list = top();
    Array.isArray(list) ? values.forEach((value) => list.push(value)) : refuse();
  };
  const setItems = (items: Pickled[]) => {
    const map = top();
    if (!(map instanceof Map)) return refuse();
    for (let item = 0; item + 1 < items.length; item += 2) map.set(items[item], items[item + 1]);
  };
  const opcodes: Readonly<Record<string, () => void>> = {
    "\x80": () => number(1) === 2 || refuse(),
    "K": () => push(number(1)),
    "M": () => push(number(2)),
    "J": () => push(number(4)),
    "U": () => push(text(take(number(1)))),
    "T": () => push(take(number(4))),
    "c": () => push(`${line()}.${line()}`),
    "q": () => void memo.set(number(1), top() ?? refuse()),
    "r": () => void memo.set(number(4), top() ?? refuse()),
    "h": () => push(memo.get(number(1)) ?? refuse()),
    "j": () => push(memo.get(number(4)) ?? refuse()),
    "(": () => void stacks.push([]),
    "t": () => push(popMark()),
    "\x85": () => push(pop(1)),
    "\x86": () => push(pop(2)),
    "\x87": () => push(pop(3)),
    "a": () => append(pop()),
    "e": () => append(popMark()),
    "s": () => setItems(pop(2)),
    "u": () => setItems(popMark()),
    "R": () => {
      const [call, args] = pop(2);
      push({ call, args });
    },
    "b": () => {
      const [state] = pop(), made = top();
      if (made === null || typeof made !== "object" || !("call" in made)) return refuse();
      made.state = state;
    },
  };
  while ((code = text(take(1))) !== ".") {
    if (Object.hasOwn(CONSTANTS, code)) push(CONSTANTS[code]());
    else if (Object.hasOwn(opcodes, code)) opcodes[code]();
    else refuse();
  }
  return pop()[0];
}
