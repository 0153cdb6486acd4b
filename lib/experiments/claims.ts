/**
 * The paper's claims, each with what decides it: which sweep, which paired difference, which rule. They are those
 * of notebooks/protocol.md, written down before the runs that they judge; whoever has the stored sweeps can
 * recompute every verdict without training.
 *
 * @module
 */
import { join } from "@std/path";
import { z } from "zod";
import { exists } from "../base/files.ts";
import { places } from "../base/places.ts";
import { TOP1 } from "../evaluation/probe.ts";
import { TABLE_1 } from "./paper.ts";
import { presets } from "./presets.ts";
import { firstFields, readSweepFile } from "./sweep.ts";
import { halfTrained, readSweep, type SweepResults } from "./sweep_results.ts";
import { summarise } from "./statistics.ts";
import { differencesOf, type Side, valuesOf } from "./sweep_findings.ts";
import { signed } from "./table.ts";
import { equivalence, type Judgement, superiority, type Verdict } from "./verdict.ts";

/** A paired difference and the rule by which it is judged. */
export interface Comparison {
  /** What less what. */
  readonly name: string;
  /** One a seed, in the measure's unit. */
  readonly differences: (results: SweepResults) => number[];
  /** Is larger, or lies within a margin. */
  readonly judge: (differences: readonly number[]) => Judgement;
  /** The paper's, where it has one. */
  readonly paper?: number;
  /** Between minus and plus this it is as good. */
  readonly margin?: number;
  /** From which difference on an effect is worth having, where the protocol says one. */
  readonly worth?: (results: SweepResults) => number | null;
}

/** A claim as it is judged on one data set. */
export interface Claim {
  /** Its number in the protocol. */
  readonly id: string;
  /** What the paper says, in a few words. */
  readonly says: string;
  /** File of the sweep that decides it, in `sweeps/`; without one, why there is none. */
  readonly sweep: string | { readonly missing: string };
  /** All of them have to hold. */
  readonly comparisons: readonly Comparison[];
  /** What the measure has to be able to show before it decides anything: above 0. */
  readonly control?: Omit<Comparison, "paper" | "margin" | "worth">;
}

/** What is said of a claim. */
export interface ClaimVerdict {
  readonly id: string;
  readonly says: string;
  /** File of the sweep, in `sweeps/`, or why there is none. */
  readonly sweep: Claim["sweep"];
  /** What the data set is called; null where nothing was measured. */
  readonly dataset: string | null;
  /** Of the trainings behind it; absent where nothing was measured. */
  readonly budget?: { readonly width: number; readonly epochs: number };
  /** Of all comparisons together; null where nothing was measured. */
  readonly verdict: Verdict | null;
  /** Whether the measure shows what is certainly there; null where nobody asked. */
  readonly control: Judgement | null;
  /** What was compared; nothing where nothing was measured. */
  readonly comparisons: readonly {
    readonly name: string;
    readonly judgement: Judgement;
    /** The paper's difference, where it has one. */
    readonly paper: number | null;
    /** Between minus and plus this it is as good; null where that is not asked. */
    readonly margin: number | null;
    /** From which difference on it is worth having; null where nothing was laid down. */
    readonly worth: number | null;
  }[];
}

/** One side less the other in a measure, by the seeds that both have. */
const less = (one: Side, other: Side, measure: string, otherMeasure?: string) => (results: SweepResults) =>
  differencesOf(results, one, other, measure, otherMeasure);

/** `kappa of NAME %`, or that under noise. */
const kappa = (name: string, noise = 0) => `kappa of ${name}${noise === 0 ? "" : ` at noise ${noise}`} %`;

/**
 * Coarse kappa of stack 1, less that of a stack 0 to which noise was added until its fine kappa is stack 1's: between
 * the strengths that were measured it goes straight.
 */
