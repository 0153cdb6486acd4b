/**
 * Whether stacks form a hierarchy: what a sweep with the metrics `within` and `factors` says of it.
 *
 * @module
 */
import type { Comparison } from "../charts/comparison.ts";
import { CLAIMS, judgeClaim, verdictList } from "./claims.ts";
import { sweepFindings } from "./sweep_findings.ts";
import type { SweepResults } from "./sweep_results.ts";
import type { ResultsTable } from "./table.ts";

/** What a sweep says of the hierarchy. */
export interface Hierarchy {
  /** Sub-clusters of each stack and its controls, for the chart: AMI inside classes, in percent. */
  readonly subClusters: readonly Comparison[];
  /** What can be read off each representation: a row a stack. */
  readonly factors: ResultsTable;
  /** What is said of the claims that such a sweep decides, in markdown. */
  readonly verdicts: string;
}

/** AMI of clusters inside classes. */
const INSIDE = /^AMI of .+ in .+ %$/;

/** Kappas without noise. */
const READ = /^kappa of (?!.* at noise ).+ %$/;

/**
 * Reads off a sweep what it says of the hierarchy.
 *
 * @param results What it found.
 * @param file Its file's name, by which claims know it.
 * @returns Sub-clusters, factors and verdicts.
 * @throws {RangeError} The sweep was not judged by the metric `within`.
 */
export function hierarchyMeasured(results: SweepResults, file: string): Hierarchy {
  if (!Object.keys(results.rows[0]?.values ?? {}).some((name) => INSIDE.test(name))) {
    throw new RangeError(`${results.sweep.title}: nothing is known of sub-clusters; add the metric within.`);
  }
  const { compared, table } = sweepFindings(results, file);
  return {
    subClusters: compared(INSIDE),
    factors: table(READ),
    verdicts: verdictList(
      CLAIMS.filter(({ sweep }) => sweep === file).map((claim) => judgeClaim(claim, results)),
    ),
  };
}
