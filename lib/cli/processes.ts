/**
 * One training by several processes of this machine.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { join } from "@std/path";
import { EnvironmentError, PEER_LOST, TrainingError, UsageError } from "../base/errors.ts";
import { Interrupted, watchSignals } from "../base/interrupt.ts";
import { say } from "../base/say.ts";
import { engine } from "../compute/backend.ts";
import { CLUSTER, type Cluster, TASK } from "../compute/cluster.ts";
import { readMetrics } from "../training/log.ts";
import { runId, type RunSpec, SPEC, writeSpec } from "../training/spec.ts";
import { isFinished } from "../training/train.ts";

/** Milliseconds between two looks at signals, and for which others may go on when one has failed. */
const TICK = 100, GRACE = 90_000;

/** What is trained, and where. */
export interface Training {
  readonly spec: RunSpec;
  /** Folder of all runs. */
  readonly runs: string;
  /** Its name on the progress bar. */
  readonly title: string;
  /** Folder with data sets, as `--data` names it. */
  readonly data?: string;
}

/** How a process ended. */
interface End {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  /** What it said, unless it was heard. */
  readonly said: string;
}

/**
 * Trains a run with several processes. When one is lost all start again from the last checkpoint, as long as they get
 * further than ever before.
 *
 * @param count How many.
 * @param training What is trained.
 * @throws {Interrupted} A signal ended it; the next call goes on.
 * @throws {TrainingError} A process failed.
 * @throws {UsageError} The engine is not TensorFlow.
 */
export async function trainTogether(count: number, training: Training): Promise<void> {
  const { spec, runs, title } = training, folder = join(runs, runId(spec));
  if (engine().name !== "tensorflow") {
    throw new UsageError(
      "Several processes compute together on TensorFlow alone; here ONNX Runtime computes.",
    );
  }
  await writeSpec(folder, spec);
  using network = await ownNetwork();
  using watch = watchSignals(`${title}: stopping ${count} processes after this step.`);
  const stepsDone = () => readMetrics(folder).then(({ length }) => length, () => 0);
  for (let farthest = await stepsDone();;) {
    const ends = await once(
      freeAddresses(count),
      training,
      network?.inside ?? [],
      () => watch.signal !== undefined,
    );
    const finished = await isFinished(spec, runs), done = await stepsDone();
    if (watch.signal) {
      throw new Interrupted(
        watch.signal,
        `${title}: stopped after ${done} steps. The same command goes on from there.`,
      );
    }
    if (finished) return;
    const failed = ends.findIndex(({ code, signal }) => code !== PEER_LOST && code !== 0 && signal === null);
    if (failed < 0 && done > farthest) {
      say(`${title}: a process was lost; all ${count} start again from the last checkpoint.`);
      farthest = done;
      continue;
    }
    const at = failed < 0 ? ends.findIndex(({ signal }) => signal !== null) : failed, end = ends[at];
    if (end === undefined) {
      throw new TrainingError(`${title}: the processes lost each other twice at step ${done}.`);
    }
    throw new TrainingError(
      `${title}: process ${at} of ${count} ${
        end.signal === null ? `ended with code ${end.code}` : `was ended by ${end.signal}`
      } after ${done} steps. ${end.said || "What it said stands above."}`,
    );
  }
}

