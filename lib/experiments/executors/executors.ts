/**
 * What may train the runs of a sweep, by name. A new executor is a file beside this one and a line in
 * {@link EXECUTORS}.
 *
 * @module
 */
import type { ExecutorKind } from "./executor.ts";
import { localKind } from "./local.ts";
import { slurmKind } from "./slurm.ts";

/** All executors. */
export const EXECUTORS = { local: localKind, slurm: slurmKind } as const satisfies Record<
  string,
  ExecutorKind
>;
