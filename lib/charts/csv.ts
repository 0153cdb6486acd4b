/**
 * A chart's values as text: in a stored notebook they are one line then, not one each.
 *
 * @module
 */
import { csvFormat } from "d3-dsv";

/** A row of a chart's data by column; a column's values are all numbers or all texts, or missing. */
export type CsvRow = Readonly<Record<string, string | number | undefined>>;

/**
 * Rows as data of a chart. A missing number is read as null, a missing text as an empty one.
 *
 * @param rows The rows, at least one.
 * @returns CSV, and which of its columns are numbers.
 * @example
 * ```ts
 * import { csv } from "./csv.ts";
 * const { values, format } = csv([{ run: "S-JEA, stack 0", epoch: 1 }, { run: "VICReg", epoch: 2 }]);
 * if (values !== 'run,epoch\n"S-JEA, stack 0",1\nVICReg,2') throw new Error(values);
 * if (Object.keys(format.parse).join() !== "epoch") throw new Error("a run is no number");
 * ```
 */
export function csv(rows: readonly CsvRow[]) {
  const columns = [
    ...new Set(rows.flatMap((row) => Object.keys(row).filter((column) => row[column] !== undefined))),
  ];
  const numbers = columns.filter((column) => rows.some((row) => typeof row[column] === "number"));
  return {
    values: csvFormat(rows, columns),
    format: {
      type: "csv" as const,
      parse: Object.fromEntries(numbers.map((column) => [column, "number" as const])),
    },
  };
}