/** Starts a process a task, and waits until all have ended. */
async function once(
  addresses: readonly string[],
  { spec, runs, title, data }: Training,
  inside: readonly string[],
  stopping: () => boolean,
): Promise<End[]> {
  const program = new URL("train.ts", import.meta.url).href, count = addresses.length;
  const threads = Deno.env.get("SJEA_THREADS") ||
    `${Math.max(1, Math.floor(navigator.hardwareConcurrency / count))}`;
  const options = [`--runs=${runs}`, `--title=${title}`, ...data ? [`--data=${data}`] : []];
  const [first, ...words] = [
    ...inside,
    ...[Deno.execPath(), "run", "--quiet", "--allow-all", program, join(runs, runId(spec), SPEC), ...options],
  ];
  const children = addresses.map((_, task) =>
    new Deno.Command(first, {
      args: words,
      env: { [CLUSTER]: addresses.join(), [TASK]: `${task}`, SJEA_THREADS: threads },
      ...{ stdin: "null", stdout: "null", stderr: task === 0 ? "inherit" : "piped" } as const,
      // Ctrl-C at the terminal reaches this process alone, which passes it on once.
      detached: true,
    }).spawn()
  );
  let running = count, failedAt = Infinity, asked = false, killed = false;
  const ends = children.map(async (child, task): Promise<End> => {
    const said = task === 0 ? "" : await new Response(child.stderr).text(),
      { code, signal } = await child.status;
    running--;
    if (code !== 0) failedAt = Math.min(failedAt, performance.now());
    return { code, signal, said };
  });
  const tell = (signal: Deno.Signal) => children.forEach((child) => send(child, signal));
  while (running > 0) {
    if (stopping() && !asked) {
      asked = true;
      tell("SIGTERM");
    }
    if (performance.now() - failedAt > GRACE && !killed) {
      killed = true;
      // Such as one that is frozen.
      tell("SIGKILL");
    }
    await Promise.race([pause(TICK), Promise.all(ends)]);
  }
  return await Promise.all(ends);
}

/** Sends a signal to a process, unless it has ended. */
function send(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

/**
 * Ports of this machine that nobody uses.
 *
 * @param count How many.
 * @returns Addresses, `127.0.0.1:port`.
 */
export function freeAddresses(count: number): string[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const addresses = listeners.map(({ addr }) => `127.0.0.1:${(addr as Deno.NetAddr).port}`);
  listeners.forEach((listener) => listener.close());
  return addresses;
}

/** A network that nothing but its own processes reaches. */
interface Network extends Disposable {
  /** Words that a command in it begins with. */
  readonly inside: readonly string[];
}

/** Makes such a network, where the system lets its users. */
async function ownNetwork(): Promise<Network | undefined> {
  const script = "ip link set lo up && echo up && exec cat > /dev/null";
  try {
    await demandPrograms("unshare", "nsenter");
    const holder = new Deno.Command("unshare", {
      args: ["--map-root-user", "--net", "sh", "-c", script],
      // It lasts as long as this pipe: not longer than this process, however that ends.
      ...{ stdin: "piped", stdout: "piped", stderr: "null", detached: true } as const,
    }).spawn();
    const up = (await holder.stdout.getReader().read()).value !== undefined;
    const inside = ["nsenter", `--target=${holder.pid}`, "--user", "--net", "--preserve-credentials"];
    const entered = up && await new Deno.Command(inside[0], { args: [...inside.slice(1), "true"] }).output();
    if (entered && entered.success) return { inside, [Symbol.dispose]: () => send(holder, "SIGKILL") };
    send(holder, "SIGKILL");
  } catch (error) {
    if (!(error instanceof EnvironmentError || error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Deno would ask about a program that was not there when it was given its rights. */
async function demandPrograms(...programs: readonly string[]): Promise<void> {
  for (const command of programs) {
    const { state } = await Deno.permissions.query({ name: "run", command });
    if (state !== "granted") throw new EnvironmentError(`There is no ${command} on the PATH.`);
  }
}

/**
 * Warns of the ports of a cluster, unless this machine has no network that others are in.
 *
 * @param cluster The cluster.
 */
export function warnOfPorts({ addresses }: Cluster): void {
  if (Deno.networkInterfaces().every(({ address }) => /^127\.|^::1$/.test(address))) return;
  console.error(
    `warning: the processes at ${addresses.join(", ")} listen on all interfaces of their machines, without ` +
      "password or encryption: until they end, whoever reaches one of these ports has all your rights there " +
      '("Over several machines" in notebooks/manual.md).',
  );
}
