/**
 * A training of seconds by two processes that can be killed.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { join } from "@std/path";
import { freeAddresses } from "../../lib/cli/processes.ts";
import { CLUSTER, TASK } from "../../lib/compute/cluster.ts";
import { readSpecFile } from "../../lib/experiments/spec_file.ts";
import { readMetrics } from "../../lib/training/log.ts";
import { runId } from "../../lib/training/spec.ts";

const LEVEL = { encoder: { kind: "resnet", depth: 18, width: 4 }, projector: [8], loss: { name: "vicreg" } };

/** 320 steps in 20 epochs. */
const SPEC = {
  extends: "smoke/s-jea",
  data: { dataset: { name: "generated", seed: 0, train: 320, test: 32 }, images: 256 },
  levels: [LEVEL, LEVEL],
  epochs: 20,
  batch: 16,
};

/** A run that two processes are to train. */
export interface Pair {
  /** Its folder. */
  readonly folder: string;
  /** Steps that it has logged. */
  steps(): Promise<number>;
  /** Starts `deno task train` with some options, on one thread each. */
  start(options: readonly string[], env?: Readonly<Record<string, string>>): Deno.ChildProcess;
  /** Starts both tasks, as a user does on two machines. */
  both(): [Deno.ChildProcess, Deno.ChildProcess];
}

/**
 * A run in a folder of its own.
 *
 * @param parent An empty folder.
 * @returns The run; nothing is trained yet.
 */
export async function pair(parent: string): Promise<Pair> {
  const path = join(parent, "spec.json"), runs = join(parent, "runs");
  await Deno.writeTextFile(path, JSON.stringify(SPEC));
  const folder = join(runs, runId((await readSpecFile({ from: path })).spec));
  const program = fileURLToPath(new URL("../../lib/cli/train.ts", import.meta.url));
  const start: Pair["start"] = (options, env = {}) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", program, path, `--runs=${runs}`, "--title=pair", ...options],
      env: { SJEA_THREADS: "1", ...env },
      ...{ stdin: "null", stdout: "null", stderr: "piped" },
    }).spawn();
  return {
    folder,
    steps: () => readMetrics(folder).then(({ length }) => length, () => 0),
    start,
    both() {
      const addresses = freeAddresses(2).join();
      const [first, second] = [0, 1].map((task) => start([], { [CLUSTER]: addresses, [TASK]: `${task}` }));
      return [first, second];
    },
  };
}

/** How a process ended, and what it said. */
export async function ended(child: Deno.ChildProcess): Promise<{ code: number; said: string }> {
  const { code, stderr } = await child.output();
  return { code, said: new TextDecoder().decode(stderr) };
}
