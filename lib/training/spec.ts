/**
 * What defines a training run. Two runs with equal specs are the same run.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Precision } from "../compute/compile.ts";
import type { ViewOptions } from "../data/views.ts";
import type { VicregWeights } from "../loss/vicreg.ts";
import type { StackConfig } from "../model/stack.ts";
import type { OptimiserConfig } from "./optimiser.ts";
import type { ScheduleConfig } from "./schedule.ts";

/** The spec of one training run: plain data, all of it part of the run's id. */
export interface RunSpec {
  /** Images to learn from. */
  readonly data: {
    readonly name: string;
    /** Fingerprint of the whole data set. */
    readonly fingerprint: string;
    /** How many of its training images; which ones follows from the split's seed. */
    readonly images: number;
    readonly splitSeed: number;
  };
  readonly model: StackConfig;
  /** Weights of the VICReg terms, one entry a level. */
  readonly loss: readonly VicregWeights[];
  readonly view: ViewOptions;
  readonly optimiser: OptimiserConfig;
  readonly schedule: ScheduleConfig;
  readonly epochs: number;
  /** Images a step. */
  readonly batch: number;
  readonly precision: Precision;
  /** Seed of initialisation, order and views. */
  readonly seed: number;
}

/**
 * A run's id: the first 12 hex digits of the SHA-256 of its spec, written with
 * sorted keys.
 *
 * @param spec The spec.
 * @returns The id.
 */
export function runId(spec: RunSpec): string {
  return createHash("sha256").update(canonical(spec)).digest("hex").slice(0, 12);
}

function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_, inner) =>
      inner !== null && typeof inner === "object" && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1))
        : inner,
  );
}
