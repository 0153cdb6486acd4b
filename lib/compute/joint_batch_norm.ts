/**
 * Batch normalisation over the batches of all processes.
 *
 * @module
 */
import type { Cluster } from "./cluster.ts";
import { rowsOfAll, sumOver } from "./collectives.ts";
import { EPSILON, exact, unkeep } from "./ops.ts";
import { withGradient } from "./raw_op.ts";
import { tf } from "./tf.ts";

/** Batches in a row, a share of each in every process. */
export interface Joint {
  /** The processes. */
  readonly cluster: Cluster;
  /** Batches that lie in a row in each process, such as one of each view. */
  readonly batches: number;
}

/** What batch normalisation makes of several batches. */
export interface JointBatchNorm {
  /** The normalised share of the batches, of the input's shape. */
  readonly y: tf.Tensor;
  /** Mean of each channel of each whole batch, `[batches, channels]`. */
  readonly means: tf.Tensor2D;
  /** Unbiased variance of each channel of each whole batch, `[batches, channels]`. */
  readonly variances: tf.Tensor2D;
}

/**
 * y = scale · (x − mean) / √(variance + 1e-5) + offset with the statistics of each whole batch, as `batchNorm`
 * has it in one process. Forward the processes exchange means and sums of squared deviations (Chan et al. 1979,
 * http://i.stanford.edu/pub/cstr/reports/cs/tr/79/773/CS-TR-79-773.pdf), once for all batches; backward the sums of
 * dy and of dy times what was normalised. Gradients of scale and offset are the own share's alone.
 *
 * @param x `[batches · share, …, channels]`.
 * @param scale `[channels]`.
 * @param offset `[channels]`.
 * @param joint The batches.
 * @returns The normalised share and the statistics, which carry no gradient.
 */
export function jointBatchNorm(
  x: tf.Tensor,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  { cluster, batches }: Joint,
): JointBatchNorm {
  const channels = scale.size, count = x.size / channels / batches, all = count * cluster.addresses.length;
  // In a bfloat16 step sums are in float32, as in the op that does it in one process.
  const apart = exact(x).reshape([batches, count, channels]);
  let statistics: tf.Tensor[] = [];
  const y = withGradient(
    (x, scale, offset) => {
      const own = x.mean(1), squares = x.sub(own.expandDims(1)).square().sum(1);
      const [means, spreads] = tf.unstack(rowsOfAll(tf.stack([own, squares]).expandDims(0), cluster), 1);
      const mean = means.mean(0);
      const spread = spreads.sum(0).add(means.sub(mean).square().sum(0).mul(count));
      statistics = [tf.keep(mean), tf.keep(spread.div(all - 1))];
      const inverse = spread.div(all).add(EPSILON).rsqrt().expandDims(1);
      const normal = x.sub(mean.expandDims(1)).mul(inverse);
      return { y: normal.mul(scale).add(offset), saved: [normal, inverse, scale] };
    },
    (dy, [normal, inverse, scale]) => {
      const own = tf.stack([dy.sum(1), dy.mul(normal).sum(1)]);
      const [slope, along] = tf.unstack(sumOver(own, cluster).div(all)).map((sums) => sums.expandDims(1));
      const [offsets, scales] = tf.unstack(own.sum(1));
      return [dy.sub(slope).sub(normal.mul(along)).mul(inverse.mul(scale)), scales, offsets];
    },
  )(apart, scale, offset);
  const [means, variances] = statistics.map(unkeep) as tf.Tensor2D[];
  return { y: y.reshape(x.shape), means, variances };
}
