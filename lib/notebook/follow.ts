/**
 * Long training for a notebook's cell: in a process of its own, which neither
 * blocks the kernel nor ends with it, followed by a progress bar in the cell.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { kill } from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { join } from "@std/path";
import { TrainingError } from "../base/errors.ts";
import { exists, writeAtomically } from "../base/files.ts";
import { duration, type Progress, progress } from "../base/progress.ts";
import { escapeHtml } from "./html.ts";
import { inNotebook } from "./in_notebook.ts";

/** Milliseconds between two looks at the training. */
const PAUSE = 500;
/** Milliseconds that an output may need to arrive, before the kernel says that the cell is done. */
const ARRIVAL = 50;

/** What to run and how to see how far it is, such as a run. */
export interface Followed {
  /** What a reader calls it. */
  readonly title: string;
  /** Arguments of `deno` that start it, such as `["task", "reproduce", "--preset", "quick"]`. */
  command(): Promise<readonly string[]>;
  /** Where its log `training.log` and its process id `training.pid` are kept. */
  readonly folder: string;
  /** How many steps are done. */
  done(): Promise<number>;
  /** Steps in all. */
  readonly steps: number;
}

/**
 * Starts a training unless it is done or runs already, and waits until it ends. The training
 * leads a session of its own (on Windows it has no console), so that
 * interrupting or restarting the kernel does not end it: the cell, run again,
 * follows the one that runs.
 *
 * @param followed What to run.
 * @param look Called again and again while it runs, and once when it has ended, such as to show what it has learnt so far.
 * @throws {TrainingError} It failed; the message has the last lines of its log.
 * @example
 * ```ts
 * import { follow } from "./follow.ts";
 * const folder = await Deno.makeTempDir();
 * const log = () => Deno.readTextFile(`${folder}/training.log`).catch(() => "");
 * const done = async () => Number(await log() === "done\n");
 * const command = () => Promise.resolve(["eval", "console.log('done')"]);
 * await follow({ title: "short", command, folder, done, steps: 1 });
 * if (await done() !== 1) throw new Error("it did not run");
 * ```
 */
export async function follow(followed: Followed, look?: () => Promise<void>): Promise<void> {
  const { title, folder, steps: total } = followed;
  if (await followed.done() >= total) return await look?.();
  const log = join(folder, "training.log"), pidFile = join(folder, "training.pid");
  const args = await followed.command();
  const training = await running(pidFile, args) ?? await start(log, pidFile, args);
  const shown = inNotebook() ? await bar(title, total) : progress(title, total);
  while (await training.alive()) {
    shown.update(await followed.done());
    await look?.();
    await pause(PAUSE);
  }
  const steps = await followed.done();
  shown.update(steps);
  shown.stop();
  await pause(ARRIVAL);
  await Deno.remove(pidFile).catch(() => {});
  // The exit code of a training that another kernel started went to nobody.
  const code = training.code();
  if (code === 0 || (code === undefined && steps >= total)) return await look?.();
  const how = code === undefined ? `ended after ${steps} of ${total} steps` : `failed with exit code ${code}`;
  const lines = (await Deno.readTextFile(log)).trimEnd().split("\n").slice(-10).join("\n");
  throw new TrainingError(`${title}: the training ${how}. The last lines of ${log}:\n${lines}`);
}

interface Training {
  alive(): Promise<boolean>;
  /** Its exit code, once it ended, if it can be known; -1 if a signal ended it. */
  code(): number | undefined;
}

async function start(log: string, pidFile: string, args: readonly string[]): Promise<Training> {
  await Deno.mkdir(join(log, ".."), { recursive: true });
  const file = openSync(log, "w");
  const child = spawn(Deno.execPath(), [...args], { detached: true, stdio: ["ignore", file, file] });
  closeSync(file);
  let code: number | undefined;
  child.on("exit", (exit) => code = exit ?? -1);
  await writeAtomically(pidFile, `${child.pid}\n`);
  return { alive: () => Promise.resolve(code === undefined), code: () => code };
}

/** The training that the file names, if it still runs. */
async function running(pidFile: string, args: readonly string[]): Promise<Training | undefined> {
  if (!await exists(pidFile)) return;
  const pid = Number(await Deno.readTextFile(pidFile));
  const alive = () => isAlive(pid, args);
  return await alive() ? { alive, code: () => undefined } : undefined;
}

/** Whether a process runs with these arguments: a number may have gone to another one. Windows cannot tell. */
async function isAlive(pid: number, args: readonly string[]): Promise<boolean> {
  if (Deno.build.os !== "windows") {
    const { stdout } = await new Deno.Command("ps", { args: ["-ww", "-o", "args=", "-p", `${pid}`] })
      .output();
    return new TextDecoder().decode(stdout).trimEnd().endsWith(args.join(" "));
  }
  try {
    return kill(pid, 0);
  } catch {
    return false;
  }
}

/** A progress bar in the output of a cell. */
async function bar(name: string, total: number): Promise<Progress> {
  const transient = { display_id: crypto.randomUUID() };
  const began = performance.now();
  let first: number | undefined, value = 0, note = "";
  const send = (type: "display_data" | "update_display_data") => {
    const text = `${name}: ${value}/${total} steps${note}`;
    const html = `<progress value="${value}" max="${total}"></progress> ${escapeHtml(text)}`;
    const data = { "text/html": html, "text/plain": text };
    return Deno.jupyter.broadcast(type, { data, metadata: {}, transient });
  };
  await send("display_data");
  return {
    update(now) {
      first ??= now;
      const seconds = (performance.now() - began) / 1000, pace = (now - first) / seconds;
      value = now;
      note = pace > 0 && now < total ? `, ${duration((total - now) / pace)} left` : "";
      send("update_display_data");
    },
    stop() {
      note = "";
      send("update_display_data");
    },
  };
}
