/**
 * What every metric of representations is given, and what it finds.
 *
 * @module
 */
import type { z } from "zod";
import { demandFinite } from "../compute/finite.ts";
import type { tf } from "../compute/tf.ts";
import type { ImageSet, Labels } from "../data/dataset.ts";
import type { StackConfig } from "../model/stack.ts";
import type { Readout } from "./features.ts";

/** Representations with their labels. */
export interface Labelled {
  /** `[count, features]`. */
  readonly features: tf.Tensor2D;
  /** `[count]`. */
  readonly labels: Labels;
  /** Other groupings of the same images, by the names in the data set's `levels`; none if absent. */
  readonly levels?: Readonly<Record<string, Labels>>;
}

/** The representations that one level makes of an experiment's images. */
export interface Judged {
  /** What is known. */
  readonly train: Labelled;
  /** For choices. */
  readonly heldOut: Labelled;
  /** For what is found. */
  readonly test: Labelled;
  /** Number of classes. */
  readonly classes: number;
  /** Seed of what a metric draws. */
  readonly seed: number;
}

/** What a metric finds, by what it is called: a number, or the class of each test image. */
export type Found = Readonly<Record<string, number | Labels>>;

/** What is judged of one level, by name: features that are read at some places and joined. */
export type Readouts = Readonly<Record<string, readonly Readout[]>>;

/** A way to judge representations. */
export interface Metric<Options> {
  /** Its options, each with a default. */
  readonly options: z.ZodObject;
  /** Batch norm's mode while the representations are made; `evaluation` if absent. */
  readonly mode?: (options: Options) => "evaluation" | "training";
  /**
   * What it judges of a level of a stack for such images, each by itself; absent, or nothing: the level's
   * representation alone. What is found is then called by what was read, as in `stage 2: top-1`, but for what was
   * read under no name.
   */
  readonly reads?: (
    model: StackConfig,
    level: number,
    images: Pick<ImageSet, "height" | "width">,
    options: Options,
  ) => Readouts | undefined;
  /** Judges the representations of one level. */
  readonly measure: (judged: Judged, options: Options) => Found | Promise<Found>;
}

/**
 * Part of the predictions that are right.
 *
 * @param predictions Predicted classes.
 * @param labels True classes.
 * @returns 0..1.
 */
export function accuracy(predictions: ArrayLike<number>, labels: ArrayLike<number>): number {
  let right = 0;
  for (let at = 0; at < labels.length; at++) if (predictions[at] === labels[at]) right++;
  return right / labels.length;
}

/**
 * Checks that sets are not empty, that each has one label an image and that all
 * have features of one length, which are numbers.
 *
 * @param sets The sets by what the error should call them.
 * @param classes Every label has to be below it.
 * @throws {RangeError} It is not so.
 */
export function checkLabelled(sets: Readonly<Record<string, Labelled>>, classes: number): void {
  const [[first, { features: { shape: [, length] } }]] = Object.entries(sets);
  for (const [name, { features, labels }] of Object.entries(sets)) {
    const { shape } = features;
    if (shape.length !== 2 || shape[0] !== labels.length || labels.length === 0) {
      throw new RangeError(
        `${name}: expected features [count, length] with one label each, got [${shape}] with ${labels.length} labels.`,
      );
    }
    if (shape[1] !== length) {
      throw new RangeError(
        `${name}: its features have length ${shape[1]}, those of ${first} have ${length}.`,
      );
    }
    demandFinite(features, name);
    const wrong = labels.find((label) => label >= classes);
    if (wrong !== undefined) {
      throw new RangeError(`${name}: expected labels below ${classes}, the number of classes, got ${wrong}.`);
    }
  }
}
