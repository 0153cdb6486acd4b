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
  /** The whole data set. */
  readonly dataset: Dataset;
  /** The parts of it that are used. */
  readonly images: Split;
  /** How representations are judged. */
  readonly evaluation: Evaluation;
  /** Folder of all runs. */
  readonly runs: string;
  /** Folder with data sets, where one was named. */
  readonly data?: string;
}
