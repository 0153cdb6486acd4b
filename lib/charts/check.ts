/**
 * Refuses what a chart would draw wrongly without a word.
 *
 * @module
 */

/**
 * Checks that there are numbers, all of them finite.
 *
 * @param values The numbers.
 * @param what What they are, for the message.
 * @throws {RangeError} There are none, or one is NaN or infinite.
 */
export function demandFinite(values: ArrayLike<number>, what: string): void {
  demandSome(values, what);
  for (let at = 0; at < values.length; at++) {
    if (!Number.isFinite(values[at])) {
      throw new RangeError(`${what}: expected finite numbers, got ${values[at]} at position ${at}.`);
    }
  }
}

/**
 * Checks that a list is not empty.
 *
 * @param list The list.
 * @param what What it is, for the message.
 * @throws {RangeError} It is empty.
 */
export function demandSome(list: ArrayLike<unknown>, what: string): void {
  if (list.length === 0) throw new RangeError(`${what}: there is nothing to draw.`);
}

/**
 * Checks that a list has the length that another one asks for.
 *
 * @param list The list.
 * @param length Its length.
 * @param what What it is, for the message.
 * @throws {RangeError} It is longer or shorter.
 */
export function demandLength(list: ArrayLike<unknown>, length: number, what: string): void {
  if (list.length !== length) {
    throw new RangeError(`${what}: expected ${length} of them, got ${list.length}.`);
  }
}
