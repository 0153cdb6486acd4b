/**
 * Optimisers as functions of parameters, gradients and their own memory
 * (slots), so that an update can be part of a compiled step.
 *
 * @module
 */
import { z } from "zod";
import { tf } from "../compute/tf.ts";
import type { Tensors } from "../compute/ops.ts";

/** Which optimiser. */
export type OptimiserConfig =
  | {
    /** Adam (Kingma & Ba 2015), as PyTorch's. */
    readonly name: "adam";
    /** Decay of the mean of gradients. */
    readonly beta1: number;
    /** Decay of the mean of squared gradients. */
    readonly beta2: number;
    /** Keeps the step finite. */
    readonly epsilon: number;
    /** L2 penalty, added to the gradient. */
    readonly weightDecay: number;
  }
  | {
    /** Adam with decoupled decay (Loshchilov & Hutter 2019), as PyTorch's. */
    readonly name: "adamw";
    /** Decay of the mean of gradients. */
    readonly beta1: number;
    /** Decay of the mean of squared gradients. */
    readonly beta2: number;
    /** Keeps the step finite. */
    readonly epsilon: number;
    /** Part of itself that a parameter loses a step, times the learning rate. */
    readonly weightDecay: number;
    /** Spare biases and batch norm the decay. */
    readonly spare: boolean;
  }
  | {
    /** LARS (You et al. 2017), as VICReg's authors use it, or as Lightning Bolts and solo-learn do. */
    readonly name: "lars";
    /** Part of the step before that goes on. */
    readonly momentum: number;
    /** Length of a step relative to the parameter's. */
    readonly eta: number;
    /** L2 penalty, added to the gradient. */
    readonly weightDecay: number;
    /**
     * What a parameter's length is divided by: the length of the decayed gradient (VICReg's authors), or the
     * sum of the gradient's and the decay's (the others).
     */
    readonly slope: "decayed" | "sum";
    /** Take the ratio for a rate, of which no more than the learning rate is used (solo-learn). */
    readonly clip: boolean;
    /** Spare biases and batch norm decay and adaption. */
    readonly spare: boolean;
  }
  | {
    /** Stochastic gradient descent with momentum, as PyTorch's. */
    readonly name: "sgd";
    /** Part of the step before that goes on. */
    readonly momentum: number;
    /** Nesterov's form of it. */
    readonly nesterov: boolean;
    /** L2 penalty, added to the gradient. */
    readonly weightDecay: number;
    /** Spare biases and batch norm the decay. */
    readonly spare: boolean;
  };

const decay = z.number().min(0).lt(1),
  momentum = decay.default(0.9).describe("part of the step before that goes on"),
  weightDecay = z.number().nonnegative().default(0),
  penalty = weightDecay.describe("L2 penalty, added to the gradient"),
  spare = z.boolean().describe("spare biases and batch norm the decay");
const moments = {
  beta1: decay.default(0.9).describe("decay of the mean of gradients"),
  beta2: decay.default(0.999).describe("decay of the mean of squared gradients"),
  epsilon: z.number().positive().default(1e-8).describe("keeps the step finite"),
};

/** {@link OptimiserConfig} in a spec. */
export const optimiserSchema: z.ZodType<OptimiserConfig> = z.discriminatedUnion("name", [
  z.strictObject({ name: z.literal("adam"), ...moments, weightDecay: penalty }),
  z.strictObject({
    name: z.literal("adamw"),
    ...moments,
    weightDecay: weightDecay.describe(
      "part of itself that a parameter loses a step, times the learning rate",
    ),
    spare: spare.default(false),
  }),
  z.strictObject({
    name: z.literal("lars"),
    momentum,
    eta: z.number().positive().default(1e-3).describe("length of a step relative to the parameter's"),
    weightDecay: penalty,
    slope: z.enum(["decayed", "sum"]).default("decayed").describe(
      "what a parameter's length is divided by: the decayed gradient's, or the sum of gradient's and decay's",
    ),
    clip: z.boolean().default(false).describe("use no more of that ratio than the learning rate"),
    spare: spare.default(true),
  }),
  z.strictObject({
    name: z.literal("sgd"),
    momentum,
    nesterov: z.boolean().default(false).describe("Nesterov's form of it"),
    weightDecay: penalty,
    spare: spare.default(false),
  }),
]);

/** What an update returns. */
export interface Updated {
  /** By name. */
  readonly parameters: Tensors;
  /** Its memory, by name. */
  readonly slots: Tensors;
}

/** An optimiser. */
export interface Optimiser {
  /** Its memory before the first step: zeros. */
  slots(parameters: Tensors): Tensors;
  /** One step; `step` counts from 1. */
  update(parameters: Tensors, gradients: Tensors, slots: Tensors, rate: tf.Scalar, step: tf.Scalar): Updated;
}

/** The update of one parameter: its new value and its new slots, in the order of the names. */
type Rule = (p: tf.Tensor, g: tf.Tensor, slots: tf.Tensor[]) => [p: tf.Tensor, ...slots: tf.Tensor[]];

/**
 * Makes an optimiser.
 *
 * @param config Which one.
 * @returns The optimiser.
 */
