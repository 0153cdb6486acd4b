/**
 * Encoders and stacks as PyTorch keeps them: a state dict under the names of
 * torchvision's ResNet or timm's ViT, whose kernels are `[channels out, channels in, height, width]`.
 * `sjea_torch.py` is the other side.
 *
 * @module
 */
import { DataError } from "../base/errors.ts";
import { type HostTensor, type LongTensor, openSafetensors, type StoredTensor } from "../base/safetensors.ts";
import { start } from "../compute/backend.ts";
import { tf } from "../compute/tf.ts";
import type { Network } from "./layers.ts";
import { DEPTHS, encoderLayers, RESNET_18, type ResnetConfig, STEMS } from "./resnet.ts";
import type { LevelConfig, StackConfig } from "./stack.ts";

/** An encoder by itself: a stack of one level without a projector. */
export interface LoneEncoder {
  /** Its weights and statistics. */
  readonly network: Network;
  /** A stack of this encoder alone. */
  readonly config: StackConfig & {
    readonly levels: readonly [LevelConfig & { readonly encoder: ResnetConfig }];
  };
  /** Names of the tensors beside it that were left out, such as a head's. */
  readonly leftOut: readonly string[];
}

/**
 * A network as a state dict in PyTorch's layouts: one encoder under exactly the
 * names of torchvision's ResNet without the head `fc`, or of timm's ViT without
 * head and positions, or the whole stack, where these follow `encoders.N.` and
 * those of a `Sequential` follow `projectors.N.`.
 *
 * @param network The network.
 * @param level Which of its encoders, 0 for the lowest, or the whole stack.
 * @param batches Batches it was trained on, which PyTorch counts as `num_batches_tracked`.
 * @returns Tensors by name.
 * @throws {RangeError} The network has no such level.
 * @example
 * ```ts
 * import { start } from "../compute/backend.ts";
 * import { RESNET_18 } from "./resnet.ts";
 * import { initialiseStack } from "./stack.ts";
 * import { toStateDict } from "./state_dict.ts";
 * await start();
 * const encoder = { ...RESNET_18, width: 4 };
 * const config = { levels: [{ encoder, projector: [8] }], wiring: "prepool", stopGradient: false } as const;
 * const network = initialiseStack(config, 1), one = toStateDict(network, 0), all = toStateDict(network, "all");
 * if (one["layer2.0.downsample.0.weight"].shape.join() !== "8,4,1,1") throw new Error("not PyTorch's");
 * if (all["projectors.0.0.weight"].shape.join() !== "8,32") throw new Error("not PyTorch's");
 * ```
 */
