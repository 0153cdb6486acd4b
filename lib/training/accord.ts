/**
 * What the processes of one training tell each other beside their steps. All of them do the same in the same order.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { ComputeError, EnvironmentError } from "../base/errors.ts";
import type { Cluster } from "../compute/cluster.ts";
import { rowsOfAll, sumOver } from "../compute/collectives.ts";
import { compile, dispose, flatten } from "../compute/compile.ts";
import { tf } from "../compute/tf.ts";
import type { TrainingState } from "./step.ts";

/** Seconds that processes wait for each other before the first step. */
const PATIENCE = 300;

/** Whether any of the processes says yes. */
export type Agree = (yes: boolean) => Promise<boolean>;

/** A process that is alone agrees with itself. */
export const alone: Agree = (yes) => Promise.resolve(yes);

/**
 * Has processes say yes or no.
 *
 * @param cluster The processes.
 * @param seconds After how long without the others a call fails; 0: never, but when one is lost.
 * @returns Asks all of them; a call waits for the calls of all others.
 */
export function agreement(cluster: Cluster, seconds = 0): Agree {
  const count = compile((x: tf.Scalar) => sumOver(x, cluster, seconds), { name: "agreement" });
  return async (yes) => {
    const own = tf.scalar(Number(yes)), sum = await count(own).finally(() => own.dispose());
    const [votes] = await sum.data();
    sum.dispose();
    return votes > 0;
  };
}

/**
 * Waits for all processes, and tells them what task 0 alone knows.
 *
 * @param cluster The processes.
 * @param finished Whether there is nothing left to train, as task 0 sees it.
 * @returns What task 0 says.
 * @throws {EnvironmentError} They did not come in five minutes.
 */
export async function meet(cluster: Cluster, finished: boolean): Promise<boolean> {
  try {
    return await agreement(cluster, PATIENCE)(cluster.task === 0 && finished);
  } catch (error) {
    if (!(error instanceof ComputeError)) throw error;
    throw new EnvironmentError(
      `The ${cluster.addresses.length} processes at ${
        cluster.addresses.join(", ")
      } did not all come within ` +
        `${PATIENCE} s, or cannot reach each other (${error.message}). Start all of them, each with its own ` +
        "SJEA_TASK, on machines that reach each other's ports.",
    );
  }
}

/**
 * Checks that all processes start from the same.
 *
 * @param cluster The processes.
 * @param state The state before the first step.
 * @param facts What else has to be the same: the run, the code.
 * @throws {EnvironmentError} Another process starts from something else.
 */
export async function demandSame(
  cluster: Cluster,
  state: TrainingState,
  facts: readonly unknown[],
): Promise<void> {
  const hash = createHash("sha256").update(JSON.stringify(facts));
  for (const [path, tensor] of flatten(state)) hash.update(path).update(tensor.dataSync() as Float32Array);
  const own = tf.tensor2d([...hash.digest()], [1, 32], "float32");
  const gather = compile((x: tf.Tensor2D) => rowsOfAll(x, cluster, PATIENCE), { name: "comparison" });
  const all = await gather(own), rows = await all.array();
  dispose([own, all]);
  gather.dispose();
  const other = rows.findIndex((row) => row.join() !== rows[0].join());
  if (other < 0) return;
  throw new EnvironmentError(
    `Process ${other} starts from something else than process 0. All of them need the same spec, the same code, ` +
      "the same version of TensorFlow and the same folder of runs, which they see at once (--runs).",
  );
}
