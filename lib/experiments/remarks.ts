/**
 * What came out of a notebook's other measurements, in sentences. Each is written from the numbers that its chart or
 * table shows, and compares them as they are rounded there, so that it holds beside them at any preset.
 *
 * @module
 */
import type { CovarianceLine } from "../charts/covariance.ts";
import { epochTerms, termsOf, titleOf, type TrainingLog } from "../charts/training_curves.ts";
import type { Results } from "./results.ts";

/**
 * How each term of the loss goes from the first epoch to the last, and where it ends lowest.
 *
 * @param runs Logs from the first epoch on.
 * @returns A list in Markdown, an item a term, and what it compares.
 * @example
 * ```ts
 * import { curveRemarks } from "./remarks.ts";
 * const steps = [9, 7].map((total, epoch) => ({ step: epoch, epoch, levels: [{ total }] }));
 * const text = curveRemarks([{ name: "VICReg", steps }]);
 * if (!text.endsWith("- The weighted total falls in VICReg; it ends at 7.000.")) throw new Error(text);
 * ```
 */
export function curveRemarks(runs: readonly TrainingLog[]): string {
  const encoders = runs.flatMap((run) => {
    const [first, last] = [0, -1].map((at) => epochTerms(run, run.steps.at(at)!.epoch));
    return last.map((terms, stack) => ({
      name: last.length > 1 ? `${run.name}, stack ${stack}` : run.name,
      first: first[stack],
      last: terms,
    }));
  });
  const lines = termsOf(runs).map((term) => {
    const having = encoders.filter(({ last }) => term in last);
    const ways = Map.groupBy(having, ({ first, last }) => {
      const change = thousandths(last[term]) - thousandths(first[term]);
      return change === 0 ? "stays level" : change > 0 ? "rises" : "falls";
    });
    const gone = [...ways].map(([way, those]) =>
      those.length > 1 && those.length === having.length
        ? `${way} in ${those.length > 2 ? `all ${those.length}` : "both"} encoders`
        : `${way} in ${list(those.map(({ name }) => name))}`
    );
    const ends = having.map(({ name, last }) => ({ name, value: thousandths(last[term]) }));
    const text = ({ value }: { value: number }) => value.toFixed(3);
    return `- The ${titleOf(term)} ${gone.join(", and ")}; it ends ${
      ends.length > 1 ? `lowest in ${extreme(ends, Math.min, text)}` : `at ${text(ends[0])}`
    }.`;
  });
  return `Means over the last epoch beside those over the first:\n\n${lines.join("\n")}`;
}

/** Images classified right, in per cent. */
export interface Learnt {
  /** What a reader calls it. */
  readonly name: string;
  /** Before training. */
  readonly before: number;
  /** After it. */
  readonly after: number;
}

/**
 * What a training did to k-NN's accuracy.
 *
 * @param encoders Accuracies of each before and after, in per cent.
 * @returns A list in Markdown, an item an encoder.
 */
export function learntRemarks(encoders: readonly Learnt[]): string {
  return encoders.map(({ name, before, after }) => {
    const gain = tenths(tenths(after) - tenths(before));
    const change = gain === 0
      ? "no change"
      : `${Math.abs(gain).toFixed(1)} points ${gain > 0 ? "more" : "fewer"}`;
    return `- ${name}: ${after.toFixed(1)} % of the test images are classified right, ${
      before.toFixed(1)
    } % before training: ${change}.`;
  }).join("\n");
}

/** The most mix-ups that are named. */
const MIX_UPS = 5;

/**
 * Which classes are told apart and which are not.
 *
 * @param counts Images by true and predicted class, `[true][predicted]`.
 * @param classes Names of the classes.
 * @returns Sentences.
 */
