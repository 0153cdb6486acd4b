/**
 * What is known not to work, each with its cause, and what differs from that.
 *
 * @module
 */

/** Some failures with one cause. */
export interface Cause {
  /** Why they fail and whose fault it is. */
  readonly cause: string;
  readonly failures: readonly string[];
}

/**
 * What a run should not have shown.
 *
 * @param failed What failed, with the reason.
 * @param causes What was expected to fail.
 * @param ran What was tried; an expected failure that was not tried says nothing.
 * @returns A line for each failure that is not listed and each listed one that did not fail.
 */
export function surprises(
  failed: ReadonlyMap<string, string>,
  causes: readonly Cause[],
  ran: (name: string) => boolean = () => true,
): string[] {
  const expected = new Set(causes.flatMap(({ failures }) => failures));
  return [
    ...[...failed].filter(([name]) => !expected.has(name))
      .map(([name, reason]) => `failed and is not listed: ${name}\n    ${reason}`),
    ...[...expected].filter((name) => ran(name) && !failed.has(name))
      .map((name) => `listed, but did not fail: ${name}`),
  ];
}
