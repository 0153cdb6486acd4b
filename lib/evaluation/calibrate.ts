/**
 * Batch norm's statistics for encoders that were not trained: without them a random
 * encoder is judged by how its layers happen to be scaled.
 *
 * @module
 */
import { compile, dispose, mapTree } from "../compute/compile.ts";
import { tf } from "../compute/tf.ts";
import type { ImageSet } from "../data/dataset.ts";
import { normalise, pixels } from "../data/normalise.ts";
import { levelOf, MOMENTUM, type Network, pass } from "../model/layers.ts";
import { stack, type StackConfig } from "../model/stack.ts";

/** Images at once. */
const BATCH = 250;

/** Images that suffice. */
const ENOUGH = 10_000;

/**
 * Statistics of batch norm that are those of some images: the means over batches of each batch's mean and variance.
 *
 * @param network The encoders; they are not changed.
 * @param config What stack they form.
 * @param set The images in a random order, of which the first 10,000 are taken.
 * @param from The lowest level whose statistics are wanted; those below keep theirs.
 * @returns Statistics of the levels from there on, the caller's to dispose.
 */
export async function calibrate(
  network: Network,
  config: StackConfig,
  set: ImageSet,
  from = 0,
): Promise<Network["statistics"]> {
  const names = Object.keys(network.statistics).filter((name) => levelOf(name) >= from);
  const count = Math.min(ENOUGH, set.labels.length), batch = Math.min(BATCH, count);
  const batches = Math.floor(count / batch), share = 1 / (MOMENTUM * batches);
  const zeros = () => Object.fromEntries(names.map((name) => [name, tf.zerosLike(network.statistics[name])]));
  const add = compile((sum: Network["statistics"], x: tf.Tensor4D) => {
    const statistics = { ...network.statistics, ...zeros() };
    const through = pass({ ...network, statistics }, (name) => levelOf(name) >= from);
    stack(through, normalise(x), config);
    // Running statistics that were 0 are now MOMENTUM times the batch's.
    return mapTree(sum, (total, path) => total.add(through.statistics[path.slice(1)].mul(share)));
  }, { name: "calibrate" });
  let sum: Network["statistics"] = zeros();
  for (let at = 0; at < batches; at++) {
    const images = pixels(set, at * batch, (at + 1) * batch), next = await add(sum, images);
    dispose([sum, images]);
    sum = next;
  }
  add.dispose();
  return sum;
}
