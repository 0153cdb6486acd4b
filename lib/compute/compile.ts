/**
 * `compile` turns a function of tensors, written with ordinary TensorFlow.js
 * ops (gradients and optimiser update included), into one TensorFlow function.
 *
 * @module
 */
import { tf } from "./tf.ts";
import { ComputeError } from "../base/errors.ts";
import { backend } from "./backend.ts";
import type { Binding, Precision } from "./binding.ts";
import { GraphRecorder } from "./graph.ts";

/** Tensors in nested records and lists (interfaces have no index signature, hence the wide type). */
export type Tree = object;

export type { Precision };

/** What a compiled function can be told. */
export interface CompileOptions {
  /** Name in error messages. */
  readonly name?: string;
  readonly precision?: Precision;
}

interface Traced {
  readonly name: string;
  readonly captures: readonly Deno.PointerValue[];
  /** Rebuilds the result from output tensors. */
  readonly rebuild: (outputs: readonly tf.Tensor[]) => Tree;
  readonly outputs: number;
}

/** A compiled function. It takes and returns the same as the function it was made from. */
export interface Compiled<Inputs extends readonly Tree[], Output extends Tree> {
  (...inputs: Inputs): Promise<Output>;
  /** Frees what was recorded. */
  dispose(): void;
}

let compiled = 0;

/**
 * Compiles a function of tensors.
 *
 * It is recorded at the first call and again for each new combination of input
 * shapes. The inputs stay the caller's; the outputs are the caller's to dispose.
 * With `SJEA_EAGER=1` nothing is recorded and the function runs op by op.
 *
 * @param step The function: it may use any ops, but may not read a value.
 * @param options Name and precision.
 * @returns The compiled function.
 * @throws {ComputeError} The function reads a value or branches on one.
 * @example
 * ```ts
 * import { start } from "./backend.ts";
 * import { compile } from "./compile.ts";
 * import { tf } from "./tf.ts";
 * await start();
 * const square = compile((x: tf.Tensor) => x.square());
 * const four = await square(tf.scalar(2));
 * if (four.dataSync()[0] !== 4) throw new Error("2² is 4");
 * ```
 */
export function compile<Inputs extends readonly Tree[], Output extends Tree>(
  step: (...inputs: Inputs) => Output,
  options: CompileOptions = {},
): Compiled<Inputs, Output> {
  const traces = new Map<string, Traced>();
  const name = options.name ?? (step.name || "step"), precision = options.precision ?? "float32";
  const call = async (...inputs: Inputs): Promise<Output> => {
    if (Deno.env.get("SJEA_EAGER") === "1") {
      // As a compiled step does, never hand back an input or one tensor twice.
      return tf.tidy(() =>
        mapTree(step(...inputs), (x) => x.clone()) as tf.TensorContainer
      ) as unknown as Output;
    }
    const tensors = flatten(inputs);
    const signature = JSON.stringify(tensors.map(([path, x]) => [path, x.dtype, x.shape]));
    let traced = traces.get(signature);
    if (!traced) {
      traced = trace(`${name}_${compiled++}`, step, inputs, precision);
      traces.set(signature, traced);
    }
    return await execute(traced, tensors.map(([, x]) => x), precision) as Output;
  };
  return Object.assign(call, {
    dispose() {
      const { binding } = backend();
      for (const traced of traces.values()) release(binding, traced);
      traces.clear();
    },
  });
}

function trace<Inputs extends readonly Tree[]>(
  name: string,
  step: (...inputs: Inputs) => Tree,
  inputs: Inputs,
  precision: Precision,
): Traced {
  const { binding } = backend();
  if (binding.recorder) throw new ComputeError(`${name}: a compiled step cannot record another one.`);
  const recorder = new GraphRecorder(binding, precision);
  tf.engine().startScope();
  try {
    const symbolic = mapTree(inputs, (x) => {
      const [id] = backend().getInputTensorIds([x]);
      const { shape, dtype } = binding.describe(binding.handle(id));
      return backend().createOutputTensor(recorder.input(shape, dtype));
    });
    binding.recorder = recorder;
    const output = step(...symbolic);
    const tensors = flatten(output).map(([, x]) => x);
    recorder.finish(name, backend().getInputTensorIds(tensors));
    return {
      name,
      captures: recorder.captures,
      outputs: tensors.length,
      rebuild: (outputs) => {
        let at = 0;
        return mapTree(output, () => outputs[at++]);
      },
    };
  } finally {
    binding.recorder = undefined;
    tf.engine().endScope();
    recorder.close();
  }
}

/** bfloat16 through oneDNN's automatic mixed precision: `graph_options.rewrite_options` of a `ConfigProto`. */
const MIXED_PRECISION = Uint8Array.of(0x52, 0x05, 0x52, 0x03, 0xf8, 0x01, 0x01);

async function execute(
  traced: Traced,
  inputs: readonly tf.Tensor[],
  precision: Precision,
): Promise<Tree> {
  const { binding } = backend();
  const { api } = binding;
  const handles = backend().getInputTensorIds(inputs).map((id) => binding.handle(id));
  const attributes = precision === "bfloat16"
    ? [{ name: "config_proto", type: binding.TF_ATTR_STRING, value: MIXED_PRECISION }]
    : [];
  const op = binding.prepare(traced.name, attributes, [...handles, ...traced.captures]);
  const status = api.TF_NewStatus();
  try {
    const results = new BigUint64Array(traced.outputs);
    await api.TFE_ExecuteInBackground(op, results, Int32Array.of(traced.outputs), status);
    api.check(traced.name, status);
    return traced.rebuild(binding.results(results).map((x) => backend().createOutputTensor(x)));
  } finally {
    api.TF_DeleteStatus(status);
    api.TFE_DeleteOp(op);
  }
}

function release(binding: Binding, traced: Traced): void {
  const { api } = binding;
  api.TFE_ContextRemoveFunction(binding.context, new TextEncoder().encode(traced.name + "\0"), api.status);
  traced.captures.forEach((handle) => api.TFE_DeleteTensorHandle(handle));
}

/** The tensors of a tree in a fixed order, each with its path. */
export function flatten(tree: Tree, path = ""): [string, tf.Tensor][] {
  if (tree instanceof tf.Tensor) return [[path, tree]];
  return Object.entries(branches(tree, path)).flatMap(([name, branch]) => flatten(branch, `${path}/${name}`));
}

function branches(tree: Tree, path = ""): Record<string, Tree> {
  if (typeof tree === "object" && tree !== null) return tree as Record<string, Tree>;
  throw new ComputeError(
    `A compiled step takes and returns tensors in records and lists; ${path || "it"} is ${tree}.`,
  );
}

/** The same tree with each tensor replaced. */
export function mapTree<T extends Tree>(tree: T, replace: (tensor: tf.Tensor) => tf.Tensor): T {
  const map = (tree: Tree): Tree => {
    if (tree instanceof tf.Tensor) return replace(tree);
    if (Array.isArray(tree)) return tree.map(map);
    return Object.fromEntries(Object.entries(branches(tree)).map(([name, branch]) => [name, map(branch)]));
  };
  return map(tree) as T;
}

/** Frees all tensors of a tree. */
export function dispose(tree: Tree): void {
  for (const [, tensor] of flatten(tree)) tensor.dispose();
}
