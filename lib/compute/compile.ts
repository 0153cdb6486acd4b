/**
 * `compile` turns a function of tensors, written with ordinary TensorFlow.js
 * ops (gradients and optimiser update included), into one function of the engine.
 *
 * @module
 */
import { tf } from "./tf.ts";
import { ComputeError } from "../base/errors.ts";
import { backend, engine } from "./backend.ts";
import { ENGINES, type Precision, type Program, refusal } from "./engine.ts";

/** Tensors in nested records and lists (interfaces have no index signature, hence the wide type). */
export type Tree = object;

/** The same tree, with `never` in place of all that is neither tensor, record nor list (and of a variable). */
export type Plain<T> = T extends tf.Variable ? never
  : T extends tf.Tensor ? T
  : T extends (...inputs: never[]) => unknown ? never
  : T extends object ? { [Name in keyof T]: Plain<T[Name]> }
  : never;

export type { Precision };

/** What a compiled function can be told. */
export interface CompileOptions {
  /** Name in error messages. */
  readonly name?: string;
  /** Arithmetic of products and convolutions; float32 if absent. */
  readonly precision?: Precision;
  /** Inputs by position whose consequences are worth computing side by side, such as two views. */
  readonly lanes?: readonly number[];
}

interface Traced {
  readonly program: Program;
  /** Rebuilds the result from output tensors. */
  readonly rebuild: (outputs: readonly tf.Tensor[]) => Tree;
  /** The compiled function itself and its running calls; what was recorded is freed with the last one. */
  users: number;
}

/** A compiled function. It takes and returns the same as the function it was made from. */
export interface Compiled<Inputs extends readonly Tree[], Output extends Tree> {
  (...inputs: { [At in keyof Inputs]: Plain<Inputs[At]> }): Promise<Output>;
  /** Frees what was recorded, as soon as no call runs. A further call records anew. */
  dispose(): void;
}

let compiled = 0;

/**
 * Compiles a function of tensors.
 *
 * It is recorded at the first call and again for each new combination of input
 * shapes. The inputs stay the caller's; the outputs are the caller's to dispose.
 * A number that the step computes without tensors is the one it was while the
 * step was recorded, so whatever differs from call to call has to be an input.
 * With `SJEA_EAGER=1` nothing is recorded and the function runs op by op.
 *
 * @param step The function: it may use any ops whose results' shapes follow from their
 *   inputs' shapes, but may not read a value, draw random numbers, use or change a `tf.variable`, or wait.
 * @param options Name and precision.
 * @returns The compiled function.
 * @throws {ComputeError} (when called) The function does one of these, takes or returns something other
 *   than tensors in records and lists, or was given a disposed tensor; no engine was started.
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
  step: (...inputs: Inputs) => Output & Plain<Output>,
  options: CompileOptions = {},
): Compiled<Inputs, Output> {
  const traces = new Map<string, Traced>();
  const name = options.name ?? (step.name || "step"), precision = options.precision ?? "float32";
  const call = async (...inputs: Inputs): Promise<Output> => {
    const { binding } = backend();
    if (Deno.env.get("SJEA_EAGER") === "1") {
      // As a compiled step does, never hand back an input or one tensor twice.
      return tf.tidy(() =>
        mapTree(step(...inputs), (x) => x.clone()) as tf.TensorContainer
      ) as unknown as Output;
    }
    const { name: engineName, precisions } = engine();
    if (!precisions.includes(precision)) {
      throw new ComputeError(
        `${name}: ${ENGINES[engineName]} computes in ${precisions.join(" or ")}, not in ${precision}.`,
      );
    }
    if (binding.recorder) throw new ComputeError(`${name}: a compiled step cannot call another one.`);
    const ids: number[] = [];
    const signature = JSON.stringify(walk(inputs, (x, path) => {
      const id = idOf(x, `${name}: input ${path}`);
      ids.push(id);
      // The engine's own type: TensorFlow.js calls several of them int32.
      return `${binding.metadata(id).dtype} ${x.shape}`;
    }));
    let traced = traces.get(signature);
    if (!traced) {
      traced = trace(`${name}_${compiled++}`, step, inputs, precision, options.lanes);
      traces.set(signature, traced);
    }
    return await execute(traced, ids) as Output;
  };
  return Object.assign(call as Compiled<Inputs, Output>, {
    dispose() {
      traces.forEach(release);
      traces.clear();
    },
  });
}

function trace<Inputs extends readonly Tree[]>(
  name: string,
  step: (...inputs: Inputs) => Tree,
  inputs: Inputs,
  precision: Precision,
  lanes: readonly number[] = [],
): Traced {
  const { binding } = backend();
  const recorder = engine().record(name, precision, variableOf);
  const scopes = tf.engine();
  scopes.startScope();
  try {
    const symbolic = mapTree(inputs, (x, path) => {
      const { shape, dtype } = binding.metadata(idOf(x, name));
      const lane = lanes.findIndex((position) => path.split("/")[1] === String(position));
      return backend().createOutputTensor(recorder.input(shape, dtype, lane < 0 ? undefined : lane));
    });
    binding.recorder = recorder;
    const outputs: number[] = [];
    // A tree of its own: the step may keep and change the one that it returned.
    const output = mapTree(refusing(() => step(...symbolic)), (x, path) => {
      outputs.push(idOf(x, `${name}: result ${path}`));
      return x;
    });
    return {
      program: recorder.make(outputs),
      rebuild: (results) => {
        let at = 0;
        return mapTree(output, () => results[at++]);
      },
      users: 1,
    };
  } finally {
    binding.recorder = undefined;
    // A gradient that failed leaves behind what it had saved for its way back.
    const { activeTape, gradientDepth } = scopes.state;
    if (gradientDepth === 0) activeTape?.forEach(({ saved }) => saved?.forEach((x) => x.dispose()));
    scopes.endScope();
    recorder.close();
  }
}

/** Runs a step with all that refused which would happen once, when it is recorded, and not at every call. */
function refusing<T>(step: () => T): T {
  const refused = [
    [Math, "random", "draw random numbers", "draw them outside and pass them as an input"],
    [tf.Variable.prototype, "assign", "assign to a tf.variable", "return the new value"],
    [tf.engine(), "makeVariable", "make a tf.variable", "make it outside and pass it as an input"],
  ] as const;
  const originals = refused.map(([owner, method]) => Reflect.get(owner, method));
  try {
    for (const [owner, method, what, instead] of refused) {
      Reflect.set(owner, method, () => {
        throw refusal(
          `A compiled step cannot ${what}, which would happen only once, while it is recorded: ${instead}.`,
        );
      });
    }
    return step();
  } finally {
    refused.forEach(([owner, method], at) => Reflect.set(owner, method, originals[at]));
  }
}

