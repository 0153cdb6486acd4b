/**
 * Opens an engine and puts TensorFlow.js's native kernels on top of it.
 *
 * @module
 */
import util from "node:util";
import { tf } from "./tf.ts";
import { ComputeError, EnvironmentError, UsageError } from "../base/errors.ts";
import type { Cluster } from "./cluster.ts";
import { mendKernels } from "./kernels.ts";
import { type Attribute, type Engine, type EngineName, ENGINES, type LibraryFile } from "./engine.ts";
import type { Metadata, NativeBinding, Precision } from "./engine.ts";
import { onnxruntime } from "./onnxruntime/engine.ts";
import { tensorflow } from "./tensorflow/engine.ts";

/** TensorFlow.js's native backend, as far as this project reaches into it. */
export interface Backend {
  readonly binding: NativeBinding;
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
  /** Which engine computes. */
  readonly engine: EngineName;
  /** The engine's version. */
  readonly version: string;
  /** The shared library that was loaded. */
  readonly library: LibraryFile;
  /** Kind and number of the device, such as `CPU:0`. */
  readonly name: string;
  /** Whether it is a GPU. */
  readonly gpu: boolean;
  /** Threads that the engine may use. */
  readonly threads: number;
  /** Arithmetics that a compiled function can ask for. */
  readonly precisions: readonly Precision[];
}

let device: Promise<Device> | undefined, opened: Engine | undefined, joined: Cluster | undefined;

/**
 * Starts the engine that `SJEA_ENGINE` names; by default (`auto`) TensorFlow where it is found or can be
 * fetched, and ONNX Runtime else. Further calls return the same device, or try again what failed.
 *
 * @param cluster The processes that it is to compute together with, said at the first call; it takes TensorFlow.
 * @returns What it runs on.
 * @throws {EnvironmentError} No engine was found or fetched, or TensorFlow.js does not use it.
 * @throws {UsageError} `SJEA_THREADS` is no number of threads, or `SJEA_ENGINE` no engine.
 * @throws {ComputeError} TensorFlow does not start, or it was started without the cluster.
 */
export async function start(cluster?: Cluster): Promise<Device> {
  if (device === undefined) joined = cluster;
  else if (cluster !== undefined && cluster !== joined) {
    throw new ComputeError(
      "The engine was started without these processes: start(cluster) has to come first.",
    );
  }
  return await (device ??= open(cluster).catch((error) => {
    device = undefined;
    throw error;
  }));
}

/** TensorFlow.js's name for its native backend, on whatever engine its kernels run here. */
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
      "Without it the engine uses all of the machine's.",
  );
}

/** The engine that the user chose, or the first that is there. */
async function choose(threads: number, cluster?: Cluster): Promise<Engine> {
  const wish = Deno.env.get("SJEA_ENGINE") || "auto";
  if (cluster && wish !== "onnxruntime") return await tensorflow(threads, cluster);
  if (cluster) {
    throw new UsageError("Several processes compute together on TensorFlow alone: SJEA_ENGINE=tensorflow.");
  }
  // Who names a library wants to know what is wrong with it.
  if (wish === "tensorflow" || wish === "auto" && Deno.env.get("SJEA_LIBTENSORFLOW")) {
    return await tensorflow(threads);
  }
  if (wish === "onnxruntime") return await onnxruntime(threads);
  if (wish !== "auto") {
    throw new UsageError(`SJEA_ENGINE is "${wish}"; expected auto, ${Object.keys(ENGINES).join(" or ")}.`);
  }
  let missing: EnvironmentError;
  try {
    return await tensorflow(threads);
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    missing = error;
  }
  try {
    const engine = await onnxruntime(threads);
    console.error(
      "There is no TensorFlow here: ONNX Runtime computes instead, at about half the speed and in float32 " +
        "only. SJEA_ENGINE=tensorflow says what is missing; SJEA_ENGINE=onnxruntime hides this line.",
    );
    return engine;
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    throw new EnvironmentError(`${missing.message}\nNor is there ONNX Runtime: ${error.message}`);
  }
}

async function open(cluster?: Cluster): Promise<Device> {
  const threads = threadCount();
  const engine = await choose(threads, cluster), { binding, version, library } = engine;
  // TensorFlow.js's kernels call two functions that node:util no longer has.
  Object.assign(util, {
    isArray: Array.isArray,
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
  });
  const { NodeJSKernelBackend } = await import(
    "@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js"
  );
  await import("@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js");
  mendKernels(NAME);
  tf.env().set("PROD", true);
  tf.registerBackend(NAME, () => new NodeJSKernelBackend(binding as never, "@tensorflow/tfjs-node-gpu"));
  if (!await tf.setBackend(NAME) || backend().binding !== binding) {
    // Or the next attempt would get this one.
    tf.removeBackend(NAME);
    throw new EnvironmentError(
      `TensorFlow.js did not take ${
        ENGINES[engine.name]
      } ${version} (${library.path}) for its backend: see its ` +
        `warning above, or what else registered a backend "${NAME}" before start(), then call start() again.`,
    );
  }
  opened = engine;
  return {
    engine: engine.name,
    version,
    library,
    name: engine.device,
    gpu: binding.isUsingGpuDevice(),
    threads,
    precisions: engine.precisions,
  };
}

/**
 * The engine that was started.
 *
 * @throws {ComputeError} None was.
 */
export function engine(): Engine {
  if (opened) return opened;
  throw new ComputeError("No engine was started: call await start() first.");
}

/**
 * The backend in use.
 *
 * @returns TensorFlow.js's native one.
 * @throws {ComputeError} It was not started, or `tf.setBackend` chose another one.
 */
export function backend(): Backend {
  // Asked by name: TensorFlow.js would start another one on its own.
  const name = tf.engine().backendName;
  if (name === NAME) return tf.backend() as unknown as Backend;
  throw new ComputeError(
    tf.findBackendFactory(NAME)
      ? `TensorFlow.js computes on its backend "${name}": call tf.setBackend("${NAME}") first.`
      : "No engine was started: call await start() first.",
  );
}
