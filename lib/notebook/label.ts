/**
 * What an output is of.
 *
 * @module
 */
import { z } from "zod";
import type { Output } from "./ipynb.ts";

/** What an output is of, for readers and for reports; kept in the output's metadata under `sjea`. */
export interface Label {
  /** What it reproduces, such as `Figure 2`. */
  readonly exhibit?: string;
  /** What it shows, in a sentence. */
  readonly caption?: string;
}

/** {@link Label} in a notebook's file. */
export const labelSchema: z.ZodType<Label> = z.object({
  exhibit: z.string().optional(),
  caption: z.string().optional(),
});

/** The same output in several formats by MIME type; programs show the richest that they can. */
export type Bundle = Readonly<Record<string, unknown>>;

/** The type that every output has. */
export const PLAIN = "text/plain";

/** What an output is called. */
export function heading({ exhibit, caption }: Label, otherwise: string): string {
  return [exhibit, caption].filter(Boolean).join(": ") || otherwise;
}

/** An output beside the one that it is the caption of. */
export interface Caption {
  readonly data: Bundle;
  /** By which {@link withoutCaptions} knows it. */
  readonly metadata: { readonly sjea: { readonly isCaption: true } };
}

/**
 * A label in words, as an output of its own: JupyterLab, VS Code and nbconvert show no metadata.
 *
 * @param label The label.
 * @returns Markdown and text; undefined where the label says nothing.
 * @example
 * ```ts
 * import { captionOf } from "./label.ts";
 * const text = captionOf({ exhibit: "Figure 2", caption: "t-SNE of 5*5 points" })?.data["text/markdown"];
 * if (text !== "**Figure 2:** *t-SNE of 5\\*5 points*") throw new Error(`${text}`);
 * ```
 */
export function captionOf(label: Label): Caption | undefined {
  const text = heading(label, "");
  if (text === "") return undefined;
  const exhibit = label.exhibit && literal(label.exhibit), caption = label.caption && literal(label.caption);
  const words = [exhibit && `**${exhibit}${caption ? ":" : ""}**`, caption && `*${caption}*`];
  return {
    data: { "text/markdown": words.filter(Boolean).join(" "), [PLAIN]: text },
    metadata: { sjea: { isCaption: true } },
  };
}

/**
 * What a cell put out but captions: for those who show labels themselves.
 *
 * @param outputs The outputs.
 * @returns The others.
 */
export function withoutCaptions(outputs: readonly Output[]): Output[] {
  return outputs.filter(({ metadata }) => Object(Object(metadata).sjea).isCaption !== true);
}

/** A line of words in which Markdown sees nothing. */
function literal(words: string): string {
  return words.trim().replace(/\s+/g, " ").replace(/[\\`*_[\]<>&~$]/g, "\\$&");
}
