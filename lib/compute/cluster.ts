/**
 * The processes that train one run together.
 *
 * @module
 */
import { UsageError } from "../base/errors.ts";

/** Processes that compute together, and which of them this one is. */
export interface Cluster {
  /** Where each is reached, `host:port`, in the order of the tasks. */
  readonly addresses: readonly string[];
  /** The number of this process, from 0. */
  readonly task: number;
}

/** The variables that name them; Slurm numbers the tasks of a step by itself. */
export const CLUSTER = "SJEA_CLUSTER", TASK = "SJEA_TASK", SLURM_TASK = "SLURM_PROCID";

/**
 * The processes that the environment names: all addresses in `SJEA_CLUSTER`, with commas between them, and the
 * number of this one in `SJEA_TASK`, or else `SLURM_PROCID`.
 *
 * @returns The cluster; undefined where none is named.
 * @throws {UsageError} What is named is none.
 */
export function namedCluster(): Cluster | undefined {
  const named = Deno.env.get(CLUSTER);
  if (!named) return;
  const addresses = named.split(",");
  const wrong = addresses.find((address) => !/^[^\s:]+:[1-9]\d{0,4}$/.test(address));
  if (wrong !== undefined || addresses.length < 2) {
    throw new UsageError(
      `${CLUSTER} is "${named}"; expected the addresses of two processes or more, such as node1:4001,node2:4001.`,
    );
  }
  const task = Deno.env.get(TASK) || Deno.env.get(SLURM_TASK) || "";
  if (/^\d+$/.test(task) && Number(task) < addresses.length) return { addresses, task: Number(task) };
  throw new UsageError(
    `${TASK} is "${task}"; expected which of the ${addresses.length} addresses in ${CLUSTER} is that of this ` +
      `process, from 0 to ${addresses.length - 1}.`,
  );
}
