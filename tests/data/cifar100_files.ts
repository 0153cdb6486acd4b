/**
 * A small CIFAR-100 in the official binary layout.
 *
 * @module
 */

export const FINE = Array.from({ length: 100 }, (_, at) => `fine_${at}`);
export const COARSE = Array.from({ length: 20 }, (_, at) => `coarse_${at}`);

/** Records of every fine class, each image of one colour. */
export function records(count: number): Uint8Array {
  const bytes = new Uint8Array(count * 3074);
  for (let at = 0; at < count; at++) {
    const record = bytes.subarray(at * 3074, (at + 1) * 3074);
    record[0] = at % 20;
    record[1] = at % 100;
    record.fill(at % 251, 2, 1026).fill(7, 1026, 2050).fill(9, 2050);
  }
  return bytes;
}

/** Its files by name. */
export const BINARY = {
  "train.bin": records(300),
  "test.bin": records(120),
  "fine_label_names.txt": new TextEncoder().encode(`${FINE.join("\n")}\n`),
  "coarse_label_names.txt": new TextEncoder().encode(`${COARSE.join("\n")}\n`),
};