const abstraction = (configuration: string, fine: string) => (results: SweepResults): number[] => {
  const measures = Object.keys(results.rows[0]?.values ?? {});
  const strengths = measures.flatMap((name) => {
    const [, text] = name.match(new RegExp(`^kappa of ${fine} at noise (.+) %$`)) ?? [];
    return text === undefined ? [] : [Number(text)];
  });
  const curve = [0, ...strengths].map((noise) => ({
    fine: valuesOf(results, [configuration, 0], kappa(fine, noise)),
    coarse: valuesOf(results, [configuration, 0], kappa("classes", noise)),
  }));
  const above = valuesOf(results, [configuration, 1], kappa("classes"));
  return [...valuesOf(results, [configuration, 1], kappa(fine))].map(([seed, wanted]) => {
    const points = curve.map(({ fine, coarse }) => [fine.get(seed)!, coarse.get(seed)!] as const);
    // Noise without end leaves chance.
    return above.get(seed)! - interpolate([...points, [0, 0]], wanted);
  });
};

/** The curve's second coordinate where the first one falls through a value; its ends where it never is so high or low. */
function interpolate(points: readonly (readonly [number, number])[], wanted: number): number {
  if (wanted >= points[0][0]) return points[0][1];
  const at = points.findIndex(([value]) => value <= wanted);
  if (at < 0) return points.at(-1)![1];
  const [[high, before], [low, after]] = [points[at - 1], points[at]];
  return after + (before - after) * (wanted - low) / (high - low);
}

/** What a projector on a stack does to a stack, the mean over the other stack's having one or none. */
const projecting = (on: number, stack: number) => (results: SweepResults): number[] => {
  const [none, alone, other] = ["none", `on stack ${on}`, `on stack ${1 - on}`].map((
    name,
  ): Side => [name, stack]);
  const [bare, beside] = [less(alone, none, TOP1)(results), less(["on both", stack], other, TOP1)(results)];
  return bare.length === beside.length ? bare.map((value, at) => (value + beside[at]) / 2) : [];
};

const EVENING = "evening.json";
/** What the paper has of CIFAR-10. */
const [VICREG, STACK_0, STACK_1] = TABLE_1.cifar10;
/** A point of accuracy or of kappa. */
const POINT = () => 1;
const within = (margin: number) => ({
  margin,
  judge: (differences: readonly number[]) => equivalence(differences, margin),
});

/** Sub-clusters and abstraction on one data set. */
function hierarchy(sweep: string, fine: string, inside: string): Claim[] {
  // Labels dealt out anew have an adjusted mutual information of 0.
  const tenth = (results: SweepResults) => {
    const shown = [...valuesOf(results, ["supervised", 0], inside).values()];
    return shown.length === 0 ? null : summarise(shown).mean / 10;
  };
  return [
    {
      id: "C4",
      says: "stack 1 holds distinct sub-clusters",
      sweep,
      comparisons: [{
        name: `${inside}: stack 1 − stack 0`,
        differences: less(["S-JEA", 1], ["S-JEA", 0], inside),
        judge: superiority,
        worth: tenth,
      }, {
        name: `${inside}: stack 1 − VICReg's embedding`,
        differences: less(["S-JEA", 1], ["VICReg", 0], inside, `embedding: ${inside}`),
        judge: superiority,
        worth: tenth,
      }],
      control: {
        name: `${inside}: supervised − VICReg`,
        differences: less(["supervised", 0], ["VICReg", 0], inside),
        judge: superiority,
      },
    },
    {
      id: "C5",
      says: "the upper stack is more abstract",
      sweep,
      comparisons: [{
        name: `kappa of classes %: stack 1 − stack 0 with noise that makes it as good at ${fine}`,
        differences: abstraction("S-JEA", fine),
        judge: superiority,
        worth: POINT,
      }],
      control: {
        name: `${kappa(fine)}: supervised − VICReg`,
        differences: less(["supervised", 0], ["VICReg", 0], kappa(fine)),
        judge: superiority,
      },
    },
  ];
}