export function mixUpRemarks(counts: readonly (readonly number[])[], classes: readonly string[]): string {
  const cells = counts.flatMap((row, truth) => {
    const images = row.reduce((sum, count) => sum + count, 0);
    return row.map((count, answer) => ({ truth, answer, percent: Math.round(100 * count / images) }));
  });
  const percent = ({ value }: { value: number }) => `${value} %`;
  const right = cells.filter(({ truth, answer }) => truth === answer)
    .map(({ truth, percent }) => ({ name: classes[truth], value: percent }));
  const wrong = cells.filter(({ truth, answer, percent }) => truth !== answer && percent > 0)
    .toSorted((a, b) => b.percent - a.percent).slice(0, MIX_UPS)
    .map(({ truth, answer, percent }) => `${classes[truth]} for ${classes[answer]} (${percent} %)`);
  return `Recognised most often: ${extreme(right, Math.max, percent)}; least often: ${
    extreme(right, Math.min, percent)
  }. ${wrong.length > 0 ? `Most often mistaken: ${list(wrong)}.` : "Nothing is mistaken for anything else."}`;
}

/**
 * How many neighbours have their query's class.
 *
 * @param rows Whether each image of a row has it, the query's own entry first.
 * @returns A sentence.
 */
export function neighbourRemark(rows: readonly (readonly boolean[])[]): string {
  const found = rows.flatMap(([, ...neighbours]) => neighbours), same = found.filter(Boolean).length;
  return `Of the ${found.length} neighbours shown, ${same} ${
    same === 1 ? "has" : "have"
  } the class of the query.`;
}

/**
 * What a larger training costs.
 *
 * @param speeds Name and images a second, the one to compare with first.
 * @returns A sentence.
 */
export function speedRemark([[name, speed], ...others]: readonly (readonly [string, number])[]): string {
  const parts = others.map(([name, own]) => `${name} on ${own} (${Math.round(100 * own / speed)} % of that)`);
  return `${name} trains on ${speed} images a second, ${list(parts)}.`;
}

/** A representation and the directions that it uses. */
export interface Directions {
  /** What a reader calls it. */
  readonly name: string;
  /** RankMe. */
  readonly rank: number;
  /** Of the representation: the most that RankMe can be. */
  readonly length: number;
}

/**
 * Which representation uses most directions, and which fewest.
 *
 * @param representations Two or more.
 * @returns A sentence.
 */
export function directionRemark(representations: readonly Directions[]): string {
  const ranks = representations.map(({ name, rank, length }) => ({ name, value: tenths(rank), length }));
  const text = ({ value, length }: typeof ranks[number]) => `${value.toFixed(1)} of ${length}`;
  return `RankMe counts most directions in ${extreme(ranks, Math.max, text)} and fewest in ${
    extreme(ranks, Math.min, text)
  }.`;
}

/**
 * What projectors do to the directions in use, and whether more directions are better.
 *
 * @param ranks RankMe of both stacks of each run, in the order of the table's rows.
 * @param results The table of projectors.
 * @returns A list in Markdown.
 */
export function projectorRemarks(ranks: readonly (readonly number[])[], { rows }: Results): string {
  const all = rows.map(({ stack, projectors, top1 }, at) => ({
    stack: stack!,
    projector: projectors![stack!],
    rank: tenths(ranks[at % ranks.length][stack!]),
    // That of the run whose directions were counted.
    top1: top1.values[0],
  }));
  const own = [0, 1].map((of) => {
    const [those, others] = [true, false].map((has) =>
      mean(all.filter(({ stack, projector }) => stack === of && projector === has).map(({ rank }) => rank))
        .toFixed(1)
    );
    const change = Number(those) - Number(others);
    return `- A projector of its own ${
      change === 0 ? "changes nothing for" : change > 0 ? "gives directions to" : "takes directions from"
    } stack ${of}: ${those} with one, ${others} without, on average.`;
  });
  const more = ranks.filter(([below, above]) => tenths(above) > tenths(below)).length;
  const pairs = all.flatMap((one, at) => all.slice(at + 1).map((other) => [one, other]));
  const better = pairs.filter(([one, other]) => (one.rank - other.rank) * (one.top1 - other.top1) > 0).length;
  return [
    ...own,
    `- Stack 1 uses more directions than stack 0 in ${more} of ${ranks.length} runs.`,
    `- In ${better} of the ${pairs.length} pairs among these representations the one with more directions has the ` +
    `higher top-1: ${
      2 * better > pairs.length ? "the two mostly go together" : "more directions are no sign of quality"
    }.`,
  ].join("\n");
}

/**
 * How far a class falls into sub-clusters.
 *
 * @param assignment Cluster of each image.
 * @param className What they are images of.
 * @returns A sentence.
 */
