/**
 * What an output is of.
 *
 * @module
 */
import { z } from "zod";

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
