/**
 * TensorFlow as an engine, through libtensorflow's C API.
 *
 * @module
 */
import { field, join, number } from "../../base/protobuf.ts";
import type { Cluster } from "../cluster.ts";
import type { Engine } from "../engine.ts";
import { Binding } from "./binding.ts";
import { openLibrary, withoutLogLines } from "./c_api.ts";
import { clusterConfig, serverDefinition } from "./cluster.ts";
import { mendEmptyResults } from "./empty.ts";
import { GraphRecorder } from "./graph.ts";
import { findLibrary } from "./library.ts";

/**
 * Finds libtensorflow, or fetches it, and opens it.
 *
 * @param threads Threads that it may use.
 * @param cluster The processes that it computes together with; absent: it is alone.
 * @returns The engine.
 * @throws {EnvironmentError} No usable libtensorflow was found or fetched.
 * @throws {ComputeError} It does not start.
 */
export async function tensorflow(threads: number, cluster?: Cluster): Promise<Engine> {
  const { library, opened } = await findLibrary((library) => quietly(() => openLibrary(library)));
  const own = config(threads), settings = cluster ? clusterConfig(own, cluster) : own;
  const server = cluster && serverDefinition(settings, cluster);
  const binding = quietly(() => new Binding(opened, settings, server));
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
  return join([number(2, threads), number(5, threads), field(6, number(4, 1))]);
}
