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
    /** LARS (You et al. 2017), as VICReg's authors use it. */
    readonly name: "lars";
    readonly momentum: number;
    /** Length of a step relative to the parameter's. */
    readonly eta: number;
    /** L2 penalty, of matrices and kernels only. */
    readonly weightDecay: number;
  }
  | {
    /** Stochastic gradient descent with momentum, as PyTorch's. */
    readonly name: "sgd";
    readonly momentum: number;
    /** L2 penalty, added to the gradient. */
    readonly weightDecay: number;
  };

const decay = z.number().min(0).lt(1),
  weightDecay = z.number().nonnegative().default(0).describe("L2 penalty");

/** {@link OptimiserConfig} in a spec. */
export const optimiserSchema: z.ZodType<OptimiserConfig> = z.discriminatedUnion("name", [
  z.strictObject({
    name: z.literal("adam"),
    beta1: decay.default(0.9).describe("decay of the mean of gradients"),
    beta2: decay.default(0.999).describe("decay of the mean of squared gradients"),
    epsilon: z.number().positive().default(1e-8).describe("keeps the step finite"),
    weightDecay,
  }),
  z.strictObject({
    name: z.literal("lars"),
    momentum: decay.default(0.9),
    eta: z.number().positive().default(1e-3).describe("length of a step relative to the parameter's"),
    weightDecay,
  }),
  z.strictObject({ name: z.literal("sgd"), momentum: decay.default(0.9), weightDecay }),
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
  const names = config.name === "adam" ? ["m", "v"] : ["momentum"];
  const rule = { adam, lars, sgd }[config.name] as (
    config: OptimiserConfig,
    rate: tf.Scalar,
    step: tf.Scalar,
  ) => Rule;
  return {
    slots: (parameters) =>
      Object.fromEntries(
        Object.entries(parameters).flatMap(([name, parameter]) =>
          names.map((slot) => [`${name}.${slot}`, tf.keep(tf.zerosLike(parameter))])
        ),
      ),
    update(parameters, gradients, slots, rate, step) {
      const updated: { parameters: Record<string, tf.Tensor>; slots: Record<string, tf.Tensor> } = {
        parameters: {},
        slots: {},
      };
      const apply = rule(config, rate, step);
      for (const [name, parameter] of Object.entries(parameters)) {
        const memory = names.map((slot) => slots[`${name}.${slot}`]);
        const [value, ...newMemory] = apply(parameter, gradients[name], memory);
        updated.parameters[name] = value;
        names.forEach((slot, at) => updated.slots[`${name}.${slot}`] = newMemory[at]);
      }
      return updated;
    },
  };
}

type Of<Name extends OptimiserConfig["name"]> = Extract<OptimiserConfig, { name: Name }>;

/**
 * m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², p ← p − rate · m̂ / (√v̂ + ε), with
 * the bias corrections m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ) moved into two scalars.
 */
function adam({ beta1, beta2, epsilon, weightDecay }: Of<"adam">, rate: tf.Scalar, step: tf.Scalar): Rule {
  // 1 − βᵗ; the difference itself would have five correct digits in float32.
  const remainder = (beta: number) => tf.neg(tf.expm1(step.mul(Math.log(beta))));
  const correction = tf.sqrt(remainder(beta2));
  const stride = rate.mul(correction).div(remainder(beta1));
  const floor = correction.mul(epsilon);
  return (p, gradient, [m, v]) => {
    const g = weightDecay > 0 ? gradient.add(p.mul(weightDecay)) : gradient;
    const newM = m.add(g.sub(m).mul(1 - beta1));
    const newV = v.add(g.square().sub(v).mul(1 - beta2));
    return [p.sub(newM.div(newV.sqrt().add(floor)).mul(stride)), newM, newV];
  };
}

/** buffer ← µ·buffer + q·(g + decay·p), p ← p − rate·buffer, with the trust ratio q = η‖p‖/‖g + decay·p‖. */
function lars({ momentum, eta, weightDecay }: Of<"lars">, rate: tf.Scalar): Rule {
  return (p, gradient, [buffer]) => {
    let g = gradient;
    // Biases and batch norm's parameters are neither decayed nor adapted.
    if (p.rank > 1) {
      g = g.add(p.mul(weightDecay));
      const [length, slope] = [p, g].map((x) => x.square().sum().sqrt());
      const usable = length.greater(0).logicalAnd(slope.greater(0));
      g = g.mul(tf.where(usable, length.mul(eta).divNoNan(slope), tf.onesLike(slope)));
    }
    const newBuffer = buffer.mul(momentum).add(g);
    return [p.sub(newBuffer.mul(rate)), newBuffer];
  };
}

/** buffer ← µ·buffer + g + decay·p, p ← p − rate·buffer. */
function sgd({ momentum, weightDecay }: Of<"sgd">, rate: tf.Scalar): Rule {
  return (p, gradient, [buffer]) => {
    const g = weightDecay > 0 ? gradient.add(p.mul(weightDecay)) : gradient;
    const newBuffer = buffer.mul(momentum).add(g);
    return [p.sub(newBuffer.mul(rate)), newBuffer];
  };
}
