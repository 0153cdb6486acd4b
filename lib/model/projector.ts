/**
 * The projector: a multi-layer perceptron between representation and embedding.
 *
 * @module
 */
import type { tf } from "../compute/tf.ts";
import { linear, normalisation, type Pass, relu } from "./layers.ts";

/**
 * Applies a projector. All layers but the last are followed by batch norm and
 * ReLU; parameters are numbered as in a PyTorch `nn.Sequential`.
 *
 * @param pass The pass.
 * @param name Prefix of its parameters.
 * @param x Representations, `[batch, features]`.
 * @param widths Width of each layer; none leaves the representation as it is.
 * @returns Embeddings, `[batch, last width]`.
 */
export function projector(pass: Pass, name: string, x: tf.Tensor2D, widths: readonly number[]): tf.Tensor2D {
  return widths.reduce((y, width, layer) => {
    const z = linear(pass, `${name}.${3 * layer}`, y, width);
    if (layer === widths.length - 1) return z;
    return relu(normalisation(pass, `${name}.${3 * layer + 1}`, z));
  }, x);
}
