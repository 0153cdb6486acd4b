/**
 * Opens libtensorflow and puts TensorFlow.js's native kernels on top of it.
 *
 * @module
 */
import util from "node:util";
import { tf } from "./tf.ts";
import { type Attribute, Binding, type Metadata } from "./binding.ts";
import { openLibrary, withoutLogLines } from "./c_api.ts";
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
 * Starts TensorFlow; further calls return the same device.
 *
 * @returns What it runs on.
 * @throws {EnvironmentError} No usable libtensorflow was found or fetched.
 */
export function start(): Promise<Device> {
  return device ??= open();
}

/** TensorFlow reads this once, when it is loaded; 3: errors only. */
const LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL";

async function open(): Promise<Device> {
  const library = await findLibrary();
  const threads = Number(Deno.env.get("SJEA_THREADS") ?? navigator.hardwareConcurrency);
  const binding = withoutLogLines(() => {
    if (Deno.env.has(LOG_LEVEL)) return new Binding(openLibrary(library), config(threads));
    Deno.env.set(LOG_LEVEL, "3");
    const binding = new Binding(openLibrary(library), config(threads));
    // Not for processes that this one starts: to them it would look like the user's wish.
    Deno.env.delete(LOG_LEVEL);
    return binding;
  });
  // TensorFlow.js's kernels call two functions that node:util no longer has.
  Object.assign(util, {
    isArray: Array.isArray,
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
  });
  const { NodeJSKernelBackend } = await import(
    "@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js"
  );
  await import("@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js");
  tf.env().set("PROD", true);
  tf.registerBackend(
    "tensorflow",
    () => new NodeJSKernelBackend(binding as never, "@tensorflow/tfjs-node-gpu"),
  );
  await tf.setBackend("tensorflow");
  return {
    library,
    version: binding.version,
    name: binding.device.split("device:").at(-1)!,
    gpu: binding.isUsingGpuDevice(),
    threads,
  };
}

/** The backend in use. */
export function backend(): Backend {
  return tf.backend() as unknown as Backend;
}

/** A serialized `ConfigProto`: intra_op_parallelism_threads (2), inter_op (5), gpu_options.allow_growth (6.4). */
function config(threads: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(0x10, threads, 0x28, threads, 0x32, 0x02, 0x20, 0x01);
}
