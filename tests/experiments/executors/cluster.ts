/**
 * A real Slurm of one node on this machine, with its own folder, key and ports.
 *
 * @module
 */
import { hostname } from "node:os";
import { join } from "@std/path";
import { exists } from "../../../lib/base/files.ts";
import { until } from "../../training/tiny.ts";

/** What has to be installed, as Debian's slurm-wlm and munge do, to be started by root. */
const NEEDED = ["/usr/sbin/munged", "/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/bin/sbatch"];

/** Why there can be no cluster here. */
export async function whyNone(): Promise<string | undefined> {
  for (const program of NEEDED) if (!await exists(program)) return `there is no ${program}`;
  if (Deno.uid() !== 0) return "only root starts its daemons";
}

/** A cluster; disposing of it ends its jobs and its daemons. */
export interface Cluster extends AsyncDisposable {
  /** Runs one of Slurm's programs, and returns what it prints. */
  slurm(program: string, ...args: string[]): Promise<string>;
  /** Ends the controller and starts it again. */
  restart(): Promise<void>;
}

/** Starts a cluster, whose programs of Slurm this process and its children then use. */
export async function startCluster(): Promise<Cluster> {
  const folder = await Deno.makeTempDir(),
    node = hostname().split(".")[0],
    at = (name: string) => join(folder, name);
  const [control, daemon] = [freePort(), freePort()], conf = at("slurm.conf");
  const settings = {
    ClusterName: "test",
    SlurmctldHost: `${node}(127.0.0.1)`,
    SlurmctldPort: control,
    SlurmdPort: daemon,
    AuthType: "auth/munge",
    AuthInfo: `socket=${at("munge.socket")}`,
    SlurmUser: "root",
    SlurmdUser: "root",
    StateSaveLocation: at("state"),
    SlurmdSpoolDir: at("spool"),
    SlurmctldPidFile: at("slurmctld.pid"),
    SlurmdPidFile: at("slurmd.pid"),
    SlurmctldLogFile: at("slurmctld.log"),
    SlurmdLogFile: at("slurmd.log"),
    ProctrackType: "proctrack/linuxproc",
    TaskPlugin: "task/none",
    MpiDefault: "none",
    MailProg: "/bin/true",
    SelectType: "select/cons_tres",
    SelectTypeParameters: "CR_Core_Memory",
    SlurmdParameters: "config_overrides",
    ReturnToService: 2,
  };
  await Deno.writeTextFile(
    conf,
    Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join("") +
      `NodeName=${node} NodeAddr=127.0.0.1 CPUs=4 RealMemory=16000 State=UNKNOWN\n` +
      "PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n",
  );
  await Deno.writeFile(at("munge.key"), crypto.getRandomValues(new Uint8Array(1024)), { mode: 0o400 });
  await Promise.all(["state", "spool"].map((name) => Deno.mkdir(at(name))));
  const munge = ["socket", "key-file", "log-file", "pid-file", "seed-file"].map((name) =>
    `--${name}=${at(`munge.${name.replace("-file", "")}`)}`
  );
  await output("/usr/sbin/munged", "--force", ...munge);
  Deno.env.set("SLURM_CONF", conf);
  await output("/usr/sbin/slurmctld", "-f", conf);
  await output("/usr/sbin/slurmd", "-f", conf, "-N", node);
  await until(async () => (await output("sinfo", "--noheader", "--format=%T")).trim() === "idle");
  const stop = async (name: string) => {
    const pid = Number(await Deno.readTextFile(at(`${name}.pid`)));
    Deno.kill(pid, "SIGTERM");
    await until(async () => !await exists(`/proc/${pid}`));
  };
  return {
    slurm: output,
    async restart() {
      await stop("slurmctld");
      await output("/usr/sbin/slurmctld", "-f", conf);
    },
    async [Symbol.asyncDispose]() {
      await output("scancel", "--partition=test");
      await until(async () => await output("squeue", "--noheader") === "");
      for (const name of ["slurmd", "slurmctld", "munge"]) await stop(name);
      Deno.env.delete("SLURM_CONF");
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** A port that nobody uses. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** What a program prints. */
async function output(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}