/** All of them, in the protocol's order. */
export const CLAIMS: readonly Claim[] = [
  {
    id: "C1",
    says: "S-JEA outperforms VICReg",
    sweep: EVENING,
    comparisons: [{
      name: "top-1 %: stack 1 − VICReg",
      differences: less(["S-JEA", 1], ["VICReg", 0], TOP1),
      judge: superiority,
      worth: POINT,
      paper: STACK_1.top1 - VICREG.top1,
    }],
  },
  {
    id: "C2",
    says: "joint training does not cost stack 0",
    sweep: EVENING,
    comparisons: [{
      name: "top-1 %: stack 0 − VICReg",
      differences: less(["S-JEA", 0], ["VICReg", 0], TOP1),
      ...within(1),
      paper: STACK_0.top1 - VICREG.top1,
    }],
  },
  {
    id: "C3",
    says: "one encoder of as many parameters is no better",
    sweep: "matched.json",
    comparisons: ["live parameters", "multiplications"].map((size) => ({
      name: `top-1 %: stack 1 − one encoder of as many ${size}`,
      differences: less(["S-JEA", 1], [`VICReg, as many ${size}`, 0], TOP1),
      judge: superiority,
      worth: POINT,
    })),
  },
  ...hierarchy("hierarchy-generated.json", "subtype", "AMI of subtype in classes %"),
  {
    id: "C6",
    says: "the clusters are no sign of collapse",
    sweep: EVENING,
    comparisons: [{
      name: "RankMe: stack 1 − nine tenths of a random one's on the trained stack 0",
      differences: (results) => {
        const random = valuesOf(results, [halfTrained("S-JEA"), 1], "RankMe");
        return [...valuesOf(results, ["S-JEA", 1], "RankMe")]
          .flatMap(([seed, rank]) => random.has(seed) ? [rank - 0.9 * random.get(seed)!] : []);
      },
      judge: superiority,
    }],
  },
  {
    id: "C7",
    says: "projectors matter little",
    sweep: "projectors-generated.json",
    comparisons: [0, 1].flatMap((on) =>
      [0, 1].map((stack) => ({
        name: `top-1 % of stack ${stack}: with − without a projector on stack ${on}`,
        differences: projecting(on, stack),
        ...within(1),
      }))
    ),
  },
  {
    id: "C8",
    says: "the same holds on STL-10",
    sweep: { missing: "it takes STL-10 (`deno task data stl10`) at 96 pixels" },
    comparisons: [],
  },
];

const ORDER: readonly Verdict[] = ["refuted", "not judged", "undecided", "supported"];

/**
 * Judges a claim.
 *
 * @param claim The claim.
 * @param results What its sweep found.
 * @returns The verdict: the least favourable of its comparisons; not judged where the control fails, or as long as a
 * training of the sweep is left.
 */
export function judgeClaim(claim: Claim, results: SweepResults): ClaimVerdict {
  const comparisons = claim.comparisons.map(({ name, differences, judge, paper, margin, worth }) => ({
    ...{ name, judgement: judge(differences(results)), paper: paper ?? null, margin: margin ?? null },
    worth: worth?.(results) ?? null,
  }));
  const control = claim.control ? claim.control.judge(claim.control.differences(results)) : null;
  const verdicts = comparisons.map(({ judgement }) => judgement.verdict);
  const verdict = !isComplete(results) || control && control.verdict !== "supported"
    ? "not judged"
    : ORDER.find((verdict) => verdicts.includes(verdict))!;
  return { ...said(claim), dataset: results.dataset.name, verdict, control, comparisons };
}

/** Whether every training has been tried: seeds are neither added nor left out by what the first ones say. */
function isComplete({ sweep: { variants, grid, seeds }, runs }: SweepResults): boolean {
  const combinations = Object.values(grid).reduce((count, values) => count * values.length, 1);
  return runs.length >= Math.max(1, Object.keys(variants).length) * combinations * seeds.length;
}

const said = ({ id, says, sweep }: Claim) => ({ id, says, sweep });

/** What a spec says of its size. */
const budgetSchema = z.object({
  levels: z.array(z.object({ encoder: z.object({ width: z.number() }) })),
  epochs: z.number(),
}).transform(({ levels: [{ encoder: { width } }], epochs }) => ({ width, epochs }));

/**
 * Judges all claims by the sweeps that are stored.
 *
 * @param results Folder of sweeps' results, `data/results/sweeps`.
 * @returns One entry a claim and data set, in the protocol's order.
 * @throws {DataError} A stored sweep is damaged, or of another version.
 */
