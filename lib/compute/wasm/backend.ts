/**
 * In a browser, in place of `../backend.ts`: TensorFlow.js's own WebAssembly backend, which computes a trained
 * network, op by op. All else of the project that runs there is the same modules as here.
 *
 * @module
 */
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { tf } from "../tf.ts";
import { ComputeError } from "../../base/errors.ts";
import { type Attribute, NativeConstants } from "../engine.ts";
import { WASM } from "./files.ts";

const FILES = ["tfjs-backend-wasm.wasm", "tfjs-backend-wasm-threaded-simd.wasm", WASM];

/**
 * Starts it, on one thread: a page from a file may not share memory.
 *
 * @param url Where {@link WASM} lies: a data URL, where nothing may be fetched.
 * @throws {ComputeError} This browser does not run it.
 */
export async function start(url: string): Promise<void> {
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  setWasmPaths(Object.fromEntries(FILES.map((name) => [name, url])));
  if (await tf.setBackend("wasm")) return;
  throw new ComputeError("This browser does not run WebAssembly with SIMD: open the page in a newer one.");
}

/** The ops by TensorFlow's names that a network takes in evaluation mode. */
const OPS: Readonly<
  Record<
    string,
    (inputs: readonly tf.Tensor[], attributes: ReadonlyMap<string, Attribute["value"]>) => tf.Tensor
  >
> = {
  Conv2D: ([x, weight], attributes) =>
    tf.conv2d(
      x as tf.Tensor4D,
      weight as tf.Tensor4D,
      attributes.get("strides")[1],
      attributes.get("padding").toLowerCase(),
    ),
  FusedBatchNormV3: ([x, scale, offset, mean, variance], attributes) =>
    tf.batchNorm(
      x,
      mean as tf.Tensor1D,
      variance as tf.Tensor1D,
      offset as tf.Tensor1D,
      scale as tf.Tensor1D,
      attributes.get("epsilon"),
    ),
  // From float32 to itself: a wall against bfloat16, which is not computed here.
  Bitcast: ([x]) => x.clone(),
};

/** What `raw_op.ts` and `ops.ts` take of a backend. */
class WasmBackend extends NativeConstants {
  readonly binding = this;
  readonly recorder = undefined;

  isUsingGpuDevice(): boolean {
    return false;
  }

  executeMultipleOutputs(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly tf.Tensor[],
  ): tf.Tensor[] {
    if (!Object.hasOwn(OPS, op)) {
      throw new ComputeError(`${op} is not computed in a browser. Add it to lib/compute/wasm/backend.ts.`);
    }
    return [OPS[op](inputs, new Map(attributes.map(({ name, value }) => [name, value])))];
  }
}

const opened = new WasmBackend();

/** The backend. */
export const backend = (): WasmBackend => opened;

/**
 * Nothing is recorded in a browser.
 *
 * @throws {ComputeError} Always.
 */
export function engine(): never {
  throw new ComputeError(
    "compile records for a native engine, and in a browser there is none: call the function.",
  );
}
