/**
 * A small CIFAR-100 in the official binary layout.
 *
 * @module
 */

/** Names of its classes, by level. */
export const NAMES = Object.fromEntries(
  [["coarse", 20] as const, ["fine", 100] as const].map(([level, count]) => [
    level,
    Array.from({ length: count }, (_, at) => `${level}_${at}`),
  ]),
);

/** Records whose fine class is their position; bytes of their planes repeat nowhere near, unless they are given. */
export function records(
  count: number,
  byte = (image: number, at: number) => image * 3074 + 2 + at,
): Uint8Array {
  return Uint8Array.from({ length: count * 3074 }, (_, at) => {
    const image = Math.floor(at / 3074), place = at % 3074;
    if (place === 0) return Math.floor(image % 100 / 5);
    return place === 1 ? image % 100 : byte(image, place - 2) % 251;
  });
}

/** Of one colour, which tells the image. */
const plain = (image: number, at: number) => at < 1024 ? image : 7;

/** Its files by name. */
export const BINARY = {
  "train.bin": records(300, plain),
  "test.bin": records(120, plain),
  "fine_label_names.txt": new TextEncoder().encode(`${NAMES.fine.join("\n")}\n`),
  "coarse_label_names.txt": new TextEncoder().encode(`${NAMES.coarse.join("\n")}\n`),
};