export async function judgeClaims(results: string): Promise<ClaimVerdict[]> {
  const judged: ClaimVerdict[] = [];
  for (const claim of CLAIMS) {
    const nothing = { ...said(claim), dataset: null, verdict: null, control: null, comparisons: [] };
    if (typeof claim.sweep !== "string") {
      judged.push(nothing);
      continue;
    }
    const path = join(places.lib, "experiments", "sweeps", claim.sweep);
    const folder = join(results, (await readSweepFile(path)).id);
    const measured = await exists(join(folder, "results.json"));
    if (!measured) judged.push(nothing);
    else {
      const budget = budgetSchema.parse(await firstFields(path));
      judged.push({ ...judgeClaim(claim, await readSweep(folder)), budget });
    }
  }
  return judged;
}

/**
 * Verdicts to read.
 *
 * @param judged What was said of the claims.
 * @returns A list in Markdown, an entry a claim and data set, with its numbers and the command that makes them.
 */
export function verdictList(judged: readonly ClaimVerdict[]): string {
  return judged.map(({ id, says, sweep, dataset, verdict, control, comparisons }) => {
    if (typeof sweep !== "string") return `- ${id}, ${says}: **not measured**, for ${sweep.missing}.`;
    const command = `\`deno task sweep lib/experiments/sweeps/${sweep}\``;
    if (verdict === null) return `- ${id}, ${says}: **not measured** yet; ${command} does.`;
    const found = comparisons.map(({ name, judgement, paper, margin, worth }) => {
      const beside = [
        paper === null ? "" : `, in the paper ${signed(paper)}`,
        margin === null ? "" : `, as good within ±${margin.toFixed(1)}`,
        worth === null ? "" : `, worth having from ${signed(worth)} on`,
      ];
      return `${name}: ${inNumbers(judgement)}${beside.join("")}`;
    });
    const shown = control === null
      ? []
      : [`The control ${control.verdict === "supported" ? "passes" : "fails"} (${inNumbers(control)}).`];
    return `- ${id}, ${says}: **${verdict}** on ${dataset}. ${
      [`${found.join("; ")}.`, ...shown, command].join(" ")
    }.`;
  }).join("\n");
}

function inNumbers({ mean, interval, n }: Judgement): string {
  const range = interval === null ? "" : ` [${interval.map(signed).join(", ")}]`;
  return n === 0 ? "no pair of seeds" : `${signed(mean)}${range}, n = ${n}`;
}

/**
 * All verdicts in a sentence or two.
 *
 * @param judged What was said of the claims.
 * @returns How many claims of the paper are supported, refuted, undecided, not judged and not measured.
 */
export function verdictSummary(judged: readonly ClaimVerdict[]): string {
  const groups = Map.groupBy(judged, ({ verdict }) => verdict ?? "not measured");
  const parts = ["supported", "refuted", "undecided", "not judged", "not measured"].flatMap((verdict) => {
    const those = groups.get(verdict as Verdict) ?? [];
    return those.length === 0 ? [] : [
      `${those.length} ${those.length === 1 ? "is" : "are"} ${verdict} (${
        those.map(({ id }) => id).join(", ")
      })`,
    ];
  });
  const last = parts.pop();
  return `Of ${judged.length} ${judged.length === 1 ? "claim" : "claims"}, ${
    parts.length === 0 ? last : `${parts.join(", ")} and ${last}`
  }.`;
}

/**
 * How large the trainings behind the verdicts were.
 *
 * @param judged What was said of the claims.
 * @returns A sentence in Markdown, with the paper's beside it; empty where nothing was measured.
 */
export function budgetSentence(judged: readonly ClaimVerdict[]): string {
  const measured = judged.filter(({ budget }) => budget !== undefined);
  const groups = Map.groupBy(measured, ({ budget }) => `width ${budget!.width} for ${budget!.epochs} epochs`);
  if (groups.size === 0) return "";
  const ours = [...groups].map(([budget, claims]) => `${budget} (${claims.map(({ id }) => id).join(", ")})`);
  const { width, epochs } = presets.paper;
  return `Measured at ${
    ours.join(" and ")
  }, where the paper has width ${width} and ${epochs} epochs: a verdict holds for the ` +
    "budget that it was reached at, and a larger one may give another.";
}