export function toStateDict(
  network: Network,
  level: number | "all",
  batches = 0,
): Record<string, HostTensor | LongTensor> {
  const prefix = level === "all" ? "" : `encoders.${level}.`;
  const state: Record<string, HostTensor | LongTensor> = {};
  for (const [name, tensor] of Object.entries({ ...network.parameters, ...network.statistics })) {
    if (!name.startsWith(prefix)) continue;
    const key = name.slice(prefix.length);
    state[key] = tf.tidy(() => {
      const x = tensor.rank === 4 ? tensor.transpose([3, 2, 0, 1]) : tensor.transpose();
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
 * stem for small images, without max-pooling. Names are torchvision's, or those
 * of its children as a `Sequential` numbers them; a shortcut may be called
 * `shortcut`. What stands beside the encoder is left out, whatever its type.
 *
 * @param tensors Tensors by name.
 * @param file Where they come from, for messages.
 * @param prefix What its names begin with, where there are several encoders, such as `module.encoder_q.`.
 * @returns The encoder; its network is the caller's to dispose.
 * @throws {DataError} A tensor is missing, unexpected, of a wrong shape or type or holds what is no weight, or
 * there is no encoder or more than one.
 */
export function fromStateDict(
  tensors: Readonly<Record<string, StoredTensor>>,
  file: string,
  prefix?: string,
): LoneEncoder {
  const { state, names, leftOut, below } = choose(findEncoders(tensors), Object.keys(tensors), file, prefix);
  const encoder = configOf(state, file);
  const shapes = shapesOf(encoder, state["conv1.weight"].shape[1]);
  const kind = `a ResNet-${encoder.depth} of width ${encoder.width}`;
  const unexpected = Object.keys(state).find((name) => !Object.hasOwn(shapes, name));
  if (unexpected !== undefined) {
    throw new DataError(
      `${file}: ${kind} has no ${names[unexpected]}. Only torchvision's plain ResNets can be read; ` +
        "if it belongs to something else, leave it out.",
    );
  }
  const parameters: Record<string, tf.Tensor> = {}, statistics: Record<string, tf.Tensor> = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const found = state[name];
    if (!found) {
      const statistic = name.includes(".running_");
      throw new DataError(
        `${file} has no ${name}${below}, in ${kind} of shape [${shape}]. ` +
          (statistic && !Object.keys(state).some((name) => name.includes(".running_"))
            ? "A batch norm without running statistics (track_running_stats=False) cannot be evaluated."
            : "Save the whole model.state_dict()."),
      );
    }
    if (found.shape.join() !== shape.join()) {
      throw new DataError(
        `${file}: ${names[name]} has shape [${found.shape}], in ${kind} it has [${shape}]. ` +
          "Only torchvision's plain ResNets can be read.",
      );
    }
    const { data } = found.read();
    if (!(data instanceof Float32Array)) {
      throw new DataError(
        `${file}: ${names[name]} holds integers, expected F32. Save ${names[name]}.float().`,
      );
    }
    checkWeights(data, shape, names[name], file);
    const group = name.includes(".running_") ? statistics : parameters;
    group[`encoders.0.${name}`] = tf.tidy(() => {
      const x = tf.tensor(data, shape);
      return shape.length === 4 ? x.transpose([2, 3, 1, 0]) : x;
    });
  }
  const config: LoneEncoder["config"] = {
    levels: [{ encoder, projector: [] }],
    wiring: "prepool",
    stopGradient: false,
  };
  return { network: { parameters, statistics }, config, leftOut };
}

/**
 * Reads an encoder from a safetensors file: one that `deno task import` or
 * `deno task export` wrote, or PyTorch.
 *
 * @param path The file.
 * @param prefix What the encoder's names begin with, where the file holds several.
 * @returns The encoder; its network is the caller's to dispose.
 * @throws {DataError} The file is not there or holds something else.
 * @example
 * ```ts
 * import { encodeSafetensors } from "../base/safetensors.ts";
 * import { start } from "../compute/backend.ts";
 * import { RESNET_18 } from "./resnet.ts";
 * import { initialiseStack } from "./stack.ts";
 * import { readStateDict, toStateDict } from "./state_dict.ts";
 * await start();
 * const encoder = { ...RESNET_18, width: 4 };
 * const one = { levels: [{ encoder, projector: [] }], wiring: "prepool", stopGradient: false } as const;
 * const file = await Deno.makeTempFile();
 * await Deno.writeFile(file, encodeSafetensors(toStateDict(initialiseStack(one, 1), 0)));
 * const { network, config } = await readStateDict(file); // for features(network, config, images)
 * if (config.levels[0].encoder.width !== 4) throw new Error("another width");
 * await Deno.remove(file);
 * ```
 */
export async function readStateDict(path: string, prefix?: string): Promise<LoneEncoder> {
  let bytes;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.IsADirectory)) throw error;
    throw new DataError(`There is no file ${path}. Name a safetensors file with a ResNet's state dict.`);
  }
  const { tensors } = openSafetensors(bytes, path);
  await start();
  return fromStateDict(tensors, path, prefix);
}

/** An encoder among the tensors of a file. */
interface Candidate {
  /** What its names begin with. */
  readonly prefix: string;
  /** The torchvision name of what stands below the prefix; undefined for what torchvision's ResNet does not have. */
  readonly rename: (name: string) => string | undefined;
  readonly tensors: Readonly<Record<string, StoredTensor>>;
}

/** Parts of torchvision's ResNet; with another number behind it, a part is of another network. */
const PART = /^(conv|bn|layer)\d+\./;

function findEncoders(tensors: Readonly<Record<string, StoredTensor>>): Candidate[] {
  const names = Object.keys(tensors);
  const shortcut = (name: string) => name.replace(/^(layer\d+\.\d+)\.shortcut\./, "$1.downsample.");
  return names.flatMap((name): Candidate[] => {
    const [, prefix, first] = name.match(/^(.*\.|)(conv1|0)\.weight$/s) ?? [];
    if (prefix === undefined) return [];
    const below = names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
    if (first === "conv1") {
      if (!below.some((name) => name.startsWith("layer1."))) return [];
      return [{ prefix, tensors, rename: (name) => PART.test(name) ? shortcut(name) : undefined }];
    }
    // Convolution and norm are the first children, its stages those that have blocks; the others have no weights.
    const stages = below.flatMap((name) => name.match(/^(\d+)\.\d+\.conv1\.weight$/)?.[1] ?? []);
    if (stages.length === 0 || tensors[name].shape.length !== 4) return [];
    const order = [...new Set(stages)].sort((a, b) => Number(a) - Number(b));
    const parts: Record<string, string> = { 0: "conv1", 1: "bn1" };
    order.forEach((child, at) => parts[child] = `layer${at + 1}`);
    const rename = (name: string) => {
      const [child] = name.split(".", 1);
      return Object.hasOwn(parts, child) ? shortcut(parts[child] + name.slice(child.length)) : undefined;
    };
    return [{ prefix, tensors, rename }];
  });
}

