/**
 * TensorBoard's event files, beside a run's own log: the same numbers for those
 * who watch with it.
 *
 * @module
 */
import { hostname } from "node:os";
import { join } from "@std/path";
import { explainFault } from "../base/files.ts";
import {
  bytesOf,
  field,
  fixed32,
  fixed64,
  join as joined,
  number,
  type Part,
  text,
} from "../base/protobuf.ts";
import type { StepMetrics } from "./log.ts";

/** Event files that are written. */
export interface Events extends Disposable {
  /** Keeps a step's numbers for the next {@link Events.flush}. */
  add(metrics: StepMetrics): void;
  /** Writes what was kept: all of it or nothing. */
  flush(): Promise<void>;
}

/**
 * Opens a run's event file to add to it.
 *
 * @param folder The run's folder.
 * @param start Steps that the run goes on after; what it wrote of later ones no longer counts.
 * @returns The events.
 */
export async function openEvents(folder: string, start: number): Promise<Events> {
  const path = join(folder, `events.out.tfevents.${Math.floor(Date.now() / 1000)}.${hostname()}`);
  const file = await Deno.open(path, { create: true, append: true });
  let end = (await file.stat()).size;
  // By the start of a session TensorBoard forgets the steps from there on.
  let kept: Part[] = [event(start, text(3, "brain.Event:2")), event(start, field(7, number(1, 1)))];
  return {
    add: (metrics) => void kept.push(event(metrics.step, field(5, scalarsOf(metrics).map(scalar)))),
    async flush() {
      const bytes = joined(kept);
      try {
        for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await file.write(rest));
      } catch (error) {
        await file.truncate(end);
        explainFault(error, path);
        throw error;
      }
      end += bytes.length;
      kept = [];
    },
    [Symbol.dispose]: () => file.close(),
  };
}

/** A step's numbers by TensorBoard's names, such as `stack0/total`. */
function scalarsOf(metrics: StepMetrics): [string, number][] {
  const { learningRate, imagesPerSecond, levels, spread = [], online = [] } = metrics;
  const named = (prefix: string, values: object): [string, number][] =>
    Object.entries(values).flatMap(([name, value]) =>
      typeof value === "number" ? [[`${prefix}${name}`, value]] : named(`${prefix}${name}_`, value)
    );
  return [
    ...named("", { learningRate, imagesPerSecond }),
    ...levels.flatMap((terms, at) => named(`stack${at}/`, terms)),
    ...spread.flatMap((parts, at) => named(`stack${at}/`, parts)),
    ...online.flatMap((found, at) => named(`stack${at}/online_`, found)),
  ];
}

const scalar = ([name, value]: [string, number]): Part => field(1, [text(1, name), fixed32(2, value)]);

/** A record with an event: its length, its bytes, and a checksum of each. */
function event(step: number, what: Part): Part {
  const bytes = joined([fixed64(1, Date.now() / 1000), number(2, step), what]);
  const length = bytesOf(BigUint64Array.of(BigInt(bytes.length)));
  return [length, checksum(length), bytes, checksum(bytes)];
}

/** Remainders of the Castagnoli polynomial, by byte. */
const REMAINDERS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest >>> 1 ^ (rest & 1 ? 0x82f63b78 : 0);
  return rest;
});

/**
 * CRC-32C.
 *
 * @param bytes Any bytes.
 * @returns Its remainder.
 * @example
 * ```ts
 * import { crc32c } from "./tensorboard.ts";
 * if (crc32c(new TextEncoder().encode("123456789")) !== 0xe3069283) throw new Error("not Castagnoli's");
 * ```
 */
export function crc32c(bytes: Uint8Array): number {
  let rest = -1;
  for (const byte of bytes) rest = rest >>> 8 ^ REMAINDERS[(rest ^ byte) & 255];
  return ~rest >>> 0;
}

/** TensorFlow's masked checksum. */
function checksum(bytes: Uint8Array): Uint8Array {
  const crc = crc32c(bytes);
  return bytesOf(Uint32Array.of((crc >>> 15 | crc << 17) + 0xa282ead8));
}
