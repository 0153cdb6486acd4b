/** Which prose of a notebook states what came out, and so should be written by code. */
import { TABLE_1, TABLE_2, TABLE_3 } from "../../lib/experiments/paper.ts";
import type { Notebook } from "../../lib/notebook/ipynb.ts";

/** The paper's decimals, with the digits that it prints. */
const PAPERS = new Set(
  [...TABLE_1.cifar10, ...TABLE_1.stl10, ...TABLE_2, ...TABLE_3].flatMap(({ top1, knn, parameters = NaN }) =>
    [top1, knn, parameters].flatMap((value) => [`${value}`, value.toFixed(1)])
  ),
);

/** What is no prose: code, mathematics, and where a link leads. */
const QUOTED = /\]\([^)]*\)|`[^`]*`|\$\$[^]*?\$\$|\$[^$]*\$/g;

/**
 * The markdown cells that state a result: they stand below a cell of code without a heading of their own, which is the
 * place of what was found; or they speak of the stored run, a percentage, or a decimal number that is not the paper's.
 *
 * @param notebook A notebook.
 * @returns Their ids.
 */
export function typedResults({ cells }: Notebook): string[] {
  return cells.filter((cell, at) => {
    if (cell.cell_type !== "markdown") return false;
    if (cells[at - 1]?.cell_type === "code" && !cell.source.startsWith("#")) return true;
    const prose = cell.source.replaceAll(QUOTED, "");
    const decimals = prose.match(/\d+\.\d+/g) ?? [];
    return /stored run|\d\s*%/.test(prose) || decimals.some((decimal) => !PAPERS.has(decimal));
  }).map(({ id }) => id);
}
