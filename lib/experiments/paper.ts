/**
 * The paper's numbers, each with the line it stands on.
 *
 * @module
 */

/** A row of Table 1 for one data set. */
export interface PaperRow {
  readonly method: "VICReg" | "S-JEA";
  /** Null for the encoder without a stack. */
  readonly stack: number | null;
  /** Linear evaluation, percent. */
  readonly top1: number;
  /** k-NN accuracy, percent. */
  readonly knn: number;
  /** Where it stands in the paper. */
  readonly source: string;
}

/** Table 1, "CIFAR-10 and STL-10 Linear Evaluation" (section 4.1), means of three runs. */
export const TABLE_1: Readonly<Record<"cifar10" | "stl10", readonly PaperRow[]>> = {
  cifar10: [
    { method: "VICReg", stack: null, top1: 80.5, knn: 83.2, source: "Table 1, row 1" },
    { method: "S-JEA", stack: 0, top1: 80.8, knn: 83.4, source: "Table 1, row 2" },
    { method: "S-JEA", stack: 1, top1: 81.6, knn: 81.1, source: "Table 1, row 3" },
  ],
  stl10: [
    { method: "VICReg", stack: null, top1: 75.9, knn: 75.1, source: "Table 1, row 1" },
    { method: "S-JEA", stack: 0, top1: 76.5, knn: 75.3, source: "Table 1, row 2" },
    { method: "S-JEA", stack: 1, top1: 72.3, knn: 71.6, source: "Table 1, row 3" },
  ],
};

/** What a reader of Table 1 should know. */
export const TABLE_1_NOTES: readonly string[] = [
  "The paper's linear numbers lie below its k-NN numbers for VICReg and stack 0: the released probe trains at a " +
  "fixed rate of 0.001 and never switches batch norm to evaluation mode (--set probe=released).",
  "The paper's S-JEA rows are column 2 of its Table 3, where stack 0 has top-1 below k-NN; columns 1 and 3 have " +
  "it above. The two rows may be swapped there, and then here.",
  "The paper says means of 3 runs; every released configuration has one seed.",
  "The parameters here are those of the encoders that a representation needs, without a classification head; the " +
  "paper's 11.6 M for ResNet-18 (Table 2) has ImageNet's head, without it they are about 11.2 M.",
];