/** Chooses an encoder and gives its tensors torchvision's names, without counters and all that is beside it. */
function choose(candidates: readonly Candidate[], all: readonly string[], file: string, asked?: string) {
  const listed = candidates.map(({ prefix }) => `"${prefix}"`).join(", ");
  if (candidates.length === 0) {
    throw new DataError(
      `${file} has no conv1.weight, the first layer of torchvision's ResNet` +
        `${all.length > 0 ? `; it has ${all.slice(0, 3).join(", ")}` : ""}. ` +
        "Save model.state_dict() of such a ResNet.",
    );
  }
  if (all.some((name) => name.startsWith("parameters/encoders."))) {
    throw new DataError(
      `${file} is a run's own file, with projectors and all encoders. deno task export writes what is read here.`,
    );
  }
  const chosen = asked === undefined ? candidates : candidates.filter(({ prefix }) => prefix === asked);
  if (chosen.length === 0) {
    throw new DataError(`${file} has no encoder whose names begin with "${asked}". Valid: ${listed}.`);
  }
  if (chosen.length > 1) {
    throw new DataError(
      `${file} has ${chosen.length} encoders, whose names begin with ${listed}. ` +
        `Choose one: --prefix "${chosen[0].prefix}".`,
    );
  }
  const [{ prefix, rename, tensors }] = chosen;
  const state: Record<string, StoredTensor> = {}, names: Record<string, string> = {}, leftOut: string[] = [];
  for (const name of all) {
    if (name.endsWith(".num_batches_tracked")) continue;
    const ours = name.startsWith(prefix) ? rename(name.slice(prefix.length)) : undefined;
    if (ours === undefined) leftOut.push(name);
    else [state[ours], names[ours]] = [tensors[name], name];
  }
  return { state, names, leftOut, below: prefix && ` below "${prefix}"` };
}

/** A NaN or a negative variance gives features that look like any others, or none. */
function checkWeights(data: Float32Array, shape: readonly number[], name: string, file: string): void {
  const variance = name.endsWith("running_var");
  const wrong = data.findIndex((value) => !Number.isFinite(value) || variance && value < 0);
  if (wrong < 0) return;
  const position: number[] = [];
  shape.toReversed().reduce((rest, size) => (position.unshift(rest % size), Math.floor(rest / size)), wrong);
  throw new DataError(
    `${file}: ${name}[${position}] is ${data[wrong]}, but ${
      variance ? "variances are finite and not negative" : "weights are finite numbers"
    }. Its training diverged or the file is damaged: take another one, such as an earlier checkpoint.`,
  );
}

const depths = Object.keys(DEPTHS).map(Number) as ResnetConfig["depth"][];
const stems = Object.keys(STEMS) as ResnetConfig["stem"][];

function configOf(state: Readonly<Record<string, StoredTensor>>, file: string): typeof RESNET_18 {
  const { shape } = state["conv1.weight"], [width, channels, ...kernel] = shape;
  const size = (stem: ResnetConfig["stem"]) => `${STEMS[stem][0]},${STEMS[stem][0]}`;
  const stem = stems.find((stem) => size(stem) === kernel.join());
  if (stem === undefined || width === 0 || channels === 0) {
    throw new DataError(
      `${file}: conv1.weight has shape [${shape}], expected ${
        stems.map((stem) => `[width,channels,${size(stem)}]`).join(" or ")
      }. Only torchvision's plain ResNets can be read.`,
    );
  }
  const names = Object.keys(state);
  const stages = inWords({
    blocks: [1, 2, 3, 4].map((stage) =>
      new Set(names.flatMap((name) => name.match(`^layer${stage}\\.(\\d+)\\.`)?.[1] ?? [])).size
    ),
    bottleneck: names.some((name) => /^layer\d+\.\d+\.conv3\./.test(name)),
  });
  const depth = depths.find((depth) => inWords(DEPTHS[depth]) === stages);
  if (depth === undefined) {
    throw new DataError(
      `${file}: its stages have ${stages}. Expected ${
        depths.map((depth) => `${inWords(DEPTHS[depth])} (ResNet-${depth})`).join(" or ")
      }.`,
    );
  }
  return { ...RESNET_18, depth, width, stem, zeroInitResidual: false };
}

function inWords(stages: { readonly blocks: readonly number[]; readonly bottleneck: boolean }): string {
  return `${stages.blocks.join(", ")} ${stages.bottleneck ? "bottlenecks" : "basic blocks"}`;
}

/** Names and shapes of a ResNet's tensors. */
function shapesOf(config: ResnetConfig, channels: number): Record<string, number[]> {
  const { stem, blocks } = encoderLayers(config, channels);
  const layers = [stem, ...blocks.flatMap(({ layers, shortcut = [] }) => [...layers, shortcut].flat())];
  return Object.fromEntries(layers.flatMap(({ convolution, norm, from, to, kernel }) => [
    [`${convolution}.weight`, [to, from, kernel, kernel]],
    ...["weight", "bias", "running_mean", "running_var"].map((part) => [`${norm}.${part}`, [to]]),
  ]));
}
