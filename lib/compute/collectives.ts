/**
 * Sums and rows over all processes of a cluster. All of them record the same functions in the same order, and so
 * give the same op the same key.
 *
 * @module
 */
import type { Cluster } from "./cluster.ts";
import { flatten, mapTree, type Tree } from "./compile.ts";
import { rawOp, type, withGradient } from "./raw_op.ts";
import { tf } from "./tf.ts";

/** All processes are one group. */
const GROUP = 1;

let instances = 0;

/**
 * The sum over all processes, the same bits in each. It has no gradient.
 *
 * @param x A tensor of one shape in all processes.
 * @param cluster The processes.
 * @param seconds After how long without the others it fails; 0: never. One that has ended keeps some memory until then.
 * @returns A tensor of the same shape.
 */
export function sumOver<T extends tf.Tensor>(x: T, { addresses }: Cluster, seconds = 0): T {
  const keys = [addresses.length, GROUP, ++instances].map((key) => tf.scalar(key, "int32"));
  const [sum] = rawOp("CollectiveReduceV2", [x, ...keys], {
    ...{ T: type("float32"), merge_op: "Add", final_op: "Id" },
    ...{ communication_hint: "auto", timeout_seconds: seconds, Nordering_token: 0 },
  });
  return sum as T;
}

/**
 * The rows of all processes, in the order of the tasks. It has no gradient.
 *
 * @param x `[rows, …]`, of one shape in all processes.
 * @param cluster The processes.
 * @param seconds As in {@link sumOver}.
 * @returns `[processes · rows, …]`.
 */
export function rowsOfAll<T extends tf.Tensor>(x: T, cluster: Cluster, seconds?: number): T {
  const { task, addresses } = cluster, [rows, ...others] = x.shape;
  const around = [task * rows, (addresses.length - 1 - task) * rows] as [number, number];
  return sumOver(tf.pad(x, [around, ...others.map((): [number, number] => [0, 0])]) as T, cluster, seconds);
}

/**
 * The rows of all processes of each tensor of a tree, in one exchange. The gradient reaches the own rows alone: it is
 * the whole one where what follows is computed alike in all processes.
 *
 * @param tree Tensors `[rows, features]`.
 * @param cluster The processes.
 * @returns The same tree of tensors `[processes · rows, features]`.
 */
export function gathered<T extends Tree>(tree: T, cluster: Cluster): T {
  const own = flatten(tree).map(([, x]) => x as tf.Tensor2D), sizes = own.map(({ shape }) => shape[1]);
  const whole = withGradient(
    (x) => ({ y: rowsOfAll(x as tf.Tensor2D, cluster), saved: [] }),
    (dy) => dy.slice(cluster.task * own[0].shape[0], own[0].shape[0]),
  )(tf.concat(own, 1));
  const parts = tf.split(whole, sizes, 1);
  let at = 0;
  return mapTree(tree, () => parts[at++]);
}

/**
 * The sums over all processes of each tensor of a tree, in one exchange. They have no gradient.
 *
 * @param tree Tensors of any shapes.
 * @param cluster The processes.
 * @returns The same tree.
 */
export function summed<T extends Tree>(tree: T, cluster: Cluster): T {
  const own = flatten(tree).map(([, x]) => x);
  const flat = sumOver(tf.concat(own.map((x) => x.flatten())), cluster);
  const parts = tf.split(flat, own.map(({ size }) => size));
  let at = 0;
  return mapTree(tree, (x) => parts[at++].reshape(x.shape));
}
