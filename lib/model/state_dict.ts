/**
 * Encoders as PyTorch keeps them: a state dict under the names of torchvision's
 * ResNet, whose kernels are `[channels out, channels in, height, width]`.
 *
 * @module
 */
import { DataError } from "../base/errors.ts";
import { decodeSafetensors, type HostTensor, type LongTensor } from "../base/safetensors.ts";
import { start } from "../compute/backend.ts";
import { tf } from "../compute/tf.ts";
import type { Network } from "./layers.ts";
import type { EncoderConfig } from "./resnet.ts";
import type { StackConfig } from "./stack.ts";

/** An encoder by itself: a stack of one level without a projector. */
export interface LoneEncoder {
  readonly network: Network;
  readonly config: StackConfig;
}

/**
 * One encoder of a network as a state dict. Its names are exactly those of
 * torchvision's ResNet without the head `fc`.
 *
 * @param network The network.
 * @param level Which of its encoders, 0 for the lowest.
 * @param batches Batches it was trained on, which PyTorch counts as `num_batches_tracked`.
 * @returns Tensors by name.
 * @throws {RangeError} The network has no such level.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { initialiseStack } from "./stack.ts";
 * import { toStateDict } from "./state_dict.ts";
 * await start();
 * const encoder = { depth: 18, width: 4, stem: "cifar", zeroInitResidual: true } as const;
 * const config = { levels: [{ encoder, projector: [] }], wiring: "prepool", stopGradient: false } as const;
 * const state = toStateDict(initialiseStack(config, 1), 0);
 * if (state["layer2.0.downsample.0.weight"].shape.join() !== "8,4,1,1") throw new Error("not PyTorch's");
 * ```
 */
export function toStateDict(
  network: Network,
  level: number,
  batches = 0,
): Record<string, HostTensor | LongTensor> {
  const prefix = `encoders.${level}.`;
  const state: Record<string, HostTensor | LongTensor> = {};
  for (const [name, tensor] of Object.entries({ ...network.parameters, ...network.statistics })) {
    if (!name.startsWith(prefix)) continue;
    const key = name.slice(prefix.length);
    state[key] = tf.tidy(() => {
      const x = tensor.rank === 4 ? tensor.transpose([3, 2, 0, 1]) : tensor;
      return { shape: x.shape, data: x.dataSync<"float32">() };
    });
    if (key.endsWith("running_var")) {
      const counter = key.replace(/running_var$/, "num_batches_tracked");
      state[counter] = { shape: [], data: BigInt64Array.of(BigInt(batches)) };
    }
  }
  if (Object.keys(state).length === 0) throw new RangeError(`The network has no encoder at level ${level}.`);
  return state;
}

/**
 * Reads the state dict of a ResNet-18, -34 or -50. Depth, width, stem and input
 * channels follow from its names and shapes; a 3×3 first convolution means the
 * stem for small images, without max-pooling. The head `fc` and the counters
 * `num_batches_tracked` are left out, as is a prefix that all names share.
 *
 * @param tensors Tensors by name.
 * @param file Where they come from, for messages.
 * @returns The encoder; its network is the caller's to dispose.
 * @throws {DataError} A tensor is missing, unexpected, or of a wrong shape or type.
 */
export function fromStateDict(tensors: Readonly<Record<string, HostTensor>>, file: string): LoneEncoder {
  const state = withoutPrefix(tensors, file);
  const encoder = configOf(state, file);
  const shapes = shapesOf(encoder, state["conv1.weight"].shape[1]);
  const kind = `a ResNet-${encoder.depth} of width ${encoder.width}`;
  for (const [name, shape] of Object.entries(shapes)) {
    const found = state[name];
    if (!found) {
      throw new DataError(
        `${file} has no ${name}, in ${kind} of shape [${shape}]. Save the whole model.state_dict().`,
      );
    }
    if (found.shape.join() !== shape.join()) {
      throw new DataError(
        `${file}: ${name} has shape [${found.shape}], in ${kind} it has [${shape}]. ` +
          "Only torchvision's plain ResNets can be read.",
      );
    }
    if (!(found.data instanceof Float32Array)) {
      throw new DataError(`${file}: ${name} holds integers, expected F32. Save ${name}.float().`);
    }
  }
  const unexpected = Object.keys(state).find((name) => !Object.hasOwn(shapes, name));
  if (unexpected !== undefined) {
    throw new DataError(
      `${file}: ${kind} has no ${unexpected}. Only torchvision's plain ResNets can be read; ` +
        "if it belongs to something else, leave it out.",
    );
  }
  const parameters: Record<string, tf.Tensor> = {}, statistics: Record<string, tf.Tensor> = {};
  for (const [name, { shape, data }] of Object.entries(state)) {
    const group = name.includes(".running_") ? statistics : parameters;
    group[`encoders.0.${name}`] = tf.tidy(() => {
      const x = tf.tensor(data, [...shape]);
      return shape.length === 4 ? x.transpose([2, 3, 1, 0]) : x;
    });
  }
  const config: StackConfig = {
    levels: [{ encoder, projector: [] }],
    wiring: "prepool",
    stopGradient: false,
  };
  return { network: { parameters, statistics }, config };
}

