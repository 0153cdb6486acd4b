/**
 * TensorFlow as an engine, through libtensorflow's C API.
 *
 * @module
 */
import type { Engine } from "../engine.ts";
import { Binding } from "./binding.ts";
import { openLibrary, withoutLogLines } from "./c_api.ts";
import { mendEmptyResults } from "./empty.ts";
import { GraphRecorder } from "./graph.ts";
import { findLibrary } from "./library.ts";

/**
 * Finds libtensorflow, or fetches it, and opens it.
 *
 * @param threads Threads that it may use.
 * @returns The engine.
 * @throws {EnvironmentError} No usable libtensorflow was found or fetched.
 */
export async function tensorflow(threads: number): Promise<Engine> {
  const { library, opened } = await findLibrary((library) => quietly(() => openLibrary(library)));
  const binding = quietly(() => new Binding(opened, config(threads)));
  mendEmptyResults(binding);
  return {
    name: "tensorflow",
    version: binding.version,
    library,
    device: binding.device.split("device:").at(-1)!,
    precisions: ["float32", "bfloat16"],
    binding,
    record: (name, precision, variableOf) => new GraphRecorder(binding, name, precision, variableOf),
  };
}

/** TensorFlow reads this once, when it is loaded; 3: errors only. */
const LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL";

/** Without TensorFlow's log lines, unless the user asks for some. */
function quietly<T>(action: () => T): T {
  return withoutLogLines(() => {
    if (Deno.env.has(LOG_LEVEL)) return action();
    Deno.env.set(LOG_LEVEL, "3");
    try {
      return action();
    } finally {
      // Not for processes that this one starts: to them it would look like the user's wish.
      Deno.env.delete(LOG_LEVEL);
    }
  });
}

/** A serialized `ConfigProto`: intra_op_parallelism_threads (2), inter_op (5), gpu_options.allow_growth (6.4). */
function config(threads: number): Uint8Array<ArrayBuffer> {
  const count = varint(threads);
  return Uint8Array.of(0x10, ...count, 0x28, ...count, 0x32, 0x02, 0x20, 0x01);
}

/** A number as protocol buffers write it: seven bits a byte, lowest first, each byte but the last marked. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [value % 128 + 128, ...varint(value >> 7)];
}
