/**
 * The foreseeable errors. Each message says what was wrong, where, what was
 * expected and what to do next; the command line prints it without a stack.
 *
 * @module
 */

/** What all foreseeable errors have in common. */
export class SjeaError extends Error {
  override readonly name: string = "SjeaError";
}

/** An option, preset, field or name that does not exist or has a wrong value. */
export class UsageError extends SjeaError {
  override readonly name = "UsageError";
}

/** A file or folder that is missing, truncated, foreign or damaged. */
export class DataError extends SjeaError {
  override readonly name = "DataError";
}

/** Something the machine lacks: a library, memory, disk, a permission, the network. */
export class EnvironmentError extends SjeaError {
  override readonly name: string = "EnvironmentError";
}

/** A disk without room. */
export class DiskFullError extends EnvironmentError {
  override readonly name = "DiskFullError";
}

/** An operation that TensorFlow refused. */
export class ComputeError extends SjeaError {
  override readonly name = "ComputeError";
}

/** A training run that cannot go on: NaN, infinity, divergence. */
export class TrainingError extends SjeaError {
  override readonly name = "TrainingError";
}

/** Another process of the same training is gone; all of them go on together once they are started again. */
export class PeerLostError extends SjeaError {
  override readonly name = "PeerLostError";
}

/** Exit code of a process that a {@link PeerLostError} ended, `EX_TEMPFAIL` of sysexits.h: it is worth another try. */
export const PEER_LOST = 75;

/** A notebook's cell that failed. */
export class NotebookError extends SjeaError {
  override readonly name = "NotebookError";
}
