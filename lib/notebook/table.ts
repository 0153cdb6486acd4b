/**
 * Tables as outputs of a cell.
 *
 * @module
 */
import { escapeHtml } from "./html.ts";
import { type Bundle, heading, type Label, PLAIN } from "./label.ts";

/** A table. */
export interface Table {
  /** Titles. */
  readonly columns: readonly string[];
  /** Cells. */
  readonly rows: readonly (readonly (string | number)[])[];
  /** Sentences below it, a line each. */
  readonly notes?: readonly string[];
}

/**
 * The formats of a table. Columns of numbers are aligned to the right.
 *
 * @param table The table.
 * @param label What it is of.
 * @returns HTML and text.
 * @throws {RangeError} A row has more or fewer cells than there are columns.
 * @example
 * ```ts
 * import { tableBundle } from "./table.ts";
 * const { "text/plain": text } = tableBundle({ columns: ["k", "top-1 %"], rows: [[20, "81.6"]] }, {});
 * if (text !== " k  top-1 %\n───────────\n20     81.6") throw new Error(`${text}`);
 * ```
 */
export function tableBundle({ columns, rows, notes = [] }: Table, label: Label): Bundle {
  rows.forEach((row, at) => {
    if (row.length !== columns.length) {
      throw new RangeError(`Row ${at} of the table has ${row.length} cells, not ${columns.length}.`);
    }
  });
  const cells = rows.map((row) => row.map(String));
  const numeric = columns.map((_, column) => cells.every((row) => NUMBER.test(row[column])));
  return {
    "text/html": html(columns, cells, notes, numeric),
    [PLAIN]: plain(columns, cells, [heading(label, ""), ...notes], numeric),
  };
}

/** A number, perhaps with its spread, or a dash instead of one. */
const NUMBER = /^[-–−+<>~]?\s*\d[\d.,\s±%–−-]*$|^[-–—]?$/;

function plain(
  columns: readonly string[],
  cells: readonly string[][],
  [title, ...notes]: readonly string[],
  numeric: readonly boolean[],
): string {
  const width = columns.map((name, column) =>
    Math.max(...[name, ...cells.map((row) => row[column])].map(length))
  );
  const line = (row: readonly string[]) =>
    row.map((cell, column) => {
      const gap = " ".repeat(width[column] - length(cell));
      return numeric[column] ? gap + cell : cell + gap;
    }).join("  ").trimEnd();
  const rule = "─".repeat(width.reduce((sum, width) => sum + width + 2, -2));
  return [...title ? [title] : [], line(columns), rule, ...cells.map(line), ...notes].join("\n");
}

const length = (text: string) => [...text].length;

function html(
  columns: readonly string[],
  cells: readonly string[][],
  notes: readonly string[],
  numeric: readonly boolean[],
): string {
  const line = (row: readonly string[], tag: "th" | "td") =>
    `<tr>${
      row.map((cell, column) =>
        `<${tag} style="text-align: ${numeric[column] ? "right" : "left"}">${escapeHtml(cell)}</${tag}>`
      ).join("")
    }</tr>`;
  return [
    "<table>",
    `<thead>${line(columns, "th")}</thead>`,
    `<tbody>${cells.map((row) => line(row, "td")).join("\n")}</tbody>`,
    "</table>",
    ...notes.map((note) => `<p><small>${escapeHtml(note)}</small></p>`),
  ].join("\n");
}
