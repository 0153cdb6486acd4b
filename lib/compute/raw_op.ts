/**
 * TensorFlow's own ops by name, for what TensorFlow.js has no function or no fast gradient for.
 * An op that is new to the project also needs its entry in `onnxruntime/lowering.ts`.
 *
 * @module
 */
import { tf } from "./tf.ts";
import { backend } from "./backend.ts";
import { type Attribute, DataType } from "./engine.ts";

/** An element type among attributes, which a text alone would not be. */
class Type {
  constructor(readonly name: keyof typeof DataType) {}
}

/** An element type by its name: `type("float32")`. */
export const type = (name: keyof typeof DataType): Type => new Type(name);

/** What an attribute can be. */
export type AttributeValue = string | boolean | number | readonly number[] | Type;

/** Attributes that are floats even where their value is whole; all other numbers are integers. */
const FLOATS = new Set(["epsilon", "timeout_seconds"]);

/**
 * Runs one op, or records it while a step is compiled.
 *
 * @param name TensorFlow's name, such as `ReluGrad`.
 * @param inputs Its inputs.
 * @param attributes Its attributes.
 * @param outputs How many outputs are wanted.
 * @returns Its outputs; they have no gradient.
 */
export function rawOp(
  name: string,
  inputs: readonly tf.Tensor[],
  attributes: Readonly<Record<string, AttributeValue>>,
  outputs = 1,
): tf.Tensor[] {
  const { binding } = backend();
  const list = Object.entries(attributes).map(([name, value]): Attribute => {
    if (value instanceof Type) return { name, type: binding.TF_ATTR_TYPE, value: DataType[value.name] };
    if (typeof value === "string") return { name, type: binding.TF_ATTR_STRING, value };
    if (typeof value === "boolean") return { name, type: binding.TF_ATTR_BOOL, value };
    return { name, type: FLOATS.has(name) ? binding.TF_ATTR_FLOAT : binding.TF_ATTR_INT, value };
  });
  return backend().executeMultipleOutputs(name, list, inputs, outputs);
}

/**
 * A function with a gradient of its own.
 *
 * @param forward From inputs to the value and what the gradient needs.
 * @param backward From the value's gradient and what was saved to the gradients of the inputs.
 * @returns The function.
 */
export function withGradient<Y extends tf.Tensor>(
  forward: (...inputs: tf.Tensor[]) => { y: Y; saved: tf.Tensor[] },
  backward: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor | tf.Tensor[],
): (...inputs: tf.Tensor[]) => Y {
  return tf.customGrad((...all) => {
    const save = all.at(-1) as unknown as tf.GradSaveFunc;
    const { y, saved } = forward(...all.slice(0, -1) as tf.Tensor[]);
    save(saved);
    return { value: y, gradFunc: backward };
  }) as (...inputs: tf.Tensor[]) => Y;
}
