/**
 * Where runs live, what they learn from and what they are evaluated on.
 *
 * @module
 */
import type { Dataset } from "../data/dataset.ts";
import type { Split } from "../data/split.ts";
import type { Evaluation } from "./presets.ts";

/** What runs have in common. */
export interface Setting {
  readonly dataset: Dataset;
  readonly images: Split;
  readonly evaluation: Evaluation;
  /** Folder of all runs. */
  readonly runs: string;
  /** Folder with data sets, where one was named. */
  readonly data?: string;
}