export function optimiser(config: OptimiserConfig): Optimiser {
  const names = config.name.startsWith("adam") ? ["m", "v"] : ["momentum"];
  const rule = { adam, adamw, lars, sgd }[config.name] as (
    config: OptimiserConfig,
    rate: tf.Scalar,
    step: tf.Scalar,
  ) => Rule;
  /** Whether vectors are updated element by element. */
  const joins = config.name !== "lars" || config.spare;
  return {
    slots: (parameters) =>
      Object.fromEntries(
        Object.entries(parameters).flatMap(([name, parameter]) =>
          names.map((slot) => [`${name}.${slot}`, tf.keep(tf.zerosLike(parameter))])
        ),
      ),
    update(parameters, gradients, slots, rate, step) {
      const apply = rule(config, rate, step), all = Object.keys(parameters);
      const vectors = all.filter((name) => joins && parameters[name].rank === 1);
      /** New value and slots of what is put together from each of these parameters' tensors. */
      const applied = (of: string[], join: (parts: tf.Tensor[]) => tf.Tensor) => {
        const joined = (tensors: Tensors, slot = "") => join(of.map((name) => tensors[name + slot]));
        const memory = names.map((slot) => joined(slots, `.${slot}`));
        return apply(joined(parameters), joined(gradients), memory);
      };
      const results: Record<string, tf.Tensor[]> = {};
      for (const name of all.filter((name) => !vectors.includes(name))) {
        results[name] = applied([name], ([x]) => x);
      }
      if (vectors.length > 0) {
        // Most parameters are short vectors: joined, they need a fraction of the ops.
        const sizes = vectors.map((name) => parameters[name].size);
        const parts = applied(vectors, (x) => tf.concat(x)).map((x) => tf.split(x, sizes));
        vectors.forEach((name, at) => results[name] = parts.map((part) => part[at]));
      }
      return {
        parameters: Object.fromEntries(all.map((name) => [name, results[name][0]])),
        slots: Object.fromEntries(
          all.flatMap((name) => names.map((slot, at) => [`${name}.${slot}`, results[name][at + 1]])),
        ),
      };
    },
  };
}

type Of<Name extends OptimiserConfig["name"]> = Extract<OptimiserConfig, { name: Name }>;

/** Biases and batch norm's parameters. */
const isSpared = (p: tf.Tensor, { spare }: { readonly spare: boolean }) => spare && p.rank < 2;

/**
 * m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², p ← p − rate · m̂ / (√v̂ + ε), with
 * the bias corrections m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ) moved into two scalars.
 */
function adam(config: Of<"adam">, rate: tf.Scalar, step: tf.Scalar): Rule {
  const { weightDecay } = config, rule = withoutDecay(config, rate, step);
  return (p, g, slots) => rule(p, weightDecay > 0 ? g.add(p.mul(weightDecay)) : g, slots);
}

/** Adam's rule of p − rate · decay · p. */
function adamw(config: Of<"adamw">, rate: tf.Scalar, step: tf.Scalar): Rule {
  const rule = withoutDecay(config, rate, step), kept = tf.sub(1, rate.mul(config.weightDecay));
  return (p, g, slots) => rule(isSpared(p, config) ? p : p.mul(kept), g, slots);
}

function withoutDecay(
  { beta1, beta2, epsilon }: Pick<Of<"adam">, "beta1" | "beta2" | "epsilon">,
  rate: tf.Scalar,
  step: tf.Scalar,
): Rule {
  // 1 − βᵗ; the difference itself would have five correct digits in float32.
  const remainder = (beta: number) => tf.neg(tf.expm1(step.mul(Math.log(beta))));
  const correction = tf.sqrt(remainder(beta2));
  const stride = rate.mul(correction).div(remainder(beta1));
  const floor = correction.mul(epsilon);
  return (p, g, [m, v]) => {
    const newM = m.add(g.sub(m).mul(1 - beta1));
    const newV = v.add(g.square().sub(v).mul(1 - beta2));
    return [p.sub(newM.div(newV.sqrt().add(floor)).mul(stride)), newM, newV];
  };
}

/**
 * buffer ← µ·buffer + q·(g + decay·p), p ← p − rate·buffer, with the trust ratio q = η‖p‖ / ‖g + decay·p‖, or
 * η‖p‖ / (‖g‖ + decay·‖p‖); clipped, min(q / rate, 1).
 */
function lars(config: Of<"lars">, rate: tf.Scalar): Rule {
  const { momentum, eta, weightDecay, slope: divisor, clip } = config;
  return (p, gradient, [buffer]) => {
    let g = gradient;
    if (!isSpared(p, config)) {
      g = g.add(p.mul(weightDecay));
      const [length, steepness, decayed] = [p, gradient, g].map((x) => x.square().sum().sqrt());
      const slope = divisor === "sum" ? steepness.add(length.mul(weightDecay)) : decayed;
      const usable = length.greater(0).logicalAnd((divisor === "sum" ? steepness : decayed).greater(0));
      const ratio = length.mul(eta).divNoNan(slope);
      g = g.mul(tf.where(usable, clip ? tf.minimum(ratio.div(rate), 1) : ratio, tf.onesLike(slope)));
    }
    const newBuffer = buffer.mul(momentum).add(g);
    return [p.sub(newBuffer.mul(rate)), newBuffer];
  };
}

/** buffer ← µ·buffer + g + decay·p, p ← p − rate·buffer; Nesterov's, p ← p − rate·(g + decay·p + µ·buffer). */
function sgd(config: Of<"sgd">, rate: tf.Scalar): Rule {
  const { momentum, nesterov, weightDecay } = config;
  return (p, gradient, [buffer]) => {
    const g = weightDecay > 0 && !isSpared(p, config) ? gradient.add(p.mul(weightDecay)) : gradient;
    const newBuffer = buffer.mul(momentum).add(g);
    const moved = nesterov ? g.add(newBuffer.mul(momentum)) : newBuffer;
    return [p.sub(moved.mul(rate)), newBuffer];
  };
}
