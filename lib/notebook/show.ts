/**
 * Shows charts, tables and text below a notebook's cell. Outside a notebook
 * their plain text goes to the console.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { toPng } from "../charts/render.ts";
import type { Chart } from "../charts/theme.ts";
import { inNotebook } from "./in_notebook.ts";
import type { Label } from "./label.ts";
import { type Bundle, heading, PLAIN, type Table, tableBundle } from "./table.ts";

/**
 * Shows a chart: interactive where vega-lite can be drawn, else as a picture.
 *
 * @param chart The chart.
 * @param label What it is of.
 */
export async function show(chart: Chart, label: Label = {}): Promise<void> {
  await display(inNotebook() ? await chartBundle(chart, label) : { [PLAIN]: heading(label, "Chart") }, label);
}

/**
 * Shows a table.
 *
 * @param table The table.
 * @param label What it is of.
 * @throws {RangeError} A row has more or fewer cells than there are columns.
 */
export async function showTable(table: Table, label: Label = {}): Promise<void> {
  await display(tableBundle(table, label), label);
}

/**
 * Shows text.
 *
 * @param text Markdown.
 */
export async function showMarkdown(text: string): Promise<void> {
  await display({ "text/markdown": text, [PLAIN]: text });
}

/**
 * The formats of a chart.
 *
 * @param chart The chart.
 * @param label What it is of.
 * @returns Vega-lite, PNG and text.
 */
export async function chartBundle(chart: Chart, label: Label): Promise<Bundle> {
  return {
    // JupyterLab knows no MIME type of version 6 but draws it under this one.
    "application/vnd.vegalite.v5+json": chart,
    "image/png": (await toPng(chart)).toBase64(),
    [PLAIN]: heading(label, "Chart"),
  };
}

/** Some outputs arrive after the kernel has said that the cell is done, and are lost: wait, in milliseconds. */
const ARRIVAL = 50;

async function display(data: Bundle, label?: Label): Promise<void> {
  if (!inNotebook()) return console.log(data[PLAIN]);
  const metadata = label ? { sjea: label } : {};
  await Deno.jupyter.broadcast("display_data", { data, metadata, transient: {} });
  await pause(ARRIVAL);
}
