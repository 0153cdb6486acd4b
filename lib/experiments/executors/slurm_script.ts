/**
 * The jobs that train runs on Slurm, as text.
 *
 * @module
 */
import { PEER_LOST } from "../../base/errors.ts";
import { trainingBytes } from "../estimate.ts";
import type { Run } from "../run.ts";
import { logOf } from "./executor.ts";

/** What of a job the user decides; Slurm's own defaults where it is absent. */
export interface JobOptions {
  /** Where to run. */
  readonly partition?: string;
  /** Such as `gpu:1`. */
  readonly gres?: string;
  /** Machines that train an element together. */
  readonly nodes: number;
  /** Cores of an element, on each machine. */
  readonly cpus?: string;
  /** Limit of an element, as `sbatch` takes it. */
  readonly time?: string;
  /** Elements at once. */
  readonly limit?: string;
  /** Lines of shell that each element begins with. */
  readonly setup?: string;
}

/** A job array: an element a run. */
export interface JobArray {
  /** Arguments of `sbatch`. */
  readonly args: readonly string[];
  /** Its standard input. */
  readonly script: string;
}

/** Elements of an array; by Slurm's default there may be no more. */
const ELEMENTS = 1000;

/** Seconds before its time limit at which an element is told, for its checkpoint. */
const WARNING = 120;

/** Memory asked for, over what is estimated. */
const MARGIN = 1.5;

/**
 * A word of a shell's command, whatever is in it.
 *
 * @param word The word.
 * @returns The word in quotes.
 * @example
 * ```ts
 * import { quote } from "./slurm_script.ts";
 * if (quote("it's $HOME") !== "'it'\\''s $HOME'") throw new Error(quote("it's $HOME"));
 * ```
 */
export const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/**
 * Runs in parts that an array holds.
 *
 * @param runs The runs.
 * @returns The parts, each with a name for its jobs that no others have.
 */
export function arraysOf(runs: readonly Run[]): { part: readonly Run[]; name: string }[] {
  return Array.from({ length: Math.ceil(runs.length / ELEMENTS) }, (_, at) => ({
    part: runs.slice(at * ELEMENTS, (at + 1) * ELEMENTS),
    name: `s-jea-${crypto.randomUUID().slice(0, 8)}`,
  }));
}

/**
 * The job array that trains some runs. Their specs are written into their folders.
 *
 * @param runs The runs, an element each, in their order.
 * @param name The jobs' name.
 * @param options What the user decides.
 * @returns The job array.
 */
export async function jobArray(
  runs: readonly Run[],
  name: string,
  { partition, gres, nodes, cpus, time, limit, setup }: JobOptions,
): Promise<JobArray> {
  const shares = runs.map(({ spec }) => ({ ...spec, batch: Math.ceil(spec.batch / nodes) }));
  const bytes = MARGIN * Math.max(...shares.map(trainingBytes));
  const elements: string[] = [];
  for (const [at, run] of runs.entries()) {
    const command = [Deno.execPath(), ...await run.command()].map(quote).join(" ");
    elements.push(
      `${at}) folder=${quote(run.folder)} log=${quote(logOf(run))} training=(${command}) ;;`,
    );
  }
  return {
    args: [
      "--parsable",
      `--job-name=${name}`,
      `--array=0-${runs.length - 1}${limit ? `%${limit}` : ""}`,
      ...[
        `--nodes=${nodes}`,
        `--ntasks=${nodes}`,
        "--ntasks-per-node=1",
        `--mem=${Math.ceil(bytes / 2 ** 20)}M`,
      ],
      ...["--requeue", `--signal=B:USR1@${WARNING}`, "--output=/dev/null"],
      ...partition ? [`--partition=${partition}`] : [],
      ...gres ? [`--gres=${gres}`] : [],
      ...cpus ? [`--cpus-per-task=${cpus}`] : [],
      ...time ? [`--time=${time}`] : [],
    ],
    script: `#!/bin/bash
case "$SLURM_ARRAY_TASK_ID" in
${elements.join("\n")}
esac
exec > "$log" 2>&1
${setup ?? ""}
stop() { kill -TERM "$process"; }
${nodes > 1 ? together(nodes) : ""}${BODY}`,
  };
}

/** A process on each machine, at a port that follows from the job. `scancel` signals all of them. */
const together = (nodes: number) =>
  `hosts="$(scontrol show hostnames "$SLURM_JOB_NODELIST")"
unset SJEA_TASK
export SJEA_CLUSTER="$(sed "s/\$/:$((10000 + SLURM_JOB_ID % 20000))/" <<< "$hosts" | paste -sd,)"
training=(srun --nodes=${nodes} --ntasks=${nodes} --cpus-per-task="$SLURM_CPUS_ON_NODE" "\${training[@]}")
stop() { scancel --signal=TERM "$SLURM_JOB_ID.0"; }
`;

/**
 * A training that was stopped or killed, or that lost one of its processes, is queued again as long as it gets further
 * than it ever did. Who cancels a job, or lets its time run out, ends it: it is not RUNNING any more.
 */
const BODY = `export SJEA_THREADS="$SLURM_CPUS_ON_NODE"
element="\${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
steps() { if [ -e "$folder/metrics.jsonl" ]; then wc -l < "$folder/metrics.jsonl"; else echo 0; fi; }
before="$(steps)"
trap stop USR1
# Slurm's SIGTERM reaches the training, too.
trap : TERM
"\${training[@]}" &
process=$!
# A signal ends a wait, but not the training.
while wait "$process"; code=$?; [ "$code" -gt 128 ] && kill -0 "$process" 2> /dev/null; do :; done
wait "$process"; code=$?
if [ "$code" -gt 128 ] || [ "$code" -eq ${PEER_LOST} ]; then
  until state="$(squeue --noheader --jobs="$element" --format=%T)"; do sleep 5; done
  if [ "$state" = RUNNING ]; then
    if [ "$(steps)" -gt "$before" ]; then
      until scontrol requeue "$element"; do sleep 5; done
    else
      echo "error: The training was ended (exit code $code) before it got further than the time before."
    fi
  fi
fi
exit "$code"
`;

/**
 * A job array as a command that submits it.
 *
 * @param array The job array.
 * @param name The jobs' name.
 * @returns Lines of shell.
 */
export const submission = ({ args, script }: JobArray, name: string): string =>
  `sbatch ${args.map(quote).join(" ")} <<'${name}'\n${script}${name}`;