/** The binding's id of a tensor. */
function idOf(x: tf.Tensor, what: string): number {
  if (x.isDisposed) throw new ComputeError(`${what} is a tensor that was disposed; hand over a living one.`);
  return backend().getInputTensorIds([x])[0];
}

/** The name of the variable that has a tensor for its value. */
function variableOf(id: number): string | undefined {
  return Object.values(tf.engine().registeredVariables)
    .find((variable) => backend().getInputTensorIds([variable])[0] === id)?.name;
}

async function execute(traced: Traced, inputs: readonly number[]): Promise<Tree> {
  traced.users++;
  try {
    const outputs = await traced.program.run(inputs);
    return traced.rebuild(outputs.map((x) => backend().createOutputTensor(x)));
  } finally {
    release(traced);
  }
}

/** Frees what was recorded, if nobody uses it any more. */
function release(traced: Traced): void {
  if (--traced.users === 0) traced.program.free();
}

/** Replaces each tensor of a tree, which is told with its path. */
function walk(tree: unknown, replace: (tensor: tf.Tensor, path: string) => unknown, path = ""): unknown {
  if (tree instanceof tf.Tensor) return replace(tree, path);
  if (Array.isArray(tree)) return tree.map((branch, at) => walk(branch, replace, `${path}/${at}`));
  const prototype = Object(tree) === tree && Object.getPrototypeOf(tree);
  if (prototype === null || prototype && Object.getPrototypeOf(prototype) === null) {
    return Object.fromEntries(
      Object.entries(tree as Tree).map(([name, branch]) => [name, walk(branch, replace, `${path}/${name}`)]),
    );
  }
  const async = tree instanceof Promise;
  // Its failure would only be one more consequence.
  if (async) tree.catch(() => {});
  throw new ComputeError(
    `A compiled step takes and returns tensors in plain records and lists; ${path || "it"} is ` +
      (prototype ? `of type ${prototype.constructor?.name}` : String(tree)) +
      (async ? ". A step cannot be async: there is nothing to wait for while it is recorded." : "."),
  );
}

/** The tensors of a tree in a fixed order, each with its path. */
export function flatten(tree: Tree): [string, tf.Tensor][] {
  const found: [string, tf.Tensor][] = [];
  walk(tree, (x, path) => found.push([path, x]));
  return found;
}

/** The same tree with each tensor replaced. */
export function mapTree<T extends Tree>(tree: T, replace: (tensor: tf.Tensor, path: string) => tf.Tensor): T {
  return walk(tree, replace) as T;
}

/** Frees all tensors of a tree. */
export function dispose(tree: Tree): void {
  for (const [, tensor] of flatten(tree)) tensor.dispose();
}
