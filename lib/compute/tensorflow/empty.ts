/**
 * Results without elements, of ops whose kernels get those wrong.
 *
 * @module
 */
import type { Attribute, Metadata } from "../engine.ts";
import type { Binding } from "./binding.ts";
import { GraphRecorder } from "./graph.ts";

/**
 * With oneDNN, TensorFlow 2.21 gives an empty result of a convolution the shape of the input (and, where the
 * kernel is larger than the picture, memory that nothing was written to), and the compiled gradient of a max
 * pooling of an empty batch ends the process.
 */
const OPS = new Set(["Conv2D", "Conv3D", "DepthwiseConv2dNative", "MaxPoolGrad", "MaxPool3DGrad"]);

/**
 * Keeps a binding from running ops whose results have no elements: eager tensors stand for them, in a recording, too.
 *
 * @param binding TensorFlow.
 */
export function mendEmptyResults(binding: Binding): void {
  const execute: Binding["executeOp"] = binding.executeOp.bind(binding);
  binding.executeOp = (op, attributes, inputs, outputs) => {
    if (!OPS.has(op)) return execute(op, attributes, inputs, outputs);
    if (!binding.recorder) {
      return emptyResults(binding, op, attributes, inputs) ?? execute(op, attributes, inputs, outputs);
    }
    return emptied(binding, execute(op, attributes, inputs, outputs));
  };
}

/** The same results, with eager tensors in place of those that TensorFlow infers to be empty. */
function emptied(binding: Binding, recorded: readonly Metadata[]): Metadata[] {
  return recorded.map((result) => {
    if (!result.shape.includes(0)) return result;
    return { ...result, id: binding.createTensor(result.shape, result.dtype, new Uint8Array(0)) };
  });
}

/** The results of an op that is to be run at once, if they have no elements; its shape rules refuse what has none. */
function emptyResults(
  binding: Binding,
  op: string,
  attributes: readonly Attribute[],
  inputs: readonly number[],
): Metadata[] | undefined {
  const described = inputs.map((id) => binding.describe(binding.handle(id)));
  const [x, kernel] = described.map(({ shape }) => shape);
  if (!x.includes(0) && !(op.includes("Conv") && leavesNothing(x, kernel, attributes))) return undefined;
  const recorder = new GraphRecorder(binding, "", "float32");
  try {
    const ids = described.map(({ shape, dtype }) => recorder.input(shape, dtype).id);
    const inferred = recorder.execute(op, attributes, ids, 1);
    return inferred[0].shape.includes(0) ? emptied(binding, inferred) : undefined;
  } finally {
    recorder.close();
  }
}

/** Whether a kernel does not fit into a picture. */
function leavesNothing(x: readonly number[], kernel: readonly number[], attributes: readonly Attribute[]) {
  const attribute = (name: string) => attributes.find((attribute) => attribute.name === name)?.value;
  if (attribute("padding") !== "VALID") return false;
  return x.slice(1, -1).some((size, axis) =>
    size <= (kernel[axis] - 1) * (attribute("dilations")?.[axis + 1] ?? 1)
  );
}
