/**
 * What an output is of.
 *
 * @module
 */
import { z } from "zod";

/** {@link Label} in a notebook's file. */
export const labelSchema = z.object({
  /** What it reproduces, such as `Figure 2`. */
  exhibit: z.string().optional(),
  /** What it shows, in a sentence. */
  caption: z.string().optional(),
});

/** What an output is of, for readers and for reports; kept in the output's metadata under `sjea`. */
export type Label = Readonly<z.infer<typeof labelSchema>>;
