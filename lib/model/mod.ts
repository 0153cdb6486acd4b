/**
 * Encoders, projectors, and stacks of them.
 *
 * @module
 */
export {
  encode,
  type EncoderConfig,
  type EncoderKind,
  ENCODERS,
  encoderTitle,
  type TorchOptions,
} from "./encoders.ts";
export { type Network, type Pass, pass } from "./layers.ts";
export { projector } from "./projector.ts";
export {
  type Encoded,
  type EncoderCount,
  type MapShape,
  resnet,
  RESNET_18,
  type ResnetConfig,
} from "./resnet.ts";
export {
  countEncoders,
  countParameters,
  initialiseStack,
  type Level,
  type LevelConfig,
  stack,
  type StackConfig,
  type TracedLevel,
} from "./stack.ts";
export { vit, type VitConfig } from "./vit.ts";
export type { HostTensor, LongTensor, StoredTensor } from "../base/safetensors.ts";
export { fromStateDict, type LoneEncoder, readStateDict, toStateDict } from "./state_dict.ts";