export function clusterRemark(assignment: ArrayLike<number>, className: string): string {
  const sizes = Map.groupBy(Array.from(assignment), (cluster) => cluster).values()
    .map(({ length }) => length).toArray().sort((a, b) => b - a);
  const images = `The ${assignment.length.toLocaleString("en")} test images of ${className}`;
  if (sizes.length === 1) return `${images} are not cut: too few of their representations differ.`;
  return `${images} are best cut in ${sizes.length}: ${
    list(sizes.map((size) => size.toLocaleString("en")))
  } images.`;
}

/** A representation and its mean silhouette. */
export interface Clustered {
  /** What a reader calls it. */
  readonly name: string;
  /** Mean over the classes. */
  readonly silhouette: number;
}

/**
 * What silhouettes within classes say, and what they do not.
 *
 * @param trained Trained representations.
 * @param untrained One before training.
 * @returns Sentences.
 */
export function silhouetteRemark(trained: readonly Clustered[], untrained: Clustered): string {
  const value = ({ silhouette }: Clustered) => thousandths(silhouette);
  const named = trained.map((each) => ({ name: each.name, value: value(each) }));
  const above = value(untrained) > Math.max(...trained.map(value));
  return `The largest silhouette of a trained representation is that of ${
    extreme(named, Math.max, ({ value }) => value.toFixed(3))
  }. ` +
    `That of ${untrained.name} is ${above ? "larger" : "not larger"} (${value(untrained).toFixed(3)}). ` +
    "Neither says anything by itself: a cloud without any structure has a silhouette, too, larger where it is " +
    "stretched. Without such a null (a Gaussian of the same covariance, several seeds) the paper's claim is **not " +
    "judged** here.";
}

/**
 * How the covariance term goes in both stacks, and with its weight lowered.
 *
 * @param lines Stack 0, stack 1, and stack 1 of the run with the lowered weight.
 * @returns Sentences.
 */
export function covarianceRemark(lines: readonly CovarianceLine[]): string {
  const parts = lines.map(({ name, values }) =>
    `from ${short(values[0])} to ${short(values.at(-1)!)} (${name})`
  );
  const [, plain, lowered] = lines.map(({ values }) => short(values.at(-1)!)), ratio = short(lowered / plain);
  return `From the first epoch to the last the term goes ${
    list(parts)
  }. With the lowered weight it ends at ` +
    `${ratio} times the value of stack 1 with the plain one: ${
      ratio > 1 ? "higher, as in the paper" : "not higher, unlike in the paper"
    }.`;
}

/**
 * What the lowered covariance weight does to the directions in use.
 *
 * @param plain RankMe of each stack.
 * @param lowered The same with the lowered weight.
 * @returns Sentences.
 */
export function loweredRemark(plain: readonly number[], lowered: readonly number[]): string {
  const kept = plain.map((rank, stack) => ({
    name: `stack ${stack}`,
    value: Math.round(100 * tenths(lowered[stack]) / tenths(rank)),
  }));
  const parts = kept.map(({ name, value }, stack) =>
    `${name} uses ${lowered[stack].toFixed(1)} directions instead of ${plain[stack].toFixed(1)} (${value} %)`
  );
  const least = Math.min(...kept.map(({ value }) => value));
  return `With the lowered weight ${list(parts)}. ${
    least < 100
      ? `The largest part is lost in ${extreme(kept, Math.min, ({ value }) => `${value} % left`)}.`
      : "No stack loses any."
  }`;
}

/** Three digits: as much as a chart shows. */
const short = (value: number) => Number(value.toPrecision(3));

const thousandths = (value: number) => Number(value.toFixed(3));

const tenths = (value: number) => Number(value.toFixed(1));

const list = (words: readonly string[]) => new Intl.ListFormat("en-GB").format(words);

/** All that have the least or the largest value, with it. */
function extreme<One extends { readonly name: string; readonly value: number }>(
  all: readonly One[],
  choose: (...values: number[]) => number,
  text: (one: One) => string,
): string {
  const value = choose(...all.map(({ value }) => value)), those = all.filter((one) => one.value === value);
  return `${list(those.map(({ name }) => name))} (${text(those[0])})`;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
