/**
 * Runs `torch_encoder.py`, where `SJEA_PYTHON` names a Python with torch and safetensors.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

/** What `torch_encoder.py` does; its doc says how. */
export interface Job {
  readonly encoder: string;
  readonly input: string;
  readonly read: string;
  readonly output: string;
  readonly make?: readonly [depth: number, width: number, channels: number, stem: string];
}

const PYTHON = Deno.env.get("SJEA_PYTHON");

/** Whether there is PyTorch. */
export const hasTorch = PYTHON !== undefined &&
  (await new Deno.Command(PYTHON, { args: ["-c", "import safetensors, torch"], stderr: "null" }).output())
    .success;

/** Does some jobs, one after the other. */
export async function torchEncoder(jobs: readonly Job[]): Promise<void> {
  const program = fileURLToPath(new URL("torch_encoder.py", import.meta.url));
  const { success, stderr } = await new Deno.Command(PYTHON!, { args: [program, JSON.stringify(jobs)] })
    .output();
  assert.ok(success, new TextDecoder().decode(stderr));
}
