/**
 * Compares op calls with the same calls recorded as graphs.
 *
 * @module
 */
import { ComputeError } from "../../lib/base/errors.ts";
import { type Attribute, DataType, type Metadata } from "../../lib/compute/engine.ts";
import { cString } from "../../lib/compute/native.ts";
import type { Binding } from "../../lib/compute/tensorflow/binding.ts";
import { GraphRecorder } from "../../lib/compute/tensorflow/graph.ts";

/** Ops whose values are different at every call. */
const RANDOM = /Random|Multinomial|TruncatedNormal/;

/** A call is told from another by the values of inputs up to this size, and by the shapes of all. */
const FEW = 16;

/** Largest relative difference between the eager and the recorded value: float32's rounding. */
const TOLERANCE = 1e-5;

/** Name of the function that a recorded call becomes. */
const FUNCTION = "recorded";

/** What was compared, so far. */
export interface Recorded {
  /** Number of different calls. */
  readonly calls: number;
  /** Number of different ops. */
  readonly ops: number;
  /** Kinds of difference, each with the first call that showed it. */
  readonly differences: ReadonlyMap<string, string>;
}

/** A call of an op. */
interface Call {
  readonly op: string;
  readonly attributes: readonly Attribute[];
  readonly inputs: readonly number[];
}

/**
 * From now on compares the results of each op call with those of a graph that consists of this call: shapes and
 * types as inferred while recording, shapes, types and values as computed.
 *
 * @param binding Its calls are compared, except those that are recorded anyway.
 * @returns What was found.
 */
export function compareRecorded(binding: Binding): Recorded {
  const execute = binding.executeOp.bind(binding);
  const seen = new Set<string>(), ops = new Set<string>(), differences = new Map<string, string>();
  binding.executeOp = (op, attributes, inputs, outputs) => {
    const eager = execute(op, attributes, inputs, outputs);
    if (binding.recorder) return eager;
    const call = { op, attributes, inputs }, name = describeCall(binding, call);
    if (seen.has(name)) return eager;
    seen.add(name);
    ops.add(op);
    for (const difference of compare(binding, execute, call, eager)) {
      if (!differences.has(difference)) differences.set(difference, name);
    }
    return eager;
  };
  return {
    get calls() {
      return seen.size;
    },
    get ops() {
      return ops.size;
    },
    differences,
  };
}

const typeAndShape = ({ dtype, shape }: Omit<Metadata, "id">) => `${dtype}[${shape}]`;

function describeCall(binding: Binding, { op, attributes, inputs }: Call): string {
  const tensors = inputs.map((id) => {
    const described = binding.describe(binding.handle(id));
    const size = described.shape.reduce((size, dim) => size * dim, 1);
    return typeAndShape(described) + (size <= FEW ? `{${binding.tensorDataSync(id)}}` : "");
  });
  return [op, ...attributes.map(({ name, value }) => `${name}=${value}`), ...tensors].join(" ");
}

function compare(
  binding: Binding,
  execute: Binding["executeOp"],
  call: Call,
  eager: readonly Metadata[],
): string[] {
  const { api, context } = binding;
  const recorder = new GraphRecorder(binding, FUNCTION, "float32");
  const found: string[] = [], temporary: number[] = [];
  try {
    const given: number[] = [];
    const inputs = call.inputs.map((id) => {
      const { shape, dtype } = binding.describe(binding.handle(id));
      // As in a step: what is computed goes in, while axes, sizes and indices are constants of the graph.
      if (dtype === DataType.int32) return id;
      given.push(id);
      return recorder.input(shape, dtype).id;
    });
    binding.recorder = recorder;
    const inferred = execute(call.op, call.attributes, inputs, eager.length);
    recorder.make(inferred.map(({ id }) => id));
    binding.recorder = undefined;
    temporary.push(...recorder.captures.map((handle) => binding.adopt(handle)));
    let computed: Metadata[];
    try {
      computed = execute(FUNCTION, [], [...given, ...temporary], eager.length);
    } finally {
      api.TFE_ContextRemoveFunction(context, cString(FUNCTION), api.status);
    }
    temporary.push(...computed.map(({ id }) => id));
    eager.forEach((expected, at) => {
      if (typeAndShape(inferred[at]) !== typeAndShape(expected)) found.push("inferred shape");
      if (typeAndShape(computed[at]) !== typeAndShape(expected)) found.push("shape");
      else if (!RANDOM.test(call.op) && !equal(binding, computed[at], expected)) found.push("values");
    });
  } catch (error) {
    if (!(error instanceof ComputeError)) throw error;
    found.push("refused");
  } finally {
    binding.recorder = undefined;
    temporary.forEach((id) => binding.deleteTensor(id));
    recorder.close();
  }
  return found.map((kind) => `${call.op}: ${kind}`);
}

/** Equal values; those of strings as their bytes. */
function equal(binding: Binding, computed: Metadata, eager: Metadata): boolean {
  const [a, b] = [computed, eager].map(({ id }) =>
    [...binding.tensorDataSync(id)].map((value) => typeof value === "object" ? String(value) : Number(value))
  );
  return a.every((x, at) => {
    const y = b[at];
    if (typeof x === "string" || typeof y === "string") return x === y;
    return Object.is(x, y) || Math.abs(x - y) <= TOLERANCE * Math.max(1, Math.abs(y));
  });
}
