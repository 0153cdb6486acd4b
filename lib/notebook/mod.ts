/**
 * What a cell of a notebook shows: charts, tables, text, a training that goes on.
 *
 * @module
 */
export { follow, type Followed } from "./follow.ts";
export { type Live, live, show, showMarkdown, showSvg, showTable } from "./show.ts";
export type { Label } from "./label.ts";
export type { Table } from "./table.ts";
