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
import { type Bundle, captionOf, heading, type Label, PLAIN } from "./label.ts";
import { type Table, tableBundle } from "./table.ts";

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

/** An output that is shown anew in its place. */
export interface Live {
  /** Shows a chart, at first below the cell and then instead of the one before. */
  show(chart: Chart): Promise<void>;
}

/**
 * An output that follows something: of all that it shows the last one stays. Outside a notebook only the first is named.
 *
 * @param label What it is of.
 * @returns The output; nothing is shown yet.
 */
export function live(label: Label = {}): Live {
  const transient = { display_id: crypto.randomUUID() };
  let shown = false;
  return {
    async show(chart) {
      const again = shown;
      shown = true;
      if (!inNotebook()) return again ? undefined : await show(chart, label);
      const data = await chartBundle(chart, label);
      if (!again) return await display(data, label, transient);
      await Deno.jupyter.broadcast("update_display_data", { data, metadata: { sjea: label }, transient });
      await pause(ARRIVAL);
    },
  };
}

/**
 * Shows a picture that is text, such as one that moves.
 *
 * @param svg An SVG document.
 * @param label What it is of.
 */
export async function showSvg(svg: string, label: Label = {}): Promise<void> {
  await display({ "image/svg+xml": svg, [PLAIN]: heading(label, "Picture") }, label);
}

/** Some outputs arrive after the kernel has said that the cell is done, and are lost: wait, in milliseconds. */
const ARRIVAL = 50;

/** Shows an output with its caption: of a table above it, of all else below. */
async function display(data: Bundle, label?: Label, transient: { display_id?: string } = {}): Promise<void> {
  if (!inNotebook()) return console.log(data[PLAIN]);
  const caption = label && captionOf(label);
  const shown = [{ data, metadata: label ? { sjea: label } : {}, transient }];
  const outputs = caption ? [...shown, { ...caption, transient: {} }] : shown;
  if ("text/html" in data) outputs.reverse();
  for (const output of outputs) await Deno.jupyter.broadcast("display_data", output);
  await pause(ARRIVAL);
}
