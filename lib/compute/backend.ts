/**
 * Opens libtensorflow and puts TensorFlow.js's native kernels on top of it.
 *
 * @module
 */
import util from "node:util";
import { tf } from "./tf.ts";
import { ComputeError, EnvironmentError, UsageError } from "../base/errors.ts";
import { type Attribute, Binding, type Metadata } from "./binding.ts";
import { openLibrary, withoutLogLines } from "./c_api.ts";
import { mendEmptyResults } from "./empty.ts";
import { mendKernels } from "./kernels.ts";
import { findLibrary, type Library } from "./library.ts";

/** TensorFlow.js's native backend, as far as this project reaches into it. */
export interface Backend {
  readonly binding: Binding;
  getInputTensorIds(tensors: readonly tf.Tensor[]): number[];
  createOutputTensor(metadata: Metadata): tf.Tensor;
  executeMultipleOutputs(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly tf.TensorInfo[],
    outputs: number,
  ): tf.Tensor[];
}

/** What the computation runs on. */
export interface Device {
  readonly library: Library;
  /** TensorFlow's version. */
  readonly version: string;
  /** Kind and number of the device, such as `CPU:0`. */
  readonly name: string;
  readonly gpu: boolean;
  /** Threads that TensorFlow may use. */
  readonly threads: number;
}

let device: Promise<Device> | undefined;

/**
 * Starts TensorFlow; further calls return the same device, or try again what failed.
 *
 * @returns What it runs on.
 * @throws {EnvironmentError} No usable libtensorflow was found or fetched, or TensorFlow.js does not use it.
 * @throws {UsageError} `SJEA_THREADS` is no number of threads.
 */
export function start(): Promise<Device> {
  return device ??= open().catch((error) => {
    device = undefined;
    throw error;
  });
}

const NAME = "tensorflow";

/** Threads beyond this would only wait for each other on any machine of today. */
const MOST_THREADS = 1024;

function threadCount(): number {
  const wish = Deno.env.get("SJEA_THREADS");
  if (!wish) return Math.min(navigator.hardwareConcurrency, MOST_THREADS);
  const threads = /^\d+$/.test(wish) ? Number(wish) : 0;
  if (threads >= 1 && threads <= MOST_THREADS) return threads;
  throw new UsageError(
    `SJEA_THREADS is "${wish}"; expected a whole number from 1 to ${MOST_THREADS}. ` +
      "Without it TensorFlow uses all of the machine's.",
  );
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

async function open(): Promise<Device> {
  const threads = threadCount();
  const { library, opened } = await findLibrary((library) => quietly(() => openLibrary(library)));
  const binding = quietly(() => new Binding(opened, config(threads)));
  // TensorFlow.js's kernels call two functions that node:util no longer has.
  Object.assign(util, {
    isArray: Array.isArray,
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
  });
  const { NodeJSKernelBackend } = await import(
    "@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js"
  );
  await import("@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js");
  mendEmptyResults(binding);
  mendKernels(NAME);
  tf.env().set("PROD", true);
  tf.registerBackend(NAME, () => new NodeJSKernelBackend(binding as never, "@tensorflow/tfjs-node-gpu"));
  if (!await tf.setBackend(NAME) || backend().binding !== binding) {
    // Or the next attempt would get this one.
    tf.removeBackend(NAME);
    throw new EnvironmentError(
      `TensorFlow.js did not take TensorFlow ${binding.version} (${library.path}) for its backend: see its ` +
        `warning above, or what else registered a backend "${NAME}" before start(), then call start() again.`,
    );
  }
  return {
    library,
    version: binding.version,
    name: binding.device.split("device:").at(-1)!,
    gpu: binding.isUsingGpuDevice(),
    threads,
  };
}

/**
 * The backend in use.
 *
 * @returns TensorFlow's.
 * @throws {ComputeError} It was not started, or `tf.setBackend` chose another one.
 */
export function backend(): Backend {
  // Asked by name: TensorFlow.js would start another one on its own.
  const name = tf.engine().backendName;
  if (name === NAME) return tf.backend() as unknown as Backend;
  throw new ComputeError(
    tf.findBackendFactory(NAME)
      ? `TensorFlow.js computes on its backend "${name}": call tf.setBackend("${NAME}") first.`
      : "TensorFlow was not started: call await start() first.",
  );
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
