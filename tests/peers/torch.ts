/**
 * Runs `torch_features.py`, where `SJEA_PYTHON` names a Python with torch and safetensors.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { HostTensor } from "../../lib/base/safetensors.ts";
import type { tf } from "../../lib/compute/tf.ts";

/** What `torch_features.py` does; its doc says how. */
export interface Job {
  readonly file: string;
  readonly input: string;
  readonly read: string;
  readonly output: string;
  readonly make?: readonly [depth: number, width: number, stem: string, channels: number];
}

const PYTHON = Deno.env.get("SJEA_PYTHON");

/** Whether there is PyTorch. */
export const hasTorch = PYTHON !== undefined &&
  (await new Deno.Command(PYTHON, { args: ["-c", "import safetensors, torch"], stderr: "null" }).output())
    .success;

/** Does some jobs, one after the other, with the `sjea_torch.py` of a folder. */
export async function torchFeatures(
  jobs: readonly Job[],
  folder = fileURLToPath(new URL("../../lib/model", import.meta.url)),
): Promise<void> {
  const program = fileURLToPath(new URL("torch_features.py", import.meta.url));
  const args = [program, folder, JSON.stringify(jobs)];
  const { success, stderr } = await new Deno.Command(PYTHON!, { args, env: { PYTHONDONTWRITEBYTECODE: "1" } })
    .output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

/** Images or maps as PyTorch has them, NHWC to NCHW. */
export function channelsFirst(x: tf.Tensor4D): HostTensor {
  const y = x.transpose([0, 3, 1, 2]);
  return { shape: y.shape, data: y.dataSync<"float32">() };
}