/**
 * Reads an encoder from a safetensors file: one that `deno task import` or
 * `deno task export` wrote, or PyTorch.
 *
 * @param path The file.
 * @returns The encoder; its network is the caller's to dispose.
 * @throws {DataError} The file is not there or holds something else.
 * @example
 * ```ts
 * import { encodeSafetensors } from "../base/safetensors.ts";
 * import { start } from "../compute/backend.ts";
 * import { initialiseStack } from "./stack.ts";
 * import { readEncoder, toStateDict } from "./state_dict.ts";
 * await start();
 * const encoder = { depth: 18, width: 4, stem: "cifar", zeroInitResidual: true } as const;
 * const one = { levels: [{ encoder, projector: [] }], wiring: "prepool", stopGradient: false } as const;
 * const file = await Deno.makeTempFile();
 * await Deno.writeFile(file, encodeSafetensors(toStateDict(initialiseStack(one, 1), 0)));
 * const { network, config } = await readEncoder(file); // for features(network, config, images)
 * if (config.levels[0].encoder.width !== 4) throw new Error("another width");
 * await Deno.remove(file);
 * ```
 */
export async function readEncoder(path: string): Promise<LoneEncoder> {
  let bytes;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.IsADirectory)) throw error;
    throw new DataError(`There is no file ${path}. Name a safetensors file with a ResNet's state dict.`);
  }
  if (PICKLES.includes(bytes.subarray(0, 4).toHex())) {
    throw new DataError(
      `${path} is a pickle of PyTorch's, which can run any program. Save its tensors alone: ` +
        "safetensors.torch.save_file(model.state_dict(), FILE).",
    );
  }
  await start();
  return fromStateDict(decodeSafetensors(bytes, path).tensors, path);
}

/** First bytes of what `torch.save` writes: a zip archive, a bare pickle before PyTorch 1.6. */
const PICKLES = ["504b0304", "80028a0a"];

/** Strips what stands before `conv1.weight` from every name; drops head and counters. */
function withoutPrefix(
  tensors: Readonly<Record<string, HostTensor>>,
  file: string,
): Record<string, HostTensor> {
  const names = Object.keys(tensors);
  const first = names.find((name) => /(^|\.)conv1\.weight$/.test(name) && !/layer\d+\.\d+\.conv1/.test(name));
  if (first === undefined) {
    throw new DataError(
      `${file} has no conv1.weight, the first layer of torchvision's ResNet` +
        `${names.length > 0 ? `; it has ${names.slice(0, 3).join(", ")}` : ""}. ` +
        "Save model.state_dict() of such a ResNet.",
    );
  }
  const prefix = first.slice(0, -"conv1.weight".length);
  const foreign = names.find((name) => !name.startsWith(prefix));
  if (foreign !== undefined) {
    throw new DataError(
      `${file}: ${foreign} does not begin with "${prefix}" as ${first} does. Save the encoder alone: ` +
        `{k: v for k, v in state.items() if k.startswith("${prefix}")}.`,
    );
  }
  return Object.fromEntries(
    names.map((name) => [name.slice(prefix.length), tensors[name]] as const)
      .filter(([name]) => !name.startsWith("fc.") && !name.endsWith(".num_batches_tracked")),
  );
}

/** Blocks a stage. */
const BLOCKS = { 18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3] } as const;

function configOf(state: Readonly<Record<string, HostTensor>>, file: string): EncoderConfig {
  const { shape } = state["conv1.weight"], [width, channels, ...kernel] = shape;
  const stem = ({ "3,3": "cifar", "7,7": "imagenet" } as const)[kernel.join()];
  if (stem === undefined || width === 0 || channels === 0) {
    throw new DataError(
      `${file}: conv1.weight has shape [${shape}], expected [width,channels,3,3] or [width,channels,7,7]. ` +
        "Only torchvision's plain ResNets can be read.",
    );
  }
  const names = Object.keys(state);
  const blocks = [1, 2, 3, 4].map((stage) =>
    new Set(names.flatMap((name) => name.match(`^layer${stage}\\.(\\d+)\\.`)?.[1] ?? [])).size
  );
  const bottlenecks = names.some((name) => /^layer\d+\.\d+\.conv3\./.test(name));
  const depth = ([18, 34, 50] as const).find((depth) =>
    BLOCKS[depth].join() === blocks.join() && bottlenecks === (depth === 50)
  );
  if (depth === undefined) {
    throw new DataError(
      `${file}: its stages have ${blocks.join(", ")} ${bottlenecks ? "bottlenecks" : "basic blocks"}. ` +
        "Expected 2, 2, 2, 2 (ResNet-18) or 3, 4, 6, 3 basic blocks (34), or 3, 4, 6, 3 bottlenecks (50).",
    );
  }
  return { depth, width, stem, zeroInitResidual: false };
}

/** Names and shapes of a ResNet's tensors. */
function shapesOf({ depth, width, stem }: EncoderConfig, channels: number): Record<string, number[]> {
  const shapes: Record<string, number[]> = {};
  const layer = (convolution: string, norm: string, out: number, from: number, kernel: number) => {
    shapes[`${convolution}.weight`] = [out, from, kernel, kernel];
    for (const part of ["weight", "bias", "running_mean", "running_var"]) shapes[`${norm}.${part}`] = [out];
    return out;
  };
  let from = layer("conv1", "bn1", width, channels, stem === "cifar" ? 3 : 7);
  BLOCKS[depth].forEach((blocks, stage) => {
    const inner = width << stage, out = depth === 50 ? 4 * inner : inner;
    const layers = depth === 50 ? [[inner, 1], [inner, 3], [out, 1]] : [[inner, 3], [out, 3]];
    for (let block = 0; block < blocks; block++) {
      const name = `layer${stage + 1}.${block}`;
      layers.reduce(
        (from, [out, kernel], at) => layer(`${name}.conv${at + 1}`, `${name}.bn${at + 1}`, out, from, kernel),
        from,
      );
      if (from !== out) layer(`${name}.downsample.0`, `${name}.downsample.1`, out, from, 1);
      from = out;
    }
  });
  return shapes;
}
